import Store

/// `trace` and `why` (cli-http.md 2.4).
extension Inspector {
  /// The whole trace of an event, a trace, a delivery or an attempt; nil for an id that leads
  /// nowhere.
  ///
  /// A flat list in the order of acceptance, each event with the delivery that caused it: as deep as
  /// a trace may be, the document is not.
  package func trace(
    of id: String, limit: Int = Limits.traceEventsUsual, nowMs: Int64
  ) async throws -> JSONValue? {
    let query = JourneyQuery(eventsMax: min(max(limit, 1), Limits.traceEventsMax))
    guard let journey = try await reader.journey(of: id, query) else { return nil }
    let head: JSONObject = ["id": .string(id), "trace_id": .string(journey.traceID)]
    return try await document(head, journey, nowMs: nowMs, event: Inspector.traced)
  }

  /// Why an event went where it did, and why not elsewhere; nil for an id that leads nowhere.
  ///
  /// - Parameters:
  ///   - id: Of an event; of a trace, for each of its events; of a delivery or an attempt, for that
  ///     delivery alone.
  ///   - route: Only what concerns the routes of this name.
  package func why(_ id: String, route: String?, nowMs: Int64) async throws -> JSONValue? {
    let query = JourneyQuery(eventsMax: Limits.whyEventsMax, route: route, explains: true)
    guard let journey = try await reader.journey(of: id, query) else { return nil }
    let head: JSONObject = [
      "id": .string(id), "trace_id": .string(journey.traceID), "route": JSONValue(route),
    ]
    return try await document(head, journey, nowMs: nowMs) {
      Inspector.explained($0, route, journey, nowMs: nowMs)
    }
  }

  private func document(
    _ head: JSONObject, _ journey: Journey, nowMs: Int64, event: (JourneyEvent) -> JSONObject
  ) async throws -> JSONValue {
    var notes = Inspector.notes(on: journey)
    if let note = try await runtimeNote(journey, nowMs: nowMs) { notes.append(note) }
    var object = head
    object["event_count"] = JSONValue(journey.eventCount.value)
    object["event_count_is_minimum"] = .bool(journey.eventCount.isCapped)
    object["events"] = .array(journey.events.map { .object(event($0)) })
    object["notes"] = .array(notes.map(JSONValue.string))
    return .object(object)
  }

  private static func notes(on journey: Journey) -> [String] {
    var notes: [String] = []
    let (count, shown) = (journey.eventCount, journey.events.count)
    if count.value > shown {
      notes.append(
        "shows \(shown) of \(count.isCapped ? "at least " : "")\(count.value) events of the trace")
    }
    let cut = journey.events.reduce(0) { sum, event in
      sum + event.deliveries.count { $0.summary.attempts > $0.attempts.count }
    }
    if cut > 0 { notes.append("of \(cut) deliveries only the newest attempts are shown") }
    return notes
  }

  /// Whether anybody works on what has not ended.
  private func runtimeNote(_ journey: Journey, nowMs: Int64) async throws -> String? {
    guard journey.events.contains(where: { $0.head.state == "accepted" }) else { return nil }
    return RuntimeNote.text(try await reader.runtime(), nowMs: nowMs)
  }

  // MARK: Events

  private static func head(_ event: JourneyEventHead) -> JSONObject {
    [
      "id": .string(event.id),
      "timestamp": .string(ISOTime.text(ms: event.acceptedAtMs)),
      "module": .string(event.module),
      "source": .string(event.source),
      "type": JSONValue(EventType(code: event.type)?.rawValue),
      "platform_event": JSONValue(event.platformEvent),
      "state": .string(event.state),
      "generation": JSONValue(event.generation),
      "duplicates": JSONValue(event.duplicates),
      "last_duplicate_at": event.lastDuplicateMs.map { .string(ISOTime.text(ms: $0)) } ?? .null,
      "cause": JSONValue(event.cause?.deliveryID),
      "caused_by_event": JSONValue(event.cause?.eventID),
    ]
  }

  private static func traced(_ event: JourneyEvent) -> JSONObject {
    var object = head(event.head)
    object["deliveries"] = .array(
      event.deliveries.map { json($0.summary, attempts: $0.attempts) })
    object["deliveries_more"] = JSONValue(event.deliveriesMore)
    return object
  }

  private static func explained(
    _ event: JourneyEvent, _ route: String?, _ journey: Journey, nowMs: Int64
  ) -> JSONObject {
    var object = head(event.head)
    object["trace_id"] = .string(event.head.traceID)
    object["matched"] = .array(event.deliveries.map { explained($0, nowMs: nowMs) })
    object["matched_more"] = JSONValue(event.deliveriesMore)
    object["unmatched"] = .array(
      event.nonMatches.map { route in
        var object: JSONObject = [
          "route": .string(route.route), "module": .string(route.module),
          "path": .string(route.path), "expected": .string(route.expected),
          "actual": JSONValue(route.actual),
        ]
        if route.isRegexLimit { object["regex_limit"] = true }
        return .object(object)
      })
    // Of one route or one delivery, the others are no part of the question.
    let isWhole = route == nil && journey.askedDelivery == nil
    object["unmatched_more"] = JSONValue(isWhole ? event.head.nonMatchesMore : 0)
    if let route {
      object["verdicts"] = .array(
        RouteVerdict.all(route, event.head, event.namesakes).map(\.json))
    }
    return object
  }

  private static func explained(_ delivery: JourneyDelivery, nowMs: Int64) -> JSONValue {
    let summary = delivery.summary
    guard case .object(var object) = json(summary, attempts: delivery.attempts) else {
      return .null
    }
    let waits = delivery.standing.map { WaitReason.all(of: $0, nowMs: nowMs) } ?? []
    object["attempt_count"] = JSONValue(summary.attempts)
    object["waits"] = .array(waits.map(\.json))
    object["explanation"] = .string(
      waits.first?.text
        ?? Outcome.text(
          state: summary.state, reason: summary.reason, attempts: summary.attempts,
          settledAt: summary.settledAt, last: delivery.attempts.last))
    return .object(object)
  }
}
