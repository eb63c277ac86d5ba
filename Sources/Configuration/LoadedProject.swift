package import Engine

/// What came of loading a project: definitions, and everything there is to say about the files.
///
/// Only when ``hasErrors`` is false may all of it be started; the modules in ``modules`` are
/// complete and free of errors in any case.
package struct LoadedProject: Sendable {
  /// `metadata.name` of the project; `default` when it has none.
  package var name: String
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
  /// understood, with `***` for what variables brought in and for credentials. Empty unless
  /// ``LoadOptions/showsObjects`` asks for it.
  package var shown: [String: JSONValue]
  /// Credentials that are written literally, by module and place: what the history keeps a hash
  /// of. They never leave the process.
  package var literals: [String: [String: JSONValue]] = [:]

  /// Nil when the files were read as they are.
  package var workspace: String?
  /// The overlay that was laid over the files, relative to the project root; nil without one.
  package var overlay: String?
  /// What the overlay made different.
  package var overrides: [Override] = []

  /// The project in one document; only when it was asked for.
  package var merged: MergedProject?

  package var hasErrors: Bool { diagnostics.contains { $0.level == .error } }

  /// A text with every credential of this project replaced by `***`.
  package func redacting(_ text: String) -> String {
    Redactor(secrets).apply(text)
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
  /// A name of a variable to pass on, which is left out when it is not set.
  package var isOptional = false
  /// It stands where a credential belongs.
  package var isCredential = false

  /// Where a value came from.
  package enum Source: String, Sendable {
    case workspace
    case environment
    case dotEnv = ".env"
    case defaultText = "default"
    case unset
  }
}
