import Connectors
import Engine

/// A trace as a tree: follow-up events below the delivery that caused them.
enum TraceText {
  /// 20: a level deeper than this is not indented any further, or lines would be blanks only.
  private static let indentedLevelsMax = 20

  private enum Item {
    case event(JSONValue)
    case lines([String])
  }

  static func text(_ trace: JSONValue) -> String {
    let events = trace["events"]?.array ?? []
    var children: [String: [JSONValue]] = [:]
    for event in events {
      guard let cause = event["cause"]?.string else { continue }
      children[cause, default: []].append(event)
    }
    let shown = Set(
      events.flatMap { $0["deliveries"]?.array ?? [] }.compactMap { $0["id"]?.string })
    var lines = [title(trace)]
    // Not recursive: a trace may be a chain of a thousand events.
    var open: [(level: Int, item: Item)] = events.reversed().compactMap { event in
      event["cause"]?.string.map(shown.contains) ?? false ? nil : (0, .event(event))
    }
    while let (level, item) = open.popLast() {
      switch item {
      case .lines(let more):
        let indent = String(repeating: " ", count: 2 * min(level, indentedLevelsMax))
        lines += more.map { indent + $0 }
      case .event(let event):
        let isRoot = level == 0
        for (offset, piece) in pieces(of: event, children, isRoot: isRoot).reversed() {
          open.append((level + offset, piece))
        }
      }
    }
    return (lines + EventLines.notes(of: trace)).joined(separator: "\n")
  }

  private static func title(_ trace: JSONValue) -> String {
    let count = trace["event_count"]?.int64 ?? 0
    let least = trace["event_count_is_minimum"] == true ? "at least " : ""
    return "trace \(EventLines.string(trace, "trace_id"))  "
      + "\(least)\(count) event\(count == 1 ? "" : "s")"
  }

  /// An event, its deliveries with their attempts, and what followed from each.
  private static func pieces(
    of event: JSONValue, _ children: [String: [JSONValue]], isRoot: Bool
  ) -> [(offset: Int, item: Item)] {
    var pieces: [(offset: Int, item: Item)] = [(0, .lines([EventLines.head(event)]))]
    if isRoot, let cause = EventLines.cause(event) { pieces.append((1, .lines([cause]))) }
    let deliveries = event["deliveries"]?.array ?? []
    let heads = Table.aligned(
      deliveries.map { delivery in
        let reason = delivery["reason"]?.string ?? delivery["wait_reason"]?.string
        return [
          EventLines.target(delivery, in: event),
          EventLines.string(delivery, "state") + (reason.map { " (\(EventLines.safe($0)))" } ?? ""),
          EventLines.string(delivery, "id"), EventLines.replay(delivery),
        ]
      })
    for (delivery, head) in zip(deliveries, heads) {
      pieces.append((1, .lines([head])))
      pieces.append((2, .lines(attempts(of: delivery))))
      for child in children[delivery["id"]?.string ?? ""] ?? [] {
        pieces.append((2, .event(child)))
      }
    }
    if let more = event["deliveries_more"]?.int64, more > 0 {
      pieces.append((1, .lines(["and \(more) more deliveries that are not shown"])))
    }
    if deliveries.isEmpty, event["state"] == "unrouted" {
      pieces.append((1, .lines(["no route took it; orgloop why says why not"])))
    }
    return pieces
  }

  private static func attempts(of delivery: JSONValue) -> [String] {
    Table.aligned(
      (delivery["attempts"]?.array ?? []).map { attempt in
        // An error says the status already, and 0 says nothing that the outcome does not.
        let status = attempt["status_code"]?.int64.map { $0 == 0 ? "" : "status \($0)" }
        let error = attempt["error"]?.string.map { EventLines.safe($0) }
        return [
          "attempt \(attempt["number"]?.int64 ?? 0)", EventLines.string(attempt, "started_at"),
          EventLines.string(attempt, "outcome"),
          attempt["duration_ms"]?.int64.map { "\($0) ms" } ?? "",
          error ?? status ?? "",
        ]
      })
  }
}

/// What `trace` and `why` say of an event in the same words.
enum EventLines {
  /// `evt_…  2026-03-04T05:06:07.089Z  default:door  resource.changed (knock)  settled`.
  static func head(_ event: JSONValue) -> String {
    let platform = event["platform_event"]?.string.map { " (\(safe($0)))" } ?? ""
    return [
      string(event, "id"), string(event, "timestamp"),
      string(event, "module") + ":" + string(event, "source"), string(event, "type") + platform,
      string(event, "state"),
    ].joined(separator: "  ")
  }

  static func cause(_ event: JSONValue) -> String? {
    guard event["cause"]?.string != nil else { return nil }
    return "follows from \(string(event, "cause")) of \(string(event, "caused_by_event"))"
  }

  /// `take-note → notebook`, with the route's module where that is not the event's.
  static func target(_ delivery: JSONValue, in event: JSONValue) -> String {
    route(delivery, in: event) + " → " + string(delivery, "actor")
  }

  /// What made it, if that was not its event's acceptance.
  static func replay(_ delivery: JSONValue) -> String {
    delivery["replay_id"]?.string.map { "replay \(safe($0))" } ?? ""
  }

  static func route(_ value: JSONValue, in event: JSONValue) -> String {
    let isForeign = value["module"] != event["module"]
    return (isForeign ? string(value, "module") + ":" : "") + string(value, "route")
  }

  static func notes(of answer: JSONValue) -> [String] {
    (answer["notes"]?.array ?? []).compactMap(\.string).map { "note: \(safe($0))" }
  }

  static func string(_ value: JSONValue, _ key: String) -> String {
    value[key]?.string.map { safe($0) } ?? "-"
  }

  /// Names, keys and errors may come from events, so that everything invisible in them is escaped.
  static func safe(_ text: String) -> String { SafeText.escaped(text, bytesMax: 1_000) }
}
