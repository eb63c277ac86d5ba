import Store
import Synchronization

/// Several modules that are brought to another state together, or stay as they are.
package struct ApplyOrder: Sendable {
  /// Modules that the configuration names no more.
  package var removals: [String]
  /// Modules to be loaded or reloaded; what is the same already is left as it is.
  package var arrivals: [ModuleOrder]
  package var onRemoved: RemovedPolicy
  package var requester: String
  /// The generations at work that the order was made for, by module; a module that is not named
  /// must not be loaded.
  package var base: [String: Int64]
  /// What it is in the history; the arrivals have the same.
  package var change: ChangeGroup

  package init(
    removals: [String], arrivals: [ModuleOrder], onRemoved: RemovedPolicy, requester: String,
    base: [String: Int64], change: ChangeGroup
  ) {
    self.change = change
    self.removals = removals
    self.arrivals = arrivals
    self.onRemoved = onRemoved
    self.requester = requester
    self.base = base
  }
}

extension Runtime {
  /// Brings several modules to another state: all of them or none.
  ///
  /// Everything that the configuration decides is checked and made before the first module changes:
  /// connectors, transforms, paths, names. If a step fails all the same (the disk is full, say), the
  /// modules that have changed are brought back, the last one first, and the error says so. What is
  /// unsettled of routes that are gone is dropped, where that is asked for, only when all is done.
  ///
  /// - Throws: ``EngineError`` `.conflict` when other modules run than the order was made for;
  ///   what ``loadModule(_:)``, ``reloadModule(_:onRemoved:drainMs:)`` and `unloadModule` throw.
  package func apply(_ order: ApplyOrder) async throws(EngineError) {
    let names = Set(order.removals + order.arrivals.map(\.definition.name))
    try await moduleLocks.hold(names) { () throws(EngineError) in
      try refuseWhenStopping()
      // What has to be brought back has to be written, too.
      guard bus.hasRoom else {
        throw EngineError(
          .full, "the disk is nearly full; nothing is changed", hint: "free space on the disk")
      }
      var applying = try Applying(self, order)
      defer { applying.freePaths() }
      try await applying.run()
    }
  }
}

/// One apply, from its checks to its end. The locks of its modules are held.
private struct Applying {
  private let runtime: Runtime
  private let order: ApplyOrder
  private let limitMs: Int64
  /// The modules that the order concerns, as they run before it.
  private let before: [String: LoadedModule]
  private var ready: [Ready] = []
  private var done: [Step] = []
  private var gone: [[Int64: LoadedRoute]] = []

  /// A module that can be put to work.
  private struct Ready {
    let order: ModuleOrder
    let changes: ModuleChanges
    /// Nil when nothing has to be made.
    var prepared: PreparedModule?
    /// The name, or another alias, is held for it.
    var isClaimed = false

    var name: String { order.definition.name }
  }

  /// What has been done, and would have to be undone.
  private enum Step {
    case added(String)
    case changed(LoadedModule)
    case removed(LoadedModule)

    var name: String {
      switch self {
      case .added(let name): name
      case .changed(let module), .removed(let module): module.name
      }
    }
  }

  init(_ runtime: Runtime, _ order: ApplyOrder) throws(EngineError) {
    self.runtime = runtime
    self.order = order
    limitMs = runtime.settings.shutdownTimeoutMs
    let names = order.removals + order.arrivals.map(\.definition.name)
    let loaded = runtime.table.withLock(\.modules)
    before = loaded.filter { names.contains($0.key) }
    let isSame = names.allSatisfy { loaded[$0]?.keys.generation == order.base[$0] }
    guard isSame else {
      throw EngineError(
        .conflict, "the running modules have changed since the plan was made; make a new one",
        hint: "orgloop plan makes one")
    }
  }

  mutating func run() async throws(EngineError) {
    do throws(EngineError) {
      try await prepare()
      try await claim(all: false)
    } catch {
      await abandon()
      throw error
    }
    do throws(EngineError) {
      try await change()
    } catch {
      throw await undone(after: error)
    }
    guard order.onRemoved == .drop else { return }
    for routes in gone { await runtime.dropLeft(by: routes, limitMs: limitMs) }
  }

