import Engine

/// Makes definitions of what the history keeps: the drafts come from there, everything behind them is
/// what reads files.
struct ArchiveReader {
  let catalog: ConnectorCatalog
  let environment: [String: String]
  let home: String
  let loading: LoadOptions
  let options: ArchiveOptions
  let contents: [String: [UInt8]]

  /// A module with the record of how it was read.
  private struct Source {
    let entry: HistoryEntry
    let reading: ReadingRecord
    /// What is kept, literal credentials put back.
    let content: JSONValue
    let captured: [String: String]

    /// Keyed hashes by the names of variables.
    func variables(_ key: String) -> [JSONObject.Member] { content[key]?.object?.members ?? [] }

    var documents: [JSONObject.Member] { content["documents"]?.object?.members ?? [] }

    /// A lower `defaults` of that name, as it is written.
    func lower(_ name: String) -> JSONValue? {
      guard let index = reading.lower.firstIndex(of: name),
        let list = content["defaults"]?.array, list.indices.contains(index)
      else { return nil }
      return list[index]
    }
  }

  /// - Parameter entries: At most one of each module.
  func load(_ entries: [HistoryEntry]) -> ArchivedProject {
    var project = ArchivedProject()
    var sources: [Source] = []
    for entry in entries {
      guard let reading = ReadingRecord(entry.reading) else {
        project.unreadable.append(entry.module)
        continue
      }
      sources.append(source(entry, reading, &project))
    }
    // What is loaded by hand may refer to what the boot project has.
    let groups = Dictionary(grouping: sources) { source in
      source.entry.isFromBoot ? "" : source.reading.projectRoot
    }
    for (_, group) in groups.sorted(by: { $0.key < $1.key }) { read(group, &project) }
    return project
  }

  private func source(
    _ entry: HistoryEntry, _ reading: ReadingRecord, _ project: inout ArchivedProject
  ) -> Source {
    var literals: [String: JSONValue] = [:]
    let now = options.literals[entry.module] ?? [:]
    for (place, hash) in reading.literals.sorted(by: { $0.key < $1.key }) {
      if let value = now[place],
        LiteralCredentials.hash(value, at: place, key: loading.hashKey) == hash
      {
        literals[place] = value
      } else {
        let (file, field) = LiteralCredentials.words(place)
        project.missing.append(.init(module: entry.module, file: file, field: field))
      }
    }
    return Source(
      entry: entry, reading: reading,
      content: LiteralCredentials.restored(entry.documents.value(), literals),
      captured: entry.captured)
  }

  // MARK: One project

  /// Reads the modules that came from one manifest or file.
  private func read(_ group: [Source], _ project: inout ArchivedProject) {
    guard let first = group.first else { return }
    var loading = loading
    loading.role =
      first.entry.isFromBoot ? .boot : .module(name: nil, parameters: [:])
    loading.neighbours += project.modules.map {
      Neighbour(definition: $0, isBoot: $0.name == "default")
    }
    let session = Session(
      catalog: catalog, environment: environment, home: home,
      workingDirectory: first.reading.projectRoot, options: loading)
    session.projectRoot = first.reading.projectRoot
    var files = ArchivedFiles(contents: contents, usesCaptured: options.usesCaptured)
    for source in group { files.add(source.documents, captured: source.captured, source.reading) }
    session.archive = files
    takeUpOverlay(group, session)
    let drafts = drafts(group, session)
    let builder = ModuleBuilder(
      session, drafts, userDefaults: userDefaults(group, session), settings: RuntimeSettings())
    let built = builder.build().filter { !session.invalid.contains($0.name) }
    for source in group {
      guard let definition = built.first(where: { $0.name == source.entry.module }) else {
        continue
      }
      compare(source, definition, &project)
    }
    project.modules += built
    let secrets = session.sortedSecrets
    project.secrets += secrets
    let redactor = Redactor(session.broughtIn.union(secrets))
    project.diagnostics += Set(session.diagnostics).sorted().map { $0.hiding(redactor) }
  }

  /// The overlay is one of the documents and is laid over the others again; the variables of the
  /// workspace are those that it has now.
  private func takeUpOverlay(_ group: [Source], _ session: Session) {
    guard let project = group.first(where: \.reading.isProject) else { return }
    session.workspaceVariables = OverlayReader.variables(
      beside: project.reading.path, catalog: catalog, environment: environment, home: home,
      options: session.options)
    guard let shown = project.reading.overlay else { return }
    let path = shown.hasPrefix("/") ? shown : session.projectRoot + "/" + shown
    session.overlay = session.archive?.document(path).map { Overlay(file: path, $0) }
  }

