import Store

/// What is at work now: modules, the lanes they share, what is paused, and where events go. One
/// value under one lock, so that every change is seen whole.
struct ModuleTable: Sendable {
  private(set) var modules: [String: LoadedModule] = [:]
  /// By number.
  var lanes: [Int64: RunningLane] = [:]
  private(set) var pauses: [PauseKey: PauseRow] = [:]
  private var routing = RoutingBuilder()
  /// Routes by the lane that their deliveries are in.
  private var routesByLane: [Int64: Set<RouteKey>] = [:]
  /// Modules by the ids of their push sources.
  private var pushSources: [String: Set<String>] = [:]
  /// Push sources by the paths that they have mounted themselves at.
  private(set) var mounts: [String: SourceReference] = [:]
  /// Paths that an apply is about to give to sources, so that nobody else takes them meanwhile.
  var reservedMounts: [String: SourceReference] = [:]

  struct RouteKey: Sendable, Hashable {
    let module: String
    let route: Int64
  }

  /// A module by its name or alias.
  subscript(name: String) -> LoadedModule? {
    modules[name] ?? modules.values.first { $0.definition.alias == name }
  }

  // MARK: Changing

  /// Puts modules in, each in place of what it was before; events go to them after
  /// ``route(_:)``.
  ///
  /// - Returns: The lanes whose routes have changed.
  mutating func set(_ loaded: [LoadedModule]) -> Set<Int64> {
    var affected: Set<Int64> = []
    for module in loaded {
      affected.formUnion(take(module.name))
      affected.formUnion(put(module))
    }
    return affected
  }

  /// Lets events go where these modules say.
  mutating func route(_ parts: [RoutingBuilder.Part]) -> Routing {
    routing.set(parts)
    return routing.routing
  }

  /// Changes what neither routes nor sources depend on: a phase, a route that moves or drains.
  ///
  /// - Returns: The lanes of its routes.
  mutating func update(_ name: String, _ body: (inout LoadedModule) -> Void) -> Set<Int64> {
    guard var module = modules[name] else { return [] }
    body(&module)
    modules[name] = module
    return Set(module.routes.values.map(\.lane))
  }

  mutating func remove(_ name: String) -> Set<Int64> { take(name) }

  /// Lets no event go to a module any more.
  mutating func unroute(_ name: String) -> Routing {
    routing.remove(name)
    return routing.routing
  }

  mutating func pause(_ rows: [PauseRow]) { for row in rows { pauses[PauseKey(row)] = row } }

  mutating func resume(_ rows: [PauseRow]) { for row in rows { pauses[PauseKey(row)] = nil } }

  private mutating func put(_ module: LoadedModule) -> Set<Int64> {
    modules[module.name] = module
    for (key, route) in module.routes {
      routesByLane[route.lane, default: []].insert(RouteKey(module: module.name, route: key))
    }
    for (id, source) in module.sources {
      guard case .push(let push) = source.runner.instance else { continue }
      pushSources[id, default: []].insert(module.name)
      if let path = push.path { mounts[path] = SourceReference(module: module.name, id: id) }
    }
    return Set(module.routes.values.map(\.lane))
  }

  private mutating func take(_ name: String) -> Set<Int64> {
    guard let module = modules.removeValue(forKey: name) else { return [] }
    for (key, route) in module.routes {
      routesByLane[route.lane]?.remove(RouteKey(module: name, route: key))
    }
    for id in module.sources.keys { pushSources[id]?.remove(name) }
    mounts = mounts.filter { $0.value.module != name }
    return Set(module.routes.values.map(\.lane))
  }

  // MARK: Asking

  /// The push sources of that id, of one module or of all.
  func pushSources(_ id: String, in name: String?) -> [SourceRunner] {
    let names = name.map { self[$0].map { [$0.name] } ?? [] } ?? (pushSources[id] ?? []).sorted()
    return names.compactMap { name in
      guard let runner = modules[name]?.sources[id]?.runner, case .push = runner.instance else {
        return nil
      }
      return runner
    }
  }

  /// What a lane delivers for now.
  func plan(ofLane key: Int64, _ plan: inout Lane.Plan) {
    plan.active = []
    for member in routesByLane[key] ?? [] {
      guard let module = modules[member.module], let route = module.routes[member.route] else {
        continue
      }
      plan.workers[member.route] = route.worker
      if isActive(route, in: module) { plan.active.insert(member.route) }
    }
  }

