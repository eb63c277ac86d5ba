import Store
import Synchronization

/// Putting modules to work and taking them out: the in-memory half, which cannot fail.
extension Runtime {
  /// Lets events go where the modules that arrive say: the first step, so that what a recovery
  /// settles finds its way too. Deliveries wait until the modules are installed.
  func route(_ arrivals: [Arrival]) {
    table.withLock { table in
      intake.use(table.route(arrivals.map { RoutingBuilder.Part($0.definition, $0.keys) }))
    }
  }

  /// Puts what was prepared, registered and routed to work.
  ///
  /// - Parameter moving: Whether deliveries that lie in another lane are moved in the background;
  ///   false when nothing runs yet and they have been moved already.
  func install(_ arrivals: [Arrival], moving: Bool) {
    var retired: [OpenActor] = []
    var moves: [Move] = []
    var changed: [ActorReference: Int64] = [:]
    table.withLock { table in
      var loaded: [LoadedModule] = []
      for arrival in arrivals {
        let old = table.modules[arrival.definition.name]
        var module = LoadedModule(
          definition: arrival.definition, keys: arrival.keys, order: arrival.order)
        module.jobs = old?.jobs.filter { !$0.isEnded } ?? []
        module.phase = old?.phase ?? .loading
        module.activeSinceMs = old?.activeSinceMs ?? time.steadyMs
        retired += openActors(arrival, old, &module, &changed)
        setRoutes(arrival, old, &module)
        setSources(arrival, old, &module, table)
        if moving {
          for move in arrival.keys.moves where module.routes[move.route] != nil {
            module.routes[move.route]?.isMoving = true
            moves.append(Move(module: module.name, keys: move))
          }
        }
        loaded.append(module)
      }
      var affected = table.set(loaded)
      for module in loaded { affected.formUnion(table.lanes(toActorsOf: module.name)) }
      for move in moves { affected.insert(move.keys.from) }
      arrange(affected, &table)
      // Last: what they hand over finds its routes and lanes.
      closeBreakers(ofActors: changed, table)
      for module in loaded { startSources(of: module.name, &table) }
      for move in moves { startMove(move, &table) }
    }
    for open in retired { _ = supervisor.start { await open.retire() } }
  }

  /// A module that has been prepared and registered.
  struct Arrival: Sendable {
    let order: ModuleOrder
    let prepared: PreparedModule
    var keys: ModuleKeys

    var definition: ModuleDefinition { order.definition }
  }

  // MARK: Parts of a module

  /// - Parameter changed: Gets the actors whose connector is another one now, with their lanes.
  /// - Returns: The connectors that are out of use.
  private func openActors(
    _ arrival: Arrival, _ old: LoadedModule?, _ module: inout LoadedModule,
    _ changed: inout [ActorReference: Int64]
  ) -> [OpenActor] {
    var retired: [OpenActor] = []
    for definition in arrival.definition.actors {
      let reference = ActorReference(module: module.name, id: definition.id)
      let handle = actors.handle(for: reference, in: module.name)
      module.actors[definition.id] = handle
      let lane = arrival.keys.lanes[ModuleRecord.LaneName(kind: "actor", name: definition.id)]
      if let lane { handle.slots.restore(lane: lane, fullAtMs: arrival.keys.paces[lane]) }
      handle.isGone = lane.map(arrival.keys.gone.contains) ?? false
      if let connector = arrival.prepared.actors[definition.id] {
        if let before = handle.open(connector, definition) {
          retired.append(before)
          if let lane { changed[reference] = lane }
        }
      } else {
        handle.update(definition)
      }
    }
    for (id, handle) in old?.actors ?? [:] where module.actors[id] == nil {
      if let before = handle.close() { retired.append(before) }
    }
    return retired
  }

  /// What was said of an actor that has changed does not hold any more (config.md 10.6).
  private func closeBreakers(
    ofActors changed: [ActorReference: Int64], _ table: ModuleTable
  ) {
    for (reference, key) in changed {
      closeBreakers(ofActor: reference, table)
      _ = supervisor.start { [self] in
        do {
          try await store.closeBreakers(ofLane: key)
        } catch {
          reportSystemError("breakers of actor \(reference.id) cannot be closed: \(error)")
        }
      }
    }
  }

