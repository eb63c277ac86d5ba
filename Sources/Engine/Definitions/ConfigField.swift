/// One key that a connector, transform or logger takes in its `config`.
///
/// The same list validates, writes the JSON Schema, and stands in the documentation; a check that
/// goes beyond types is the descriptor's `check`.
package struct ConfigField: Sendable {
  package var name: String
  package var type: ConfigType
  package var isRequired: Bool
  /// What stands in when the key is absent.
  package var defaultValue: JSONValue?
  /// Redacted everywhere, must not be empty, and gives a warning when written literally.
  package var isSecret: Bool
  /// Accepted for older files, does nothing, and gives a notice.
  package var isIgnored: Bool
  package var summary: String

  package init(
    _ name: String, _ type: ConfigType, required: Bool = false, default: JSONValue? = nil,
    secret: Bool = false, ignored: Bool = false, _ summary: String = ""
  ) {
    self.name = name
    self.type = type
    isRequired = required
    defaultValue = `default`
    isSecret = secret
    isIgnored = ignored
    self.summary = summary
  }
}

/// The type of a configuration value, with what it must look like (config.md 2).
package indirect enum ConfigType: Sendable {
  case string
  case boolean
  case integer(ClosedRange<Int64>)
  case number(ClosedRange<Double>)
  /// `30s`; handed on as the text.
  case duration
  case size
  case rate
  case dotPath
  /// An http or https URL without user info.
  case url
  /// A file path, resolved as config.md 4 says; handed on absolute.
  case path
  /// A program and its arguments: a non-empty list of strings. A relative program is looked up as
  /// a script path, then on `PATH`; handed on with the program absolute.
  case command
  /// A list of variable names to pass, or a map of name to value (config.md 9.2); handed on as a
  /// map of name to value.
  case environment
  case eventType
  case choice([String])
  case list(ConfigType)
  /// Any keys; the values have this type.
  case map(ConfigType)
  case object([ConfigField])
  /// The first type that fits.
  case either([ConfigType])
  case any
}

/// Something wrong in a `config` that the types alone do not show.
package struct ConfigProblem: Error, Sendable, Hashable {
  /// Keys and list positions from the top of the `config` to the value.
  package var path: [String]
  package var message: String
  package var level: Level

  package enum Level: String, Sendable { case error, warning, notice }

  package init(_ path: [String], _ message: String, level: Level = .error) {
    self.path = path
    self.message = message
    self.level = level
  }
}
