import Store
import Synchronization

/// Pausing and resuming what operators name (cli-http.md 2.2). Pauses are rows: they survive
/// restarts, and queued work says why it waits.
extension Runtime {
  /// Pauses. A paused source is not polled and its webhooks are refused with 503; paused routes and
  /// actors keep queueing; a paused module is all of that. What runs finishes.
  ///
  /// - Parameter durationMs: Ends by itself after that; nil lasts until ``resume(_:requester:)``.
  /// - Returns: `[{target, module, since, by, reason?, until?}]` of what was asked for.
  /// - Throws: ``EngineError`` `.moduleNotFound` for a module that is not loaded, `.notFound` for
  ///   what no loaded module has, `.invalid` when several have it.
  package func pause(
    _ selection: PauseSelection, reason: String?, durationMs: Int64?, requester: String
  ) async throws(EngineError) -> [JSONValue] {
    try await moduleLocks.hold(Runtime.pauseLock) { () throws(EngineError) in
      try refuseWhenStopping()
      if case .targets(let targets) = selection, targets.contains(where: { $0.kind == .delivery }) {
        throw EngineError(.invalid, "a delivery cannot be paused; its route, actor or module can")
      }
      let nowMs = time.wallMs
      let rows = try named(selection).map { key in
        PauseRow(
          kind: key.kind.rawValue, module: key.module, name: key.name,
          sinceMs: table.withLock { $0.pauses[key]?.sinceMs } ?? nowMs, by: requester,
          reason: reason, untilMs: durationMs.map { nowMs + $0 })
      }
      do throws(StoreError) {
        try await store.pause(rows)
      } catch {
        throw EngineError(error)
      }
      table.withLock { table in
        table.pause(rows)
        applyPauses(to: rows, &table)
      }
      for row in rows {
        noteOperatorAction(
          "pause", target: "\(row.kind)/\(row.name)", requester: requester, module: row.module,
          reason: reason)
        if row.untilMs != nil { awaitEnd(of: row) }
      }
      return rows.map(\.json)
    }
  }

  /// Ends pauses; what is not paused is left as it is. An actor that said it is gone for good is tried
  /// again, and breakers that lead to it are closed (cli-http.md 2.2).
  ///
  /// - Returns: What was paused and is not any more, as ``pause(_:reason:durationMs:requester:)``
  ///   gave it.
  package func resume(
    _ selection: PauseSelection, requester: String
  ) async throws(EngineError) -> [JSONValue] {
    try await moduleLocks.hold(Runtime.pauseLock) { () throws(EngineError) in
      try refuseWhenStopping()
      var (selection, held) = (selection, [PauseTarget]())
      if case .targets(let targets) = selection {
        held = targets.filter { $0.kind == .delivery }
        selection = .targets(targets.filter { $0.kind != .delivery })
      }
      let released = try await release(held, requester: requester)
      let pauses = table.withLock(\.pauses)
      let rows = try paused(selection, pauses)
      try await end(rows)
      try await enableActors(selection)
      for row in rows {
        noteOperatorAction(
          "resume", target: "\(row.kind)/\(row.name)", requester: requester, module: row.module)
      }
      return released + rows.map(\.json)
    }
  }

  private func enableActors(_ selection: PauseSelection) async throws(EngineError) {
    let modules = table.withLock(\.modules)
    var actors: [ActorReference] = []
    switch selection {
    case .all:
      actors = modules.values.flatMap { module in
        module.actors.filter(\.value.isGone).map { ActorReference(module: module.name, id: $0.key) }
      }
    case .targets(let targets):
      for target in targets where target.kind == .actor {
        // One that is paused may be of a module that is not loaded.
        guard let key = try? key(of: target, in: modules) else { continue }
        actors.append(ActorReference(module: key.module, id: key.name))
      }
    }
    for actor in actors { try await enable(actor) }
  }

  private func enable(_ actor: ActorReference) async throws(EngineError) {
    let module = table.withLock { $0.modules[actor.module ?? ""] }
    let name = ModuleRecord.LaneName(kind: "actor", name: actor.id)
    guard let module, let handle = module.actors[actor.id], let lane = module.keys.lanes[name]
    else { return }
    let draft = SystemEvent.draft("actor.enabled", ["actor": .string(actor.id)])
    let event =
      handle.isGone
      ? intake.routed(
        draft, module: module.name, source: SystemEvent.sourceID, nowMs: time.wallMs) : nil
    let batch = AcceptBatch(
      records: event.map { [$0.record] } ?? [], enablesActorOfLane: lane)
    do throws(StoreError) {
      let receipts = try await bus.publish(batch)
      for receipt in receipts { if let event { intake.report(event, receipt) } }
    } catch {
      throw EngineError(error)
    }
    let wasGone = handle.isGone
    handle.isGone = false
    table.withLock { table in
      closeBreakers(ofActor: handle.reference, table)
      arrange(table.lanes(toActorsOf: module.name), &table)
    }
    guard wasGone else { return }
    log.emit(.actorEnabled) {
      LogEntry(
        .actorEnabled, timestampMs: time.wallMs, target: actor.id, result: "enabled",
        module: module.name)
    }
  }

  /// Deliveries to an actor that has said it is gone for good rest, in whatever lane they are.
  func actorChanged(_ reference: ActorReference) {
    table.withLock { table in
      arrange(table.lanes(toActorsOf: reference.module ?? ""), &table)
    }
  }

