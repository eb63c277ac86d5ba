package import Store

/// The read side: what CLI and server show, with a running runtime or without one.
///
/// It reads the file and nothing else, so what it says is what is stored.
package struct Inspector: Sendable {
  let reader: StoreReader

  package init(_ reader: StoreReader) { self.reader = reader }

  /// Closes the connections; for whoever opened them with ``open(path:)``.
  package func close() { reader.close() }

  /// One page of events, newest first.
  ///
  /// - Throws: ``EngineError`` `.invalid` for a cursor that is none or a state that does not exist,
  ///   `.moduleNotFound`.
  package func events(_ query: EventQuery) async throws -> EventPage {
    try query.checkState()
    let query = try await reader.resolved(query)
    var filter = query.filter
    if let after = query.after {
      guard let place = Int64(after), place > 0 else {
        throw EngineError(.invalid, "after is not a cursor of this list")
      }
      filter.below = place
    }
    filter.limit = min(max(query.limit, 1), 1_000)
    let events =
      query.conditions.isEmpty
      ? try await reader.events(filter) : try await matching(query, filter)
    let next = events.count == filter.limit ? events.last.map { String($0.sequence) } : nil
    return EventPage(items: events.map(Inspector.listItem), next: next)
  }

  /// Events whose fields are as asked for: page by page until there are enough.
  private func matching(
    _ query: EventQuery, _ filter: EventFilter
  ) async throws -> [EventSummary] {
    var pages = filter
    pages.limit = Limits.fieldPageMax
    var found: [EventSummary] = []
    while found.count < filter.limit {
      let page = try await reader.events(pages)
      let rows = try await reader.eventRows(page.map(\.sequence))
      found += page.filter { event in
        rows[event.sequence].map {
          query.holds(for: EventView($0, source: event.source, module: event.module))
        } ?? false
      }
      guard page.count == pages.limit else { break }
      pages.below = page.last?.sequence
    }
    return Array(found.prefix(filter.limit))
  }

  /// An event with deliveries, attempts and the routes that did not match; nil when there is none.
  package func event(id: String) async throws -> JSONValue? {
    guard let detail = try await reader.event(id: id) else { return nil }
    guard case .object(var object) = JSONText(checked: detail.envelope).value() else { return nil }
    let summary = detail.summary
    object["state"] = .string(summary.state)
    object["generation"] = JSONValue(summary.generation)
    object["dedup_key"] = detail.dedupKey.map(JSONValue.string)
    object["duplicates"] = JSONValue(summary.duplicates)
    let audit = try await reader.audit(of: summary.sequence)
    object["deliveries"] = .array(
      summary.deliveries.map { delivery in
        let json = Inspector.json(delivery, attempts: detail.attempts[delivery.number] ?? [])
        guard let record = audit[delivery.number], var object = json.object else { return json }
        let tree = JSONText(checked: record).value()
        object["audit"] = [
          "id": tree["id"] ?? .null, "held_for_review": tree["held_for_review"] ?? false,
          "flags": tree["flags"] ?? [],
        ]
        return .object(object)
      })
    object["non_matches"] = .array(
      detail.nonMatches.map { nonMatch in
        var object: JSONObject = [
          "route": .string(nonMatch.route), "path": .string(nonMatch.path),
          "expected": .string(nonMatch.expected), "actual": JSONValue(nonMatch.actual),
        ]
        if nonMatch.isRegexLimit { object["regex_limit"] = true }
        return .object(object)
      })
    if detail.nonMatchesMore > 0 {
      object["non_matches_more"] = JSONValue(detail.nonMatchesMore)
    }
    return .object(object)
  }

  /// The runtime row, or nil when no runtime has ever held the file.
  package func runtime() async throws -> RuntimeRow? { try await reader.runtime() }

  package func sources() async throws -> [SourceStatus] { try await reader.sources() }
  package func modules() async throws -> [ModuleStatus] { try await reader.modules() }

  /// Queues with unsettled deliveries, as `status` shows them (cli-http.md 2.2).
  package func queues(nowMs: Int64) async throws -> [JSONValue] {
    try await reader.queues().map { queue in
      var object: JSONObject = ["module": .string(queue.module)]
      object[queue.kind] = .string(queue.name)
      object["pending"] = JSONValue(queue.pending)
      object["waiting"] = JSONValue(queue.waiting)
      object["parked"] = JSONValue(queue.parked)
      object["running"] = JSONValue(queue.running)
      object["oldest_pending_ms"] = queue.oldestMs.map { JSONValue(max(nowMs - $0, 0)) } ?? .null
      object["circuit"] = .string(
        queue.circuitOpenUntilMs.map { $0 > nowMs ? "open" : "half_open" } ?? "closed")
      object["circuit_open_until"] = queue.circuitOpenUntilMs.map {
        .string(ISOTime.text(ms: $0))
      }
      return .object(object)
    }
  }

  package func deadLetterCount() async throws -> Int { try await reader.deadLetterCount() }

  /// How large the database is, and how far back it goes: `{bytes, free_bytes, oldest_event}`.
  package func size() async throws -> JSONValue {
    let pages = try await reader.pages()
    let oldestMs = try await reader.oldestEventMs()
    return [
      "bytes": JSONValue(pages.count * pages.size),
      "free_bytes": JSONValue(pages.free * pages.size),
      "oldest_event": oldestMs.map { .string(ISOTime.text(ms: $0)) } ?? .null,
    ]
  }

  // MARK: JSON

  private static func listItem(_ event: EventSummary) -> JSONValue {
    // A replay says nothing of where the event went when it came, nor of how long that took.
    let first = event.deliveries.filter { $0.replay == nil }
    let settled = first.compactMap { $0.settledAt.flatMap(ISOTime.ms) }
    let processing =
      event.state == "settled"
      ? settled.max().flatMap { end in ISOTime.ms(event.timestamp).map { end - $0 } } : nil
    return [
      "event_id": .string(event.id),
      "timestamp": .string(event.timestamp),
      "source": .string(event.source),
      "type": .string(event.type),
      "platform_event": JSONValue(event.platformEvent),
      "matched_routes": .array(first.map { .string($0.route) }),
      "actors": .array(first.map { .string($0.actor) }),
      "outcomes": .array(event.deliveries.map { .string($0.state) }),
      "processing_ms": processing.map { JSONValue($0) } ?? .null,
      "module": .string(event.module),
      "trace_id": .string(event.traceID),
      "state": .string(event.state),
      "duplicates": JSONValue(event.duplicates),
    ]
  }

  static func json(
    _ delivery: DeliverySummary, attempts: [AttemptSummary]
  ) -> JSONValue {
    [
      "id": .string(delivery.id),
      "route": .string(delivery.route),
      "actor": .string(delivery.actor),
      "module": .string(delivery.module),
      "state": .string(delivery.state),
      "reason": JSONValue(delivery.reason),
      "wait_reason": JSONValue(delivery.waitReason),
      "next_attempt_at": JSONValue(delivery.nextAttemptAt),
      "order_key": JSONValue(delivery.orderKey),
      "generation": JSONValue(delivery.generation),
      "created_at": .string(delivery.createdAt),
      "settled_at": JSONValue(delivery.settledAt),
      "replay_id": JSONValue(delivery.replay),
      "attempts": .array(attempts.map(json)),
    ]
  }

  private static func json(_ attempt: AttemptSummary) -> JSONValue {
    var object: JSONObject = [
      "number": JSONValue(attempt.number),
      "started_at": .string(attempt.startedAt),
      "ended_at": JSONValue(attempt.endedAt),
      "outcome": JSONValue(attempt.outcome ?? "running"),
    ]
    object["status_code"] = attempt.statusCode.map { JSONValue($0) }
    object["error"] = attempt.error.map(JSONValue.string)
    object["duration_ms"] = attempt.durationMs.map { JSONValue($0) }
    object["response_excerpt"] = attempt.responseExcerpt.map(JSONValue.string)
    object["output"] = attempt.output.map(JSONValue.string)
    object["prompt_hash"] = attempt.promptHash.map(JSONValue.string)
    object["transforms"] = attempt.transforms.map { JSONText(checked: $0).value() }
    return .object(object)
  }
}
