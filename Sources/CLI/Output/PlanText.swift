import Connectors
package import Engine

/// A plan as people read it (cli-http.md 2.2).
package enum PlanText {
  private static let kinds = ["sources", "actors", "routes", "transforms", "loggers"]
  private static let signs = ["add": "+", "change": "~", "unchanged": "=", "remove": "-"]

  /// Modules with what is in them, then what becomes of deliveries, then the totals.
  package static func text(_ plan: JSONValue) -> String {
    let parts = [objects(plan), impact(plan), restart(plan), EvidenceText.lines(plan)]
      .filter { !$0.isEmpty }
    return (parts + [[totals(plan)]]).map { $0.joined(separator: "\n") }
      .joined(separator: "\n\n")
  }

  /// A plan that goes back, with the files and variables that are not what they were.
  package static func rollback(_ plan: JSONValue) -> String {
    ([text(plan)] + changedFiles(plan)).joined(separator: "\n")
  }

  /// What a rollback cannot bring back, one line each.
  package static func changedFiles(_ plan: JSONValue) -> [String] {
    let files = (plan["rollback"]?["changed_files"]?.array ?? []).map { file in
      let routes = (file["routes"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
      let state = file["now"]?.isNull ?? true ? "is gone" : "is not what it was"
      return "! \(file["kind"]?.string ?? "file") \(file["file"]?.string ?? "") \(state)"
        + (routes.isEmpty ? "" : " (route \(routes))")
    }
    let variables = (plan["rollback"]?["variables"]?.array ?? []).map {
      "! variable \($0["name"]?.string ?? "") has another value than then"
        + " (module \($0["module"]?.string ?? ""))"
    }
    return (files + variables).map(safe)
  }

  /// Two configurations side by side.
  package static func difference(_ document: JSONValue) -> String {
    guard hasChanges(document) else { return "No differences." }
    func count(_ key: String) -> Int64 { document["summary"]?[key]?.int64 ?? 0 }
    return
      (objects(document) + [
        "",
        "\(count("add")) added, \(count("change")) changed, \(count("remove")) removed",
      ]).joined(separator: "\n")
  }

  /// A heading for each module; what is in a module that stays as it is needs no lines.
  package static func objects(_ plan: JSONValue) -> [String] {
    var lines: [String] = []
    for module in plan["modules"]?.array ?? [] {
      lines.append(line(module, "module"))
      guard module["action"] != "unchanged" else { continue }
      lines += changes(module)
      for kind in kinds {
        let own = (plan[kind]?.array ?? []).filter { $0["module"] == module["name"] }
        for item in own {
          lines.append("  " + line(item, String(kind.dropLast())))
          lines += changes(item).map { "  " + $0 }
        }
      }
    }
    return lines
  }

  package static func hasChanges(_ plan: JSONValue) -> Bool {
    hasSteps(plan) || plan["needs_restart"]?.array?.isEmpty == false
  }

  /// Whether an apply would do anything.
  package static func hasSteps(_ plan: JSONValue) -> Bool {
    ["add", "change", "remove"].contains { plan["summary"]?[$0]?.int64 ?? 0 > 0 }
  }

  private static func line(_ item: JSONValue, _ kind: String) -> String {
    let sign = item["action"]?.string.flatMap { signs[$0] } ?? "?"
    let detail = detail(item)
    return safe(
      "\(sign) \(kind) \(item["name"]?.string ?? "")\(detail.isEmpty ? "" : "  \(detail)")")
  }

  /// Without the list of paths, which follow one by one.
  private static func detail(_ item: JSONValue) -> String {
    let detail = item["detail"]?.string ?? ""
    let first = item["changes"]?.array?.first?["path"]?.string
    return first.map(detail.hasPrefix) ?? false ? "" : detail
  }

  /// `poll.interval: 5m → 1m`.
  private static func changes(_ item: JSONValue) -> [String] {
    (item["changes"]?.array ?? []).flatMap { each in
      let lines = (each["diff"]?.array ?? []).compactMap(\.string)
      return ["    " + change(each)] + lines.map { "      " + safe($0) }
    }
  }

  private static func change(_ change: JSONValue) -> String {
    func text(_ value: JSONValue?) -> String {
      guard let value, !value.isNull else { return "–" }
      return value.string ?? JSONText(value).description
    }
    return safe(
      "\(change["path"]?.string ?? ""): \(text(change["from"])) → \(text(change["to"]))")
  }

  private static func impact(_ plan: JSONValue) -> [String] {
    let list = plan["impact"]?.array ?? []
    return list.map { item in
      safe(
        "- route \(item["route"]?.string ?? ""): \(item["unsettled"]?.int64 ?? 0) unsettled → "
          + "\(item["fate"]?.string ?? "")\(place(item, plan))")
    }
  }

  /// The module, where there are several.
  private static func place(_ item: JSONValue, _ plan: JSONValue) -> String {
    guard plan["modules"]?.array?.count ?? 0 > 1 else { return "" }
    return " (\(item["module"]?.string ?? ""))"
  }

  /// Settings of the runtime that no apply changes.
  package static func restart(_ plan: JSONValue) -> [String] {
    (plan["needs_restart"]?.array ?? []).map { "! runtime.\(change($0))  needs a restart" }
  }

  private static func totals(_ plan: JSONValue) -> String {
    guard hasChanges(plan) else { return "No changes." }
    func count(_ key: String) -> Int64 { plan["summary"]?[key]?.int64 ?? 0 }
    return "Plan: \(count("add")) to add, \(count("change")) to change, "
      + "\(count("remove")) to remove"
  }

  /// Names and values come from files and may hold what moves a terminal.
  private static func safe(_ text: String) -> String {
    SafeText.escaped(text, bytesMax: 1_000)
  }
}
