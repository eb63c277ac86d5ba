import Engine

/// The variables one module sees: those of the workspace above the process environment above its
/// own `.env` (config.md 3.1).
///
/// It keeps which values were used, for redaction and for the content hash; it lives as long as
/// one load.
final class VariableScope {
  private let workspace: [String: Given]
  private let environment: [String: String]
  /// Nil when it could not be read.
  private let dotEnv: [String: String]?
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
    dotEnv: [String: String]? = [:]
  ) {
    self.workspace = workspace
    self.environment = environment
    self.dotEnv = dotEnv
  }

  /// The value of a variable, empty or not; nil when it is unset.
  func value(_ name: String) -> String? {
    if isUnresolved(name) { return nil }
    let value = workspace[name]?.value ?? environment[name] ?? dotEnv?[name]
    if let value { used[name] = value }
    return value
  }

  /// The workspace has it and could not tell its value, or `.env` may have it and cannot be read: no
  /// other value may take its place, and nothing more need be said of it.
  func isUnresolved(_ name: String) -> Bool {
    workspace[name].map(\.isUnresolved) ?? (dotEnv == nil && environment[name] == nil)
  }

  /// Whether only `.env` could set it, which cannot be read: not even a default is known to hold.
  func mayBeInDotEnv(_ name: String) -> Bool {
    dotEnv == nil && workspace[name] == nil && environment[name] == nil
  }

  /// Where the value of a variable comes from.
  func source(_ name: String) -> VariableUse.Source {
    if isUnresolved(name) { return .unset }
    if workspace[name] != nil { return .workspace }
    if environment[name] != nil { return .environment }
    return dotEnv?[name] == nil ? .unset : .dotEnv
  }

  /// `[A-Za-z_][A-Za-z0-9_]*`.
  static func isName(_ text: some StringProtocol) -> Bool {
    guard let first = text.unicodeScalars.first, !("0"..."9").contains(first) else { return false }
    return text.unicodeScalars.allSatisfy { each in
      ("a"..."z").contains(each) || ("A"..."Z").contains(each) || ("0"..."9").contains(each)
        || each == "_"
    }
  }
}
