import Store
import Synchronization

extension Runtime {
  /// Brings a loaded module to a new definition (config.md 10.6). What is the same goes on without
  /// a gap; if the new definition cannot be used, the old one goes on as if nothing had been asked.
  ///
  /// - Parameters:
  ///   - onRemoved: What becomes of unsettled deliveries of routes that are gone.
  ///   - drainMs: How long `drain` may take; nil = `runtime.shutdown_timeout`.
  /// - Throws: ``EngineError`` `.notFound`, `.invalid`, `.conflict`, `.closed`, `.unavailable`.
  package func reloadModule(
    _ order: ModuleOrder, onRemoved: RemovedPolicy, drainMs: Int64?
  ) async throws(EngineError) -> LoadReport {
    try await moduleLocks.hold(order.definition.name) { () throws(EngineError) in
      try refuseWhenStopping()
      guard let loaded = table.withLock({ $0.modules[order.definition.name] }) else {
        throw EngineError(moduleNotFound: order.definition.name)
      }
      return try await reload(loaded, order, onRemoved: onRemoved, drainMs: drainMs)
    }
  }

  /// Follows the claim of the module's lock.
  ///
  /// - Parameter leaving: Modules that will have let go of their paths by then.
  func reload(
    _ loaded: LoadedModule, _ order: ModuleOrder, onRemoved: RemovedPolicy, drainMs: Int64?,
    leaving: Set<String> = []
  ) async throws(EngineError) -> LoadReport {
    let name = loaded.name
    let changes = ModuleChanges(from: loaded.definition, to: order.definition)
    guard !changes.isEmpty || loaded.definition.contentHash != order.definition.contentHash else {
      try await adopt(loaded, order)
      return LoadReport(
        name: name, outcome: .unchanged, status: await statusOrNull(name), changes: changes)
    }
    do throws(EngineError) {
      try checkMounts(of: [order.definition], leaving: leaving)
      if loaded.definition.alias != order.definition.alias {
        try await registry.claimAlias(order.definition)
      }
      try await waitForMoves(name, limitMs: drainMs ?? settings.shutdownTimeoutMs)
      let prepared = try await PreparedModule(
        order.definition, changes: changes, catalog: catalog, time: time, log: log)
      _ = try await replace(
        loaded, order, prepared, changes, onRemoved, drainMs ?? settings.shutdownTimeoutMs)
    } catch {
      noteModuleError(name, error.description)
      throw error
    }
    return LoadReport(
      name: name, outcome: .reloaded, status: await statusOrNull(name), changes: changes)
  }

  /// Puts what was prepared in place of what runs; closes it where that fails.
  ///
  /// - Returns: The routes that are gone.
  @discardableResult
  func replace(
    _ loaded: LoadedModule, _ order: ModuleOrder, _ prepared: PreparedModule,
    _ changes: ModuleChanges, _ onRemoved: RemovedPolicy, _ limitMs: Int64
  ) async throws(EngineError) -> [Int64: LoadedRoute] {
    mark(loaded, order.definition, isReplaced: true)
    var keys: ModuleKeys
    do throws(EngineError) {
      keys = try await register(order)
    } catch {
      mark(loaded, order.definition, isReplaced: false)
      await prepared.close()
      throw error
    }
    CrashPoint.moduleRegistered.reached()
    // Sources that are gone may still hand over what they were reading.
    keys.sources.merge(loaded.keys.sources) { new, _ in new }
    let arrival = Arrival(order: order.stored, prepared: prepared, keys: keys)
    let gone = await leave(loaded, arrival, changes, onRemoved, limitMs)
    install([arrival], moving: true)
    if !changes.loggers.isEmpty {
      log.remove(owner: loaded.name)
      addLoggers(prepared)
    }
    CrashPoint.moduleReloaded.reached()
    await tellReloaded(order, changes)
    return gone
  }

  /// A module that stays as it is may belong to other files from now on: the boot manifest names one
  /// that was loaded by hand, say.
  func adopt(_ loaded: LoadedModule, _ order: ModuleOrder) async throws(EngineError) {
    guard !loaded.order.hasOrigin(of: order) else { return }
    try await registry.advance(
      ModuleStep(loaded.name, to: .active, isWanted: true, order: order), telling: nil)
    table.withLock { table in
      _ = table.update(loaded.name) { $0.order = order }
    }
  }

  /// Stops matching the routes that are gone, and sees to what they have left.
  ///
  /// - Returns: Those routes.
  private func leave(
    _ loaded: LoadedModule, _ arrival: Arrival, _ changes: ModuleChanges,
    _ onRemoved: RemovedPolicy, _ limitMs: Int64
  ) async -> [Int64: LoadedRoute] {
    route([arrival])
    let gone = loaded.routes.filter { changes.routes.removed.contains($0.value.worker.route.name) }
    guard !gone.isEmpty else { return [:] }
    if onRemoved == .drain { await waitUntilEmpty(gone, limitMs: limitMs) }
    guard onRemoved == .drop else { return gone }
    // Not delivered any more from here on; what runs ends first.
    table.withLock { table in
      let affected = table.update(loaded.name) { module in
        for key in gone.keys { module.routes[key]?.isMoving = true }
      }
      arrange(affected, &table)
    }
    await dropLeft(by: gone, limitMs: limitMs)
    return gone
  }

