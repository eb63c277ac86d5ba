package import Engine

/// One thing that is wrong, doubtful or worth knowing in the configuration (config.md 13).
package struct Diagnostic: Sendable, Hashable, CustomStringConvertible {
  /// Relative to the project root where it lies below it, else absolute.
  package var file: String
  /// Counted from 1.
  package var line: Int
  /// Counted from 1.
  package var column: Int
  package var level: Level
  /// Stable: `key.unknown`, `ref.actor`, …
  package var code: String
  package var message: String
  /// What was probably meant.
  package var suggestion: String?
  /// The id, name or variable that a `graph.*` or `env.*` diagnostic is about.
  package var subject: String?

  /// How much a diagnostic weighs: only errors keep a configuration from being used.
  package enum Level: String, Sendable, CaseIterable { case error, warning, notice }

  package init(
    file: String, line: Int, column: Int, level: Level, code: String, message: String,
    suggestion: String? = nil, subject: String? = nil
  ) {
    self.file = file
    self.line = line
    self.column = column
    self.level = level
    self.code = code
    self.message = message
    self.suggestion = suggestion
    self.subject = subject
  }

  /// The same without values of variables (config.md 3.3). What was probably meant is left out when
  /// it has one: half a name helps nobody.
  func hiding(_ redactor: Redactor) -> Diagnostic {
    var hidden = self
    hidden.message = redactor.apply(message)
    hidden.suggestion = suggestion.flatMap { redactor.apply($0) == $0 ? $0 : nil }
    hidden.subject = subject.map(redactor.apply)
    return hidden
  }

  /// The line of config.md 13.1.
  package var description: String {
    let meant = suggestion.map { "; did you mean \"\($0)\"?" } ?? ""
    return "\(file):\(line):\(column): \(level.rawValue)[\(code)] \(message)\(meant)"
  }

  /// What to do: what was probably meant, else what helps with such a problem.
  package var hint: String? {
    suggestion.map { "did you mean \"\($0)\"?" } ?? DiagnosticCode.cure(of: code)
  }

  /// Every part under its own name; `suggestion` and `subject` are null where there is none.
  package var json: JSONValue {
    [
      "file": .string(file), "line": JSONValue(line), "column": JSONValue(column),
      "level": .string(level.rawValue), "code": .string(code), "message": .string(message),
      "hint": JSONValue(hint), "suggestion": JSONValue(suggestion), "subject": JSONValue(subject),
    ]
  }
}

extension Diagnostic: Comparable {
  /// By file and position, then so that the order is always the same.
  package static func < (left: Diagnostic, right: Diagnostic) -> Bool {
    (left.file, left.line, left.column, left.code, left.message)
      < (right.file, right.line, right.column, right.code, right.message)
  }
}