  private func userDefaults(_ group: [Source], _ session: Session) -> Node? {
    group.lazy.compactMap { $0.lower("user") }.first.map { value in
      Substitution(
        session,
        scope: VariableScope(
          workspace: session.workspaceVariables, environment: environment)
      )
      .apply(Node(json: value, at: Origin(file: "config.yaml", line: 1, column: 1)))
    }
  }

  private func drafts(_ group: [Source], _ session: Session) -> ModuleDrafts {
    let ordered = group.sorted {
      ($0.reading.isProject ? 0 : 1, $0.entry.module) < (
        $1.reading.isProject ? 0 : 1, $1.entry.module
      )
    }
    let all = ordered.compactMap { draft($0, session) }
    if let boot = all.first, boot.isBoot { return ModuleDrafts(boot: boot, all: all) }
    // Nothing but a manifest: of it only the defaults are in its modules.
    let root = session.projectRoot
    let origin = Origin(file: "orgloop.yaml", line: 1, column: 1)
    var boot = ModuleDraft(
      name: "default", alias: nil, file: root + "/orgloop.yaml", root: root, isBoot: true,
      scope: session.scope(root: root), parameters: [:], origin: origin)
    boot.defaults = ordered.lazy.compactMap { $0.lower("boot") }.first.map { value in
      Substitution(session, scope: boot.scope).apply(Node(json: value, at: origin))
    }
    return ModuleDrafts(boot: boot, all: all)
  }

  private func draft(_ source: Source, _ session: Session) -> ModuleDraft? {
    let (entry, reading) = (source.entry, source.reading)
    session.currentModule = entry.module
    let origin = Origin(file: session.shown(reading.path), line: 1, column: 1)
    guard let document = session.document(reading.path, namedAt: origin) else { return nil }
    let scope = session.scope(root: reading.root)
    // A manifest's variables count for the project, although its list of modules is not kept.
    for variable in source.variables("variables") { _ = scope.value(variable.key) }
    let declared = document["params"].map {
      Substitution(session, scope: scope).apply($0)
    }
    var draft = ModuleDraft(
      name: entry.module, alias: reading.alias, file: reading.path, root: reading.root,
      isBoot: reading.isProject, scope: scope,
      parameters: session.parameters(
        declared, given: given(source, session), origin: origin, areStored: false),
      origin: document.origin)
    draft.given = reading.given
    let isProject = reading.isProject && document["params"] == nil
    let kind = session.header(
      document, allowed: [.project, .module], fallback: isProject ? .project : .module)
    var reader = ModuleReader(session, draft: draft)
    reader.read(document, kind: kind)
    return reader.draft
  }

  /// The parameters that were given, with what their variables are now: those of the project that
  /// gave them.
  private func given(_ source: Source, _ session: Session) -> [String: Node] {
    let reading = source.reading
    let scope =
      reading.isByHand
      ? VariableScope(
        workspace: session.workspaceVariables, environment: environment)
      : session.scope(root: reading.projectRoot)
    let substitution = Substitution(session, scope: scope)
    var given: [String: Node] = [:]
    for name in reading.given {
      guard let value = source.content["params"]?[name] else { continue }
      let origin = Origin(file: "params", line: 1, column: 1)
      var node = substitution.apply(Node(json: value, at: origin))
      if reading.isByHand, !node.isReplaced, let text = node.string {
        // From a command line: it may stand for a number or a boolean.
        node.replacement = Node.Replacement(written: text, shown: text, values: [])
      }
      given[name] = node
    }
    return given
  }

  // MARK: What is different now

  private func compare(
    _ source: Source, _ definition: ModuleDefinition, _ project: inout ArchivedProject
  ) {
    let now = definition.documents.value()
    for key in ["variables", "inherited_variables"] {
      for member in source.variables(key) where now[key]?[member.key] != member.value {
        let changed = ArchivedProject.ChangedVariable(
          module: definition.name, name: member.key)
        if !project.variables.contains(changed) { project.variables.append(changed) }
      }
    }
    guard !options.usesCaptured else { return }
    let files = now["captured"]?.object
    for (file, hash) in source.captured.sorted(by: { $0.key < $1.key }) {
      let other = files?[file]?.string
      guard other != hash else { continue }
      let path = file.hasPrefix("/") ? file : source.reading.projectRoot + "/" + file
      let users = definition.routes(using: path)
      project.files.append(
        .init(
          module: definition.name, file: file, isScript: !users.isPrompt, then: hash, now: other,
          routes: users.names))
    }
  }
}

extension ModuleDefinition {
  /// The routes that use a script or prompt.
  fileprivate func routes(using path: String) -> (names: [String], isPrompt: Bool) {
    let prompting = routes.filter { $0.prompt?.path == path }.map(\.name)
    let running = routes.filter { route in
      route.transforms.contains { $0.kind == .script(path) }
    }.map(\.name)
    return (prompting + running, running.isEmpty && !prompting.isEmpty)
  }
}
