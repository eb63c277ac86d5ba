import Engine

/// `orgloop test` without `--dry-run`: a running runtime accepts the event, and what becomes of it
/// is awaited.
struct LiveTest {
  /// 30 s, by cli-http.md 2.1.
  static let usualLimitMs: Int64 = 30_000
  /// 50 ms at first, when most is over already, to 1 s.
  private static let pausesMs: (first: Int64, last: Int64) = (50, 1_000)

  let global: GlobalOptions
  let route: String?
  let module: String?
  let limitMs: Int64

  private static let terminal: Set = ["delivered", "dropped", "skipped", "dead"]

  func run(_ body: [UInt8]) async throws -> EventTestOutcome {
    let database = try global.databasePath()
    return try await RuntimeClient.withRunning(of: database) { client in
      if let route { try await check(route, client) }
      // What is no event, the runtime refuses in its own words.
      let event = try? DryRun.object(body)
      let given =
        if let named = module ?? event?["module"]?.string { named } else {
          try await owner(of: event?["source"]?.string, client)
        }
      let answer = try await client.post("/api/events" + URLText.query([("module", given)]), body)
      let id = answer.body["event_id"]?.string ?? ""
      guard answer.body["duplicate"] != true else {
        throw Failure(
          .delivery, .failed, "\(id) is known already, so nothing was accepted",
          hint: "leave the id out of the event; orgloop events show \(id)")
      }
      global.output.notice("accepted as \(id)")
      let reader = EventReader(client: client, database: Database(path: database))
      return outcome(try await settled(id, reader))
    }
  }

  /// The only module that has a source, as a dry run finds it; nil leaves it to the runtime.
  ///
  /// - Throws: ``Failure`` where several have it.
  private func owner(of source: String?, _ client: RuntimeClient) async throws -> String? {
    let modules = try await statuses(client)
    guard let source, modules.count > 1 else { return nil }
    let owners = modules.filter { module in
      (module["source_list"]?.array ?? []).contains { $0["id"]?.string == source }
    }.compactMap { $0["name"]?.string }
    guard owners.count > 1 else { return owners.first }
    throw Failure(
      .usage, .usage,
      "several modules have a source \(EventTestText.safe(source)): "
        + owners.joined(separator: ", "), hint: "--module NAME says which")
  }

  /// Every module that runs, with what is in it.
  private func statuses(_ client: RuntimeClient) async throws -> [JSONValue] {
    var statuses: [JSONValue] = []
    for each in try await client.get("/control/module/list").body.array ?? [] {
      guard let name = each["name"]?.string else { continue }
      statuses.append(try await client.get("/control/module/status/" + URLText.encode(name)).body)
    }
    return statuses
  }

  /// - Throws: ``Failure`` for a route that the runtime does not have: before the event is
  ///   accepted, because that cannot be taken back.
  private func check(_ route: String, _ client: RuntimeClient) async throws {
    var known: [(module: String, name: String)] = []
    for status in try await statuses(client) {
      known += (status["route_list"]?.array ?? []).compactMap { $0["name"]?.string }
        .map { (module: status["name"]?.string ?? "", name: $0) }
    }
    guard known.contains(where: { route == $0.name || route == "\($0.module):\($0.name)" }) else {
      throw Failure(noRoute: route, among: known)
    }
  }

  /// The event when nothing of it is unsettled any more, or when the time is over.
  private func settled(_ id: String, _ reader: EventReader) async throws -> JSONValue {
    let time = TimeSource.system
    let endMs = time.monotonicMs + limitMs
    var pauseMs = LiveTest.pausesMs.first
    while true {
      guard let event = try await reader.event(id) else { throw Failure(noEvent: id) }
      let open = deliveries(of: event).contains { !LiveTest.isTerminal($0) }
      let leftMs = endMs - time.monotonicMs
      guard open, leftMs > 0 else { return event }
      try await time.sleep(ms: min(pauseMs, leftMs))
      pauseMs = min(pauseMs * 2, LiveTest.pausesMs.last)
    }
  }

  private static func isTerminal(_ delivery: JSONValue) -> Bool {
    terminal.contains(delivery["state"]?.string ?? "")
  }

  private func deliveries(of event: JSONValue) -> [JSONValue] {
    (event["deliveries"]?.array ?? []).filter { isAsked($0) }
  }

  private func isAsked(_ object: JSONValue) -> Bool {
    guard let route else { return true }
    let name = object["route"]?.string ?? ""
    return route == name || route == "\(object["module"]?.string ?? ""):\(name)"
  }

  // MARK: What came of it

