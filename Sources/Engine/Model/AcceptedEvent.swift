/// An event that has been accepted: it is in the file, and it never changes (events.md 4.3).
package struct AcceptedEvent: Sendable {
  /// The place in the log; acceptance order.
  package let sequence: Int64
  package let id: String
  /// Milliseconds since 1970 when it was accepted.
  package let acceptedAtMs: Int64
  package let source: String
  package let type: EventType
  package let module: String
  package let traceID: String
  package let provenance: JSONText
  package let payload: JSONText
  package let extra: JSONText?

  package init(
    sequence: Int64, id: String, acceptedAtMs: Int64, source: String, type: EventType,
    module: String, traceID: String, provenance: JSONText, payload: JSONText, extra: JSONText?
  ) {
    self.sequence = sequence
    self.id = id
    self.acceptedAtMs = acceptedAtMs
    self.source = source
    self.type = type
    self.module = module
    self.traceID = traceID
    self.provenance = provenance
    self.payload = payload
    self.extra = extra
  }

  /// The envelope as JSON, keys in the order of events.md 1.
  package func envelope() -> JSONText {
    var writer = JSONWriter()
    writer.append(raw: "{\"id\":".utf8)
    writer.append(string: id)
    writer.append(raw: ",\"timestamp\":\"".utf8)
    writer.append(raw: ISOTime.text(ms: acceptedAtMs).utf8)
    writer.append(raw: "\",\"source\":".utf8)
    writer.append(string: source)
    writer.append(raw: ",\"type\":\"".utf8)
    writer.append(raw: type.rawValue.utf8)
    writer.append(raw: "\",\"provenance\":".utf8)
    writer.append(raw: provenance.bytes)
    writer.append(raw: ",\"payload\":".utf8)
    writer.append(raw: payload.bytes)
    writer.append(raw: ",\"trace_id\":".utf8)
    writer.append(string: traceID)
    writer.append(raw: ",\"module\":".utf8)
    writer.append(string: module)
    if let extra, extra.bytes.count > 2 {
      writer.append(raw: [UInt8(ascii: ",")])
      writer.append(raw: extra.bytes.dropFirst())  // its own closing brace ends the envelope
    } else {
      writer.append(raw: "}".utf8)
    }
    return JSONText(checked: writer.bytes)
  }
}
