import Store

/// A loaded module: its sources, its lanes, and the connectors behind them.
///
/// Built whole or not at all; it runs between ``run()`` and ``stop()``.
final class ModuleInstance: Sendable {
  let definition: ModuleDefinition
  let keys: ModuleKeys
  let sources: [String: SourceRunner]
  let lanes: [Lane]
  private let actors: [any ActorConnector]
  private let stopping = StopSignal()
  /// Milliseconds of the steady clock when it became active.
  let activeSinceMs: Int64

  /// - Parameter actors: Of all modules: a parameter may wire in one of the boot project
  ///   (config.md 10.3).
  /// - Throws: ``EngineError`` when a connector cannot be made; nothing is left running.
  init(
    _ definition: ModuleDefinition, keys: ModuleKeys, catalog: ConnectorCatalog,
    actors: ActorDirectory, sourceEnvironment: SourceEnvironment,
    deliveryEnvironment: DeliveryEnvironment
  ) throws(EngineError) {
    self.definition = definition
    self.keys = keys
    sources = try ModuleInstance.makeSources(definition, keys, catalog, sourceEnvironment)
    let routes = definition.routes.filter(\.isEnabled)
    lanes = try ModuleInstance.makeLanes(
      definition, routes, keys, catalog, actors, deliveryEnvironment)
    self.actors = actors.connectors(of: definition.name)
    activeSinceMs = sourceEnvironment.time.steadyMs
  }

  /// Works until ``stop()`` and everything is done, or until cancellation.
  ///
  /// Sources end first, then lanes drain: what a source hands over last is still stored.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      for lane in lanes { group.addTask { await lane.run() } }
      await withTaskGroup(of: Void.self) { sources in
        for source in self.sources.values { sources.addTask { await source.run() } }
        // Deliveries come from follow-up events, injected events and the file as well, so the
        // lanes go on although no source has anything to do.
        await stopping.wait()
      }
      CrashPoint.stopDraining.reached()
      for lane in lanes { lane.drain() }
    }
    for actor in actors { await actor.close() }
  }

  /// Begins the end: no new polls, requests refused, running attempts finish.
  func stop() {
    for source in sources.values { source.stop() }
    stopping.set()
  }

  // MARK: Making the parts

  private static func makeSources(
    _ definition: ModuleDefinition, _ keys: ModuleKeys, _ catalog: ConnectorCatalog,
    _ environment: SourceEnvironment
  ) throws(EngineError) -> [String: SourceRunner] {
    var sources: [String: SourceRunner] = [:]
    for source in definition.sources where source.isEnabled {
      guard let role = catalog.connectors[source.connector]?.source,
        let row = keys.sources[source.id]
      else {
        throw EngineError(.invalid, "source \(source.id): no connector \(source.connector)")
      }
      let context = SourceContext(
        module: definition.name, sourceID: source.id, root: definition.root,
        time: environment.time
      ) { entry in environment.log.emit(entry.phase) { entry } }
      do {
        sources[source.id] = SourceRunner(
          source, module: definition.name, row: row,
          instance: try role.make(source.config, context), environment: environment)
      } catch {
        throw EngineError(.invalid, "source \(source.id) cannot be made", cause: error)
      }
    }
    return sources
  }

  private static func makeLanes(
    _ definition: ModuleDefinition, _ routes: [RouteDefinition], _ keys: ModuleKeys,
    _ catalog: ConnectorCatalog, _ actors: ActorDirectory, _ environment: DeliveryEnvironment
  ) throws(EngineError) -> [Lane] {
    var workers: [LaneKey: [Int64: RouteWorker]] = [:]
    for route in routes {
      guard let key = keys.routes[route.name] else { continue }
      let actor = try actors.actor(route.actor, in: definition.name, route: route.name)
      guard actor.definition.isEnabled else { continue }
      let transforms = try makeTransforms(route, catalog)
      workers[LaneKey(route, concurrency: actor.definition.delivery.concurrency), default: [:]][
        key] = RouteWorker(
          key: key, module: definition, route: route, connector: actor.connector,
          transforms: transforms)
    }
    var lanes: [Lane] = []
    for (lane, workers) in workers {
      guard let key = keys.lanes[lane.name] else { continue }
      lanes.append(
        Lane(
          key: key, name: "\(definition.name)/\(lane.name.kind)/\(lane.name.name)",
          concurrencyMax: lane.concurrency, workers: workers, environment: environment))
    }
    return lanes
  }

  private static func makeTransforms(
    _ route: RouteDefinition, _ catalog: ConnectorCatalog
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
      do {
        transforms.append((step, try descriptor.make(step)))
      } catch {
        throw EngineError(
          .invalid, "route \(route.name): transform \(step.name) cannot be made", cause: error)
      }
    }
    return transforms
  }

  private struct LaneKey: Hashable {
    let name: ModuleRecord.LaneName
    let concurrency: Int

    init(_ route: RouteDefinition, concurrency: Int) {
      name = route.laneName
      self.concurrency = route.hasOwnLane ? route.delivery.concurrency : concurrency
    }
  }
}

extension RouteDefinition {
  /// The lane of the route's deliveries: its own, or its actor's within the module.
  var laneName: ModuleRecord.LaneName {
    if hasOwnLane { return ModuleRecord.LaneName(kind: "route", name: name) }
    let name = actor.module.map { "\($0):\(actor.id)" } ?? actor.id
    return ModuleRecord.LaneName(kind: "actor", name: name)
  }
}

/// The actors of all loaded modules, by module and id.
final class ActorDirectory: Sendable {
  struct Entry: Sendable {
    let definition: ActorDefinition
    let connector: any ActorConnector
  }

  private let entries: [ActorReference: Entry]

  init(_ entries: [ActorReference: Entry]) { self.entries = entries }

  func actor(
    _ reference: ActorReference, in module: String, route: String
  ) throws(EngineError) -> Entry {
    let key = ActorReference(module: reference.module ?? module, id: reference.id)
    guard let entry = entries[key] else {
      throw EngineError(.invalid, "route \(route): no actor \(reference.id) in module \(module)")
    }
    return entry
  }

  func connectors(of module: String) -> [any ActorConnector] {
    entries.filter { $0.key.module == module }.map(\.value.connector)
  }
}
