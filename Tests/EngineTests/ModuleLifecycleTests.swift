import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// Modules that come and go while the runtime runs (config.md 10.4, 10.5).
@Suite(.timeLimit(.minutes(1))) struct ModuleLifecycleTests {
  private func world<Value: Sendable>(
    _ world: ModuleWorld = ModuleWorld(), boot: [ModuleDefinition] = [], path: String? = nil,
    clock: ManualClock = ManualClock(),
    _ body: @Sendable (Runtime, LogProbe, String) async throws -> Value
  ) async throws -> Value {
    let scratch = try Scratch()
    let path = path ?? scratch.path + "/o.db"
    return try await withRuntime(path, modules: boot, catalog: world.catalog, clock: clock) {
      try await body($0, $1, path)
    }
  }

  @Test func `a module that is loaded works at once, and its neighbour knows nothing of it`()
    async throws
  {
    let setup = ModuleWorld()
    try await world(setup, boot: [ModuleWorld.module("a")]) { (runtime, probe, path) async throws in
      let report = try await runtime.load(ModuleWorld.module("b"))
      #expect(report.outcome == .loaded)
      #expect(report.status["state"] == "active")
      let ids = await runtime.send(to: "b").ids
      await probe.wait(for: .deliverSuccess)
      #expect(setup.actor.requests.map(\.module) == ["b"])
      #expect(setup.actor.requests.map(\.eventID) == ids)
      #expect(try await runtime.states() == ["a active", "b active"])
      let rows = try SQLiteFile(path).rows(
        "SELECT name, state, desired, loaded_by, from_boot FROM v_modules ORDER BY name")
      #expect(
        rows == [
          ["a", "active", "active", "test", "1"], ["b", "active", "active", "alice", "0"],
        ])
    }
  }

  @Test func `every step of a life is logged and told as an event`() async throws {
    try await world(boot: [
      ModuleWorld.module(
        "watch",
        routes: [
          .test("loads", source: "orgloop"),
          ModuleWorld.route("others", from: .init(module: "b", id: "orgloop"), toModule: "watch"),
        ])
    ]) { (runtime, probe, path) async throws in
      _ = try await runtime.load(ModuleWorld.module("b"))
      _ = try await runtime.reload(ModuleWorld.module("b", routes: [.test("new")]))
      _ = try await runtime.unload("b")
      await probe.wait(for: .moduleRemoved)
      await probe.wait(for: .deliverSuccess, count: 3)
      let phases = probe.entries.filter { $0.module == "b" && $0.phase.rawValue.contains("module") }
      #expect(
        phases.map(\.phase) == [
          .moduleLoading, .moduleActive, .moduleUnloading, .moduleRemoved,
        ])
      #expect(probe.entries(.configApplied).map(\.module) == ["b"])
      let events = try SQLiteFile(path).rows(
        "SELECT platform_event FROM v_events WHERE module = 'b' ORDER BY sequence")
      #expect(events == [["module.loaded"], ["module.reloaded"], ["module.unloaded"]])
    }
  }

  @Test func `a name is a lock, and so is an alias`() async throws {
    var project = ModuleWorld.module("default", path: "/srv/project/orgloop.yaml")
    project.alias = "shop"
    try await world(boot: [project]) { [project] (runtime, _, _) async throws in
      _ = try await runtime.load(ModuleWorld.module("b"))
      let elsewhere = ModuleWorld.module("b", path: "/home/bob/b/orgloop.yaml")
      let error = await #expect(throws: EngineError.self) { try await runtime.load(elsewhere) }
      #expect(error?.code == .conflict)
      #expect(error?.message.contains("/srv/b/orgloop.yaml") == true)
      #expect(error?.message.contains("/home/bob/b/orgloop.yaml") == true)
      let alias = await #expect(throws: EngineError.self) {
        try await runtime.load(ModuleWorld.module("shop"))
      }
      #expect(alias?.code == .conflict)
      #expect(try await runtime.load(ModuleWorld.module("b")).outcome == .unchanged)
      #expect(try await runtime.moduleStatus("shop")["name"] == "default")
      #expect(try await runtime.reload(project).outcome == .unchanged)
      #expect(try await runtime.states() == ["b active", "default active"])
    }
  }

  @Test func `a reload cannot take an alias that is held, and changes nothing then`() async throws {
    try await world { (runtime, _, path) async throws in
      var module = ModuleWorld.module("b")
      _ = try await runtime.load(module)
      _ = try await runtime.load(ModuleWorld.module("c"))
      module.alias = "c"
      module.contentHash = "with an alias"
      let taking = module
      let error = await #expect(throws: EngineError.self) {
        try await runtime.reload(taking)
      }
      #expect(error?.code == .conflict)
      #expect(error?.message.contains("/srv/c/") == true)
      #expect(error?.message.contains("/srv/b/") == true)
      #expect(try SQLiteFile(path).rows("SELECT name FROM v_modules WHERE alias = 'c'") == [])
      module.alias = "d"
      #expect(try await runtime.reload(module).outcome == .reloaded)
      #expect(try await runtime.moduleStatus("d")["name"]?.string == "b")
    }
  }

  @Test func `a module that another origin takes over belongs to it, changed or not`() async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let module = ModuleWorld.module("b")
    try await world(path: path) { (runtime, _, _) async throws in
      _ = try await runtime.load(module)
      let order = ModuleOrder(module, isFromBoot: true, requester: "signal")
      let report = try await runtime.reloadModule(order, onRemoved: .park, drainMs: nil)
      #expect(report.outcome == .unchanged)
      #expect(try await runtime.knownModule("b")?.isFromBoot == true)
      #expect(try await runtime.moduleStatus("b")["boot"] == true)
      // Unloaded by hand, it stays unloaded at the next start.
      _ = try await runtime.unload("b")
      #expect(try await runtime.modulesKeptUnloaded() == ["b"])
    }
  }

  @Test func `a load that fails undoes itself and frees the name`() async throws {
    try await world { (runtime, probe, path) async throws in
      let broken = ModuleWorld.module("b", actor: "broken")
      let error = await #expect(throws: EngineError.self) { try await runtime.load(broken) }
      #expect(error?.code == .invalid)
      await probe.wait(for: .moduleError)
      #expect(try await runtime.moduleList(includesUnloaded: true).isEmpty)
      #expect(await runtime.send(to: "b") == .unknownSource)
      let other = ModuleWorld.module("b", path: "/elsewhere/orgloop.yaml")
      #expect(try await runtime.load(other).outcome == .loaded)
      #expect(try SQLiteFile(path).rows("SELECT path FROM v_modules") == [[other.path]])
    }
  }

  @Test func `an unload lets what runs finish, refuses requests, and parks the rest`()
    async throws
  {
    let gate = Gate()
    let setup = ModuleWorld(
      actor: TestActor { _ in
        await gate.pass()
        return AttemptOutcome(.delivered)
      })
    try await world(setup) { (runtime, probe, path) async throws in
      _ = try await runtime.load(ModuleWorld.module("b", concurrency: 1))
      for _ in 0..<3 { _ = await runtime.send(to: "b") }
      await gate.arrival()
      async let unloading = runtime.unload("b")
      await probe.wait(for: .moduleUnloading)
      var sent = 3
      while case .accepted = await runtime.send(to: "b") { sent += 1 }
      let answer = await runtime.send(to: "b")
      if case .unavailable(let status, _, _) = answer {
        #expect(status == 503)
      } else {
        Issue.record("\(answer)")
      }
      gate.open()
      let report = try await unloading
      let delivered = setup.actor.requests.count
      #expect(report.parked == sent - delivered)
      #expect(await runtime.send(to: "b") == .unknownSource)
      let states = try SQLiteFile(path).rows(
        "SELECT DISTINCT state, wait_reason FROM v_deliveries ORDER BY state")
      #expect(states.first == ["delivered", nil])
      #expect(states.dropFirst().allSatisfy { $0 == ["parked", "module_unloaded"] })
      _ = try await runtime.load(ModuleWorld.module("b"))
      await probe.wait(for: .deliverSuccess, count: sent)
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `an attempt that outlasts the limit of an unload is cut off and made again`()
    async throws
  {
    let clock = ManualClock()
    let setup = ModuleWorld(
      actor: TestActor { request in
        // Ends only by being cancelled.
        if request.attempt == 1 { try? await clock.time.sleep(ms: .max / 2) }
        return AttemptOutcome(.delivered)
      })
    try await world(setup, clock: clock) { (runtime, probe, path) async throws in
      _ = try await runtime.load(ModuleWorld.module("b"))
      _ = await runtime.send(to: "b")
      await clock.waitForDeadline(ms: .max / 2)
      async let unloading = runtime.unloadModule(
        "b", drainMs: 7_000, onRemoved: .park, requester: "alice")
      await clock.waitForDeadline(ms: 7_000)
      clock.advance(ms: 7_000)
      #expect(try await unloading.parked == 1)
      let attempts = try SQLiteFile(path).rows("SELECT number, outcome FROM v_attempts")
      #expect(attempts == [["1", "interrupted"]])
      _ = try await runtime.load(ModuleWorld.module("b"))
      clock.advance(ms: 60_000)
      await probe.wait(for: .deliverSuccess)
      #expect(setup.actor.requests.map(\.attempt) == [1, 2])
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `an unload can drop what is left`() async throws {
    let setup = ModuleWorld(actor: TestActor { _ in AttemptOutcome(.error, error: "down") })
    try await world(setup) { (runtime, probe, path) async throws in
      _ = try await runtime.load(ModuleWorld.module("b"))
      for _ in 0..<3 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .deliverRetry, count: 3)
      let report = try await runtime.unload("b", .drop)
      #expect(report == UnloadReport(name: "b", parked: 0, dropped: 3))
      let ends = try SQLiteFile(path).rows("SELECT DISTINCT state, reason FROM v_deliveries")
      #expect(ends == [["dropped", "operator"]])
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `modules loaded by hand are known after a crash, unloaded ones stay unloaded`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let boot = [ModuleWorld.module("a"), ModuleWorld.module("c")]
    try await world(boot: boot, path: path) { (runtime, _, _) async throws in
      _ = try await runtime.load(ModuleWorld.module("b"))
      _ = try await runtime.load(ModuleWorld.module("gone"))
      _ = try await runtime.unload("gone")
      _ = try await runtime.unload("c")
    }
    try await world(boot: [boot[0]], path: path) { (runtime, _, _) async throws in
      #expect(try await runtime.modulesToRestore().map(\.name) == ["b"])
      #expect(try await runtime.modulesToRestore().map(\.origin) == ["/srv/b/orgloop.yaml"])
      #expect(try await runtime.states() == ["a active", "b removed", "c removed", "gone removed"])
    }
  }

  @Test func `what an operator changed is forgotten when one stops the runtime`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let boot = [ModuleWorld.module("a"), ModuleWorld.module("c")]
    try await world(boot: boot, path: path) { (runtime, _, _) async throws in
      _ = try await runtime.load(ModuleWorld.module("b"))
      _ = try await runtime.unload("c")
      #expect(try await runtime.modulesKeptUnloaded() == ["c"])
      try await runtime.forgetOperatorChanges()
      #expect(try await runtime.modulesKeptUnloaded() == [])
    }
    try await world(boot: boot, path: path) { (runtime, _, _) async throws in
      #expect(try await runtime.modulesToRestore().isEmpty)
      #expect(try await runtime.states() == ["a active", "b removed", "c active"])
    }
  }

  @Test func `calls at once on the same and on different names end in one state that all agree on`()
    async throws
  {
    var generator = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: .min ... .max, using: &generator)
    try await world { (runtime, _, path) async throws in
      var random = SplitMix64(seed: seed)
      for round in 0..<8 {
        await withTaskGroup(of: Void.self) { group in
          for _ in 0..<24 {
            let name = "m\(Int.random(in: 0..<4, using: &random))"
            let action = Int.random(in: 0..<4, using: &random)
            let version = Int.random(in: 0..<3, using: &random)
            group.addTask {
              let here = ModuleWorld.module(name, routes: [.test("v\(version)")])
              let there = ModuleWorld.module(name, path: "/other/\(name)")
              // Refusals are part of the game; what counts is the state they leave.
              switch action {
              case 0: _ = try? await runtime.load(here)
              case 1: _ = try? await runtime.load(there)
              case 2: _ = try? await runtime.reload(here)
              default: _ = try? await runtime.unload(name)
              }
            }
          }
        }
        try await agree(runtime, path, "seed \(seed), round \(round)")
      }
    }
  }

  private func agree(_ runtime: Runtime, _ path: String, _ comment: String) async throws {
    let loaded = Set(runtime.loadedDefinitions.map(\.name))
    let active = try SQLiteFile(path).rows("SELECT name FROM v_modules WHERE state = 'active'")
    #expect(Set(active.compactMap { $0.first ?? nil }) == loaded, "\(comment)")
    let between = try SQLiteFile(path).rows(
      "SELECT name FROM v_modules WHERE state NOT IN ('active', 'removed')")
    #expect(between == [], "\(comment)")
    for name in (0..<4).map({ "m\($0)" }) {
      let answer = await runtime.send(to: name)
      #expect(answer.ids.isEmpty == !loaded.contains(name), "\(comment), \(name)")
    }
  }
}
