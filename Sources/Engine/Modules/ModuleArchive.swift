import Store

/// The modules that a database remembers, read when no runtime runs.
package struct ModuleArchive: Sendable {
  let reader: StoreReader

  /// Nothing is written to the database; the connection stays open until ``close()``.
  ///
  /// - Parameter readers: How many may read at once.
  /// - Throws: ``EngineError`` `.permission` when the file cannot be read, `.notFound` when it has
  ///   no tables yet, `.storage`.
  package static func open(
    path: String, readers: Int = 1
  ) throws(EngineError) -> ModuleArchive {
    do throws(StoreError) {
      return ModuleArchive(reader: try StoreReader(path: path, readerCount: readers))
    } catch {
      throw EngineError(opening: error)
    }
  }

  package func close() { reader.close() }

  /// Every configuration that was ever at work, as far as it is kept.
  package var history: ConfigurationHistory { ConfigurationHistory(reader) }

  /// The key that this database's hashes of substituted values are made with; nil before its first
  /// runtime.
  package func hashKey() async throws -> [UInt8]? { try await reader.hashKey() }

  /// Module statuses by name: all are `removed`, because nothing runs.
  ///
  /// - Parameter includesUnloaded: Those too that a start would not load.
  package func list(includesUnloaded: Bool) async throws -> [JSONValue] {
    try await known().filter { includesUnloaded || $0.isWanted }.map {
      .object(ModuleArchive.status(of: $0))
    }
  }

  /// What is remembered of a module by name or alias; nil for one that was never loaded.
  package func module(_ name: String) async throws -> KnownModule? {
    let known = try await known()
    return known.first { $0.name == name } ?? known.first { $0.alias == name }
  }

  /// One module by name or alias, with `queue`.
  ///
  /// - Throws: ``EngineError`` `.notFound`.
  package func status(_ name: String) async throws -> JSONValue {
    let known = try await known()
    guard
      let module = known.first(where: { $0.name == name })
        ?? known.first(where: { $0.alias == name })
    else {
      throw EngineError(
        moduleNotFound: name, among: known.map(\.name) + known.compactMap(\.alias))
    }
    let queues = try await reader.routeQueues(module: module.name)
    var object = ModuleArchive.status(of: module)
    object["queue"] = [
      "pending": JSONValue(queues.reduce(0) { $0 + $1.pending }),
      "waiting": JSONValue(queues.reduce(0) { $0 + $1.waiting }),
      "parked": JSONValue(queues.reduce(0) { $0 + $1.parked }),
      "running": JSONValue(queues.reduce(0) { $0 + $1.running }),
    ]
    return .object(object)
  }

  /// What a plan starts from: the boot project's modules as they were last.
  ///
  /// - Parameter names: The modules that the files name now.
  package func planBase(for names: Set<String>) async throws -> PlanBase {
    let hashes = try await reader.contentHashes()
    let known = try await known()
    // What was loaded by hand beside the boot project is no concern of its plan.
    let own = known.filter { names.contains($0.name) || $0.isFromBoot }
    var base = PlanBase(generation: known.compactMap(\.generation).max())
    base.kept = Set(own.filter { $0.isFromBoot && !$0.isWanted }.map(\.name)).intersection(names)
    for module in own {
      base.unsettled[module.name] = try await reader.unsettledCounts(module: module.name)
      // One that an operator has unloaded and that the files do not name is gone already.
      guard module.isFromBoot, module.isWanted || names.contains(module.name),
        let hash = hashes[module.name]
      else { continue }
      base.modules.append(
        PlanBase.Module(
          name: module.name, generation: module.generation, contentHash: hash))
    }
    return base
  }

  private func known() async throws(StoreError) -> [KnownModule] {
    try await reader.moduleRows().filter { $0.generation != nil }.map(KnownModule.init)
  }

  private static func status(of known: KnownModule) -> JSONObject {
    var object: JSONObject = ["name": .string(known.name)]
    object["alias"] = known.alias.map(JSONValue.string)
    object["state"] = .string(ModuleState.removed.rawValue)
    for key in ["sources", "routes", "actors", "uptime_ms"] { object[key] = 0 }
    object["path"] = .string(known.origin)
    object["generation"] = known.generation.map { JSONValue($0) } ?? .null
    object["loaded_by"] = .string(known.loadedBy)
    object["boot"] = .bool(known.isFromBoot)
    if !known.isFromBoot { object["project"] = .string(known.project ?? known.origin) }
    object["desired"] = known.isWanted ? "active" : "removed"
    object["health"] = []
    return object
  }
}
