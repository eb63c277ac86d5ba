package import Engine

/// How a configuration is loaded.
package struct LoadOptions: Sendable {
  /// Warnings count as errors.
  package var strict = false
  /// Variables that are not set are warnings: for machines without the secrets.
  package var allowMissingEnvironment = false
  /// The runtime reads for somebody else, whose shell may have other variables than it.
  package var isForRuntime = false
  package var role = Role.boot
  /// Fills ``LoadedProject/shown``, which is as large as the project.
  package var showsObjects = false
  /// The key of the hashes that show a changed secret without showing the secret. Whoever stores
  /// the hashes brings a key of its own, so that a weak secret cannot be guessed from them.
  package var hashKey: [UInt8] = Array("orgloop".utf8)

  /// Whose overlay and variables are taken; nil reads the files as they are (config.md 11).
  package var workspace: Workspace?

  /// Whether ``LoadedProject/merged`` is made.
  package var describes = false

  /// Variables that lie over all others: for tests.
  package var variables: [String: String] = [:]

  /// Values that lie over what the manifest gives, by module and then by parameter: for tests.
  package var parameters: [String: [String: Parameter]] = [:]

  /// A value for a parameter, and where it is given. Two are equal whose texts are.
  package struct Parameter: Sendable, Hashable {
    package var text: String
    package var origin: Origin

    package init(_ text: String, at origin: Origin) {
      self.text = text
      self.origin = origin
    }

    package static func == (left: Parameter, right: Parameter) -> Bool { left.text == right.text }

    package func hash(into hasher: inout Hasher) { hasher.combine(text) }
  }

  /// What a module that is loaded later finds running.
  package var neighbours: [Neighbour] = []

  package init() {}

  package struct Workspace: Sendable, Hashable {
    package var name: String
    /// The directory of the project whose overlay's variables hold as well: that of the boot project,
    /// for what is loaded beside it.
    package var variablesRoot: String?

    package init(name: String, variablesRoot: String? = nil) {
      self.name = name
      self.variablesRoot = variablesRoot
    }
  }

  package enum Role: Sendable {
    /// What `start` and `validate` load: a flat project is the module `default`.
    case boot
    /// What `module load` loads beside a running runtime: the name is the one given, else
    /// `metadata.name`, else `mod-` and a hash. A manifest brings each of its modules under its
    /// own name (config.md 10.4).
    ///
    /// The parameters are kept in the database, so that the module comes back after a crash:
    /// `${VAR}` in one is replaced from the environment at each load, and a credential that is
    /// written literally is an error.
    case module(name: String?, parameters: [String: String])
  }
}

/// A module that runs while another is loaded: what that one's references are resolved against.
package struct Neighbour: Sendable {
  package var definition: ModuleDefinition
  /// The boot project's own objects, which parameters may name without a prefix (config.md 10.3).
  /// A module that the boot manifest names is none.
  package var isBoot: Bool

  package init(definition: ModuleDefinition, isBoot: Bool) {
    self.definition = definition
    self.isBoot = isBoot
  }
}
