import Store
import Synchronization

extension Runtime {
  /// Takes a module out of the running runtime (config.md 10.5): finish polls, refuse requests,
  /// drain attempts, remove routes. Everything else stays in the file for the next load.
  ///
  /// - Parameters:
  ///   - drainMs: What polls and attempts may take together; nil = `runtime.shutdown_timeout`.
  ///   - onRemoved: What becomes of unsettled deliveries.
  /// - Throws: ``EngineError`` `.notFound`, `.closed`, and `.unavailable` when the wish cannot be
  ///   recorded; then the module goes on.
  package func unloadModule(
    _ name: String, drainMs: Int64?, onRemoved: RemovedPolicy, requester: String
  ) async throws(EngineError) -> UnloadReport {
    guard let known = table.withLock({ $0[name]?.name }) else {
      throw EngineError(moduleNotFound: name)
    }
    return try await moduleLocks.hold(known) { () throws(EngineError) in
      try refuseWhenStopping()
      guard let loaded = table.withLock({ $0.modules[known] }) else {
        throw EngineError(moduleNotFound: name)
      }
      return try await unload(
        loaded, limitMs: drainMs ?? settings.shutdownTimeoutMs, onRemoved, requester: requester,
        change: ChangeGroup("unload"))
    }
  }

  /// Follows the claim of the module's lock.
  ///
  /// - Parameters:
  ///   - isWanted: Whether the next start brings it back.
  ///   - leavesBoot: The boot project does not name it any more, so that it is wanted again when it
  ///     does.
  @discardableResult
  func unload(
    _ loaded: LoadedModule, limitMs: Int64, _ onRemoved: RemovedPolicy, isWanted: Bool = false,
    leavesBoot: Bool = false, requester: String, change: ChangeGroup
  ) async throws(EngineError) -> UnloadReport {
    let name = loaded.name
    // From here on a crash does not bring it back, whatever the step it comes in.
    let step = ModuleStep(name, to: .unloading, isWanted: isWanted, leavesBoot: leavesBoot)
    try await registry.advance(step, telling: nil)
    note(.moduleUnloading, name, result: "by \(requester)")
    CrashPoint.moduleUnloading.reached()
    let endMs = time.steadyMs + limitMs
    await endSources(of: [name], limitMs: limitMs)
    if onRemoved == .drain {
      await waitUntilEmpty(loaded.routes, limitMs: max(endMs - time.steadyMs, 0))
    }
    await endDeliveries(of: [name], limitMs: max(endMs - time.steadyMs, 0))
    CrashPoint.moduleDrained.reached()
    var report = UnloadReport(name: name)
    // Made while the module is still at work, so that others that listen to it are told.
    let event = lifecycleEvent("module.unloaded", of: name)
    var failure: EngineError?
    do throws(EngineError) {
      try await settleCutOff(name)
      if onRemoved == .drop { report.dropped = try await drop(loaded.routes) }
      report.parked = try await unsettledCount(loaded)
    } catch {
      failure = error
    }
    dismantle(name)
    try await registry.advance(ModuleStep(name, to: .removed, isWanted: isWanted), telling: event)
    CrashPoint.moduleRemoved.reached()
    await noteEnd(of: name, by: requester, change)
    note(.moduleRemoved, name, result: "\(report.parked) deliveries parked")
    if let failure { throw failure }
    return report
  }

  /// Undoes what a load that failed has set going.
  func takeDown(_ name: String, limitMs: Int64) async {
    await endSources(of: [name], limitMs: limitMs)
    await endDeliveries(of: [name], limitMs: limitMs)
    do throws(EngineError) {
      try await settleCutOff(name)
    } catch {
      reportSystemError("the attempts of module \(name) cannot be settled: \(error)")
    }
    dismantle(name)
  }

  /// The end of all modules with the runtime: they stay wanted, and what is left continues at the
  /// next start.
  func endModules(limitMs: Int64) async {
    let names = table.withLock { Array($0.modules.keys) }.sorted()
    for name in names { note(.moduleUnloading, name, result: "orgloop stops") }
    let endMs = time.steadyMs + limitMs
    await endSources(of: names, limitMs: limitMs)
    CrashPoint.stopDraining.reached()
    await endDeliveries(of: names, limitMs: max(endMs - time.steadyMs, 0))
    let actors = table.withLock { table in
      table.modules.values.flatMap { module in module.actors.values.compactMap { $0.close() } }
    }
    for name in names { note(.moduleRemoved, name) }
    // What runs has ended or is cut off with the runtime: nobody uses them any more.
    for actor in actors { _ = supervisor.start { await actor.retire() } }
  }

