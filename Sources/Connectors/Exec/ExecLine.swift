package import Engine

/// One line that a command printed (connectors.md 2.11 and 3.5).
package enum ExecLine: Sendable {
  case event(EventDraft)
  /// The position after the events before it.
  case checkpoint(String)
  /// Why the line is neither; never repeats the line.
  case invalid(String)

  /// Members of an event line that are not carried over as they are: what it says explicitly, and
  /// what only the engine decides.
  private static let known: Set<String> = [
    "type", "payload", "provenance", "timestamp", "dedup_key", "id", "source", "module", "trace_id",
  ]

  /// Reads a line.
  ///
  /// - Parameter platform: What `provenance.platform` is when the line does not say.
  package static func parse(_ bytes: [UInt8], platform: String = "exec") -> ExecLine {
    let text: JSONText
    do {
      text = try JSONText(checking: bytes)
    } catch {
      return .invalid("the line is not JSON: \(error)")
    }
    guard let object = text.value().object else { return .invalid("the line is not a JSON object") }
    guard let type = object["type"] else {
      guard let checkpoint = object["checkpoint"] else {
        return .invalid("the line has neither \"type\" nor \"checkpoint\"")
      }
      return checkpoint.string.map(ExecLine.checkpoint) ?? .invalid("checkpoint must be a string")
    }
    do {
      return .event(try draft(object, type: type, platform: platform))
    } catch {
      return .invalid(error.message)
    }
  }

  private static func draft(
    _ object: JSONObject, type: JSONValue, platform: String
  ) throws(EngineError) -> EventDraft {
    guard let type = type.string.flatMap(EventType.init(rawValue:)) else {
      let names = EventType.allCases.map(\.rawValue).joined(separator: ", ")
      throw EngineError(.invalid, "type must be one of \(names)")
    }
    guard var provenance = (object["provenance"] ?? [:]).object else {
      throw EngineError(.invalid, "provenance must be an object")
    }
    if provenance["platform"] == nil {
      provenance = JSONObject(
        [JSONObject.Member(key: "platform", value: .string(platform))] + provenance.members)
    }
    if let timestamp = object["timestamp"], !timestamp.isNull {
      guard let text = timestamp.string, ISOTime.ms(text) != nil else {
        throw EngineError(.invalid, "timestamp must be an ISO 8601 time")
      }
      // The envelope's own timestamp is when orgloop accepted the event (events.md 1).
      if provenance["occurred_at"] == nil { provenance["occurred_at"] = .string(text) }
    }
    var dedupKey: String?
    if let key = object["dedup_key"], !key.isNull {
      guard let text = key.string, !text.isEmpty else {
        throw EngineError(.invalid, "dedup_key must be a string that is not empty")
      }
      dedupKey = DedupKey.bounded(text)
    }
    let others = object.members.filter { !known.contains($0.key) }
    let draft = EventDraft(
      type: type, provenance: JSONText(.object(provenance)),
      payload: object["payload"].map { JSONText($0) } ?? .emptyObject,
      extra: others.isEmpty ? nil : JSONText(.object(JSONObject(others))), dedupKey: dedupKey)
    try draft.check()
    return draft
  }
}
