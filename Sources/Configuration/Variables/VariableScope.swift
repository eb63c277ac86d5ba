import Engine

/// The variables one module sees: those of the workspace above the process environment above its
/// own `.env` (config.md 3.1).
///
/// It keeps which values were used, for redaction and for the content hash; it lives as long as
/// one load.
final class VariableScope {
  private let workspace: [String: Given]
  private let environment: [String: String]
  private let dotEnv: [String: String]
  /// Every variable that was put into a document, by name.
  private(set) var used: [String: String] = [:]

  /// What the overlay of a workspace says of a variable.
  struct Given {
    let value: String
    /// It names a variable that is not set, which was reported there.
    let isUnresolved: Bool
    let origin: Origin
  }

  init(
    workspace: [String: Given] = [:], environment: [String: String],
    dotEnv: [String: String] = [:]
  ) {
    self.workspace = workspace
    self.environment = environment
    self.dotEnv = dotEnv
  }

  /// The value of a variable, empty or not; nil when it is unset.
  func value(_ name: String) -> String? {
    if isUnresolved(name) { return nil }
    let value = workspace[name]?.value ?? environment[name] ?? dotEnv[name]
    if let value { used[name] = value }
    return value
  }

  /// The workspace has it and could not tell its value: no other value may take its place, and
  /// nothing more need be said of it.
  func isUnresolved(_ name: String) -> Bool { workspace[name]?.isUnresolved ?? false }

  /// Where the value of a variable comes from.
  func source(_ name: String) -> VariableUse.Source {
    if isUnresolved(name) { return .unset }
    if workspace[name] != nil { return .workspace }
    if environment[name] != nil { return .environment }
    return dotEnv[name] == nil ? .unset : .dotEnv
  }

  /// `[A-Za-z_][A-Za-z0-9_]*`.
  static func isName(_ text: some StringProtocol) -> Bool {
    guard let first = text.unicodeScalars.first, !("0"..."9").contains(first) else { return false }
    return text.unicodeScalars.allSatisfy { each in
      ("a"..."z").contains(each) || ("A"..."Z").contains(each) || ("0"..."9").contains(each)
        || each == "_"
    }
  }

  /// The pairs of a `.env` file (config.md 3.2): trimmed lines, blank ones and `#` skipped, an
  /// `export` before the name allowed, one pair of quotes around the value removed.
  static func parse(_ text: String) -> [String: String] {
    var pairs: [String: String] = [:]
    // Some editors put a mark at the beginning of a file, which is no part of the first name.
    let text = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
    // What else ends lines for Unicode may stand in a value; CR LF is one character there.
    for line in text.unicodeScalars.split(separator: "\n") {
      var line = trimmed(Substring(line))
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      if line.hasPrefix("export ") || line.hasPrefix("export\t") {
        line = trimmed(line.dropFirst(7))
      }
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
