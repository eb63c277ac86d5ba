import Store
import Synchronization

/// What can be asked of the set of modules.
extension Runtime {
  /// Module statuses (cli-http.md 2.2) by name.
  ///
  /// - Parameter includesUnloaded: Those too that are not loaded and that the registry knows.
  package func moduleList(includesUnloaded: Bool) async throws -> [JSONValue] {
    let modules = table.withLock(\.modules)
    let sources = Dictionary(grouping: try await inspector.sources(), by: \.module)
    var statuses = modules.mapValues { status(of: $0, sources[$0.name] ?? []) }
    if includesUnloaded {
      for known in try await registry.entries() where statuses[known.name] == nil {
        statuses[known.name] = status(of: known)
      }
    }
    return statuses.sorted { $0.key < $1.key }.map { .object($0.value) }
  }

  /// One module by name or alias: its status with `source_list [{id, connector, status, paused?,
  /// next_poll_at?, last_poll?, event_count}]`, `route_list [{name, sources, actor, paused?,
  /// pending, waiting, parked, running}]`, `queue {pending, waiting, parked, running}`, `loaded_by`,
  /// `desired` and, when it is paused, `paused`.
  ///
  /// - Throws: ``EngineError`` `.notFound`.
  package func moduleStatus(_ name: String) async throws -> JSONValue {
    guard let module = table.withLock({ $0[name] }) else {
      guard let known = try await knownModule(name) else {
        let names = try await registry.entries().flatMap {
          [$0.name] + ($0.alias.map { [$0] } ?? [])
        }
        throw EngineError(moduleNotFound: name, among: names)
      }
      var object = status(of: known)
      object["queue"] = ModuleQueue(try await store.inspection.routeQueues(module: known.name)).json
      return .object(object)
    }
    let sources = try await inspector.sources().filter { $0.module == module.name }
    let queues = try await store.inspection.routeQueues(module: module.name)
    var object = status(of: module, sources)
    object["queue"] = ModuleQueue(queues).json
    object["source_list"] = .array(sourceList(of: module, sources))
    object["route_list"] = .array(routeList(of: module, queues))
    return .object(object)
  }

  /// The status of what has just been changed; null when the file cannot be read at this moment.
  func statusOrNull(_ name: String) async -> JSONValue {
    // The change is made; that it cannot be shown is no reason to call it failed.
    (try? await moduleStatus(name)) ?? .null
  }

  /// What the registry knows of a module by name or alias, loaded or not; nil for one that never
  /// was.
  package func knownModule(_ name: String) async throws(EngineError) -> KnownModule? {
    let entries = try await registry.entries()
    let aliased = entries.filter { $0.alias == name }
    return entries.first { $0.name == name }
      ?? aliased.first { $0.state != .removed } ?? aliased.first
  }

  /// Every module that the registry knows, loaded or not, by name.
  package func knownModules() async throws(EngineError) -> [KnownModule] {
    try await registry.entries()
  }

  /// Modules that were loaded by hand and should run: to be loaded again at a start.
  package func modulesToRestore() async throws(EngineError) -> [KnownModule] {
    try await registry.entries().filter { !$0.isFromBoot && $0.isWanted && $0.state == .removed }
  }

  /// Modules of the boot project that an operator has unloaded, and that stay unloaded until the
  /// runtime is stopped by one.
  package func modulesKeptUnloaded() async throws(EngineError) -> Set<String> {
    Set(try await registry.entries().filter { $0.isFromBoot && !$0.isWanted }.map(\.name))
  }

  /// The definitions of the modules at work, by name.
  package var loadedDefinitions: [ModuleDefinition] {
    table.withLock { $0.modules.values.map(\.definition) }.sorted { $0.name < $1.name }
  }

  /// An operator asked for the end of the runtime: modules loaded by hand are forgotten, and those
  /// of the boot project that were unloaded by hand come back at the next start (config.md 10.1).
  package func forgetOperatorChanges() async throws(EngineError) {
    try await registry.forgetOperatorChanges()
  }

  /// Logs what an operator did (cli-http.md 3.4).
  ///
  /// - Parameters:
  ///   - action: `load`, `pause`, `shutdown`, ….
  ///   - target: What it was done to, such as `route/pager`.
  ///   - error: Why it was refused; nil when it was done.
  package func noteOperatorAction(
    _ action: String, target: String?, requester: String, module: String? = nil,
    reason: String? = nil, error: String? = nil
  ) {
    log.emit(.operatorAction) {
      var metadata: JSONObject = ["action": .string(action), "by": .string(requester)]
      metadata["object"] = target.map(JSONValue.string)
      metadata["reason"] = reason.map(JSONValue.string)
      return LogEntry(
        .operatorAction, timestampMs: time.wallMs,
        result: "\(action)\(target.map { " \($0)" } ?? "") by \(requester)", error: error,
        metadata: metadata, module: module)
    }
  }

