import Store
import Synchronization

extension Runtime {
  /// Loads a module; one that is loaded from the same origin is reloaded (config.md 10.4).
  ///
  /// Validate, make connectors, claim the name, register routes, start sources, mark active: a
  /// failure in any step undoes the steps before and frees the name.
  ///
  /// - Throws: ``EngineError`` `.conflict` when the name or the alias is taken from elsewhere, naming
  ///   both; `.invalid` for what cannot be made; `.closed`, `.unavailable`.
  package func loadModule(_ order: ModuleOrder) async throws(EngineError) -> LoadReport {
    try await moduleLocks.hold(order.definition.name) { () throws(EngineError) in
      try refuseWhenStopping()
      let loaded = table.withLock { $0.modules[order.definition.name] }
      if let loaded {
        guard loaded.definition.path == order.definition.path else {
          let error = EngineError(
            taken: loaded.name, by: loaded.name, at: loaded.definition.path,
            not: order.definition.path)
          noteModuleError(loaded.name, error.description)
          throw error
        }
        return try await reload(loaded, order, onRemoved: .park, drainMs: nil)
      }
      return try await load(order)
    }
  }

  func load(
    _ order: ModuleOrder, leaving: Set<String> = []
  ) async throws(EngineError) -> LoadReport {
    let name = order.definition.name
    note(.moduleLoading, name, result: "by \(order.requester)")
    do throws(EngineError) {
      try checkMounts(of: [order.definition], leaving: leaving)
      let prepared = try await PreparedModule(
        order.definition, catalog: catalog, time: time, log: log)
      do throws(EngineError) {
        try await claim(order)
        CrashPoint.moduleClaimed.reached()
        try await bringUp(order, prepared)
      } catch {
        await prepared.close()
        throw error
      }
    } catch {
      noteModuleError(name, error.description)
      throw error
    }
    let status = await statusOrNull(name)
    return LoadReport(
      name: name, outcome: .loaded, status: status,
      changes: ModuleChanges(from: ModuleDefinition(name: name), to: order.definition))
  }

  /// From the claimed name to an active module, or back to a free name.
  func bringUp(
    _ order: ModuleOrder, _ prepared: PreparedModule
  ) async throws(EngineError) {
    let name = order.definition.name
    do throws(EngineError) {
      let keys = try await register(order)
      CrashPoint.moduleRegistered.reached()
      let arrival = Arrival(order: order.stored, prepared: prepared, keys: keys)
      route([arrival])
      try await recover(arrival)
      install([arrival], moving: false)
      CrashPoint.moduleMade.reached()
      addLoggers(prepared)
      try await activate(name, telling: "module.loaded")
    } catch {
      await takeDown(name, limitMs: 0)
      // Free in memory at once; the file follows, now or at the next start.
      try? await registry.advance(ModuleStep(name, to: .removed), telling: nil)
      await noteEnd(of: name, by: order.requester, ChangeGroup(undoing: order.change))
      throw error
    }
  }

  /// Takes the name. One that nothing here holds was left by a load or an unload whose last step could
  /// not be written; nobody else is at it, because the caller has the module's lock.
  func claim(_ order: ModuleOrder) async throws(EngineError) {
    let claim = ModuleClaim(
      name: order.definition.name, alias: order.definition.alias, origin: order.definition.path,
      parameters: order.parameters, project: order.project, isFromBoot: order.isFromBoot,
      requester: order.requester)
    do throws(EngineError) {
      try await registry.claim(claim)
    } catch {
      guard error.code == .conflict, let stale = try await staleHolder(of: claim) else {
        throw error
      }
      try await registry.advance(ModuleStep(stale, to: .removed), telling: nil)
      try await registry.claim(claim)
    }
  }

  private func staleHolder(of claim: ModuleClaim) async throws(EngineError) -> String? {
    let entry = try await registry.entries().first {
      $0.name == claim.name && $0.state != .removed
    }
    guard let entry, table.withLock({ $0.modules[entry.name] == nil }) else { return nil }
    return entry.name
  }

