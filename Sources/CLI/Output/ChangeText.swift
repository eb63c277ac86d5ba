import Connectors
package import Engine

/// What `apply`, `pause` and `resume` have changed, as people read it.
package enum ChangeText {
  /// The lines of the plan that was carried out, what it leaves for a restart, then the totals.
  package static func applied(_ answer: JSONValue) -> String {
    func count(_ key: String) -> Int64 { answer["summary"]?[key]?.int64 ?? 0 }
    let restart = PlanText.restart(answer)
    guard ["add", "change", "remove"].contains(where: { count($0) > 0 }) else {
      return (restart + ["Nothing to apply."]).joined(separator: "\n")
    }
    let totals =
      "Applied: \(count("add")) added, \(count("change")) changed, \(count("remove")) removed"
    return (PlanText.objects(answer) + restart + [totals]).joined(separator: "\n")
  }

  /// - Parameter word: `Paused` or `Resumed`.
  package static func targets(_ word: String, _ targets: [JSONValue], nowMs: Int64) -> String {
    guard !targets.isEmpty else { return "Nothing to do." }
    return targets.map { item in
      let isModule = item["target"]?.string?.hasPrefix("module/") ?? false
      let module = isModule ? "" : item["module"]?.string.map { " of \($0)" } ?? ""
      let until =
        word != "Paused"
        ? nil
        : item["until"]?.string.flatMap(ISOTime.ms).map {
          ", ends \(TimeText.relative($0, nowMs: nowMs))"
        }
      return SafeText.escaped(
        "\(word) \(item["target"]?.string ?? "")\(module)\(until ?? "")", bytesMax: 500)
    }.joined(separator: "\n")
  }
}
