import Connectors
package import Engine

/// What commands say of modules, from a runtime's answers (cli-http.md 2.3).
package enum ModuleText {
  /// One line for each module that was loaded; a load of what is loaded already is a reload.
  package static func loaded(_ answer: JSONValue) -> String {
    let statuses = answer["modules"]?.array ?? [answer]
    return statuses.map { status in
      guard let outcome = status["outcome"]?.string, outcome != "loaded" else {
        return "Loaded \(name(status)) into runtime (PID \(status["pid"]?.int64 ?? 0))"
      }
      return reloaded(status)
    }.joined(separator: "\n")
  }

  package static func reloaded(_ answer: JSONValue) -> String {
    answer["outcome"] == "unchanged"
      ? "\(name(answer)) is unchanged"
      : "Unloaded \(name(answer)), reloaded with updated config"
  }

  package static func unloaded(_ answer: JSONValue) -> String {
    let parked = answer["parked"]?.int64 ?? 0
    let dropped = answer["dropped"]?.int64 ?? 0
    let parts = [(parked, "parked"), (dropped, "dropped")].filter { $0.0 > 0 }.map { part in
      "\(part.0) \(part.0 == 1 ? "delivery" : "deliveries") \(part.1)"
    }
    let left = parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
    return "Unloaded \(name(answer))\(left)"
  }

  package static func table(_ statuses: [JSONValue]) -> String {
    var table = Table("NAME", "STATUS", "SOURCES", "ROUTES", "UPTIME")
    for status in statuses {
      table.add(
        status["name"]?.string ?? "", state(status), sourceCount(status),
        count(status, "routes"),
        uptime(status) ?? "")
    }
    return table.text
  }

  /// With those that are off.
  private static func sourceCount(_ status: JSONValue) -> String {
    let disabled = status["sources_disabled"]?.int64 ?? 0
    return count(status, "sources") + (disabled > 0 ? " (\(disabled) disabled)" : "")
  }

  /// None where nothing runs.
  private static func uptime(_ status: JSONValue) -> String? {
    guard status["state"] != "removed" else { return nil }
    return status["uptime_ms"]?.int64.map { TimeText.uptime(ms: $0) }
  }

  package static func status(_ status: JSONValue, nowMs: Int64) -> String {
    [facts(status), sources(status, nowMs: nowMs), routes(status), queue(status)]
      .compactMap { $0 }.joined(separator: "\n\n")
  }

  private static func facts(_ status: JSONValue) -> String {
    let uptime = uptime(status).map { ", up \($0)" } ?? ""
    var lines = ["\(text(status, "name"))  \(state(status))\(uptime)"]
    let facts = [("alias", "alias"), ("path", "path"), ("loaded_by", "loaded by")]
    for (key, word) in facts where status[key]?.string != nil {
      lines.append("  \(word)  \(text(status, key))")
    }
    if let generation = status["generation"]?.int64 { lines.append("  generation  \(generation)") }
    return lines.joined(separator: "\n")
  }

  private static func sources(_ status: JSONValue, nowMs: Int64) -> String? {
    var table = Table("SOURCE", "CONNECTOR", "STATUS", "EVENTS", "NEXT POLL")
    for source in status["source_list"]?.array ?? [] {
      let next = source["next_poll_at"].flatMap { $0.string.flatMap(ISOTime.ms) }
      table.add(
        source["id"]?.string ?? "", source["connector"]?.string ?? "",
        source["enabled"] == false
          ? "disabled" : pausable(source, source["status"]?.string ?? ""),
        count(source, "event_count"),
        next.map { TimeText.relative($0, nowMs: nowMs) } ?? "")
    }
    return table.isEmpty ? nil : table.text
  }

  private static func routes(_ status: JSONValue) -> String? {
    var table = Table("ROUTE", "SOURCES", "ACTOR", "STATUS", "PENDING", "WAITING", "PARKED")
    for route in status["route_list"]?.array ?? [] {
      let sources = (route["sources"]?.array ?? []).compactMap(\.string)
      table.add(
        route["name"]?.string ?? "", sources.joined(separator: ", "),
        route["actor"]?.string ?? "",
        route["enabled"] == false ? "disabled" : pausable(route, "active"), count(route, "pending"),
        count(route, "waiting"), count(route, "parked"))
    }
    return table.isEmpty ? nil : table.text
  }

  private static func queue(_ status: JSONValue) -> String? {
    guard let queue = status["queue"]?.object else { return nil }
    let words = ["pending", "waiting", "parked", "running"]
    let counts = words.compactMap { word in queue[word]?.int64.map { "\($0) \(word)" } }
    return counts.isEmpty ? nil : "queue  " + counts.joined(separator: ", ")
  }

  private static func state(_ status: JSONValue) -> String {
    if status["state"] == "removed", status["desired"] == "active" {
      return "stopped, comes back at the next start"
    }
    return pausable(status, status["state"]?.string ?? "")
  }

  /// `paused` is true, or what is known of the pause.
  private static func pausable(_ value: JSONValue, _ state: String) -> String {
    switch value["paused"] {
    case nil, .null?, .bool(false)?: state
    default: state == "active" ? "paused" : "\(state), paused"
    }
  }

  private static func count(_ value: JSONValue, _ key: String) -> String {
    value[key]?.int64.map(String.init) ?? ""
  }

  private static func name(_ value: JSONValue) -> String { "\"\(text(value, "name"))\"" }

  private static func text(_ value: JSONValue, _ key: String) -> String {
    SafeText.escaped(value[key]?.string ?? "", bytesMax: 4_096)
  }
}
