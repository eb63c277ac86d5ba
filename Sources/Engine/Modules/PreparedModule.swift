import Store

/// The connectors of a module, made and not yet at work: the part of a load that can fail for what
/// the configuration says, before anything of it is visible (config.md 10.5, steps 1 and 2).
struct PreparedModule: Sendable {
  let definition: ModuleDefinition
  /// By id; only those that are new or changed.
  private(set) var sources: [String: SourceInstance] = [:]
  private(set) var actors: [String: any ActorConnector] = [:]
  /// By the name of the route; only of those that are new or changed.
  private(set) var transforms: [String: [(step: TransformStep, transform: any Transform)]] = [:]
  private(set) var loggers: [any LogSink] = []

  /// - Parameters:
  ///   - changes: What differs from what runs; nil makes everything.
  /// - Throws: ``EngineError`` `.invalid`; then nothing is left open.
  init(
    _ definition: ModuleDefinition, changes: ModuleChanges? = nil, catalog: ConnectorCatalog,
    time: TimeSource, log: LogFanout
  ) async throws(EngineError) {
    self.definition = definition
    do throws(EngineError) {
      try make(changes, catalog, time, log)
    } catch {
      await close()
      throw error
    }
  }

  private mutating func make(
    _ changes: ModuleChanges?, _ catalog: ConnectorCatalog, _ time: TimeSource, _ log: LogFanout
  ) throws(EngineError) {
    let emit: @Sendable (LogEntry) -> Void = { entry in log.emit(entry.phase) { entry } }
    for source in definition.sources
    where source.isEnabled && changes?.sources.isMade(source.id) ?? true {
      guard let role = catalog.connectors[source.connector]?.source else {
        throw EngineError(.invalid, "source \(source.id): no connector \(source.connector)")
      }
      let context = SourceContext(
        module: definition.name, sourceID: source.id, root: definition.root, time: time, log: emit)
      sources[source.id] = try PreparedModule.made("source \(source.id)") {
        try role.make(source.config, context)
      }
    }
    for actor in definition.actors where changes?.actors.isMade(actor.id) ?? true {
      guard let role = catalog.connectors[actor.connector]?.actor else {
        throw EngineError(.invalid, "actor \(actor.id): no connector \(actor.connector)")
      }
      let context = ActorContext(
        module: definition.name, actorID: actor.id, root: definition.root, time: time, log: emit)
      actors[actor.id] = try PreparedModule.made("actor \(actor.id)") {
        try role.make(actor.config, context)
      }
    }
    for route in definition.routes
    where route.isEnabled && changes?.routes.isMade(route.name) ?? true {
      try check(route)
      transforms[route.name] = try PreparedModule.transforms(of: route, catalog: catalog)
    }
    guard changes.map({ !$0.loggers.isEmpty }) ?? true else { return }
    for logger in definition.loggers where logger.isEnabled {
      let name = ConnectorCatalog.shortName(logger.type, prefix: "logger")
      guard let descriptor = catalog.loggers[name] else {
        throw EngineError(.invalid, "logger \(logger.name): no type \(logger.type)")
      }
      loggers.append(
        try PreparedModule.made("logger \(logger.name)") { try descriptor.make(logger.config) })
    }
  }

  /// A module's own actor must be there; another module's may come later.
  private func check(_ route: RouteDefinition) throws(EngineError) {
    guard route.actor.module == nil || route.actor.module == definition.name else { return }
    guard definition.actors.contains(where: { $0.id == route.actor.id }) else {
      throw EngineError(
        .invalid,
        "route \(route.name): no actor \(route.actor.id) in module \(definition.name)")
    }
  }

  /// The transforms of a route, in order.
  ///
  /// - Throws: ``EngineError`` `.invalid`.
  static func transforms(
    of route: RouteDefinition, catalog: ConnectorCatalog
  ) throws(EngineError) -> [(step: TransformStep, transform: any Transform)] {
    var transforms: [(step: TransformStep, transform: any Transform)] = []
    for step in route.transforms {
      let name =
        switch step.kind {
        case .script: "script"
        case .package(let name): name
        }
      guard let descriptor = catalog.transforms[name] else {
        throw EngineError(.invalid, "route \(route.name): no transform \(name)")
      }
      transforms.append(
        (
          step,
          try made("route \(route.name): transform \(step.name)") { try descriptor.make(step) }
        ))
    }
    return transforms
  }

  private static func made<Value>(
    _ what: String, _ make: () throws -> Value
  ) throws(EngineError) -> Value {
    do {
      return try make()
    } catch {
      throw EngineError(.invalid, "\(what) cannot be made", cause: error)
    }
  }

  /// Lets go of everything, when the load goes no further.
  func close() async {
    for source in sources.values {
      switch source {
      case .poll(let source): await source.close()
      case .stream(let source): await source.close()
      case .push(let source): await source.close()
      case .timer: break
      }
    }
    for actor in actors.values { await actor.close() }
    for logger in loggers { await logger.close() }
  }
}

extension ModuleChanges.Names {
  /// Whether an object of that name has to be made.
  fileprivate func isMade(_ name: String) -> Bool {
    added.contains(name) || changed.contains(name)
  }
}