  func register(_ order: ModuleOrder) async throws(EngineError) -> ModuleKeys {
    do throws(StoreError) {
      let keys = try await store.register(
        ModuleRecord(order, nowMs: time.wallMs))
      if keys.isNewGeneration { order.change.note(keys.generation) }
      addSourceNames(order.definition, keys)
      return keys
    } catch {
      throw EngineError(error)
    }
  }

  private func addSourceNames(_ definition: ModuleDefinition, _ keys: ModuleKeys) {
    var names: [Int64: DeliveryEnvironment.SourceName] = [:]
    for (id, row) in keys.sources {
      names[row.key] = DeliveryEnvironment.SourceName(module: definition.name, id: id)
    }
    deliveryEnvironment.addSources(names)
  }

  func addLoggers(_ prepared: PreparedModule) {
    let name = prepared.definition.name
    for logger in prepared.loggers {
      // The boot project's loggers receive every module's entries (config.md 5.4).
      log.add(logger, module: name == "default" ? nil : name, owner: name)
    }
  }

  /// Marks a module active in the table and in the registry, with the event that tells of it.
  private func activate(_ name: String, telling event: String?) async throws(EngineError) {
    let isStopping = table.withLock { table in
      _ = table.update(name) { module in
        module.phase = .active
        module.activeSinceMs = time.steadyMs
      }
      return self.isStopping
    }
    // From here on the end of the runtime finds it; before, nobody would have stopped it.
    if isStopping { throw EngineError(.closed, "orgloop is stopping") }
    try await registry.advance(
      ModuleStep(name, to: .active, isWanted: true),
      telling: event.flatMap { lifecycleEvent($0, of: name) })
    CrashPoint.moduleActive.reached()
    note(.moduleActive, name)
  }

  /// The system event of a step in a module's life (events.md 7.1), routed; nil when the module is
  /// not at work.
  func lifecycleEvent(_ event: String, of name: String) -> Intake.Routed? {
    guard let generation = table.withLock({ $0.modules[name]?.keys.generation }) else { return nil }
    let draft = SystemEvent.draft(
      event, ["name": .string(name), "generation": JSONValue(generation)])
    return intake.routed(
      draft, module: name, source: SystemEvent.sourceID, nowMs: time.wallMs)
  }

  /// Two sources cannot have one path, whatever modules they are in.
  ///
  /// - Parameters:
  ///   - definitions: What is to be loaded or reloaded; among themselves they have been checked.
  ///   - leaving: Modules that will be gone by then.
  /// - Throws: ``EngineError`` `.conflict`.
  package func checkMounts(
    of definitions: [ModuleDefinition], leaving: Set<String> = []
  ) throws(EngineError) {
    let (mounts, reserved) = table.withLock { ($0.mounts, $0.reservedMounts) }
    let changing = leaving.union(definitions.map(\.name))
    for definition in definitions {
      for (path, source) in definition.mounts {
        guard let other = reserved[path] ?? mounts[path], let module = other.module,
          !changing.contains(module)
        else { continue }
        throw EngineError(
          .conflict,
          "source \(source): the path \(path) belongs to source \(other.id) of module \(module)",
          hint: "give one of them another config.path")
      }
    }
  }

  /// Logs that a module could not be loaded or reloaded; also for who reads its files.
  ///
  /// - Parameter module: Nil when not even its name could be read.
  package func noteModuleError(_ module: String?, _ text: String) {
    log.emit(.moduleError) {
      LogEntry(.moduleError, timestampMs: time.wallMs, error: text, module: module)
    }
  }

  func refuseWhenStopping() throws(EngineError) {
    if isStopping { throw EngineError(.closed, "orgloop is stopping") }
  }

  func note(
    _ phase: LogPhase, _ module: String, result: String? = nil, error: String? = nil,
    metadata: JSONObject? = nil
  ) {
    log.emit(phase) {
      LogEntry(
        phase, timestampMs: time.wallMs, result: result, error: error, metadata: metadata,
        module: module)
    }
  }

  // MARK: At the start

