/// An event as a source hands it over: what happened, not yet an id, a time, or a module.
///
/// The engine stamps the rest when it accepts it (events.md 3).
package struct EventDraft: Sendable {
  package var type: EventType
  /// A JSON object whose `platform` is a string; ``check()`` says so.
  package var provenance: JSONText
  /// Any JSON value.
  package var payload: JSONText
  /// Members beyond the known ones, as a JSON object; nil when there are none.
  package var extra: JSONText?
  /// Unique per module and source for the retention time; a repeat stores no event
  /// (events.md 3.1).
  package var dedupKey: String?
  /// The id its sender gave it, `evt_[A-Za-z0-9_-]{1,64}`; nil for all first-party sources.
  package var externalID: String?
  /// The trace its sender named, `trc_[A-Za-z0-9]{1,64}`; nil starts a new trace.
  package var traceID: String?
  /// What the engine must know of the delivery that caused this event; nil for a root event.
  package var cause: Cause?

  /// The delivery whose actor answered with this event.
  package struct Cause: Sendable, Hashable {
    package let deliveryNumber: Int64
    package init(deliveryNumber: Int64) { self.deliveryNumber = deliveryNumber }
  }

  package init(
    type: EventType = .resourceChanged, provenance: JSONText, payload: JSONText = .emptyObject,
    extra: JSONText? = nil, dedupKey: String? = nil, externalID: String? = nil,
    traceID: String? = nil, cause: Cause? = nil
  ) {
    self.type = type
    self.provenance = provenance
    self.payload = payload
    self.extra = extra
    self.dedupKey = dedupKey
    self.externalID = externalID
    self.traceID = traceID
    self.cause = cause
  }

  /// Checks what events.md 1 demands at acceptance.
  ///
  /// - Throws: ``EngineError`` `.invalid` with a text that a sender may see.
  package func check() throws(EngineError) {
    guard provenance.isObject else {
      throw EngineError(.invalid, "provenance must be an object")
    }
    guard provenance.slice(at: EventDraft.platformPath)?.firstByte == UInt8(ascii: "\"") else {
      throw EngineError(.invalid, "provenance.platform must be a string")
    }
    if let externalID, !EventDraft.isID(externalID, prefix: "evt_", alsoAllowed: "_-") {
      throw EngineError(.invalid, "id must be evt_ and 1 to 64 letters, digits, _ or -")
    }
    if let traceID, !EventDraft.isID(traceID, prefix: "trc_", alsoAllowed: "") {
      throw EngineError(.invalid, "trace_id must be trc_ and 1 to 64 letters or digits")
    }
    let size = provenance.bytes.count + payload.bytes.count + (extra?.bytes.count ?? 0)
    guard size <= Limits.eventBytesMax else {
      throw EngineError(.invalid, "the event is larger than 4 MiB")
    }
  }

  private static let platformPath = DotPath(keys: ["platform"])

  private static func isID(_ text: String, prefix: String, alsoAllowed: String) -> Bool {
    guard text.hasPrefix(prefix) else { return false }
    let rest = text.utf8.dropFirst(prefix.utf8.count)
    return (1...64).contains(rest.count)
      && rest.allSatisfy { byte in
        let isLetter = (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        return isLetter || (0x30...0x39).contains(byte) || alsoAllowed.utf8.contains(byte)
      }
  }
}