  /// Closes the breakers that lead to an actor, as far as they are in memory.
  func closeBreakers(ofActor reference: ActorReference, _ table: ModuleTable) {
    deliveryEnvironment.forgetBreakers()
    for key in table.lanes(toActorsOf: reference.module ?? "") {
      table.lanes[key]?.lane.closeBreakers(ofActor: reference)
    }
  }

  private func setRoutes(
    _ arrival: Arrival, _ old: LoadedModule?, _ module: inout LoadedModule
  ) {
    for route in arrival.definition.routes where route.isEnabled {
      guard let key = arrival.keys.routes[route.name],
        let lane = arrival.keys.lanes[route.laneName]
      else { continue }
      if let transforms = arrival.prepared.transforms[route.name] {
        let worker = RouteWorker(
          key: key, module: arrival.definition, route: route,
          actor: actors.handle(for: route.actor, in: module.name), transforms: transforms,
          breakers: [.route(key), .lane(lane)].compactMap { arrival.keys.breakers[$0] },
          rateFullAtMs: arrival.keys.paces[lane])
        module.routes[key] = LoadedRoute(worker: worker, lane: lane)
      } else if let before = old?.routes[key] {
        module.routes[key] = LoadedRoute(
          worker: before.worker, lane: lane, isMoving: before.isMoving)
      }
    }
  }

  private func setSources(
    _ arrival: Arrival, _ old: LoadedModule?, _ module: inout LoadedModule, _ table: ModuleTable
  ) {
    // One that comes back waits for what is left of its first life.
    let leaving = old?.leaving.filter { !$0.value.job.isEnded } ?? [:]
    for definition in arrival.definition.sources where definition.isEnabled {
      let before = old?.sources[definition.id] ?? leaving[definition.id]
      guard let instance = arrival.prepared.sources[definition.id] else {
        module.sources[definition.id] = old?.sources[definition.id]
        continue
      }
      guard let row = arrival.keys.sources[definition.id] else { continue }
      let runner = SourceRunner(
        definition, module: module.name, row: row, instance: instance,
        environment: sourceEnvironment, after: before?.runner)
      if let before {
        before.runner.stop()
        module.jobs.append(before.job)
      }
      if table.pause(ofSource: definition.id, in: module.name) != nil { runner.pause() }
      // Started by `startSources`, when everything else is in place.
      module.sources[definition.id] = RunningSource(runner: runner, job: .unstarted)
    }
    module.leaving = leaving.filter { module.sources[$0.key] == nil }
    for (id, source) in old?.sources ?? [:] where module.sources[id] == nil {
      source.runner.stop()
      module.jobs.append(source.job)
      module.leaving[id] = source
    }
  }

  private func startSources(of name: String, _ table: inout ModuleTable) {
    _ = table.update(name) { module in
      for (id, source) in module.sources where source.job.isUnstarted {
        let runner = source.runner
        let job = supervisor.start { await runner.run() }
        module.sources[id] = RunningSource(runner: runner, job: job)
      }
    }
  }

  // MARK: Lanes

  /// Brings lanes to what the table says of their routes, and begins those that are missing.
  func arrange(_ keys: Set<Int64>, _ table: inout ModuleTable) {
    for key in keys {
      bound(key, table)
      if let running = table.lanes[key] {
        running.lane.configure { plan in
          table.plan(ofLane: key, &plan)
          setLimits(ofLane: key, &plan)
        }
      } else {
        startLane(key, &table)
      }
    }
  }

  private func startLane(_ key: Int64, _ table: inout ModuleTable) {
    var plan = Lane.Plan()
    table.plan(ofLane: key, &plan)
    // A lane begins with the first route that delivers, and ends with its owner.
    guard !plan.active.isEmpty, let first = plan.workers[plan.active.min() ?? 0] else { return }
    setLimits(ofLane: key, &plan)
    let (kind, name, owner) =
      first.route.hasOwnLane
      ? ("route", first.route.name, first.module)
      : ("actor", first.actor.reference.id, first.actor.reference.module ?? first.module)
    let lane = Lane(
      key: key, name: "\(owner)/\(kind)/\(name)", plan: plan, environment: deliveryEnvironment)
    let job = supervisor.start { await lane.run() }
    table.lanes[key] = RunningLane(lane: lane, job: job, owner: owner)
  }