  /// Makes the boot project's modules ready to run: claims their names, registers them, recovers
  /// what a crash cut off, compiles routes.
  ///
  /// - Parameters:
  ///   - bootNames: All modules that the boot project names, those included that are not to be
  ///     loaded; nil = the definitions are all.
  ///   - loadedBy: Who asked, for the registry.
  /// - Throws: ``EngineError`` when a module cannot be made or the database cannot be written.
  package func load(
    _ definitions: [ModuleDefinition], bootNames: [String]? = nil, loadedBy: String
  ) async throws {
    let change = ChangeGroup("start")
    try await registry.begin(bootNames: bootNames ?? definitions.map(\.name))
    try await endUnwanted(by: loadedBy, change)
    try await readBack()
    var arrivals: [Arrival] = []
    for definition in definitions {
      let order = ModuleOrder(
        definition, isFromBoot: true, requester: loadedBy, change: change)
      note(.moduleLoading, definition.name)
      let prepared = try await PreparedModule(definition, catalog: catalog, time: time, log: log)
      try await claim(order)
      CrashPoint.moduleClaimed.reached()
      let keys = try await register(order)
      CrashPoint.moduleRegistered.reached()
      arrivals.append(Arrival(order: order.stored, prepared: prepared, keys: keys))
    }
    route(arrivals)
    let layout = try await readLayout()
    recovered.withLock { $0 = layout.reduce(0) { $0 + $1.count } }
    try await recover(boot: arrivals, layout)
    install(arrivals, moving: false)
    CrashPoint.moduleMade.reached()
    for arrival in arrivals {
      addLoggers(arrival.prepared)
      try await activate(arrival.definition.name, telling: nil)
    }
  }
}

extension Runtime {
  /// What the runtime keeps in memory of what the file has.
  private func readBack() async throws(EngineError) {
    do throws(StoreError) {
      let names = try await store.inspection.sourceNames()
      deliveryEnvironment.addSources(
        names.mapValues { DeliveryEnvironment.SourceName(module: $0.module, id: $0.id) })
      let pauses = try await store.inspection.pauses()
      table.withLock { $0.pause(pauses) }
      for pause in pauses where pause.untilMs != nil { awaitEnd(of: pause) }
      if try await store.inspection.nextInboxExpiry() != nil { keepInbox() }
    } catch {
      throw EngineError(error)
    }
  }

  private func readLayout() async throws(EngineError) -> [QueuePart] {
    do throws(StoreError) {
      return try await store.queueLayout()
    } catch {
      throw EngineError(error)
    }
  }
}

extension ModuleRecord {
  /// Names to register. Actors and the runtime itself are sources too: of follow-up events and of
  /// system events.
  init(_ order: ModuleOrder, nowMs: Int64) {
    let definition = order.definition
    var sources: [(id: String, connector: String)] = [(SystemEvent.sourceID, "orgloop")]
    for source in definition.sources { sources.append((source.id, source.connector)) }
    let ids = Set(sources.map(\.id))
    for actor in definition.actors where !ids.contains(actor.id) {
      sources.append((actor.id, actor.connector))
    }
    let routes = definition.routes.filter(\.isEnabled)
    let conditions = routes.flatMap { route in
      RouteTable.conditions(of: route).map {
        ConditionText(route: route.name, path: $0.path, expected: $0.expected)
      }
    }
    self.init(
      name: definition.name, alias: definition.alias, path: definition.path,
      contentHash: definition.contentHash, documents: definition.documents.bytes,
      loadedBy: order.requester, nowMs: nowMs, sources: sources,
      routes: routes.map { route in
        Route(
          name: route.name, actor: route.actor.id, lane: route.laneName,
          actorLane: route.actorLaneName)
      },
      actors: definition.actors.map { Actor(id: $0.id, isEnabled: $0.isEnabled) },
      conditions: conditions)
    eventRetentionMs = definition.eventRetentionMs
    deadLetterRetentionMs = definition.deadLetterRetentionMs
    reading = order.reading?.bytes
    for file in definition.captured { captured.updateValue(file.content, forKey: file.hash) }
    action = order.change.action
    change = order.change.number
  }
}

extension ModuleDefinition {
  /// Paths that sources have mounted themselves at, with the sources' ids.
  package var mounts: [(path: String, source: String)] {
    sources.filter(\.isEnabled).compactMap { source in
      source.config["path"]?.string.map { ($0, source.id) }
    }
  }
}
