package import Engine

/// How configurations are read from the history.
package struct ArchiveOptions: Sendable {
  /// Scripts and prompts are what they were then; else what lies on the disk now.
  package var usesCaptured: Bool
  /// Credentials that stand in the files now, by module and place (``LoadedProject/literals``).
  package var literals: [String: [String: JSONValue]]

  package init(usesCaptured: Bool, literals: [String: [String: JSONValue]] = [:]) {
    self.usesCaptured = usesCaptured
    self.literals = literals
  }
}

/// What came of reading configurations from the history.
package struct ArchivedProject: Sendable {
  /// Those that could be read, the boot project's first.
  package var modules: [ModuleDefinition] = []
  /// What is wrong with the others, and warnings.
  package var diagnostics: [Diagnostic] = []
  /// Modules that an older orgloop has stored, which can be shown and not be read.
  package var unreadable: [String] = []
  /// Literal credentials that the files do not have any more.
  package var missing: [MissingLiteral] = []
  /// Variables that have another value now than they had then.
  package var variables: [ChangedVariable] = []
  /// Scripts and prompts that are other ones now than they were then.
  package var files: [ChangedFile] = []
  /// As ``LoadedProject/secrets``.
  package var secrets: [String] = []

  package var hasErrors: Bool { diagnostics.contains { $0.level == .error } }

  /// A credential that was written into a file and stands nowhere now.
  package struct MissingLiteral: Sendable, Hashable {
    package var module: String
    package var file: String
    /// Dots between keys.
    package var field: String
  }

  package struct ChangedVariable: Sendable, Hashable {
    package var module: String
    package var name: String
  }

  /// A script or prompt.
  package struct ChangedFile: Sendable, Hashable {
    package var module: String
    /// As it is shown.
    package var file: String
    package var isScript: Bool
    /// SHA-256 in hexadecimal.
    package var then: String
    /// Nil when there is none.
    package var now: String?
    /// The routes that use it.
    package var routes: [String]
  }
}
