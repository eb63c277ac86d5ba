import Engine
import ProjectConfiguration

/// `orgloop test --dry-run`: what would become of an event, offline.
struct DryRun {
  let global: GlobalOptions
  let route: String?
  let module: String?

  /// - Parameter body: The event as JSON.
  /// - Throws: ``Failure``: 78 for the configuration, 1 for what is no event.
  func run(_ body: [UInt8]) async throws -> EventTestOutcome {
    try await ProjectLoading.withCatalog(guardsChildren: true) { loading in
      var options = LoadOptions()
      options.allowMissingEnvironment = true
      options.showsObjects = true
      let project = try loading.load(global, options: options)
      guard !project.hasErrors else { throw Failure(configurationOf: project) }
      project.noteUnsetVariables(on: global.output)
      let rehearsal = Rehearsal(project, catalog: loading.catalog)
      let object = try DryRun.object(body)
      let event: RehearsedEvent
      do throws(EngineError) {
        event = try rehearsal.event(
          object, module: module, attemptAtMs: TimeSource.system.wallMs)
      } catch {
        throw DryRun.refusal(error)
      }
      let only = try route.map {
        try DryRun.route($0, of: rehearsal, module: module, in: project)
      }
      let report = await rehearsal.run(event, only: only)
      return RehearsalText.outcome(report.hiding(Secrets.redact))
    }
  }

  static func object(_ body: [UInt8]) throws -> JSONObject {
    let text: JSONText
    do throws(JSONError) {
      text = try JSONText(checking: body)
    } catch {
      throw Failure(.schema, .failed, "the event is not valid JSON: \(error)")
    }
    guard case .object(let object) = text.value() else {
      throw Failure(.schema, .failed, "the event must be a JSON object")
    }
    return object
  }

  /// As a runtime refuses it.
  private static func refusal(_ error: EngineError) -> Failure {
    guard error.code == .invalid else { return Failure(error) }
    return Failure(.schema, .failed, error.message, hint: error.hint)
  }

  private static func route(
    _ name: String, of rehearsal: Rehearsal, module: String?, in project: LoadedProject
  ) throws -> RouteAddress {
    func isMeant(_ route: RouteAddress) -> Bool {
      (route.name == name && (module == nil || route.module == module))
        || "\(route.module):\(route.name)" == name
    }
    let found = rehearsal.routes.map(\.name).filter(isMeant)
    guard let first = found.first else {
      let asleep = project.modules.flatMap { module in
        module.routes.filter { !$0.isEnabled }
          .map { RouteAddress(module: module.name, name: $0.name) }
      }
      if let route = asleep.first(where: isMeant) {
        throw Failure(
          .notFound, .failed,
          "route \(EventTestText.safe(route.name)) of module \(route.module) is switched off: "
            + "enabled: false", hint: "remove enabled: false to try it")
      }
      throw Failure(
        noRoute: name, among: rehearsal.routes.map { (module: $0.name.module, name: $0.name.name) })
    }
    guard found.count == 1 else {
      let names = found.map { "\($0.module):\($0.name)" }.joined(separator: ", ")
      throw Failure(.usage, .usage, "several modules have a route \(name)", hint: names)
    }
    return first
  }
}

extension Failure {
  /// `--route` names none of these.
  init(noRoute name: String, among known: [(module: String, name: String)]) {
    let names =
      name.contains(":") ? known.map { "\($0.module):\($0.name)" } : known.map(\.name)
    let meant = WorkspaceFiles.suggestion(for: name, among: names)
    self.init(
      .notFound, .failed,
      "there is no route \(EventTestText.safe(name))"
        + (meant.map { "; did you mean \"\($0)\"?" } ?? ""), hint: "orgloop routes lists them")
  }
}

extension Rehearsal {
  /// All of a loaded project.
  init(_ project: LoadedProject, catalog: ConnectorCatalog) {
    var shown: [RouteAddress: JSONObject] = [:]
    for module in project.modules {
      for route in project.shown[module.name]?["routes"]?.array ?? [] {
        guard let name = route["name"]?.string, let config = route["then"]?["config"]?.object
        else { continue }
        shown[RouteAddress(module: module.name, name: name)] = config
      }
    }
    self.init(
      project.modules, catalog: catalog, shown: shown, audit: project.settings.audit,
      promptMetadata: PromptReader.metadata(ofFrontMatter:))
  }
}

extension LoadedProject {
  /// Says which variables have no value: what stands for them is their own text.
  func noteUnsetVariables(on output: Output) {
    let names = Set(variables.filter { $0.source == .unset }.map(\.name)).sorted()
    guard !names.isEmpty else { return }
    output.notice("not set, so their text stands for itself: \(names.joined(separator: ", "))")
  }
}