  // MARK: JSON

  private func status(of module: LoadedModule, _ stored: [SourceStatus]) -> JSONObject {
    let definition = module.definition
    var object: JSONObject = ["name": .string(module.name)]
    object["alias"] = definition.alias.map(JSONValue.string)
    object["state"] = .string(module.phase.rawValue)
    object["sources"] = JSONValue(definition.sources.count)
    let disabled = definition.sources.count { !$0.isEnabled }
    object["sources_disabled"] = disabled > 0 ? JSONValue(disabled) : nil
    object["routes"] = JSONValue(definition.routes.count)
    object["actors"] = JSONValue(definition.actors.count)
    object["uptime_ms"] = JSONValue(max(time.steadyMs - module.activeSinceMs, 0))
    object["path"] = .string(definition.path)
    object["generation"] = JSONValue(module.keys.generation)
    object["loaded_by"] = .string(module.order.requester)
    object["boot"] = .bool(module.order.isFromBoot)
    if !module.order.isFromBoot {
      object["project"] = .string(module.order.project ?? definition.path)
    }
    object["desired"] = "active"
    object["health"] = .array(stored.filter { module.sources[$0.id] != nil }.map(health))
    let key = PauseKey(.module, module.name, in: module.name)
    object["paused"] = table.withLock { $0.pauses[key] }?.json
    return object
  }

  private func status(of known: KnownModule) -> JSONObject {
    var object: JSONObject = ["name": .string(known.name)]
    object["alias"] = known.alias.map(JSONValue.string)
    object["state"] = .string(known.state.rawValue)
    object["sources"] = 0
    object["routes"] = 0
    object["actors"] = 0
    object["uptime_ms"] = 0
    object["path"] = .string(known.origin)
    object["generation"] = known.generation.map { JSONValue($0) } ?? .null
    object["loaded_by"] = .string(known.loadedBy)
    object["boot"] = .bool(known.isFromBoot)
    if !known.isFromBoot { object["project"] = .string(known.project ?? known.origin) }
    object["desired"] = known.isWanted ? "active" : "removed"
    object["health"] = []
    return object
  }

  private func sourceList(of module: LoadedModule, _ stored: [SourceStatus]) -> [JSONValue] {
    let stored = Dictionary(stored.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    return module.definition.sources.map { source in
      var object: JSONObject = [
        "id": .string(source.id), "connector": .string(source.connector),
        "status": .string(stored[source.id]?.status ?? "healthy"),
        "event_count": JSONValue(stored[source.id]?.eventCount ?? 0),
        "last_poll": JSONValue(stored[source.id]?.lastAttempt),
      ]
      let runner = module.sources[source.id]?.runner
      object["enabled"] = .bool(source.isEnabled)
      object["next_poll_at"] = runner?.state.withLock(\.nextPollAtMs).map {
        .string(ISOTime.text(ms: $0))
      }
      object["paused"] = table.withLock { $0.pause(ofSource: source.id, in: module.name) }?.json
      return .object(object)
    }
  }

  private func routeList(
    of module: LoadedModule, _ queues: [RouteQueueStatus]
  ) -> [JSONValue] {
    let queues = Dictionary(queues.map { ($0.route, $0) }, uniquingKeysWith: { first, _ in first })
    return module.definition.routes.map { route in
      let queue = queues[route.name]
      var object: JSONObject = [
        "name": .string(route.name),
        "sources": .array(route.sources.map { .string($0.shown) }),
        "actor": .string(SourceReference(module: route.actor.module, id: route.actor.id).shown),
        "enabled": .bool(route.isEnabled),
        "pending": JSONValue(queue?.pending ?? 0), "waiting": JSONValue(queue?.waiting ?? 0),
        "parked": JSONValue(queue?.parked ?? 0), "running": JSONValue(queue?.running ?? 0),
      ]
      object["paused"] = table.withLock { $0.pause(of: route, in: module.name) }?.json
      return .object(object)
    }
  }
}

/// The sum over a module's routes.
private struct ModuleQueue {
  let json: JSONValue

  init(_ queues: [RouteQueueStatus]) {
    json = [
      "pending": JSONValue(queues.reduce(0) { $0 + $1.pending }),
      "waiting": JSONValue(queues.reduce(0) { $0 + $1.waiting }),
      "parked": JSONValue(queues.reduce(0) { $0 + $1.parked }),
      "running": JSONValue(queues.reduce(0) { $0 + $1.running }),
    ]
  }
}

extension SourceReference {
  /// `id`, or `module:id`.
  fileprivate var shown: String { module.map { "\($0):\(id)" } ?? id }
}
