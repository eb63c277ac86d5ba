import Connectors
import Engine

/// Dead letters for people.
enum LetterText {
  static func list(_ page: EventPage, state: LetterQuery.State, nowMs: Int64) -> String {
    guard !page.items.isEmpty else { return state == .dead ? "No dead letters." : "None." }
    var table = Table("TIME", "ID", "ROUTE", "ACTOR", "REASON", "ATTEMPTS", "ERROR")
    for item in page.items {
      let time = item["settled_at"]?.isNull ?? true ? item["accepted_at"] : item["settled_at"]
      table.add(
        TimeText.relative(time, nowMs: nowMs), item["id"]?.string ?? "",
        item["route"]?.string ?? "", item["actor"]?.string ?? "", item["reason"]?.string ?? "",
        "\(item["attempts"]?.int64 ?? 0)", item["error"]?.string ?? "")
    }
    return page.next.map { table.text + "\nmore: --after \($0)" } ?? table.text
  }

  static func counts(_ counts: [JSONValue], by group: LetterGroup) -> String {
    guard !counts.isEmpty else { return "None." }
    var table = Table("COUNT", group.rawValue.uppercased(), "OLDEST", "NEWEST")
    for item in counts {
      let module = item["module"]?.string.map { $0 + ":" } ?? ""
      table.add(
        "\(item["count"]?.int64 ?? 0)", module + (item[group.rawValue]?.string ?? ""),
        item["oldest"]?.string ?? "", item["newest"]?.string ?? "")
    }
    return table.text
  }

  static func show(_ letter: JSONValue) -> String {
    let reason = letter["reason"]?.string ?? letter["wait_reason"]?.string
    var lines = [
      "delivery \(string(letter, "id"))  \(string(letter, "route")) → \(string(letter, "actor"))",
      "  state  \(string(letter, "state"))" + (reason.map { " (\(EventLines.safe($0)))" } ?? ""),
      "  module  \(string(letter, "module"))",
      "  generation  @\(letter["generation"]?.int64 ?? 0)",
    ]
    for key in ["order_key", "replay_id", "created_at", "settled_at", "next_attempt_at"] {
      if let value = letter[key]?.string { lines.append("  \(key)  \(EventLines.safe(value))") }
    }
    for attempt in letter["attempts"]?.array ?? [] { lines += self.attempt(attempt) }
    lines += ["event"] + body(letter["event"])
    let transformed = letter["transformed"] ?? .null
    lines += ["after the transforms"]
    lines +=
      transformed.isNull
      ? ["    not kept: they changed nothing, or did not run to their end"]
      : body(transformed)
    return lines.joined(separator: "\n")
  }

  private static func attempt(_ attempt: JSONValue) -> [String] {
    let duration = attempt["duration_ms"]?.int64.map { "  \($0) ms" } ?? ""
    let status = attempt["status_code"]?.int64.map { "  status \($0)" } ?? ""
    var lines = [
      "  attempt \(attempt["number"]?.int64 ?? 0)  \(string(attempt, "started_at"))  "
        + string(attempt, "outcome") + duration + status
    ]
    for key in ["error", "response_excerpt", "output"] {
      guard let text = attempt[key]?.string, !text.isEmpty else { continue }
      lines.append("    \(key)  \(SafeText.escaped(text, bytesMax: 4_096))")
    }
    return lines
  }

  private static func body(_ value: JSONValue?) -> [String] {
    Output.text(of: value ?? .null).split(separator: "\n").map { "    " + SafeText.escaped($0) }
  }

  private static func string(_ value: JSONValue, _ key: String) -> String {
    EventLines.string(value, key)
  }
}

/// Replays for people.
enum ReplayText {
  static func dryRun(_ answer: JSONValue) -> String {
    let matched = answer["matched"]?.int64 ?? 0
    guard matched > 0 else { return "Nothing to replay." }
    var table = Table("DELIVERIES", "ROUTE", "ACTOR")
    for route in answer["routes"]?.array ?? [] {
      table.add(
        "\(route["deliveries"]?.int64 ?? 0)",
        (route["module"]?.string ?? "") + ":" + (route["route"]?.string ?? ""),
        route["actor"]?.string ?? "")
    }
    return table.text + "\n" + counts(answer, "would be replayed")
  }

  static func done(_ answer: JSONValue) -> String { counts(answer, "replayed") }

  private static func counts(_ answer: JSONValue, _ word: String) -> String {
    let (events, deliveries) = (answer["matched"]?.int64 ?? 0, answer["deliveries"]?.int64 ?? 0)
    return "\(events) event\(events == 1 ? "" : "s") \(word), "
      + "\(deliveries) deliver\(deliveries == 1 ? "y" : "ies")."
  }
}

/// What a user has typed, shown back.
enum SafeOutput {
  static func id(_ text: String) -> String { SafeText.escaped(text, bytesMax: 200) }
}