  /// No module can have this name.
  static let pauseLock = "\u{0}pause"

  private func end(_ rows: [PauseRow]) async throws(EngineError) {
    do throws(StoreError) {
      try await store.resume(rows)
    } catch {
      throw EngineError(error)
    }
    table.withLock { table in
      table.resume(rows)
      applyPauses(to: rows, &table)
    }
  }

  /// Ends a pause when its time has come, unless it is another by then.
  func awaitEnd(of row: PauseRow) {
    guard let untilMs = row.untilMs else { return }
    _ = supervisor.start { [self] in
      guard await stopping.sleep(ms: untilMs - time.wallMs, time: time) else { return }
      var retryMs = LaneLoop.retryMsMin
      while true {
        do throws(EngineError) {
          return try await endInTime(row)
        } catch {
          reportSystemError("a pause cannot be ended: \(error)")
        }
        guard await stopping.sleep(ms: retryMs, time: time) else { return }
        retryMs = min(retryMs * 2, LaneLoop.retryMsMax)
      }
    }
  }

  private func endInTime(_ row: PauseRow) async throws(EngineError) {
    try await moduleLocks.hold(Runtime.pauseLock) { () throws(EngineError) in
      guard table.withLock({ $0.pauses[PauseKey(row)] }) == row else { return }
      try await end([row])
      noteOperatorAction(
        "resume", target: "\(row.kind)/\(row.name)", requester: "orgloop",
        module: row.module, reason: "the pause has ended")
    }
  }

  /// Brings sources and lanes to what is paused now.
  private func applyPauses(to rows: [PauseRow], _ table: inout ModuleTable) {
    var lanes: Set<Int64> = []
    for name in Set(rows.map(\.module)) {
      guard let module = table.modules[name] else { continue }
      for (id, source) in module.sources {
        if table.pause(ofSource: id, in: name) != nil {
          source.runner.pause()
        } else {
          source.runner.resume()
        }
      }
      lanes.formUnion(module.routes.values.map(\.lane))
      lanes.formUnion(table.lanes(toActorsOf: name))
    }
    arrange(lanes, &table)
  }

  // MARK: Names

  /// What is paused of a selection, whether its module is loaded or not.
  private func paused(
    _ selection: PauseSelection, _ pauses: [PauseKey: PauseRow]
  ) throws(EngineError) -> [PauseRow] {
    guard case .targets(let targets) = selection else { return Array(pauses.values) }
    var rows: [PauseRow] = []
    for target in targets {
      let found = pauses.filter { key, _ in
        key.kind == target.kind && key.name == target.name
          && (target.module == nil || key.module == target.module)
      }
      if found.count == 1 {
        rows += found.values
      } else {
        // Not paused, several, or a name that is an alias or a mistake.
        rows += try named(.targets([target])).compactMap { pauses[$0] }
      }
    }
    return rows
  }

  private func named(_ selection: PauseSelection) throws(EngineError) -> [PauseKey] {
    let modules = table.withLock(\.modules)
    switch selection {
    case .all:
      return modules.keys.sorted().map { PauseKey(.module, $0, in: $0) }
    case .targets(let targets):
      var keys: [PauseKey] = []
      for target in targets { keys.append(try key(of: target, in: modules)) }
      return keys
    }
  }

  private func key(
    of target: PauseTarget, in modules: [String: LoadedModule]
  ) throws(EngineError) -> PauseKey {
    if target.kind == .module {
      let found = table.withLock { $0[target.name]?.name }
      guard let found else { throw unknownModule(target.name) }
      return PauseKey(.module, found, in: found)
    }
    var names = modules.values.filter { $0.definition.has(target) }.map(\.name).sorted()
    if let wanted = target.module {
      let name = table.withLock { $0[wanted]?.name }
      guard let name else { throw unknownModule(wanted) }
      names = names.filter { $0 == name }
    }
    guard let name = names.first else {
      throw EngineError(.notFound, "no loaded module has \(target)")
    }
    guard names.count == 1 else {
      throw EngineError(
        .invalid, "several modules have \(target): \(names.joined(separator: ", "))",
        hint: "--module NAME says which one")
    }
    return PauseKey(target.kind, target.name, in: name)
  }

  /// Told from a source, route or actor that a module does not have.
  private func unknownModule(_ name: String) -> EngineError {
    let error = EngineError(moduleNotFound: name)
    return EngineError(.moduleNotFound, error.message, hint: error.hint)
  }
}

extension ModuleDefinition {
  fileprivate func has(_ target: PauseTarget) -> Bool {
    switch target.kind {
    case .source: sources.contains { $0.id == target.name }
    case .actor: actors.contains { $0.id == target.name }
    case .route: routes.contains { $0.name == target.name }
    case .module, .delivery: false
    }
  }
}

extension PauseRow {
  /// `{target, module, since, by, reason?, until?}`.
  var json: JSONValue {
    var object: JSONObject = [
      "target": .string("\(kind)/\(name)"), "module": .string(module),
      "since": .string(ISOTime.text(ms: sinceMs)), "by": .string(by),
    ]
    object["reason"] = reason.map(JSONValue.string)
    object["until"] = untilMs.map { .string(ISOTime.text(ms: $0)) }
    return .object(object)
  }
}