  /// Lets others have the paths again that the order has reserved.
  func freePaths() { runtime.table.withLock { $0.reservedMounts = [:] } }

  // MARK: Before anything changes

  private mutating func prepare() async throws(EngineError) {
    let definitions = order.arrivals.map(\.definition)
    try runtime.checkMounts(of: definitions, leaving: Set(order.removals))
    runtime.table.withLock { table in
      for definition in definitions {
        for (path, source) in definition.mounts {
          table.reservedMounts[path] = SourceReference(module: definition.name, id: source)
        }
      }
    }
    for arrival in order.arrivals {
      let definition = arrival.definition
      do throws(EngineError) {
        ready.append(try await prepared(arrival))
      } catch {
        runtime.noteModuleError(definition.name, error.description)
        throw EngineError(module: definition.name, error)
      }
    }
  }

  private func prepared(_ arrival: ModuleOrder) async throws(EngineError) -> Ready {
    let old = before[arrival.definition.name]
    let changes = ModuleChanges(
      from: old?.definition ?? ModuleDefinition(name: arrival.definition.name),
      to: arrival.definition)
    if let old, changes.isEmpty, old.definition.contentHash == arrival.definition.contentHash {
      return Ready(order: arrival, changes: changes)
    }
    if old != nil { try await runtime.waitForMoves(arrival.definition.name, limitMs: limitMs) }
    let prepared = try await PreparedModule(
      arrival.definition, changes: old == nil ? nil : changes, catalog: runtime.catalog,
      time: runtime.time, log: runtime.log)
    return Ready(order: arrival, changes: changes, prepared: prepared)
  }

  /// Takes names and aliases. What a module gives up goes first.
  ///
  /// - Parameter all: Those too that modules that go have held.
  private mutating func claim(all: Bool) async throws(EngineError) {
    for isNew in [false, true] {
      for index in ready.indices where !ready[index].isClaimed && ready[index].prepared != nil {
        let definition = ready[index].order.definition
        let old = before[definition.name]
        guard (old == nil) == isNew, all || !leavesFirst(holderOf: definition) else { continue }
        if let old {
          guard old.definition.alias != definition.alias else { continue }
          try await runtime.registry.claimAlias(definition)
        } else {
          try await runtime.claim(ready[index].order)
          CrashPoint.moduleClaimed.reached()
        }
        ready[index].isClaimed = true
      }
    }
  }

  /// Whether a name or alias is held by a module that goes, so that it has to go before.
  private func leavesFirst(holderOf definition: ModuleDefinition) -> Bool {
    order.removals.contains { leavesFirst($0, for: definition) }
  }

  private func leavesFirst(_ name: String, for definition: ModuleDefinition) -> Bool {
    let wanted = [definition.name, definition.alias]
    return wanted.contains(name)
      || before[name]?.definition.alias.map { wanted.contains($0) } ?? false
  }

  /// Nothing has changed yet: lets go of everything.
  private func abandon() async {
    for each in ready {
      await each.prepared?.close()
      await giveBack(each)
    }
  }

  /// A name that cannot be freed in the file now is freed at the next start.
  private func giveBack(_ ready: Ready) async {
    guard ready.isClaimed else { return }
    do throws(EngineError) {
      if let old = before[ready.name] {
        try await runtime.registry.claimAlias(old.definition)
      } else {
        try await runtime.registry.advance(ModuleStep(ready.name, to: .removed), telling: nil)
      }
    } catch {
      runtime.reportSystemError("the name of module \(ready.name) cannot be freed: \(error)")
    }
  }

  // MARK: The change

  /// What can fail for a reason of its own comes before what ends.
  private mutating func change() async throws(EngineError) {
    let isFirst = Set(
      order.removals.filter { name in
        order.arrivals.contains { leavesFirst(name, for: $0.definition) }
      })
    for name in order.removals where isFirst.contains(name) { try await remove(name) }
    try await claim(all: true)
    for index in ready.indices { try await bringIn(index) }
    for name in order.removals where !isFirst.contains(name) { try await remove(name) }
  }

