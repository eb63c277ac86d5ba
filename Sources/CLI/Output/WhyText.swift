import Engine

/// Why events went where they did, for people.
enum WhyText {
  static func text(_ answer: JSONValue, nowMs: Int64) -> String {
    let route = answer["route"]?.string
    let events = (answer["events"]?.array ?? []).map { event in
      lines(of: event, route: route, nowMs: nowMs).joined(separator: "\n")
    }
    return (events + EventLines.notes(of: answer)).joined(separator: "\n")
  }

  private static func lines(of event: JSONValue, route: String?, nowMs: Int64) -> [String] {
    var lines = [EventLines.head(event)]
    if let cause = EventLines.cause(event) { lines.append("  " + cause) }
    if let count = event["duplicates"]?.int64, count > 0 {
      lines.append(
        "  came again \(count == 1 ? "once" : "\(count) times"), last at "
          + "\(EventLines.string(event, "last_duplicate_at")), and was not stored again")
    }
    let matched = event["matched"]?.array ?? []
    if !matched.isEmpty {
      lines.append("  matched")
      lines += self.matched(matched, event, nowMs: nowMs)
    }
    if let more = event["matched_more"]?.int64, more > 0 {
      lines.append("    and \(more) more, shown by --route or the id of a delivery")
    }
    let unmatched = self.unmatched(event)
    if !unmatched.isEmpty { lines += ["  did not match"] + unmatched }
    let verdicts = event["verdicts"]?.array ?? []
    lines += verdicts.map { "  " + EventLines.string($0, "text") }
    if matched.isEmpty, unmatched.isEmpty, verdicts.isEmpty {
      lines.append(
        route.map { "  nothing is known of a route \(EventLines.safe($0))" }
          ?? "  no route listened to \(EventLines.string(event, "source"))")
    }
    return lines
  }

  private static func matched(
    _ deliveries: [JSONValue], _ event: JSONValue, nowMs: Int64
  ) -> [String] {
    let heads = Table.aligned(
      deliveries.map { delivery in
        let replay = EventLines.replay(delivery)
        return [
          EventLines.target(delivery, in: event),
          EventLines.string(delivery, "id") + (replay.isEmpty ? "" : " (\(replay))"),
        ]
      },
      pads: true)
    return zip(deliveries, heads).flatMap { delivery, head in
      let waits = delivery["waits"]?.array ?? []
      let first = waits.first.map { wait($0, nowMs: nowMs) }
      let more = waits.dropFirst().map { "also " + wait($0, nowMs: nowMs) }
      let said = [first ?? EventLines.string(delivery, "explanation")] + more
      let blank = String(repeating: " ", count: head.count)
      return said.enumerated().map { index, words in
        "    \(index == 0 ? head : blank)  \(words)"
      }
    }
  }

  /// With how long it will take, where that is known.
  private static func wait(_ reason: JSONValue, nowMs: Int64) -> String {
    let text = EventLines.string(reason, "text")
    guard reason["until"]?.string != nil else { return text }
    return "\(text), \(TimeText.relative(reason["until"], nowMs: nowMs))"
  }

  private static func unmatched(_ event: JSONValue) -> [String] {
    var lines = Table.aligned(
      (event["unmatched"]?.array ?? []).map { route in
        [
          EventLines.route(route, in: event),
          UnmatchedRoute.reason(
            EventLines.string(route, "path"), EventLines.string(route, "expected"),
            route["actual"]?.string.map { EventLines.safe($0) },
            isRegexLimit: route["regex_limit"]?.bool ?? false),
        ]
      })
    if let more = event["unmatched_more"]?.int64, more > 0 {
      lines.append("and \(more) more, whose reasons are not recorded")
    }
    return lines.map { "    " + $0 }
  }
}