  private func setLimits(ofLane key: Int64, _ plan: inout Lane.Plan) {
    guard let route = plan.workers[plan.active.min() ?? 0] else { return }
    guard let policy = route.lanePolicy else { return }
    plan.concurrencyMax = policy.concurrency
    // A rate of the actor's own is kept for all lanes that lead to it.
    let isKeptByActor = !route.route.hasOwnLane && route.actor.slots.hasRate
    plan.ratePerSecond = isKeptByActor ? nil : policy.ratePerSecond
  }

  /// A queue is bounded as long as a loaded route leads to it, active or not.
  private func bound(_ key: Int64, _ table: ModuleTable) {
    guard let worker = table.firstWorker(ofLane: key) else { return }
    bus.bound(key, to: worker.lanePolicy?.bound)
  }

  // MARK: Deliveries that lie in another lane

  struct Move: Sendable {
    let module: String
    let keys: ModuleKeys.Move
  }

  /// Moves a route's deliveries into its new lane. Until that is done nothing of it is delivered
  /// there, so that order keys hold; what runs in the old lane ends there first.
  private func startMove(_ move: Move, _ table: inout ModuleTable) {
    let old = table.lanes[move.keys.from]?.lane
    let job = supervisor.start { [self] in
      await old?.waitUntilIdle([move.keys.route])
      guard !Task.isCancelled, await moved(move.keys) else { return }
      // Before the route is active there: which keys wait must be known when its first is taken.
      await lookAgain(in: [move.keys.from, move.keys.to])
      self.table.withLock { table in
        let affected = table.update(move.module) { $0.routes[move.keys.route]?.isMoving = false }
        arrange(affected, &table)
      }
    }
    _ = table.update(move.module) { $0.jobs.append(job) }
  }

  /// Moves page by page, so that no commit waits long; tries again as long as the file cannot be
  /// written.
  func moved(_ move: ModuleKeys.Move) async -> Bool {
    var retryMs = LaneLoop.retryMsMin
    while !Task.isCancelled {
      do {
        try await moveAll(move)
        return true
      } catch {
        reportSystemError("deliveries of a route cannot be moved: \(error)")
        guard await stopping.sleep(ms: retryMs, time: time) else { return false }
        retryMs = min(retryMs * 2, LaneLoop.retryMsMax)
      }
    }
    return false
  }

  func moveAll(_ move: ModuleKeys.Move) async throws(StoreError) {
    var (after, newest): (Int64, Int64) = (0, 0)
    while true {
      newest = try await store.newestDelivery()
      let page = try await store.unsettled(
        lane: move.from, route: move.route, after: after, limit: Limits.queuePageMax)
      guard let last = page.last else { break }
      try await store.move(page, from: move.from, to: move.to)
      after = last
    }
    try await store.finishMove(
      ofRoute: move.route, from: move.from, to: move.to, after: newest)
  }

  /// Tells lanes that deliveries came or went without their doing; tries again as long as the file
  /// cannot be read.
  func lookAgain(in keys: [Int64]) async {
    for key in keys {
      guard let lane = table.withLock({ $0.lanes[key]?.lane }) else { continue }
      var retryMs = LaneLoop.retryMsMin
      while !Task.isCancelled {
        do {
          try await lane.lookAgain()
          break
        } catch {
          reportSystemError("a queue cannot be read: \(error)")
          guard await stopping.sleep(ms: retryMs, time: time) else { return }
          retryMs = min(retryMs * 2, LaneLoop.retryMsMax)
        }
      }
    }
  }

  func reportSystemError(_ text: String) {
    log.emit(.systemError) { LogEntry(.systemError, timestampMs: time.wallMs, error: text) }
  }
}