  private func outcome(_ accepted: JSONValue) -> EventTestOutcome {
    let event = Secrets.redact(accepted)
    let deliveries = deliveries(of: event)
    let unmatched = (event["non_matches"]?.array ?? []).filter(isAsked)
    let isSuccess =
      !deliveries.isEmpty && deliveries.allSatisfy { $0["state"] == "delivered" }
    var envelope = event.object ?? [:]
    for key in ["deliveries", "non_matches", "non_matches_more"] { envelope[key] = nil }
    let json: JSONValue = [
      "event": .object(envelope), "dry_run": false,
      "matched_routes": .array(deliveries.map { $0["route"] ?? .null }),
      "unmatched": .array(
        unmatched.map { ["route": $0["route"] ?? .null, "reason": .string(LiveTest.reason($0))] }),
      "results": .array(deliveries.flatMap(LiveTest.results)),
    ]
    return EventTestOutcome(
      json: json, text: text(event, deliveries, unmatched), isSuccess: isSuccess)
  }

  private static func reason(_ nonMatch: JSONValue) -> String {
    UnmatchedRoute.reason(
      nonMatch["path"]?.string ?? "", nonMatch["expected"]?.string ?? "",
      nonMatch["actual"]?.string, isRegexLimit: nonMatch["regex_limit"]?.bool ?? false)
  }

  /// The transforms that were run last, then the actor.
  private static func results(_ delivery: JSONValue) -> [JSONValue] {
    let attempts = delivery["attempts"]?.array ?? []
    let steps = attempts.last { $0["transforms"] != nil }?["transforms"]?.array ?? []
    var results = steps.map { step -> JSONValue in
      var object: JSONObject = [
        "route": delivery["route"] ?? .null, "step": step["name"] ?? .null,
        "status": step["outcome"] ?? .null, "duration_ms": step["duration_ms"] ?? 0,
      ]
      object["reason"] = step["reason"]
      return .object(object)
    }
    let (status, reason) = end(delivery)
    var object: JSONObject = [
      "route": delivery["route"] ?? .null, "step": delivery["actor"] ?? .null,
      "status": .string(status),
      "duration_ms": JSONValue(attempts.compactMap { $0["duration_ms"]?.int64 }.reduce(0, +)),
    ]
    object["reason"] = reason.map(JSONValue.string)
    object["delivery_id"] = delivery["id"]
    object["attempts"] = JSONValue(attempts.count)
    results.append(.object(object))
    return results
  }

  /// The word for what became of a delivery, and why.
  private static func end(_ delivery: JSONValue) -> (status: String, reason: String?) {
    let state = delivery["state"]?.string ?? "pending"
    let reason = delivery["reason"]?.string
    let error = delivery["attempts"]?.array?.last?["error"]?.string
    return switch state {
    case "delivered": ("delivered", reason)
    case "dropped": ("drop", error ?? reason)
    case "dead": (reason == "rejected" ? "rejected" : "dead", error ?? reason)
    case "skipped": ("skipped", reason)
    default: (state, error ?? delivery["wait_reason"]?.string)
    }
  }

  private func text(
    _ event: JSONValue, _ deliveries: [JSONValue], _ unmatched: [JSONValue]
  ) -> String {
    func safe(_ value: JSONValue?) -> String { EventTestText.safe(value?.string ?? "-") }
    var lines = [EventTestText.head(event)]
    for delivery in deliveries {
      let (status, reason) = LiveTest.end(delivery)
      let words = LiveTest.isTerminal(delivery) ? status : "still \(status)"
      let why = reason.map { ": " + EventTestText.safe($0) } ?? ""
      lines.append(
        "\(delivery["state"] == "delivered" ? "✓" : "✗") \(safe(delivery["route"])) → "
          + "\(safe(delivery["actor"])): \(words)\(why)")
      lines += Table.aligned(
        LiveTest.results(delivery).dropLast().map { step in
          [
            "    " + (step["status"] == "pass" ? "✓ " : "✗ ") + safe(step["step"]),
            safe(step["status"]), "\(step["duration_ms"]?.int64 ?? 0) ms",
            step["reason"]?.string.map { EventTestText.safe($0) } ?? "",
          ]
        })
    }
    lines += unmatched.map {
      EventTestText.unmatched($0["route"]?.string ?? "", LiveTest.reason($0))
    }
    if let more = event["non_matches_more"]?.int64, more > 0 {
      lines.append("· and \(more) more do not match")
    }
    if deliveries.isEmpty { lines.append("✗ no route matched") }
    if deliveries.contains(where: { !LiveTest.isTerminal($0) }) {
      lines.append("it goes on: orgloop why \(safe(event["id"]))")
    }
    return lines.joined(separator: "\n")
  }
}
