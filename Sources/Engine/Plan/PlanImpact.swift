/// What a plan means for deliveries that are not settled yet (config.md 10.6).
struct PlanImpact {
  private let base: PlanBase
  private let desired: [ModuleDefinition]
  private let onRemoved: RemovedPolicy
  private let before: [String: PlanBase.Module]
  private let actorsBefore: Set<Target>
  private let actorsAfter: Set<Target>

  /// An actor by the name or alias of its module.
  private struct Target: Hashable {
    let module: String
    let actor: String
  }

  init(_ base: PlanBase, _ desired: [ModuleDefinition], _ onRemoved: RemovedPolicy) {
    self.base = base
    self.desired = desired.filter { !base.kept.contains($0.name) }
    self.onRemoved = onRemoved
    before = Dictionary(
      base.modules.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    actorsBefore = PlanImpact.actors(of: base.modules.compactMap(\.definition) + base.others)
    actorsAfter = PlanImpact.actors(of: self.desired + base.others)
  }

  private static func actors(of modules: [ModuleDefinition]) -> Set<Target> {
    var targets: Set<Target> = []
    for module in modules {
      for actor in module.actors where actor.isEnabled {
        targets.insert(Target(module: module.name, actor: actor.id))
        if let alias = module.alias { targets.insert(Target(module: alias, actor: actor.id)) }
      }
    }
    return targets
  }

  /// By module and route; only routes that have something unsettled.
  var list: [ModulePlan.Impact] {
    var found: [ModulePlan.Impact] = []
    for (module, routes) in base.unsettled {
      for (route, count) in routes where count > 0 {
        guard let fate = fate(of: route, in: module) else { continue }
        found.append(
          ModulePlan.Impact(route: route, module: module, unsettled: count, fate: fate))
      }
    }
    return found.sorted { ($0.module, $0.route) < ($1.module, $1.route) }
  }

  /// Nil when nothing is different for it.
  private func fate(of name: String, in module: String) -> ModulePlan.Fate? {
    if let other = base.others.first(where: { $0.name == module }) {
      let route = other.routes.first { $0.name == name && $0.isEnabled }
      return route.flatMap { losesActor($0, of: module) ? .waiting : nil }
    }
    let new = desired.first { $0.name == module }
    let route = new?.routes.first { $0.name == name }
    if let old = before[module], old.isArchived, let new, old.contentHash == new.contentHash {
      // The order of keys may be lost in what the database keeps.
      return route.flatMap { losesActor($0, of: module) ? .waiting : nil }
    }
    guard let old = before[module], old.definition == nil else {
      return fate(of: route, before: oldRoute(name, in: module), module)
    }
    // Only the database is left. Nothing but a start changes it, and that parks.
    guard let new else { return base.kept.contains(module) ? nil : .parked }
    guard new.contentHash != old.contentHash else { return nil }
    return route?.isEnabled == true ? .newDefinition : .parked
  }

  private func fate(
    of new: RouteDefinition?, before old: RouteDefinition?, _ module: String
  ) -> ModulePlan.Fate? {
    let isPaused = base.paused[module]?.contains(new?.name ?? old?.name ?? "") ?? false
    guard let new, new.isEnabled else {
      // What an earlier change left is parked already.
      guard old != nil, !base.kept.contains(module) else { return nil }
      // Only what is gone from the files is drained or dropped.
      return new == nil ? removedFate(isPaused: isPaused) : .parked
    }
    if let old {
      let isSame = ModuleChanges(ofRoute: old, new).isEmpty
      if isSame { return losesActor(new, of: module) ? .waiting : nil }
    }
    guard hasActor(new, of: module, in: actorsAfter) else { return .waiting }
    if isPaused { return .paused }
    return old == nil ? .resumed : .newDefinition
  }

  private func removedFate(isPaused: Bool) -> ModulePlan.Fate {
    switch onRemoved {
    case .park: .parked
    // What is paused is not delivered, so the time runs out.
    case .drain: isPaused ? .parked : .drained
    case .drop: .dropped
    }
  }

  private func oldRoute(_ name: String, in module: String) -> RouteDefinition? {
    before[module]?.definition?.routes.first { $0.name == name && $0.isEnabled }
  }

  private func losesActor(_ route: RouteDefinition, of module: String) -> Bool {
    hasActor(route, of: module, in: actorsBefore) && !hasActor(route, of: module, in: actorsAfter)
  }

  private func hasActor(
    _ route: RouteDefinition, of module: String, in actors: Set<Target>
  ) -> Bool {
    actors.contains(Target(module: route.actor.module ?? module, actor: route.actor.id))
  }
}

extension ModuleChanges {
  /// Compares two routes as a reload does.
  fileprivate init(ofRoute old: RouteDefinition, _ new: RouteDefinition) {
    self.init(
      from: ModuleDefinition(name: "", routes: [old]), to: ModuleDefinition(name: "", routes: [new])
    )
  }
}
