import Store

/// Which modules there are: names as locks, what should run and what does (seed 000, Module
/// Identity; config.md 10.4).
///
/// A name is the identity, and the only one: an origin is a text that is compared and shown, never
/// opened, and nothing here says on which machine a module runs. So a store that several hosts
/// share could stand behind it.
protocol ModuleRegistry: Sendable {
  /// A runtime begins: what its predecessor held is free.
  ///
  /// - Parameter bootNames: The modules of the boot project; others are its modules no longer.
  func begin(bootNames: [String]) async throws(EngineError)
  /// Takes a name and its alias.
  ///
  /// - Throws: ``EngineError`` `.conflict` when either is held, naming both origins.
  func claim(_ claim: ModuleClaim) async throws(EngineError)
  /// Gives a loaded module another alias.
  ///
  /// - Throws: ``EngineError`` `.conflict` when somebody else holds it, naming both origins.
  func claimAlias(_ definition: ModuleDefinition) async throws(EngineError)
  /// Records a step in the life of a module, with the event that tells of it, in one transaction.
  func advance(_ step: ModuleStep, telling event: Intake.Routed?) async throws(EngineError)
  /// Every module that was ever loaded, by name.
  func entries() async throws(EngineError) -> [KnownModule]
  /// The next start begins with the boot project alone.
  func forgetOperatorChanges() async throws(EngineError)
}

/// Where a module is in its life (config.md 10.5).
package enum ModuleState: String, Sendable, CaseIterable {
  case loading, active, unloading, removed
}

/// A step in the life of a module.
struct ModuleStep: Sendable {
  var name: String
  var state: ModuleState
  /// Whether it should run from now on; nil leaves it.
  var isWanted: Bool?
  /// The boot project does not name it any more.
  var leavesBoot = false
  /// A reload: where its definition comes from now.
  var order: ModuleOrder?

  init(
    _ name: String, to state: ModuleState, isWanted: Bool? = nil, leavesBoot: Bool = false,
    order: ModuleOrder? = nil
  ) {
    self.name = name
    self.state = state
    self.isWanted = isWanted
    self.leavesBoot = leavesBoot
    self.order = order
  }
}

/// Someone's wish to hold a name.
struct ModuleClaim: Sendable {
  var name: String
  var alias: String?
  var origin: String
  var parameters: [String: String]
  var project: String?
  var isFromBoot: Bool
  var requester: String
}

/// A module as the registry remembers it.
package struct KnownModule: Sendable, Hashable {
  package var name: String
  package var alias: String?
  /// Where it came from: for modules made of files the configuration file, absolute and resolved.
  package var origin: String
  package var parameters: [String: String]
  /// As ``ModuleOrder/project``.
  package var project: String?
  package var isFromBoot: Bool
  package var state: ModuleState
  /// Whether it should run.
  package var isWanted: Bool
  package var loadedBy: String
  package var generation: Int64?
  /// Milliseconds since 1970: when it came into this state.
  package var changedAtMs: Int64
}

/// The registry in the database.
struct StoreRegistry: ModuleRegistry {
  let store: EventStore
  let bus: any EventBus
  let intake: Intake
  let time: TimeSource
  /// The bus keeps events in the same file, so that a step and its event are one transaction.
  let isFused: Bool

  func begin(bootNames: [String]) async throws(EngineError) {
    try await EngineError.wrapping { () throws(StoreError) in
      try await store.releaseModules(nowMs: time.wallMs)
      try await store.keepBootModules(bootNames)
    }
  }

  func claim(_ claim: ModuleClaim) async throws(EngineError) {
    let row = ModuleClaimRow(
      name: claim.name, alias: claim.alias, path: claim.origin, loadedBy: claim.requester,
      isFromBoot: claim.isFromBoot, parameters: text(claim.parameters), project: claim.project,
      nowMs: time.wallMs)
    let answer = try await EngineError.wrapping { () throws(StoreError) in
      try await store.claim(row)
    }
    if case .taken(let name, let path) = answer {
      throw EngineError(taken: claim.name, by: name, at: path, not: claim.origin)
    }
  }

  func claimAlias(_ definition: ModuleDefinition) async throws(EngineError) {
    let answer = try await EngineError.wrapping { () throws(StoreError) in
      try await store.claimAlias(definition.alias, of: definition.name)
    }
    if case .taken(let name, let path) = answer {
      throw EngineError(
        taken: definition.alias ?? definition.name, by: name, at: path, not: definition.path)
    }
  }

  func advance(_ step: ModuleStep, telling event: Intake.Routed?) async throws(EngineError) {
    var change = ModuleStateChange(
      name: step.name, state: step.state.rawValue,
      desired: step.isWanted.map { $0 ? "active" : "removed" }, leavesBoot: step.leavesBoot,
      nowMs: time.wallMs)
    if let order = step.order {
      change.provenance = .init(
        loadedBy: order.requester, isFromBoot: order.isFromBoot,
        parameters: text(order.parameters), project: order.project)
    }
    guard let event else {
      return try await EngineError.wrapping { [change] () throws(StoreError) in
        try await store.set(change)
      }
    }
    if !isFused {
      try await EngineError.wrapping { [change] () throws(StoreError) in try await store.set(change)
      }
    }
    let batch = AcceptBatch(records: [event.record], moduleState: isFused ? change : nil)
    let receipts = try await EngineError.wrapping { () throws(StoreError) in
      try await bus.publish(batch)
    }
    for receipt in receipts { intake.report(event, receipt) }
  }

  func entries() async throws(EngineError) -> [KnownModule] {
    let rows = try await EngineError.wrapping { () throws(StoreError) in
      try await store.inspection.moduleRows()
    }
    return rows.filter { $0.generation != nil || $0.state != "removed" }.map(KnownModule.init)
  }

  func forgetOperatorChanges() async throws(EngineError) {
    try await EngineError.wrapping { () throws(StoreError) in
      try await store.forgetOperatorChanges()
    }
  }

  private func text(_ parameters: [String: String]) -> String? {
    guard !parameters.isEmpty else { return nil }
    let members = parameters.sorted { $0.key < $1.key }
      .map { JSONObject.Member(key: $0.key, value: .string($0.value)) }
    return JSONText(.object(JSONObject(members))).description
  }
}

extension EngineError {
  /// A name that something else holds.
  package init(taken name: String, by holder: String, at origin: String, not other: String) {
    let what = name == holder ? "module \"\(name)\"" : "the name \"\(name)\""
    let who = name == holder ? "" : " by module \"\(holder)\""
    self.init(
      .conflict,
      "\(what) is already loaded\(who) from \(origin); it cannot be loaded from \(other)",
      hint: "orgloop module unload \(holder)")
  }
}

extension KnownModule {
  init(_ row: ModuleRow) {
    var parameters: [String: String] = [:]
    // What is no object was not written by us, and is no parameter.
    let text = row.parameters.flatMap { try? JSONText(checking: Array($0.utf8), limits: .trusted) }
    for member in text?.value().object?.members ?? [] {
      parameters[member.key] = member.value.string
    }
    self.init(
      name: row.name, alias: row.alias, origin: row.path ?? "", parameters: parameters,
      project: row.project, isFromBoot: row.isFromBoot,
      state: ModuleState(rawValue: row.state) ?? .removed,
      isWanted: row.desired == "active", loadedBy: row.loadedBy ?? "",
      generation: row.generation, changedAtMs: row.changedAtMs)
  }
}
