import Connectors
import Engine

/// Events as lists show them (cli-http.md 2.4).
enum EventTable {
  static func text(_ items: [JSONValue], nowMs: Int64) -> String {
    var table = Table("TIME", "ID", "SOURCE", "TYPE", "PLATFORM EVENT", "ROUTES", "OUTCOME")
    for item in items {
      table.add(
        TimeText.relative(item["timestamp"], nowMs: nowMs), item["event_id"]?.string ?? "",
        item["source"]?.string ?? "", item["type"]?.string ?? "",
        item["platform_event"]?.string ?? "", list(item["matched_routes"]), outcome(item))
    }
    return table.text
  }

  /// One event on one line, for streams: with the time itself, since "now" does not last.
  static func line(_ item: JSONValue) -> String {
    let parts = [
      item["timestamp"]?.string, item["event_id"]?.string, item["source"]?.string,
      item["type"]?.string, item["platform_event"]?.string, list(item["matched_routes"]),
      outcome(item),
    ]
    return parts.map { $0.map { SafeText.escaped($0, bytesMax: 200) } ?? "-" }
      .map { $0.isEmpty ? "-" : $0 }.joined(separator: "  ")
  }

  /// What became of it: its own state while nothing else is known, else its deliveries' states.
  private static func outcome(_ item: JSONValue) -> String {
    let outcomes = (item["outcomes"]?.array ?? []).compactMap(\.string)
    guard !outcomes.isEmpty else { return item["state"]?.string ?? "" }
    var counts: [(name: String, count: Int)] = []
    for outcome in outcomes {
      if let index = counts.firstIndex(where: { $0.name == outcome }) {
        counts[index].count += 1
      } else {
        counts.append((outcome, 1))
      }
    }
    return counts.map { $0.count == 1 ? $0.name : "\($0.count) \($0.name)" }
      .joined(separator: ", ")
  }

  private static func list(_ value: JSONValue?) -> String {
    (value?.array ?? []).compactMap(\.string).joined(separator: ", ")
  }
}

/// One event with everything that became of it.
enum EventText {
  static func text(_ event: JSONValue, nowMs: Int64) -> String {
    var lines = ["event \(string(event, "id"))"]
    for key in ["timestamp", "module", "source", "type", "state", "trace_id", "dedup_key"] {
      if let value = event[key]?.string { lines.append("  \(key)  \(safe(value))") }
    }
    if let duplicates = event["duplicates"]?.int64, duplicates > 0 {
      lines.append("  duplicates  \(duplicates)")
    }
    for key in ["provenance", "payload"] {
      guard let value = event[key] else { continue }
      lines.append("  \(key)")
      lines += Output.text(of: value).split(separator: "\n").map { "    " + safe($0) }
    }
    for delivery in event["deliveries"]?.array ?? [] { lines += text(delivery) }
    for route in event["non_matches"]?.array ?? [] {
      lines.append(
        "not \(string(route, "route")): \(string(route, "path")) must be "
          + "\(string(route, "expected")), is \(string(route, "actual", else: "missing"))")
    }
    return lines.joined(separator: "\n")
  }

  private static func text(_ delivery: JSONValue) -> [String] {
    let reason = delivery["reason"]?.string ?? delivery["wait_reason"]?.string
    var lines = [
      "delivery \(string(delivery, "id"))  \(string(delivery, "route")) → "
        + "\(string(delivery, "actor"))  \(string(delivery, "state"))"
        + (reason.map { " (\(safe($0)))" } ?? "")
    ]
    for attempt in delivery["attempts"]?.array ?? [] {
      let duration = attempt["duration_ms"]?.int64.map { "  \($0) ms" } ?? ""
      let error = attempt["error"]?.string.map { "  \(safe($0))" } ?? ""
      lines.append(
        "  attempt \(attempt["number"]?.int64 ?? 0)  \(string(attempt, "started_at"))  "
          + string(attempt, "outcome") + duration + error)
    }
    for flag in delivery["audit"]?["flags"]?.array ?? [] {
      lines.append(
        "  flag \(string(flag, "severity"))  \(string(flag, "type"))  \(string(flag, "message"))")
    }
    return lines
  }

  private static func string(
    _ value: JSONValue, _ key: String, else missing: String = "-"
  ) -> String {
    value[key]?.string.map { safe($0) } ?? missing
  }

  private static func safe(_ text: some StringProtocol) -> String { SafeText.escaped(text) }
}