  /// Ends what routes have left that are not delivered any more; what runs ends first.
  func dropLeft(by gone: [Int64: LoadedRoute], limitMs: Int64) async {
    let lanes = table.withLock { table in
      Set(gone.values.map(\.lane)).compactMap { table.lanes[$0]?.lane }
    }
    for lane in lanes {
      _ = await withTimeout(ms: limitMs, time: time) { await lane.waitUntilIdle(Set(gone.keys)) }
    }
    do throws(EngineError) {
      _ = try await drop(gone)
    } catch {
      // They are parked then, as if nothing had been asked.
      reportSystemError("deliveries of removed routes cannot be dropped: \(error)")
    }
  }

  /// A route whose deliveries are being moved cannot be sent to yet another lane.
  func waitForMoves(_ name: String, limitMs: Int64) async throws(EngineError) {
    let jobs = table.withLock { table in
      let module = table.modules[name]
      return module?.routes.values.contains(where: \.isMoving) ?? false ? module?.jobs ?? [] : []
    }
    _ = await withTimeout(ms: limitMs, time: time) { for job in jobs { await job.wait() } }
    let isMoving = table.withLock { table in
      table.modules[name]?.routes.values.contains(where: \.isMoving) ?? false
    }
    guard isMoving else { return }
    throw EngineError(
      .unavailable, "deliveries of module \(name) are still being moved to another queue",
      hint: "try again when the attempts that run have ended")
  }

  /// A source with another connector begins anew: no checkpoint of the old one may be stored after
  /// the row has been given to the new one.
  private func mark(
    _ loaded: LoadedModule, _ definition: ModuleDefinition, isReplaced: Bool
  ) {
    for source in definition.sources {
      guard let runner = (loaded.sources[source.id] ?? loaded.leaving[source.id])?.runner,
        runner.definition.connector != source.connector
      else { continue }
      runner.mark(isReplaced: isReplaced)
    }
  }

  /// The module is reloaded whether this can be written or not.
  private func tellReloaded(_ order: ModuleOrder, _ changes: ModuleChanges) async {
    let name = order.definition.name
    let event = lifecycleEvent("module.reloaded", of: name)
    do throws(EngineError) {
      try await registry.advance(
        ModuleStep(name, to: .active, isWanted: true, order: order), telling: event)
    } catch {
      reportSystemError("the reload of module \(name) cannot be recorded: \(error)")
    }
    let kinds = [changes.sources, changes.actors, changes.routes, changes.loggers]
    let generation = table.withLock { $0.modules[name]?.keys.generation } ?? 0
    note(
      .configApplied, name,
      metadata: [
        "generation": JSONValue(generation),
        "add": JSONValue(kinds.reduce(0) { $0 + $1.added.count }),
        "change": JSONValue(kinds.reduce(0) { $0 + $1.changed.count }),
        "remove": JSONValue(kinds.reduce(0) { $0 + $1.removed.count }),
      ])
  }

  // MARK: What removed routes leave

  /// Waits until the routes have nothing left, at most so long.
  func waitUntilEmpty(_ routes: [Int64: LoadedRoute], limitMs: Int64) async {
    let endMs = time.steadyMs + limitMs
    for (key, route) in routes {
      while time.steadyMs < endMs, !Task.isCancelled, await hasUnsettled(key, lane: route.lane) {
        let pauseMs = min(Limits.drainLookMs, endMs - time.steadyMs)
        // Cancelled, the loop ends at its next look.
        try? await time.sleep(ms: pauseMs)
      }
    }
  }

  private func hasUnsettled(_ route: Int64, lane: Int64) async -> Bool {
    do {
      return try await !store.unsettled(lane: lane, route: route, after: 0, limit: 1).isEmpty
    } catch {
      // A file that cannot be read now is looked at again.
      return true
    }
  }

  /// Ends what routes have left as `dropped`; nothing of it runs.
  ///
  /// - Returns: How many deliveries that were.
  func drop(_ routes: [Int64: LoadedRoute]) async throws(EngineError) -> Int {
    var count = 0
    do throws(StoreError) {
      for (key, route) in routes {
        var after: Int64 = 0
        while true {
          let page = try await store.unsettled(
            lane: route.lane, route: key, after: after, limit: Limits.queuePageMax)
          guard let last = page.last else { break }
          count += try await store.drop(page, lane: route.lane, nowMs: time.wallMs)
          after = last
        }
      }
    } catch {
      throw EngineError(error)
    }
    // Order keys that they held are free for what others have in the same lanes.
    await lookAgain(in: Array(Set(routes.values.map(\.lane))))
    return count
  }
}

extension EngineError {
  init(moduleNotFound name: String) {
    self.init(.notFound, "Module not found: \(name)", hint: "orgloop module list --all")
  }
}
