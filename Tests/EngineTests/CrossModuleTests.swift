import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// What modules share because somebody said so, and what they never share (config.md 10.3, 10.5).
@Suite(.timeLimit(.minutes(1))) struct CrossModuleTests {
  @Test(arguments: [["a", "b"], ["b", "a"]])
  func `a route on another module's source works whoever comes and goes first`(
    _ order: [String]
  ) async throws {
    let scratch = try Scratch()
    let setup = ModuleWorld()
    let foreign = RouteDefinition(
      name: "foreign", sources: [SourceReference(module: "a", id: "in")],
      actor: ActorReference(id: "out"))
    let modules = [
      "a": ModuleWorld.module("a", routes: []), "b": ModuleWorld.module("b", routes: [foreign]),
    ]
    try await withRuntime(
      scratch.path + "/o.db", modules: [], catalog: setup.catalog
    ) { (runtime, probe) async throws in
      for round in 1...2 {
        for name in order { _ = try await runtime.load(try #require(modules[name])) }
        let ids = await runtime.send(to: "a").ids
        await probe.wait(for: .deliverSuccess, count: round)
        #expect(setup.actor.requests.last?.eventID == ids.first)
        #expect(setup.actor.requests.last?.module == "b")
        _ = try await runtime.unload("b")
        _ = await runtime.send(to: "a")
        _ = try await runtime.load(try #require(modules["b"]))
        for name in order { _ = try await runtime.unload(name) }
      }
      #expect(setup.actor.requests.count == 2)
    }
  }

  @Test func `a route may name another module by its alias`() async throws {
    let scratch = try Scratch()
    let setup = ModuleWorld()
    var project = ModuleWorld.module("default", routes: [])
    project.alias = "shop"
    let foreign = RouteDefinition(
      name: "foreign", sources: [SourceReference(module: "shop", id: "in")],
      actor: ActorReference(id: "out"))
    try await withRuntime(
      scratch.path + "/o.db", modules: [ModuleWorld.module("b", routes: [foreign])],
      catalog: setup.catalog
    ) { [project] runtime, probe in
      _ = try await runtime.load(project)
      _ = await runtime.send(to: "default")
      await probe.wait(for: .deliverSuccess)
      #expect(setup.actor.requests.map(\.module) == ["b"])
    }
  }

  @Test func `an actor that several modules share keeps one limit and one order`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let running = Atomic(0)
    let most = Atomic(0)
    let setup = ModuleWorld(
      actor: TestActor { _ in
        let now = running.add(1, ordering: .relaxed).newValue
        most.max(now, ordering: .relaxed)
        await Task.yield()
        running.subtract(1, ordering: .relaxed)
        return AttemptOutcome(.delivered)
      })
    var boot = ModuleWorld.module("default", concurrency: 1, routes: [])
    boot.contentHash = "boot"
    let names = ["x", "y", "z"]
    try await withRuntime(path, modules: [boot], catalog: setup.catalog) {
      (runtime, probe) async throws in
      for name in names {
        var module = ModuleWorld.module(
          name,
          routes: [
            ModuleWorld.route(
              from: SourceReference(module: "default", id: "in"), toModule: "default")
          ])
        (module.sources, module.actors) = ([], [])
        _ = try await runtime.load(module)
      }
      for _ in 0..<20 { _ = await runtime.send(to: "default") }
      await probe.wait(for: .deliverSuccess, count: 60)
      #expect(most.load(ordering: .relaxed) == 1)
      let events = setup.actor.requests.map(\.eventID)
      #expect(events == events.sorted())
      #expect(try SQLiteFile(path).rows("SELECT DISTINCT lane FROM settled").count == 1)
      _ = try await runtime.unload("y")
      _ = await runtime.send(to: "default")
      await probe.wait(for: .deliverSuccess, count: 62)
      #expect(setup.actor.requests.suffix(2).allSatisfy { $0.module != "y" })
    }
  }

  @Test func `deliveries wait for the module of their actor, wherever their queue is`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    let owner = ModuleWorld.module("owner", routes: [])
    var own = ModuleWorld.route("own", toModule: "owner")
    own.hasOwnLane = true
    let guest = ModuleWorld.module(
      "guest", routes: [ModuleWorld.route("shared", toModule: "owner"), own])
    try await withRuntime(path, modules: [], catalog: setup.catalog) {
      (runtime, probe) async throws in
      _ = try await runtime.load(guest)
      _ = await runtime.send(to: "guest")
      let states = try SQLiteFile(path).rows(
        "SELECT DISTINCT state, wait_reason FROM v_deliveries")
      #expect(states == [["parked", "module_unloaded"]])
      _ = try await runtime.load(owner)
      await probe.wait(for: .deliverSuccess, count: 2)
      _ = try await runtime.unload("owner")
      _ = await runtime.send(to: "guest")
      #expect(setup.actor.requests.count == 2)
      _ = try await runtime.load(owner)
      await probe.wait(for: .deliverSuccess, count: 4)
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `equal names in two modules never meet`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    let boot = [ModuleWorld.module("a"), ModuleWorld.module("b")]
    try await withRuntime(path, modules: boot, catalog: setup.catalog) {
      (runtime, probe) async throws in
      // The same key is a duplicate within a source, not across modules.
      for name in ["a", "a", "b"] {
        _ = await runtime.receiveWebhook(
          module: name, source: "in", request: .test("{}", id: "msg_1"))
      }
      await probe.wait(for: .deliverSuccess, count: 2)
      #expect(setup.actor.requests.map(\.module).sorted() == ["a", "b"])
      let counts = try SQLiteFile(path).rows(
        "SELECT module, source, event_count FROM v_sources WHERE source = 'in' ORDER BY module")
      #expect(counts == [["a", "in", "1"], ["b", "in", "1"]])
      guard
        case .ambiguous(let paths) = await runtime.receiveWebhook(
          module: nil, source: "in", request: .test("{}"))
      else {
        Issue.record("the path was not ambiguous")
        return
      }
      #expect(paths == ["/webhook/a/in", "/webhook/b/in"])
    }
  }

  @Test func `a module whose actor hangs and whose source throws changes nothing for another`()
    async throws
  {
    let scratch = try Scratch()
    let clock = ManualClock()
    let setup = ModuleWorld(
      actor: TestActor { request in
        if request.module == "sick" { try? await clock.time.sleep(ms: .max / 2) }
        return AttemptOutcome(.delivered)
      },
      polls: TestPollSource { _ in throw EngineError(.unavailable, "down") })
    var sick = ModuleWorld.module("sick")
    sick.sources.append(SourceDefinition(id: "bad", connector: "poll"))
    try await withRuntime(
      scratch.path + "/o.db", modules: [], catalog: setup.catalog, clock: clock
    ) { [sick] runtime, probe in
      _ = try await runtime.load(sick)
      _ = try await runtime.load(ModuleWorld.module("well"))
      for _ in 0..<50 { _ = await runtime.send(to: "sick") }
      for _ in 0..<50 { _ = await runtime.send(to: "well") }
      await probe.wait(for: .deliverSuccess, count: 50)
      #expect(Set(probe.entries(.deliverSuccess).map(\.module)) == ["well"])
      // The end must not wait for what hangs: cut off at the limit.
      async let unloading = runtime.unloadModule(
        "sick", drainMs: 7_000, onRemoved: .park, requester: "alice")
      await clock.waitForDeadline(ms: 7_000)
      clock.advance(ms: 7_000)
      #expect(try await unloading.parked == 50)
      #expect(await runtime.send(to: "well").ids.count == 1)
    }
  }
}
