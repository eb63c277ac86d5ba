import Engine
import ProjectConfiguration
import Server

/// Carries out orders that concern modules: reads their files, then tells the runtime
/// (config.md 10.5, cli-http.md 3.4).
struct ModuleControl: Sendable {
  let runtime: Runtime
  let files: ModuleFiles
  let settings: RunningSettings
  let turns = Turns()
  /// What the last rollback left, until the next apply.
  let rolledBack = RolledBack()

  // MARK: Load

  /// The status of each module that was loaded.
  ///
  /// - Throws: ``ConfigurationRefusal``; ``EngineError`` `.notFound`, `.conflict`, ….
  func load(_ request: ModuleLoadRequest, by requester: String) async throws -> [JSONValue] {
    let wanted = try await wanted(request)
    let statuses = try await turns.take(key(wanted.origin)) {
      let (origin, project) = try await read(wanted)
      let definitions = try choose(wanted, of: project)
      if definitions.count > 1 {
        // None is loaded when one of them cannot have its name or its paths.
        let held = try await runtime.knownModules().filter { $0.state == .active }
        try refuseTaken(definitions, by: held)
      }
      var statuses: [JSONValue] = []
      let change = ChangeGroup("load")
      for definition in definitions {
        let order = origin.order(
          definition, of: project, requester: requester, as: change)
        let twins = request.name == nil ? twins(of: definition) : []
        let report = try await refusing { try await runtime.loadModule(order) }
        statuses.append(report.json(warnings: project.warningTexts + twins))
      }
      return statuses
    }
    return statuses
  }

  /// Whoever gives a name wants a module twice; whoever changed the name in its file may not.
  private func twins(of definition: ModuleDefinition) -> [String] {
    runtime.loadedDefinitions.filter { $0.path == definition.path && $0.name != definition.name }
      .map { twin in
        "\(definition.path) runs as \(twin.name) already, and now a second time as "
          + "\(definition.name); orgloop module unload \(twin.name) ends the other one"
      }
  }

  /// What a request comes to: files, and which of their modules; nil is all.
  private struct Wanted {
    var origin: ModuleOrigin
    var name: String?
  }

  private func wanted(_ request: ModuleLoadRequest) async throws -> Wanted {
    let path: String
    switch request.target {
    case .path(let given): path = given
    case .package(let name):
      if request.name == nil, let known = try await known(name) {
        if known.isFromBoot {
          return Wanted(origin: .boot, name: known.name)
        }
        var again = known
        again.parameters.merge(request.parameters) { _, new in new }
        return Wanted(origin: ModuleOrigin(again), name: known.name)
      }
      guard let found = await files.locate(name) else {
        let names = try await runtime.knownModules().map(\.name)
        let meant = Suggestion.nearest(to: name, among: names).map { "did you mean \"\($0)\"? " }
        throw EngineError(
          .notFound, "Module not found: \(name)",
          hint: (meant ?? "")
            + "a path contains a slash; a name is looked up in modules/ and node_modules/ beside the "
            + "boot project, and in ~/.orgloop/modules/")
      }
      path = found
    }
    // A directory means its module before its project; a path that leads nowhere is reported by
    // the loader.
    let file = await files.locate(path) ?? path
    if request.parameters.isEmpty, let name = try await bootModule(at: file, request.name) {
      return Wanted(origin: .boot, name: name)
    }
    guard file != files.bootFile else {
      throw EngineError(
        .conflict, "\(file) is the project that this runtime was started with",
        hint: "orgloop apply brings it up to date")
    }
    return Wanted(
      origin: .file(path: file, name: request.name, parameters: request.parameters))
  }

  /// A module that was loaded before. An alias that nobody holds hides no package of that name.
  private func known(_ name: String) async throws -> KnownModule? {
    guard let known = try await runtime.knownModule(name) else { return nil }
    if known.name == name || known.state != .removed { return known }
    return await files.locate(name) == nil ? known : nil
  }

  /// Reads the files. Those of a module that was loaded from there with parameters are read with them
  /// again when none are given; for another module in them they are not meant.
  private func read(_ wanted: Wanted) async throws -> (ModuleOrigin, LoadedProject) {
    let running = runtime.loadedDefinitions
    guard case .file(let path, let name, [:]) = wanted.origin else {
      return (wanted.origin, await files.project(wanted.origin, beside: running))
    }
    let before = try await runtime.knownModules().filter { known in
      known.origin == path && known.project == nil && !known.parameters.isEmpty
        && (name == nil || name == known.name)
    }
    for known in before {
      let origin = ModuleOrigin.file(path: path, name: name, parameters: known.parameters)
      let project = await files.project(origin, beside: running)
      if project.modules.map(\.name) == [known.name] { return (origin, project) }
    }
    return (wanted.origin, await files.project(wanted.origin, beside: running))
  }

  /// - Parameters:
  ///   - holders: Whose names and aliases count.
  ///   - leaving: Modules that will have let go of their paths by then.
  /// - Throws: ``EngineError`` `.conflict` when a name, an alias or a path is somebody else's.
  func refuseTaken(
    _ definitions: [ModuleDefinition], by holders: [KnownModule], leaving: Set<String> = []
  ) throws(EngineError) {
    for definition in definitions {
      let names = [definition.name, definition.alias]
      let holder = holders.first { holder in
        holder.name == definition.name
          ? holder.origin != definition.path
          : names.contains(holder.name) || holder.alias != nil && names.contains(holder.alias)
      }
      guard let holder else { continue }
      let name = holder.name == definition.name ? definition.name : definition.alias
      throw EngineError(
        taken: name ?? definition.name, by: holder.name, at: holder.origin, not: definition.path)
    }
    try runtime.checkMounts(of: definitions, leaving: leaving)
  }

