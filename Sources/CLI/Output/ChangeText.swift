import Connectors
package import Engine

/// What `apply`, `pause` and `resume` have changed, as people read it.
package enum ChangeText {
  /// A line for each module that changed, then the totals.
  package static func applied(_ answer: JSONValue) -> String {
    let signs = ["add": "+", "change": "~", "remove": "-"]
    var lines: [String] = []
    for item in answer["modules"]?.array ?? [] {
      guard let sign = item["action"]?.string.flatMap({ signs[$0] }) else { continue }
      lines.append("\(sign) \(SafeText.escaped(item["name"]?.string ?? "", bytesMax: 200))")
    }
    guard !lines.isEmpty else { return "Nothing to apply." }
    func count(_ key: String) -> Int64 { answer["summary"]?[key]?.int64 ?? 0 }
    lines.append(
      "Applied: \(count("add")) added, \(count("change")) changed, \(count("remove")) removed")
    return lines.joined(separator: "\n")
  }

  /// - Parameter word: `Paused` or `Resumed`.
  package static func targets(_ word: String, _ targets: [JSONValue], nowMs: Int64) -> String {
    guard !targets.isEmpty else { return "Nothing to do." }
    return targets.map { item in
      let module = item["module"]?.string.map { " of \($0)" } ?? ""
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
