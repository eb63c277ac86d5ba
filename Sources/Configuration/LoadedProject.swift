package import Engine

/// What came of loading a project: definitions, and everything there is to say about the files.
///
/// Only when ``hasErrors`` is false may all of it be started; the modules in ``modules`` are
/// complete and free of errors in any case.
package struct LoadedProject: Sendable {
  /// The directory of the configuration file, symbolic links resolved.
  package var projectRoot: String
  /// Absolute; nil when none was found.
  package var configFile: String?
  package var settings: RuntimeSettings
  /// The modules without an error, the boot project first.
  package var modules: [ModuleDefinition]
  /// The names of the modules that an error keeps out of ``modules``.
  package var invalidModules: [String]
  /// Sorted by file and position.
  package var diagnostics: [Diagnostic]
  /// Every file that was read, in the order of reading.
  package var files: [CheckedFile]
  /// Every place where a value refers to a variable, in the order of reading.
  package var variables: [VariableUse]
  /// The values of credentials, 6 characters or more, that no line of a log may show; the longest
  /// first, so that a value inside another is replaced with it.
  package var secrets: [String]
  /// Per module: `sources`, `actors`, `routes`, `transforms` and `loggers` as they were
  /// understood, with `***` for what variables brought in and for credentials.
  package var shown: [String: JSONValue]

  package var hasErrors: Bool { diagnostics.contains { $0.level == .error } }

  /// A text with every credential of this project replaced by `***`.
  package func redacting(_ text: String) -> String {
    Redaction.apply(text, secrets: secrets)
  }
}

extension LoadedProject: CustomStringConvertible, CustomDebugStringConvertible {
  /// Short, because the definitions hold credentials that a log line must not.
  package var description: String {
    "\(configFile ?? projectRoot): \(modules.count) modules, \(diagnostics.count) diagnostics"
  }

  package var debugDescription: String { description }
}

/// A file that was read, with a few words on what is in it.
package struct CheckedFile: Sendable, Hashable {
  /// Relative to the project root where it lies below it, else absolute.
  package var path: String
  /// `project ops`, `1 source, 2 actors`, `prompt`, …
  package var summary: String

  package init(path: String, summary: String) {
    self.path = path
    self.summary = summary
  }
}

/// A reference to a variable, for `env`: where it stands and where its value came from, never the
/// value.
package struct VariableUse: Sendable, Hashable {
  package var name: String
  package var origin: Origin
  package var source: Source
  /// What is written after `:-`.
  package var defaultText: String?

  /// Where a value came from.
  package enum Source: String, Sendable {
    case environment
    case dotEnv = ".env"
    case defaultText = "default"
    case unset
  }
}

/// How a configuration is loaded.
package struct LoadOptions: Sendable {
  /// Warnings count as errors.
  package var strict = false
  /// Variables that are not set are warnings: for machines without the secrets.
  package var allowMissingEnvironment = false
  package var role = Role.boot
  /// The key of the hashes that show a changed secret without showing the secret. Whoever stores
  /// the hashes brings a key of its own, so that a weak secret cannot be guessed from them.
  package var hashKey: [UInt8] = Array("orgloop".utf8)

  package init() {}

  package enum Role: Sendable {
    /// What `start` and `validate` load: a flat project is the module `default`.
    case boot
    /// What `module load` loads beside a running runtime: the name is the one given, else
    /// `metadata.name`, else `mod-` and a hash.
    case module(name: String?, parameters: [String: String])
  }
}

/// Replaces credentials in text that leaves the process.
enum Redaction {
  /// 6: shorter values would blacken words that have nothing to do with them.
  static let secretLengthMin = 6

  static func apply(_ text: String, secrets: [String]) -> String {
    secrets.reduce(text) { $0.contains($1) ? $0.replacing($1, with: "***") : $0 }
  }

  /// Keys whose value is a credential wherever they stand (config.md 3.3).
  static func isCredential(key: String) -> Bool {
    switch key.lowercased() {
    case "token", "secret", "password", "api_key", "auth_token", "auth_token_env",
      "authorization":
      true
    default: false
    }
  }

  /// Variables whose name says that their value is a credential.
  static func isCredential(variable: String) -> Bool {
    let name = variable.uppercased()
    return ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "CREDENTIAL", "PRIVATE"]
      .contains { name.contains($0) }
  }

  /// A value without credentials: neither those known by their key nor those known by value.
  static func redacting(_ value: JSONValue, secrets: [String]) -> JSONValue {
    replacing(redactingLiterals(value), secrets: secrets)
  }

  private static func replacing(_ value: JSONValue, secrets: [String]) -> JSONValue {
    switch value {
    case .string(let text): .string(apply(text, secrets: secrets))
    case .array(let list): .array(list.map { replacing($0, secrets: secrets) })
    case .object(let object):
      .object(
        JSONObject(
          object.members.map {
            JSONObject.Member(key: $0.key, value: replacing($0.value, secrets: secrets))
          }))
    default: value
    }
  }

  /// A value with `***` for every literal credential in it.
  private static func redactingLiterals(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let list): .array(list.map(redactingLiterals))
    case .object(let object):
      .object(
        JSONObject(
          object.members.map { member in
            var member = member
            member.value =
              isCredential(key: member.key)
              ? hidden(member.value) : redactingLiterals(member.value)
            return member
          }))
    default: value
    }
  }

  /// A variable's name stays readable: `${TOKEN}` is no secret, what stands for it is.
  private static func hidden(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let list): .array(list.map(hidden))
    case .string(let text) where text.contains("${") || text.contains("{{") || text.contains("***"):
      value
    case .string, .number: "***"
    default: redactingLiterals(value)
    }
  }
}
