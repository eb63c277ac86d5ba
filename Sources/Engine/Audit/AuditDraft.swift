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

  /// What the checks find in a filled in `then.config` and the event that it goes with.
  init(
    of config: JSONObject, _ envelope: JSONText, isInterpolated: Bool, policy: AuditPolicy
  ) {
    let config = JSONText(.object(config)).bytes
    let payload = envelope.slice(at: AuditDraft.payloadPath)
    let flags = AuditChecks.flags(
      config: config, event: envelope.bytes, payload: payload.map { Array($0.bytes) } ?? [],
      isInterpolated: isInterpolated, policy: policy)
    self.init(flags: flags, config: config)
  }

  private static let payloadPath = DotPath(keys: ["payload"])

  var isCritical: Bool { flags.contains { $0.severity == .critical } }

  /// Makes the record, but for what only the transaction knows: that is put between pieces that are
  /// ready, because all wait for the thread that does it.
  func record(
    of event: AcceptedEvent, _ deliveryID: String, _ worker: RouteWorker, settle: SettleRecord,
    status: String, warnDepth: Int
  ) -> AuditRecord {
    let timestamp = ISOTime.text(ms: settle.endedAtMs)
    let durationMs = max(settle.endedAtMs - settle.start.startedAtMs, 0)
    let id = "aud_" + deliveryID.dropFirst(4)
    let record: JSONObject = [
      "id": .string(id), "timestamp": .string(timestamp), "trace_id": .string(event.traceID),
      "input_event_id": .string(event.id), "input_source": .string(event.source),
      "input_type": .string(event.type.rawValue),
      "input_content_hash": .string(AuditDraft.contentHash(event.payload.bytes)),
      "route": .string(worker.route.name),
      "sop_file": JSONValue(worker.route.prompt?.path), "module": .string(worker.module),
      "actor": .string(worker.route.actor.id), "delivery_status": .string(status),
      "duration_ms": JSONValue(durationMs), "held_for_review": .bool(status == "held"),
    ]
    let output: JSONObject = [
      "type": .string("deliver.\(status)"), "target": .string(worker.route.actor.id),
      "content_hash": .string(configHash), "timestamp": .string(timestamp),
    ]
    let head =
      JSONText(.object(record)).bytes.dropLast() + Array(",\"outputs\":[".utf8)
      + JSONText(.object(output)).bytes.dropLast() + Array(",\"flags\":[".utf8)
    let list = Array(JSONText(.array(flags.map(\.json))).bytes.dropFirst().dropLast())
    return AuditRecord(id: id, sequence: event.sequence, traceID: event.traceID) { facts in
      var list = list
      if facts.depth > warnDepth {
        let flag = AuditFlag(
          "chain_depth", .info, "the event is number \(facts.depth) of its trace")
        if !list.isEmpty { list.append(UInt8(ascii: ",")) }
        list += JSONText(flag.json).bytes
      }
      var writer = JSONWriter()
      writer.append(raw: head)
      writer.append(raw: list)
      writer.append(raw: "]}],\"flags\":[".utf8)
      writer.append(raw: list)
      writer.append(raw: "],\"chain_depth\":\(facts.depth),\"parent_event_id\":".utf8)
      if let parent = facts.parentEventID {
        writer.append(string: parent)
      } else {
        writer.append(raw: "null".utf8)
      }
      writer.append(raw: "}".utf8)
      return writer.bytes
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
