import Crypto
import Store

/// What an attempt leaves for the audit record of its delivery.
struct AuditDraft: Sendable {
  let flags: [AuditFlag]
  /// SHA-256 in hex of the delivery config.
  let configHash: String

  init(flags: [AuditFlag], config: [UInt8]) {
    self.flags = flags
    configHash = SHA256.hash(data: config).hexText
  }

  var isCritical: Bool { flags.contains { $0.severity == .critical } }

  /// Makes the record, without what only the transaction knows.
  func record(
    of event: AcceptedEvent, _ deliveryID: String, _ worker: RouteWorker, settle: SettleRecord,
    status: String, warnDepth: Int
  ) -> AuditRecord {
    let timestamp = ISOTime.text(ms: settle.endedAtMs)
    let durationMs = max(settle.endedAtMs - settle.start.startedAtMs, 0)
    let id = "aud_" + deliveryID.dropFirst(4)
    return AuditRecord(id: id, sequence: event.sequence, traceID: event.traceID) { facts in
      var flags = self.flags
      if facts.depth > warnDepth {
        flags.append(
          AuditFlag("chain_depth", .info, "the event is number \(facts.depth) of its trace"))
      }
      let list = JSONValue.array(flags.map(\.json))
      let object: JSONObject = [
        "id": .string(id), "timestamp": .string(timestamp), "trace_id": .string(event.traceID),
        "input_event_id": .string(event.id), "input_source": .string(event.source),
        "input_type": .string(event.type.rawValue),
        "input_content_hash": .string(AuditDraft.contentHash(event.payload.bytes)),
        "route": .string(worker.route.name),
        "sop_file": JSONValue(worker.route.prompt?.path), "module": .string(worker.module),
        "actor": .string(worker.route.actor.id), "delivery_status": .string(status),
        "duration_ms": JSONValue(durationMs),
        "outputs": [
          [
            "type": .string("deliver.\(status)"), "target": .string(worker.route.actor.id),
            "content_hash": .string(configHash), "timestamp": .string(timestamp), "flags": list,
          ]
        ],
        "chain_depth": JSONValue(facts.depth),
        "parent_event_id": JSONValue(facts.parentEventID),
        "held_for_review": .bool(status == "held"), "flags": list,
      ]
      return JSONText(.object(object)).bytes
    }
  }

  /// Of the compact JSON: without the blanks between its parts.
  static func contentHash(_ json: [UInt8]) -> String {
    var hash = SHA256()
    var compact: [UInt8] = []
    compact.reserveCapacity(json.count)
    var (isInString, isEscaped) = (false, false)
    for byte in json {
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
      } else if byte == UInt8(ascii: "\"") {
        isInString = true
      } else if [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
        continue
      }
      compact.append(byte)
    }
    hash.update(data: compact)
    return hash.finalize().hexText
  }
}

extension SettleRecord {
  /// The word of `delivery_status` (events.md 9); nil while the delivery is not settled.
  var auditStatus: String? {
    switch disposition {
    case .waiting: nil
    case .parked(let reason): reason == "held" ? "held" : nil
    case .settled("delivered", _): "delivered"
    case .settled("dead", let reason): reason == "rejected" ? "rejected" : "error"
    case .settled: "skipped"
    }
  }
}