  /// Whether deliveries of a route are made: nobody holds it up, and its actor is there.
  private func isActive(_ route: LoadedRoute, in module: LoadedModule) -> Bool {
    guard module.delivers, !route.isMoving, route.worker.actor.isReady else { return false }
    // The actor's module may be on its way out.
    if let owner = route.worker.actor.reference.module, modules[owner]?.delivers == false {
      return false
    }
    return pause(of: route.worker.route, in: module.name) == nil
  }

  /// Of these routes, those whose deliveries nobody takes.
  func resting(_ routes: Set<Int64>) -> Set<Int64> {
    var resting = routes
    for module in modules.values {
      for (key, route) in module.routes where routes.contains(key) {
        if isActive(route, in: module) || route.isMoving { resting.remove(key) }
      }
    }
    return resting
  }

  /// What holds a route's deliveries: a pause of the route, of its actor, or of either's module.
  func pause(of route: RouteDefinition, in module: String) -> PauseRow? {
    guard !pauses.isEmpty else { return nil }
    let owner = route.actor.module ?? module
    let keys = [
      PauseKey(.route, route.name, in: module), PauseKey(.actor, route.actor.id, in: owner),
      PauseKey(.module, module, in: module), PauseKey(.module, owner, in: owner),
    ]
    return keys.lazy.compactMap { pauses[$0] }.first
  }

  /// The pause of a source, or of its module.
  func pause(ofSource id: String, in module: String) -> PauseRow? {
    guard !pauses.isEmpty else { return nil }
    return pauses[PauseKey(.source, id, in: module)]
      ?? pauses[PauseKey(.module, module, in: module)]
  }

  /// Routes in a lane that are of these modules or deliver to their actors.
  func routes(inLane key: Int64, concerning names: [String]) -> Set<Int64> {
    let members = (routesByLane[key] ?? []).filter { member in
      let actor = modules[member.module]?.routes[member.route]?.worker.actor.reference.module
      return names.contains(member.module) || actor.map(names.contains) ?? false
    }
    return Set(members.map(\.route))
  }

  /// Of the routes that lead to a lane, active or not, the one with the lowest number.
  func firstWorker(ofLane key: Int64) -> RouteWorker? {
    let members = (routesByLane[key] ?? []).sorted { $0.route < $1.route }
    return members.lazy.compactMap { self.modules[$0.module]?.routes[$0.route]?.worker }.first
  }

  /// Lanes that deliver to actors of a module, whoever's routes they serve.
  func lanes(toActorsOf name: String) -> Set<Int64> {
    var found: Set<Int64> = []
    for module in modules.values {
      for route in module.routes.values where route.worker.actor.reference.module == name {
        found.insert(route.lane)
      }
    }
    return found
  }
}

/// A module at work, or on its way in or out.
struct LoadedModule: Sendable {
  var definition: ModuleDefinition
  var keys: ModuleKeys
  var order: ModuleOrder
  var phase = ModuleState.loading
  /// False from the moment that an unload drains what runs.
  var delivers = true
  /// Milliseconds of the steady clock.
  var activeSinceMs: Int64 = 0
  /// Enabled sources by id.
  var sources: [String: RunningSource] = [:]
  /// Sources that the definition has no more, by id, until their last poll has ended.
  var leaving: [String: RunningSource] = [:]
  /// Enabled routes by number, and routes that are gone and still drained.
  var routes: [Int64: LoadedRoute] = [:]
  /// By id.
  var actors: [String: ActorHandle] = [:]
  /// Work that the module has begun and that an unload ends.
  var jobs: [Supervisor.Job] = []

  var name: String { definition.name }

  var part: RoutingBuilder.Part { RoutingBuilder.Part(definition, keys) }
}

struct LoadedRoute: Sendable {
  var worker: RouteWorker
  /// The lane that new deliveries go to.
  var lane: Int64
  /// Deliveries of it are being moved there from another lane.
  var isMoving = false
}

struct RunningSource: Sendable {
  let runner: SourceRunner
  let job: Supervisor.Job
}

struct RunningLane: Sendable {
  let lane: Lane
  let job: Supervisor.Job
  /// The module it ends with.
  let owner: String
}

/// Something that is paused.
struct PauseKey: Sendable, Hashable {
  let kind: PauseTarget.Kind
  let name: String
  let module: String

  init(_ kind: PauseTarget.Kind, _ name: String, in module: String) {
    self.kind = kind
    self.name = name
    self.module = module
  }

  init(_ row: PauseRow) {
    self.init(PauseTarget.Kind(rawValue: row.kind) ?? .module, row.name, in: row.module)
  }
}