  /// A module that the manifest brought stays the manifest's when it is loaded again by its path,
  /// whether it is loaded now or an operator has unloaded it.
  private func bootModule(at file: String, _ name: String?) async throws -> String? {
    try await runtime.knownModules().first { known in
      known.isFromBoot && known.origin == file && (name == nil || name == known.name)
    }?.name
  }

  private func choose(
    _ wanted: Wanted, of project: LoadedProject
  ) throws -> [ModuleDefinition] {
    guard let name = wanted.name else {
      guard !project.hasErrors, !project.modules.isEmpty else {
        throw ConfigurationRefusal(project, of: key(wanted.origin))
      }
      try checkExposure(project.modules)
      return project.modules
    }
    return [try definition(name, of: project)]
  }

  // MARK: Reload

  /// `{ok: true, …status, outcome, changes, warnings}`.
  ///
  /// - Throws: ``ConfigurationRefusal`` (the old one goes on); ``EngineError`` `.notFound`, ….
  func reload(
    _ name: String, onRemoved: RemovedPolicy, by requester: String
  ) async throws -> JSONValue {
    guard let known = try await runtime.knownModule(name), known.state != .removed else {
      throw EngineError(.notFound, "Module not found: \(name)", hint: "orgloop module list --all")
    }
    let origin = ModuleOrigin(known)
    return try await turns.take(key(origin)) {
      let project = await files.project(origin, beside: runtime.loadedDefinitions)
      let order = origin.order(
        try definition(known.name, of: project), of: project, requester: requester,
        as: ChangeGroup("reload"))
      let report = try await refusing {
        try await runtime.reloadModule(order, onRemoved: onRemoved, drainMs: nil)
      }
      return report.json(warnings: project.warningTexts, isConfirmed: true)
    }
  }

  /// A module by its name; what is wrong with other modules of the project does not matter to it.
  func definition(_ name: String, of project: LoadedProject) throws -> ModuleDefinition {
    guard let definition = project.modules.first(where: { $0.name == name }) else {
      guard !project.hasErrors else { throw ConfigurationRefusal(project) }
      throw EngineError(
        .notFound, "\(project.configFile ?? project.projectRoot) has no module \(name) any more",
        hint: "orgloop module unload \(name)")
    }
    try checkExposure([definition])
    return definition
  }

  // MARK: What all of them need

  func key(_ origin: ModuleOrigin) -> String {
    switch origin {
    case .boot: files.bootFile
    case .file(let path, _, _): path
    }
  }

  func checkExposure(_ modules: [ModuleDefinition]) throws {
    do {
      try WebhookExposure.check(modules, host: settings.running.host, catalog: files.catalog)
    } catch let failure as Failure {
      throw ConfigurationRefusal(failure)
    }
  }

  /// What the engine finds invalid only when it makes the module is a fault of the configuration
  /// all the same.
  func refusing<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let error as EngineError where error.code == .invalid {
      throw ConfigurationRefusal(Failure(error))
    }
  }
}

extension ConfigurationRefusal {
  /// - Parameter asked: What was to be read.
  init(_ project: LoadedProject, of asked: String? = nil) {
    let place = project.configFile ?? asked ?? project.projectRoot
    self.init(
      project.configFile == nil && asked != nil
        ? "there is no module at \(place)"
        : "the configuration \(place) is invalid: \(project.totals)",
      errors: project.diagnostics.map(\.json))
  }

  /// One thing that is wrong, found after reading.
  init(_ failure: Failure) {
    let message = Secrets.redact(failure.message)
    var error: JSONObject = [
      "level": "error", "code": .string(failure.code.rawValue), "message": .string(message),
    ]
    error["hint"] = failure.hint.map(JSONValue.string)
    self.init(message, errors: [.object(error)])
  }
}

extension LoadedProject {
  /// What a user should know although it can be loaded, one line each.
  var warningTexts: [String] {
    diagnostics.filter { $0.level == .warning }.map(\.description)
  }
}

extension LoadReport {
  /// The module's status with what was done and what there is to say about its files.
  func json(warnings: [String], isConfirmed: Bool = false) -> JSONValue {
    var object: JSONObject = isConfirmed ? ["ok": true] : [:]
    for member in status.object?.members ?? [] { object[member.key] = member.value }
    object["name"] = .string(name)
    object["outcome"] = .string(outcome.rawValue)
    object["changes"] = changes.json
    object["warnings"] = .array(warnings.map(JSONValue.string))
    return .object(object)
  }
}

extension ModuleChanges {
  var json: JSONValue {
    func names(_ names: Names) -> JSONValue {
      [
        "added": .array(names.added.map(JSONValue.string)),
        "changed": .array(names.changed.map(JSONValue.string)),
        "removed": .array(names.removed.map(JSONValue.string)),
      ]
    }
    return [
      "sources": names(sources), "actors": names(actors), "routes": names(routes),
      "loggers": names(loggers),
    ]
  }
}
