import Store
import Synchronization

extension Runtime {
  /// What a plan for the boot project starts from; nothing is changed.
  ///
  /// - Parameter names: The modules that the files name now.
  package func planBase(for names: Set<String>) async throws -> PlanBase {
    let loaded = table.withLock(\.modules)
    let known = try await registry.entries()
    let boot = Set(known.filter(\.isFromBoot).map(\.name))
    let (own, others) = loaded.values.sorted { $0.name < $1.name }
      .split { names.contains($0.name) || boot.contains($0.name) }
    var base = PlanBase(generation: loaded.values.map(\.keys.generation).max())
    base.modules = own.map { module in
      PlanBase.Module(
        name: module.name, generation: module.keys.generation,
        contentHash: module.definition.contentHash, definition: module.definition)
    }
    base.kept = try await modulesKeptUnloaded().intersection(names)
    base.others = others.map(\.definition)
    for name in names.union(loaded.keys) {
      base.unsettled[name] = try await store.inspection.unsettledCounts(module: name)
    }
    base.paused = table.withLock { table in
      loaded.mapValues { module in
        Set(module.definition.routes.filter { table.isPaused($0, of: module.name) }.map(\.name))
      }
    }
    return base
  }
}

extension StoreReader {
  /// Unsettled deliveries by route, those that run included.
  func unsettledCounts(module: String) async throws(StoreError) -> [String: Int] {
    var counts: [String: Int] = [:]
    for queue in try await routeQueues(module: module) {
      counts[queue.route] = queue.pending + queue.waiting + queue.parked + queue.running
    }
    return counts
  }
}

extension ModuleTable {
  /// Whether somebody has paused a route, its actor, or the module of either.
  fileprivate func isPaused(_ route: RouteDefinition, of module: String) -> Bool {
    guard !pauses.isEmpty else { return false }
    let owner = route.actor.module.flatMap { self[$0]?.name } ?? route.actor.module ?? module
    return [
      PauseKey(.route, route.name, in: module), PauseKey(.actor, route.actor.id, in: owner),
      PauseKey(.module, module, in: module), PauseKey(.module, owner, in: owner),
    ].contains { pauses[$0] != nil }
  }
}

extension Sequence {
  /// The elements that are so, and those that are not.
  fileprivate func split(_ isSo: (Element) -> Bool) -> ([Element], [Element]) {
    (filter(isSo), filter { !isSo($0) })
  }
}
