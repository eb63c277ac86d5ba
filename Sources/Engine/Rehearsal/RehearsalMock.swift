/// What a transform is to do in a rehearsal instead of its work.
package enum RehearsalMock: Sendable, Hashable {
  case pass
  case drop(reason: String?)
  case fail(String)
  /// These members take the place of the event's; the others stay as they are.
  case change(JSONObject)
}

/// Stands in for a transform.
struct MockedTransform: Transform {
  let mock: RehearsalMock

  func apply(_ event: JSONText, context: TransformContext) async throws -> TransformResult {
    switch mock {
    case .pass: return .pass
    case .drop(let reason): return .drop(reason: reason)
    case .fail(let message): throw TransformFailure(message)
    case .change(let members):
      guard case .object(var changed) = event.value() else { return .pass }
      for member in members.members { changed[member.key] = member.value }
      return .replace(JSONText(.object(changed)))
    }
  }
}
