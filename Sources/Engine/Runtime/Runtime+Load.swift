import Store
import Synchronization

extension Runtime {
  /// Makes modules ready to run: registers them, recovers what a crash cut off, compiles routes.
  ///
  /// - Parameter loadedBy: Who asked, for the registry: a user name, `boot`, ….
  /// - Throws: ``EngineError`` when a module cannot be made or the database cannot be written.
  package func load(_ definitions: [ModuleDefinition], loadedBy: String) async throws {
    do {
      let names = try await store.inspection.sourceNames()
      deliveryEnvironment.addSources(
        names.mapValues { DeliveryEnvironment.SourceName(module: $0.module, id: $0.id) })
      let table = RouteTable(modules: definitions)
      var keys: [String: ModuleKeys] = [:]
      for definition in definitions {
        log.emit(.moduleLoading) { entry(.moduleLoading, definition.name) }
        keys[definition.name] = try await store.register(
          record(definition, table: table, loadedBy: loadedBy))
      }
      CrashPoint.moduleRegistered.reached()
      let actors = try actorDirectory(definitions)
      for definition in definitions {
        guard let keys = keys[definition.name] else { continue }
        let instance = try ModuleInstance(
          definition, keys: keys, catalog: catalog, actors: actors,
          sourceEnvironment: sourceEnvironment, deliveryEnvironment: deliveryEnvironment)
        modules.withLock { $0[definition.name] = instance }
        addSources(definition, keys)
      }
      CrashPoint.moduleMade.reached()
      intake.use(routing(table, keys))
      try await recover(table, keys)
      for (name, keys) in keys {
        try await store.setModuleState(
          keys.module, state: "active", desired: "active", nowMs: time.wallMs)
        CrashPoint.moduleActive.reached()
        log.emit(.moduleActive) { entry(.moduleActive, name) }
      }
    } catch let error as StoreError {
      throw EngineError(error)
    }
  }

  private func entry(_ phase: LogPhase, _ module: String) -> LogEntry {
    LogEntry(phase, timestampMs: time.wallMs, module: module)
  }

  private func addSources(_ definition: ModuleDefinition, _ keys: ModuleKeys) {
    var names: [Int64: DeliveryEnvironment.SourceName] = [:]
    for (id, row) in keys.sources {
      names[row.key] = DeliveryEnvironment.SourceName(module: definition.name, id: id)
    }
    deliveryEnvironment.addSources(names)
  }

  /// Names to register. Actors and the runtime itself are sources too: of follow-up events and of
  /// system events.
  private func record(
    _ definition: ModuleDefinition, table: RouteTable, loadedBy: String
  ) -> ModuleRecord {
    var sources: [(id: String, connector: String)] = [(SystemEvent.sourceID, "orgloop")]
    for source in definition.sources { sources.append((source.id, source.connector)) }
    let ids = Set(sources.map(\.id))
    for actor in definition.actors where !ids.contains(actor.id) {
      sources.append((actor.id, actor.connector))
    }
    let entries = table.entries.filter { $0.module == definition.name }
    let conditions = entries.flatMap { entry in
      table.conditions[entry.conditions].map { condition in
        ModuleRecord.ConditionText(
          route: entry.route.name, path: condition.path, expected: condition.expected)
      }
    }
    return ModuleRecord(
      name: definition.name, alias: definition.alias, path: definition.path,
      contentHash: definition.contentHash, documents: definition.documents.bytes,
      loadedBy: loadedBy, nowMs: time.wallMs, sources: sources,
      routes: definition.routes.map { ($0.name, $0.actor.id) },
      lanes: Array(Set(definition.routes.map(\.laneName))), conditions: conditions)
  }

  private func actorDirectory(
    _ definitions: [ModuleDefinition]
  ) throws(EngineError) -> ActorDirectory {
    var entries: [ActorReference: ActorDirectory.Entry] = [:]
    for module in definitions {
      for actor in module.actors {
        guard let role = catalog.connectors[actor.connector]?.actor else {
          throw EngineError(.invalid, "actor \(actor.id): no connector \(actor.connector)")
        }
        let context = ActorContext(
          module: module.name, actorID: actor.id, root: module.root, time: time
        ) { [log] entry in log.emit(entry.phase) { entry } }
        do {
          entries[ActorReference(module: module.name, id: actor.id)] = ActorDirectory.Entry(
            definition: actor, connector: try role.make(actor.config, context))
        } catch {
          throw EngineError(.invalid, "actor \(actor.id) cannot be made", cause: error)
        }
      }
    }
    return ActorDirectory(entries)
  }

  private func routing(_ table: RouteTable, _ keys: [String: ModuleKeys]) -> Routing {
    let routes = table.entries.map { entry in
      let keys = keys[entry.module]
      return Routing.RouteBinding(
        key: keys?.routes[entry.route.name] ?? 0, lane: keys?.lanes[entry.route.laneName] ?? 0,
        generation: keys?.generation ?? 0, orderKey: entry.route.delivery.orderKey)
    }
    let conditions = table.conditions.map { condition in
      let entry = table.entries[condition.route]
      let text = ModuleRecord.ConditionText(
        route: entry.route.name, path: condition.path, expected: condition.expected)
      return keys[entry.module]?.conditions[text] ?? 0
    }
    var sources: [SourceReference: Routing.SourceBinding] = [:]
    for (module, keys) in keys {
      for (id, row) in keys.sources {
        sources[SourceReference(module: module, id: id)] = Routing.SourceBinding(
          key: row.key, generation: keys.generation)
      }
    }
    return Routing(table: table, routes: routes, sources: sources, conditions: conditions)
  }
}
