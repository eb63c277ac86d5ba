/// How much an entry matters (events.md 8.2, column Level).
package enum LogLevel: Int, Sendable, Comparable, CaseIterable {
  case debug, info, warn, error

  package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }

  package init?(name: String) {
    switch name {
    case "debug": self = .debug
    case "info": self = .info
    case "warn": self = .warn
    case "error": self = .error
    default: return nil
    }
  }
}

/// One line of the log, with the fields of events.md 8.1 in their order.
package struct LogEntry: Sendable {
  /// Milliseconds since 1970.
  package var timestampMs: Int64
  package var eventID: String
  package var traceID: String
  package var phase: LogPhase
  package var source: String?
  package var target: String?
  package var route: String?
  package var transform: String?
  package var eventType: String?
  package var result: String?
  package var durationMs: Int64?
  package var queueDepth: Int?
  package var error: String?
  package var metadata: JSONObject?
  package var module: String?
  package var deliveryID: String?
  package var attempt: Int?

  package init(
    _ phase: LogPhase, timestampMs: Int64, eventID: String = "", traceID: String = "",
    source: String? = nil, target: String? = nil, route: String? = nil,
    transform: String? = nil, eventType: String? = nil, result: String? = nil,
    durationMs: Int64? = nil, queueDepth: Int? = nil, error: String? = nil,
    metadata: JSONObject? = nil, module: String? = nil, deliveryID: String? = nil,
    attempt: Int? = nil
  ) {
    self.phase = phase
    self.timestampMs = timestampMs
    self.eventID = eventID
    self.traceID = traceID
    self.source = source
    self.target = target
    self.route = route
    self.transform = transform
    self.eventType = eventType
    self.result = result
    self.durationMs = durationMs
    self.queueDepth = queueDepth
    self.error = error
    self.metadata = metadata
    self.module = module
    self.deliveryID = deliveryID
    self.attempt = attempt
  }

  /// The entry as JSON; absent fields are left out, `event_id` and `trace_id` never.
  package var json: JSONValue {
    var object: JSONObject = [
      "timestamp": .string(ISOTime.text(ms: timestampMs)),
      "event_id": .string(eventID), "trace_id": .string(traceID),
      "phase": .string(phase.rawValue),
    ]
    object["source"] = source.map(JSONValue.string)
    object["target"] = target.map(JSONValue.string)
    object["route"] = route.map(JSONValue.string)
    object["transform"] = transform.map(JSONValue.string)
    object["event_type"] = eventType.map(JSONValue.string)
    object["result"] = result.map(JSONValue.string)
    object["duration_ms"] = durationMs.map { JSONValue($0) }
    object["queue_depth"] = queueDepth.map { JSONValue($0) }
    object["error"] = error.map(JSONValue.string)
    object["metadata"] = metadata.map(JSONValue.object)
    object["module"] = module.map(JSONValue.string)
    object["delivery_id"] = deliveryID.map(JSONValue.string)
    object["attempt"] = attempt.map { JSONValue($0) }
    return .object(object)
  }
}