  // MARK: The steps

  /// Lets running polls finish, and refuses requests from now on. What does not finish within the
  /// limit is cut off: its events were not accepted, and its checkpoint stays.
  private func endSources(of names: [String], limitMs: Int64) async {
    let sources = table.withLock { table in
      for name in names {
        _ = table.update(name) { $0.phase = .unloading }
      }
      return names.flatMap { table.modules[$0].map { Array($0.sources.values) } ?? [] }
    }
    for source in sources { source.runner.stop() }
    await end(sources.map(\.job), limitMs: limitMs)
  }

  /// Starts nothing more for these modules and their actors, and lets what runs end. What does not
  /// end within the limit is cut off, in their own lanes; in another module's lane it goes on to its
  /// end.
  private func endDeliveries(of names: [String], limitMs: Int64) async {
    let (own, shared, jobs) = table.withLock { table in
      var affected: Set<Int64> = []
      var jobs: [Supervisor.Job] = []
      for name in names {
        affected.formUnion(table.update(name) { $0.delivers = false })
        affected.formUnion(table.lanes(toActorsOf: name))
        jobs += table.modules[name]?.jobs ?? []
      }
      arrange(affected, &table)
      let own = table.lanes.filter { names.contains($0.value.owner) }
      var shared: [(Lane, Set<Int64>)] = []
      for key in affected.subtracting(own.keys) {
        guard let lane = table.lanes[key]?.lane else { continue }
        shared.append((lane, table.routes(inLane: key, concerning: names)))
      }
      return (own, shared, jobs)
    }
    for running in own.values { running.lane.drain() }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.end(own.values.map(\.job) + jobs, limitMs: limitMs) }
      for (lane, routes) in shared {
        group.addTask {
          _ = await withTimeout(ms: limitMs, time: self.time) { await lane.waitUntilIdle(routes) }
        }
      }
    }
    table.withLock { table in for key in own.keys { table.lanes[key] = nil } }
  }

  /// Waits for work to end, and cancels what has not ended within the limit. What does not even
  /// heed that is left behind; whatever it still says is not heard.
  private func end(_ jobs: [Supervisor.Job], limitMs: Int64) async {
    _ = await withTimeout(ms: limitMs, time: time) { for job in jobs { await job.wait() } }
    let late = jobs.filter { !$0.isEnded }
    guard !late.isEmpty else { return }
    for job in late { job.cancel() }
    _ = await withTimeout(ms: Limits.endMsMax, time: time) { for job in late { await job.wait() } }
  }

  private func settleCutOff(_ name: String) async throws(EngineError) {
    let lanes = table.withLock { $0.modules[name]?.keys.ownLanes ?? [] }
    do throws(StoreError) {
      try await settleInterrupted { start, _ in lanes.contains(start.lane) }
    } catch {
      throw EngineError(error)
    }
  }

  private func unsettledCount(_ loaded: LoadedModule) async throws(EngineError) -> Int {
    do throws(StoreError) {
      return try await store.inspection.routeQueues(module: loaded.name)
        .reduce(0) { $0 + $1.pending + $1.waiting + $1.parked }
    } catch {
      throw EngineError(error)
    }
  }

  /// Takes the module out of the table: its routes match no more, its actors are closed when nobody
  /// uses them, and lanes that deliver to them rest.
  private func dismantle(_ name: String) {
    let retired = table.withLock { table -> [OpenActor] in
      let handles = table.modules[name].map { Array($0.actors.values) } ?? []
      intake.use(table.unroute(name))
      let affected = table.remove(name)
      let retired = handles.compactMap { $0.close() }
      let listening = table.lanes(toActorsOf: name)
      // Routes of other modules keep the handle, and find its next connector through it.
      if listening.isEmpty { actors.forget(handles.map(\.reference)) }
      arrange(affected.union(listening), &table)
      return retired
    }
    for open in retired { _ = supervisor.start { await open.retire() } }
    log.remove(owner: name)
  }
}
