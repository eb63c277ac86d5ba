import Engine

/// A rehearsal for people and for programs.
enum RehearsalText {
  static func outcome(_ report: RehearsalReport) -> EventTestOutcome {
    let isSuccess =
      !report.deliveries.isEmpty
      && report.deliveries.allSatisfy { $0.ready.map { !$0.isHeld } ?? false }
    return EventTestOutcome(json: json(report), text: text(report), isSuccess: isSuccess)
  }

  // MARK: JSON

  private static func json(_ report: RehearsalReport) -> JSONValue {
    [
      "event": report.event.value(), "dry_run": true,
      "matched_routes": .array(report.deliveries.map { .string($0.name.name) }),
      "unmatched": .array(
        report.unmatched.map {
          [
            "route": .string($0.name.name), "module": .string($0.name.module),
            "reason": .string($0.reason), "path": .string($0.path),
            "expected": .string($0.expected), "actual": JSONValue($0.actual),
          ]
        }),
      "results": .array(report.deliveries.flatMap(results)),
      "deliveries": .array(report.deliveries.map(json)),
    ]
  }

  private static func results(_ delivery: RehearsedDelivery) -> [JSONValue] {
    var results = delivery.steps.map { step in
      result(delivery, step.name, step.status.rawValue, step.durationMs, step.reason)
    }
    // What failed after the transforms has no step of its own.
    if case .failed(let text, _) = delivery.end, delivery.steps.last?.status != .error {
      results.append(result(delivery, "prepare", "error", 0, text))
    }
    return results
  }

  static func result(
    _ delivery: RehearsedDelivery, _ step: String, _ status: String, _ durationMs: Int64,
    _ reason: String?
  ) -> JSONValue {
    var object: JSONObject = [
      "route": .string(delivery.name.name), "step": .string(step), "status": .string(status),
      "duration_ms": JSONValue(durationMs),
    ]
    object["reason"] = reason.map(JSONValue.string)
    return .object(object)
  }

  private static func json(_ delivery: RehearsedDelivery) -> JSONValue {
    var object: JSONObject = [
      "route": .string(delivery.name.name), "module": .string(delivery.name.module),
      "actor": .string(delivery.route.actor.id), "outcome": .string(delivery.summary),
      "order_key": JSONValue(delivery.orderKey),
    ]
    guard let ready = delivery.ready else { return .object(object) }
    object["event"] = ready.event.value()
    object["config"] = .object(ready.shownConfig)
    object["prompt_file"] = JSONValue(delivery.route.prompt?.path)
    if let key = ready.inboxKey, let inbox = delivery.route.inbox {
      object["inbox"] = [
        "session_key": .string(key), "ttl_ms": JSONValue(inbox.ttlMs),
        "max_batch": JSONValue(inbox.batchMax),
      ]
    }
    object["held"] = ready.isHeld ? true : nil
    object["flags"] = ready.flags.isEmpty ? nil : .array(ready.flags.map(\.json))
    return .object(object)
  }

  // MARK: Text

  private static func text(_ report: RehearsalReport) -> String {
    let event = report.event.value()
    var lines = [EventTestText.head(event)]
    for delivery in report.deliveries { lines += self.lines(delivery, event) }
    lines += report.unmatched.prefix(Limits.nonMatchesMax).map {
      EventTestText.unmatched($0.name.name, $0.reason)
    }
    let more = report.unmatched.count - Limits.nonMatchesMax
    if more > 0 { lines.append("· and \(more) more do not match") }
    lines += report.asleep.map { "· \(safe($0.name)) is switched off: enabled: false" }
    if report.deliveries.isEmpty, report.unmatched.isEmpty, report.asleep.isEmpty {
      lines.append("✗ no route listens to \(EventTestText.safe(event["source"]?.string ?? ""))")
    } else if report.deliveries.isEmpty {
      lines.append("✗ no route matches")
    }
    lines.append("nothing was stored or delivered (dry run)")
    return lines.joined(separator: "\n")
  }

