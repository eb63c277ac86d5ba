/// The variables one module sees: the process environment above its own `.env` (config.md 3.1).
///
/// It keeps which values were used, for redaction and for the content hash; it lives as long as
/// one load.
final class VariableScope {
  private let environment: [String: String]
  private let dotEnv: [String: String]
  /// Every variable that was put into a document, by name.
  private(set) var used: [String: String] = [:]

  init(environment: [String: String], dotEnv: [String: String] = [:]) {
    self.environment = environment
    self.dotEnv = dotEnv
  }

  /// The value of a variable, empty or not; nil when it is unset.
  func value(_ name: String) -> String? {
    let value = environment[name] ?? dotEnv[name]
    if let value { used[name] = value }
    return value
  }

  /// Where the value of a variable comes from.
  func source(_ name: String) -> VariableUse.Source {
    if environment[name] != nil { return .environment }
    return dotEnv[name] == nil ? .unset : .dotEnv
  }

  /// The pairs of a `.env` file (config.md 3.2): trimmed lines, blank ones and `#` skipped, an
  /// `export` before the name allowed, one pair of quotes around the value removed.
  static func parse(_ text: String) -> [String: String] {
    var pairs: [String: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      var line = trimmed(line)
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      if line.hasPrefix("export ") { line = trimmed(line.dropFirst(7)) }
      guard let equals = line.firstIndex(of: "=") else { continue }
      let name = trimmed(line[..<equals])
      var value = trimmed(line[line.index(after: equals)...])
      if value.count >= 2, let quote = value.first, quote == value.last, "\"'".contains(quote) {
        value = value.dropFirst().dropLast()
      }
      pairs[String(name)] = String(value)
    }
    return pairs
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first?.isWhitespace ?? false { text.removeFirst() }
    while text.last?.isWhitespace ?? false { text.removeLast() }
    return text
  }
}
