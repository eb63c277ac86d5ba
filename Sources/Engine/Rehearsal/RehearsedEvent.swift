import Store

/// An event as it would be after its acceptance, without having been accepted.
package struct RehearsedEvent: Sendable {
  package let event: AcceptedEvent
  /// When the attempt is thought to begin: what `{{ now }}` gives. Milliseconds since 1970.
  package let attemptAtMs: Int64
  /// What routes see of it: neither its id nor a trace that it begins.
  let view: EventView

  /// Ids of rehearsals are made as those of a file are, so that they look the same, and are always
  /// the same.
  static let identity = Identity(node: 0)

  /// Fills in what is missing: id, timestamp and trace.
  ///
  /// - Parameters:
  ///   - object: An envelope as `POST /api/events` takes it.
  ///   - sequence: The place among the events of one rehearsal, from 1.
  ///   - attemptAtMs: Nil for the event's own time.
  /// - Throws: ``EngineError`` `.invalid` for what is no event.
  init(
    _ object: JSONObject, module: String, sequence: Int64, nowMs: Int64, attemptAtMs: Int64?
  ) throws(EngineError) {
    let (source, draft) = try EventDraft.parse(object)
    try draft.check()
    let timestampMs = object["timestamp"]?.string.flatMap(ISOTime.ms) ?? nowMs
    let identity = RehearsedEvent.identity
    view = EventView(draft, source: source, module: module, timestampMs: timestampMs)
    event = AcceptedEvent(
      sequence: sequence,
      id: draft.externalID ?? identity.eventID(sequence: sequence, acceptedAtMs: timestampMs),
      acceptedAtMs: timestampMs, source: source, type: draft.type, module: module,
      traceID: draft.traceID ?? identity.traceID(sequence: sequence, acceptedAtMs: timestampMs),
      provenance: draft.provenance, payload: draft.payload, extra: draft.extra)
    self.attemptAtMs = attemptAtMs ?? timestampMs
  }

  /// The id of its delivery number `index`.
  func deliveryID(_ index: Int) -> String {
    RehearsedEvent.identity.deliveryID(
      number: event.sequence << 16 | Int64(index & 0xFFFF), acceptedAtMs: event.acceptedAtMs)
  }

  /// The value of a route's order key; nil when nothing orders the event.
  func orderKey(at path: DotPath?) -> String? {
    guard let path else { return nil }
    if path.segments.count == 1, path.segments[0].key == "trace_id" { return event.traceID }
    return OrderKey.value(of: view, at: path)
  }
}
