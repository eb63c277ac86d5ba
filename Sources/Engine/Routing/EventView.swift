/// What a route sees of an event before it is accepted (config.md 6.3).
///
/// The event's `id` is not there: it is given when the event is stored, after routing, so a
/// condition on `id` finds the value missing.
package struct EventView: Sendable {
  /// The source's id within its module.
  package let source: String
  /// The module of the source.
  package let module: String
  package let type: EventType
  /// Milliseconds since 1970, the time of acceptance.
  package let timestampMs: Int64
  package let provenance: JSONText
  package let payload: JSONText
  /// Members beyond the known ones, as a JSON object.
  package let extra: JSONText?
  /// The trace the sender named; a trace begun at acceptance is not visible to routes.
  package let traceID: String?

  /// - Parameter timestampMs: The acceptance time that will be stored, so that a condition on it
  ///   says the same before and after.
  package init(
    source: String, module: String, type: EventType, timestampMs: Int64,
    provenance: JSONText, payload: JSONText, extra: JSONText? = nil, traceID: String? = nil
  ) {
    self.source = source
    self.module = module
    self.type = type
    self.timestampMs = timestampMs
    self.provenance = provenance
    self.payload = payload
    self.extra = extra
    self.traceID = traceID
  }

  /// A draft as it came from a source.
  package init(_ draft: EventDraft, source: String, module: String, timestampMs: Int64) {
    self.init(
      source: source, module: module, type: draft.type, timestampMs: timestampMs,
      provenance: draft.provenance, payload: draft.payload, extra: draft.extra,
      traceID: draft.traceID)
  }

  /// The value at a dot path from the event's root, or nil when the path does not resolve.
  ///
  /// - Complexity: One pass over the provenance, payload or extra up to the value.
  package func slice(at path: DotPath) -> JSONSlice? {
    guard let root = path.segments.first else { return nil }
    let rest = path.segments.dropFirst()
    switch root.key {
    case "payload": return payload.slice(at: rest)
    case "provenance": return provenance.slice(at: rest)
    case "type": return EventView.quoted(type.rawValue).slice(at: rest)
    case "source": return EventView.quoted(source).slice(at: rest)
    case "module": return EventView.quoted(module).slice(at: rest)
    case "timestamp": return EventView.quoted(ISOTime.text(ms: timestampMs)).slice(at: rest)
    case "trace_id": return traceID.flatMap { EventView.quoted($0).slice(at: rest) }
    case "id": return nil
    default: return extra?.slice(at: path)
    }
  }

  private static func quoted(_ text: String) -> JSONText { JSONText(.string(text)) }
}
