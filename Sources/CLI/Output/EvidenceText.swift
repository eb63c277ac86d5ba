import Connectors
import Engine

/// What a plan would have done with recorded events, as people read it.
enum EvidenceText {
  /// Nothing for a plan that was not tried.
  static func lines(_ plan: JSONValue) -> [String] {
    guard let evidence = plan["evidence"] else { return [] }
    let count = evidence["events"]?.int64 ?? 0
    guard count > 0 else { return ["Evidence: there are no recorded events."] }
    let head =
      "Evidence: \(count) events from \(evidence["from"]?.string ?? "") "
      + "to \(evidence["to"]?.string ?? "")"
    return [head] + table(evidence) + examples(evidence) + loops(evidence) + notes(evidence)
  }

  private static func table(_ evidence: JSONValue) -> [String] {
    var table = Table("ROUTE", "SEEN", "SAME", "NEW", "GONE", "CHANGED")
    for route in evidence["routes"]?.array ?? [] {
      func number(_ key: String) -> String { String(route[key]?.int64 ?? 0) }
      table.add(
        name(route), number("seen"), number("same"), number("new"), number("gone"),
        number("changed"))
    }
    return table.isEmpty
      ? [] : table.text.split(separator: "\n").map { "  " + $0 }
  }

  private static func examples(_ evidence: JSONValue) -> [String] {
    (evidence["routes"]?.array ?? []).flatMap { route in
      (route["examples"]?.array ?? []).map { example in
        safe(
          "  \(example["outcome"]?.string ?? "") \(name(route)) "
            + "\(example["event_id"]?.string ?? "") \(example["timestamp"]?.string ?? ""): "
            + (example["reason"]?.string ?? ""))
      }
    }
  }

  private static func loops(_ evidence: JSONValue) -> [String] {
    let recorded = (evidence["loops"]?.array ?? []).map { loop in
      let actors = (loop["actors"]?.array ?? []).compactMap(\.string)
      let routes = (loop["routes"]?.array ?? []).map(name).joined(separator: ", ")
      return safe(
        "! \(loop["new"] == true ? "new loop" : "loop"): "
          + (actors + actors.prefix(1)).joined(separator: " → ")
          + " by \(routes), \(loop["events"]?.int64 ?? 0) recorded answers, "
          + (loop["example"]?.string ?? ""))
    }
    let plain = (evidence["self_loops"]?.array ?? []).compactMap(\.string).map { safe("! " + $0) }
    return recorded + plain
  }

  private static func notes(_ evidence: JSONValue) -> [String] {
    let silent = (evidence["silent_sources"]?.array ?? []).map { source in
      safe(
        "! source \(source["module"]?.string ?? ""):\(source["source"]?.string ?? "") "
          + "leads nowhere any more (\(source["events"]?.int64 ?? 0) events)")
    }
    let skipped = (evidence["not_evaluated"]?.array ?? []).map { each in
      safe(
        "! transform \(each["transform"]?.string ?? "") of \(name(each)) was taken to let all pass: "
          + (each["reason"]?.string ?? ""))
    }
    let unset = (evidence["unset_variables"]?.array ?? []).compactMap(\.string)
    let variables =
      unset.isEmpty
      ? [] : [safe("! not set in this shell: \(unset.joined(separator: ", "))")]
    return silent + skipped + variables
  }

  private static func name(_ route: JSONValue) -> String {
    let (module, name) = (route["module"]?.string ?? "", route["route"]?.string ?? "")
    return module == "default" ? name : "\(module):\(name)"
  }

  private static func safe(_ text: String) -> String { SafeText.escaped(text, bytesMax: 500) }
}
