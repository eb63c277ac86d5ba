package import Engine

/// Reads a project's files into definitions and diagnostics (config.md).
///
/// It has no side effects and reads nothing global: environment, home and working directory are
/// parameters. Nothing a user can write makes it throw or trap; what is wrong is a ``Diagnostic``.
package struct ConfigurationLoader: Sendable {
  private let catalog: ConnectorCatalog
  private let environment: [String: String]
  private let home: String
  private let workingDirectory: String
  private let options: LoadOptions

  package init(
    catalog: ConnectorCatalog, environment: [String: String], home: String,
    workingDirectory: String, options: LoadOptions = LoadOptions()
  ) {
    self.catalog = catalog
    self.environment = environment
    self.home = home
    self.workingDirectory = workingDirectory
    self.options = options
  }

  /// Loads the project at a path: a file, a directory, or nil for the working directory
  /// (config.md 1.1).
  package func load(_ path: String? = nil) -> LoadedProject {
    ProjectReader(session()).load(path)
  }

  /// What a reader of one file needs.
  func session() -> Session {
    Session(
      catalog: catalog, environment: environment, home: home,
      workingDirectory: workingDirectory, options: options)
  }

  /// Reads configurations from the history instead of files.
  package func load(
    _ entries: [HistoryEntry], contents: [String: [UInt8]], as options: ArchiveOptions
  ) -> ArchivedProject {
    ArchiveReader(
      catalog: catalog, environment: environment, home: home, loading: self.options,
      options: options, contents: contents
    ).load(entries)
  }

  /// The configuration file of a package, absolute and resolved, or nil (config.md 10.2).
  ///
  /// - Parameters:
  ///   - package: A path or the name of a package.
  ///   - root: The directory below which names are looked up, and from which paths start.
  package func locate(package specifier: String, root: String) -> String? {
    session().package(specifier, root: root)
  }
}

/// The steps of one load, in order.
struct ProjectReader {
  private let session: Session

  init(_ session: Session) { self.session = session }

  func load(_ path: String?) -> LoadedProject {
    guard let file = configFile(path) else { return result(file: nil, modules: []) }
    session.projectRoot = FilePath.directory(file)
    OverlayReader(session: session).read(beside: file)
    let userDefaults = self.userDefaults()
    let drafts = ModuleGatherer(session).gather(file)
    let settings = session.runtimeSettings(drafts.boot.runtime)
    let builder = ModuleBuilder(session, drafts, userDefaults: userDefaults, settings: settings)
    var project = result(
      file: file, name: drafts.boot.alias ?? drafts.boot.name, modules: builder.build(),
      settings: settings, drafts: drafts.all)
    if session.options.describes {
      project.merged = MergedProject(
        session, drafts, redactor: session.redactor, overrides: project.overrides)
    }
    return project
  }

  /// The file to load, resolved; nil after a report.
  private func configFile(_ path: String?) -> String? {
    let base = FilePath.resolve(path ?? ".", in: session.workingDirectory, home: session.home)
    let tried: [String]
    if path != nil, FileAccess.kind(base) != .directory {
      tried = [base]
    } else {
      tried = names(isGiven: path != nil).map { base + "/" + $0 }
    }
    let first = tried.first { FileAccess.presence($0) != .missing }
    if let first, case .unclear(let failure) = FileAccess.presence(first) {
      session.projectRoot = FilePath.directory(first)
      session.error(
        "file.missing", "\(failure.message); \(failure.cure)", at: Origin(file: first))
      return nil
    }
    guard let found = first.flatMap(FileAccess.resolved) else {
      session.projectRoot = FilePath.directory(tried.first ?? base)
      session.error(
        "file.missing", "no configuration file; tried \(tried.joined(separator: ", "))",
        at: Origin(file: tried.first ?? base, line: 1, column: 1))
      return nil
    }
    return found
  }

  /// What is looked for in a directory: a project to start it, or a module to load it
  /// (config.md 1.1, 10.2).
  private func names(isGiven: Bool) -> [String] {
    let names = ["orgloop.yaml", "orgloop.yml"]
    if case .module = session.options.role { return ["orgloop-module.yaml"] + names }
    return isGiven ? names + ["orgloop-module.yaml"] : names
  }

  /// `defaults` of `~/.orgloop/config.yaml`, variables replaced.
  private func userDefaults() -> Node? {
    let path = session.home + "/.orgloop/config.yaml"
    switch FileAccess.presence(path) {
    case .missing: return nil
    // That the home is somebody else's is no reason to load nothing.
    case .unclear(let failure) where failure.reason == .unreadable: return nil
    case .unclear, .present: break
    }
    let origin = Origin(file: session.shown(path), line: 1, column: 1)
    guard let document = session.document(path, namedAt: origin) else { return nil }
    session.note(path, "user defaults")
    let scope = VariableScope(
      workspace: session.workspaceVariables, environment: session.environment)
    guard document.isMap || document.isNull else {
      session.error(
        "key.type", "the file must hold a map, not \(document.kind)", at: document.origin)
      return nil
    }
    // Other keys are for others; one that is nearly this one is not.
    for pair in document.pairs where pair.key != "defaults" {
      guard session.nearest(to: pair.key, among: ["defaults"]) != nil else { continue }
      session.report(
        .warning, "key.unknown", "unknown key \"\(pair.key)\"", at: pair.keyOrigin,
        among: ["defaults"], meant: pair.key)
    }
    return document["defaults"].map(Substitution(session, scope: scope).apply)
  }

  private func result(
    file: String?, name: String = "default", modules: [ModuleDefinition],
    settings: RuntimeSettings = RuntimeSettings(), drafts: [ModuleDraft] = []
  ) -> LoadedProject {
    session.checkWorkspaceVariables()
    session.checkStored()
    let secrets = session.sortedSecrets
    let invalid = session.isOverlayUnusable ? modules.map(\.name) : []
    let redactor = Redactor(session.broughtIn.union(secrets))
    let diagnostics = Set(session.diagnostics).sorted().map { $0.hiding(redactor) }
    var shown: [String: JSONValue] = [:]
    if session.options.showsObjects {
      for draft in drafts { shown[draft.name] = draft.shown(session.redactor) }
    }
    return LoadedProject(
      name: name, projectRoot: session.projectRoot, configFile: file, settings: settings,
      modules: modules.filter {
        !session.invalid.contains($0.name) && !session.isOverlayUnusable
      },
      invalidModules: session.invalid.union(invalid).sorted(), diagnostics: diagnostics,
      files: session.files, variables: session.markedVariables, secrets: secrets, shown: shown,
      literals: session.literals, workspace: session.options.workspace?.name,
      overlay: (session.overlay?.file).map(session.shown),
      overrides: session.overrides(hiding: session.redactor))
  }
}

extension ModuleDraft {
  /// The objects with `***` for everything secret.
  fileprivate func shown(_ redactor: Redactor) -> JSONValue {
    let lists = [
      ("sources", sources), ("actors", actors), ("routes", routes), ("transforms", transforms),
      ("loggers", loggers),
    ]
    return .object(
      JSONObject(
        lists.map { key, nodes in
          JSONObject.Member(
            key: key, value: Redaction.redacting(.array(nodes.map(\.shownJSON)), redactor))
        }))
  }
}
