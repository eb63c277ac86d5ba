import Engine

/// Makes definitions of drafts: objects first, then routes, which may reach into other modules.
struct ModuleBuilder {
  private let session: Session
  private let drafts: ModuleDrafts
  private let userDefaults: Node?
  private let settings: RuntimeSettings

  init(
    _ session: Session, _ drafts: ModuleDrafts, userDefaults: Node?, settings: RuntimeSettings
  ) {
    self.session = session
    self.drafts = drafts
    self.userDefaults = userDefaults
    self.settings = settings
  }

  func build() -> [ModuleDefinition] {
    session.currentModule = nil
    let user = session.defaultsBlock(userDefaults)
    session.currentModule = drafts.boot.name
    let boot = session.defaultsBlock(drafts.boot.defaults).over(user)
    let parts = drafts.all.map { draft in
      session.currentModule = draft.name
      let own = draft.isBoot ? boot : session.defaultsBlock(draft.defaults).over(boot)
      var reader = PartsReader(session, draft, defaults: own)
      reader.read()
      return reader.parts
    }
    let directory = ModuleDirectory(parts, neighbours: neighbours)
    var graph = GraphCheck(session, directory, settings: settings)
    let modules = parts.map { parts in
      session.currentModule = parts.draft.name
      var reader = RouteReader(session, parts, in: directory)
      reader.read()
      checkUnused(parts, reader)
      graph.add(parts, reader)
      return definition(parts, reader)
    }
    graph.check()
    return modules
  }

  /// The modules that run already. A boot project that is read again is its own boot project.
  private var neighbours: [Neighbour] {
    if case .boot = session.options.role {
      return session.options.neighbours.filter { !$0.isBoot }
    }
    return session.options.neighbours
  }

  /// A definition that no route uses is checked with its own `config` alone.
  private func checkUnused(_ parts: ModuleParts, _ reader: RouteReader) {
    let checker = ConfigChecker(
      session: session, root: parts.draft.root, scope: parts.draft.scope)
    for name in parts.transformNames where !reader.usedTransforms.contains(name) {
      guard let definition = parts.transforms[name] else { continue }
      _ = session.step(definition, overlay: nil, defaults: parts.defaults, checker: checker)
    }
  }

  private func definition(_ parts: ModuleParts, _ reader: RouteReader) -> ModuleDefinition {
    let draft = parts.draft
    var captured: [String: String] = [:]
    for (path, hash) in reader.prompts { captured[session.shown(path)] = hash }
    for (path, hash) in parts.captured.sorted(by: { $0.key < $1.key }) {
      captured[session.shown(path)] = hash
      session.note(path, "script")
    }
    let lower = [userDefaults, draft.isBoot ? nil : drafts.boot.defaults].compactMap(\.self)
    let stored = ContentHash.documents(
      draft, captured: captured, lower: lower, redactor: session.redactor,
      key: session.options.hashKey)
    session.literals[draft.name] = stored.literals
    let reading = ReadingRecord(
      draft, projectRoot: session.projectRoot,
      overlay: (session.overlay?.file).map(session.shown), hasUserDefaults: userDefaults != nil,
      hasBootDefaults: !draft.isBoot && drafts.boot.defaults != nil, links: session.links,
      literals: stored.literals, key: session.options.hashKey)
    let base = ModuleDefinition(name: draft.name)
    return ModuleDefinition(
      name: draft.name, alias: draft.alias, path: draft.file, root: draft.root,
      sources: parts.sources, actors: parts.actors, routes: reader.routes,
      loggers: parts.loggers, contentHash: stored.hash, documents: stored.documents,
      reading: reading.json, captured: session.kept(captured),
      eventRetentionMs: parts.defaults.eventRetentionMs ?? base.eventRetentionMs,
      deadLetterRetentionMs: parts.defaults.deadLetterRetentionMs ?? base.deadLetterRetentionMs)
  }
}