  private mutating func bringIn(_ index: Int) async throws(EngineError) {
    let each = ready[index]
    do throws(EngineError) {
      guard let prepared = each.prepared else {
        if let old = before[each.name] { try await runtime.adopt(old, each.order) }
        return
      }
      // From here on it is closed by whoever has it.
      ready[index].prepared = nil
      if let old = before[each.name] {
        let policy = order.onRemoved == .drop ? RemovedPolicy.park : order.onRemoved
        let gone = try await runtime.replace(
          old, each.order, prepared, each.changes, policy, limitMs)
        self.gone.append(gone)
        done.append(.changed(old))
      } else {
        runtime.note(.moduleLoading, each.name, result: "by \(order.requester)")
        do throws(EngineError) {
          try await runtime.bringUp(each.order, prepared)
        } catch {
          await prepared.close()
          throw error
        }
        done.append(.added(each.name))
      }
      ready[index].isClaimed = false
    } catch {
      runtime.noteModuleError(each.name, error.description)
      throw EngineError(module: each.name, error)
    }
  }

  private mutating func remove(_ name: String) async throws(EngineError) {
    // One that went by itself is gone.
    guard let loaded = before[name] else { return }
    // What it leaves is dropped when all is done.
    let policy = order.onRemoved == .drop ? RemovedPolicy.park : order.onRemoved
    do throws(EngineError) {
      try await runtime.unload(
        loaded, limitMs: limitMs, policy, leavesBoot: true, requester: order.requester,
        change: order.change)
    } catch {
      if runtime.table.withLock({ $0.modules[name] == nil }) { done.append(.removed(loaded)) }
      throw EngineError(module: name, error)
    }
    gone.append(loaded.routes)
    done.append(.removed(loaded))
  }

  // MARK: The way back

  /// - Returns: The error that ends the apply, with what became of the modules.
  private func undone(after failure: EngineError) async -> EngineError {
    for each in ready {
      await each.prepared?.close()
      await giveBack(each)
    }
    // The end of the runtime ends them all; its next start reads the files.
    guard failure.code != .closed, !done.isEmpty else {
      return failure.code == .closed ? failure : failure.adding("; nothing is changed")
    }
    var lost: [String] = []
    for step in done.reversed() {
      do throws(EngineError) {
        try await undo(step)
      } catch {
        runtime.noteModuleError(step.name, "it cannot be brought back: \(error)")
        lost.append("module \(step.name) cannot be brought back: \(error)")
      }
    }
    let names = done.map(\.name).joined(separator: ", ")
    guard lost.isEmpty else { return failure.adding("; " + lost.joined(separator: "; ")) }
    return failure.adding("; \(names) brought back, so nothing is changed")
  }

  private func undo(_ step: Step) async throws(EngineError) {
    let change = ChangeGroup(undoing: order.change)
    // Together they have the paths that they had, however these went round among them.
    let all = Set(order.removals + order.arrivals.map(\.definition.name))
    switch step {
    case .added(let name):
      guard let loaded = runtime.table.withLock({ $0.modules[name] }) else { return }
      // The files name it, so the next start tries again.
      try await runtime.unload(
        loaded, limitMs: limitMs, .park, isWanted: true, requester: order.requester,
        change: change)
    case .changed(let old):
      guard let loaded = runtime.table.withLock({ $0.modules[old.name] }) else { return }
      _ = try await runtime.reload(
        loaded, old.order.again(change), onRemoved: .park, drainMs: nil, leaving: all)
    case .removed(let old):
      _ = try await runtime.load(old.order.again(change), leaving: all)
    }
  }
}

extension EngineError {
  /// What went wrong with one of several modules.
  fileprivate init(module: String, _ error: EngineError) {
    self.init(
      error.code, "module \(module): \(error.message)", hint: error.hint, cause: error.cause)
  }

  /// The cause is said here, because what is added follows it.
  fileprivate func adding(_ text: String) -> EngineError {
    EngineError(code, description + text, hint: hint)
  }
}