  private static func lines(_ delivery: RehearsedDelivery, _ event: JSONValue) -> [String] {
    let isWell = delivery.ready.map { !$0.isHeld } ?? false
    let actor = delivery.route.actor
    let target = actor.module.map { "\($0):\(actor.id)" } ?? actor.id
    let end =
      isWell && delivery.ready?.inboxKey == nil ? "" : ": \(safe(delivery.summary))"
    var lines = ["\(isWell ? "✓" : "✗") \(safe(delivery.name.name)) → \(safe(target))\(end)"]
    lines += Table.aligned(
      delivery.steps.map { step in
        [
          "    " + mark(step.status) + " " + safe(step.name), step.status.rawValue,
          "\(step.durationMs) ms", step.reason.map { safe($0) } ?? "",
        ]
      })
    if let key = delivery.orderKey { lines.append("    order key  \(safe(key))") }
    guard let ready = delivery.ready else { return lines }
    let changes = JSONChanges.lines(from: event, to: ready.event.value())
    lines += block("event", changes)
    lines += block("config", configLines(ready, delivery.route))
    if let key = ready.inboxKey { lines.append("    inbox      \(safe(key))") }
    if let prompt = ready.prompt {
      lines += block("prompt", promptLines(prompt, ready.promptFallback))
    }
    lines += block("audit", ready.flags.map { "\($0.severity.rawValue): \(safe($0.message))" })
    return lines
  }

  private static func mark(_ status: RehearsedDelivery.Step.Status) -> String {
    switch status {
    case .pass: "✓"
    case .drop, .error: "✗"
    }
  }

  /// The prompt is shown by itself.
  private static func configLines(
    _ ready: RehearsedDelivery.Ready, _ route: RouteDefinition
  ) -> [String] {
    ready.shownConfig.members
      .filter { route.prompt == nil || $0.key != "launch_prompt" }
      .map { "\(safe($0.key)): \(safe(JSONText($0.value).description))" }
  }

  /// 5: enough to recognise it.
  private static let promptLinesMax = 5

  private static func promptLines(_ prompt: String, _ fallback: String?) -> [String] {
    let all = prompt.split(whereSeparator: \.isNewline)
    var lines = all.prefix(promptLinesMax).map { safe($0) }
    if all.count > promptLinesMax { lines.append("… \(all.count - promptLinesMax) more lines") }
    if let fallback { lines.append("(as it was when it was loaded: \(safe(fallback)))") }
    return lines
  }

  /// A word, and lines behind it.
  private static func block(_ word: String, _ lines: [String]) -> [String] {
    lines.enumerated().map { index, line in
      let head = index == 0 ? word : ""
      return "    " + head + String(repeating: " ", count: 11 - head.count) + line
    }
  }

  private static func safe(_ text: some StringProtocol) -> String { EventTestText.safe(text) }
}

/// What differs between two JSON values.
enum JSONChanges {
  /// 40: more are counted.
  private static let linesMax = 40

  /// `+ path: value`, `~ path: old → new`, `- path`; maps are looked into, lists are not.
  static func lines(from old: JSONValue, to new: JSONValue) -> [String] {
    var lines: [String] = []
    compare(old, new, path: "", &lines)
    guard lines.count > linesMax else { return lines }
    return lines.prefix(linesMax) + ["… \(lines.count - linesMax) more changes"]
  }

  private static func compare(
    _ old: JSONValue, _ new: JSONValue, path: String, _ lines: inout [String]
  ) {
    guard let before = old.object, let after = new.object else {
      if old != new { lines.append("~ \(path): \(shown(old)) → \(shown(new))") }
      return
    }
    for member in after.members {
      let place = joined(path, member.key)
      if let value = before[member.key] {
        compare(value, member.value, path: place, &lines)
      } else {
        lines.append("+ \(place): \(shown(member.value))")
      }
    }
    for member in before.members where after[member.key] == nil {
      lines.append("- \(joined(path, member.key))")
    }
  }

  private static func joined(_ path: String, _ key: String) -> String {
    let key = EventTestText.safe(key.replacing(".", with: "\\."))
    return path.isEmpty ? key : path + "." + key
  }

  private static func shown(_ value: JSONValue) -> String {
    EventTestText.safe(JSONText(value).description)
  }
}
