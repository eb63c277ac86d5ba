/// One key of a map in a configuration file: what it takes, and what it means.
///
/// The same list validates, writes the JSON Schema, and stands in the documentation; a check that
/// goes beyond types is the reader's, or a descriptor's `check`.
package struct ConfigField: Sendable {
  package var name: String
  package var type: ConfigType
  package var isRequired: Bool
  /// What stands in when the key is absent.
  package var defaultValue: JSONValue?
  /// Redacted everywhere, must not be empty, and gives a warning when written literally.
  package var isSecret: Bool
  /// Goes into events as it is, which the database keeps in clear: no place for a credential.
  package var isStored: Bool
  /// Accepted for older files, does nothing, and gives a notice.
  package var isIgnored: Bool
  package var summary: String

  package init(
    _ name: String, _ type: ConfigType, required: Bool = false, default: JSONValue? = nil,
    secret: Bool = false, stored: Bool = false, ignored: Bool = false, _ summary: String = ""
  ) {
    self.name = name
    self.type = type
    isRequired = required
    defaultValue = `default`
    isSecret = secret
    isStored = stored
    isIgnored = ignored
    self.summary = summary
  }
}

/// The keys of one kind of map: a source, a route, a `delivery` block, a whole file.
package struct ConfigTable: Sendable {
  /// One word, unique among all tables: the name of its definition in the JSON Schemas.
  package var name: String
  package var summary: String
  package var fields: [ConfigField]
  /// Further keys are taken as they are, such as those that an actor gives a meaning.
  package var isOpen: Bool
  /// One of these keys must be there; empty = none.
  package var requiresOne: [String]
  package var rules: [Rule]

  /// A key that a value of another one makes required.
  package struct Rule: Sendable {
    package var key: String
    package var value: JSONValue
    package var requires: String

    package init(_ key: String, _ value: JSONValue, requires: String) {
      self.key = key
      self.value = value
      self.requires = requires
    }
  }

  package init(
    _ name: String, _ summary: String, isOpen: Bool = false, requiresOne: [String] = [],
    rules: [Rule] = [], _ fields: [ConfigField]
  ) {
    self.name = name
    self.summary = summary
    self.fields = fields
    self.isOpen = isOpen
    self.requiresOne = requiresOne
    self.rules = rules
  }

  package subscript(name: String) -> ConfigField? { fields.first { $0.name == name } }

  package var keys: [String] { fields.map(\.name) }
}

/// The type of a configuration value, with what it must look like (config.md 2).
package indirect enum ConfigType: Sendable {
  case string
  /// A string of at least so many characters.
  case longString(lengthMin: Int)
  /// The id of a source, an actor or a module; some are reserved.
  case id(reserved: [String])
  /// The name of a route, a transform or a logger.
  case name
  case boolean
  case integer(ClosedRange<Int64>)
  case number(ClosedRange<Double>)
  /// `30s`; handed on as the text.
  case duration
  /// A duration of at least so many milliseconds: 1, or 1,000.
  case longDuration(msMin: Int64)
  /// Bytes, at least one.
  case size
  case rate
  /// So many per period, `100/h`: a whole number, unlike a rate.
  case startLimit
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
  /// Exactly this word; no variable stands for it.
  case constant(String)
  case list(ConfigType)
  /// A list that is not empty, or one of its elements alone.
  case oneOrMore(ConfigType)
  /// Null, where it says something.
  case nothing
  /// Any keys; the values have this type.
  case map(ConfigType)
  case object([ConfigField])
  case table(ConfigTable)
  /// A filter map (config.md 6.3).
  case filter
  /// The specifier of something built in.
  case specifier(BuiltInRole)
  /// The `config` of what the specifier beside it names.
  case config(BuiltInRole)
  /// The first type that fits.
  case either([ConfigType])
  case any

  /// What a specifier names.
  package enum BuiltInRole: String, Sendable { case source, actor, transform, logger }
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
