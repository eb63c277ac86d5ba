import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// An actor that answers 410 is left alone until an operator says otherwise (connectors.md 3.1).
@Suite(.timeLimit(.minutes(1))) struct GoneActorTests {
  private static let gone = AttemptOutcome(
    .rejected, statusCode: 410, error: "HTTP 410", disablesActor: true)

  @Test func `it is disabled, its deliveries park, and a resume brings it back`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let isGone = Atomic(true)
    let setup = ModuleWorld(
      actor: TestActor { request in
        request.route == "all" && isGone.load(ordering: .relaxed)
          ? GoneActorTests.gone : AttemptOutcome(.delivered)
      })
    var module = ModuleWorld.module("b", concurrency: 1)
    var watcher = ModuleWorld.module("w", routes: [])
    watcher.routes = [
      RouteDefinition(
        name: "watch", sources: [SourceReference(module: "b", id: "orgloop")],
        actor: ActorReference(id: "out"))
    ]
    module.contentHash = "first"
    try await withRuntime(path, modules: [module, watcher], catalog: setup.catalog) {
      [module] runtime, probe in
      for _ in 0..<3 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .actorDisabled)
      // Its dead letter, and that it is disabled.
      await probe.wait(for: .deliverSuccess, count: 2)
      let rows = try SQLiteFile(path).rows(
        "SELECT state, coalesce(reason, wait_reason) FROM v_deliveries WHERE route = 'all'")
      #expect(
        rows.sorted { $0[0] ?? "" < $1[0] ?? "" } == [
          ["dead", "rejected"], ["parked", "actor_disabled"], ["parked", "actor_disabled"],
        ])
      // A reload does not bring it back; an operator does.
      var again = module
      again.contentHash = "second"
      again.actors[0].description = "changed"
      _ = try await runtime.reload(again)
      _ = await runtime.send(to: "b")
      #expect(setup.actor.requests.count { $0.route == "all" } == 1)
      isGone.store(false, ordering: .relaxed)
      _ = try await runtime.resume(
        .targets([PauseTarget(.actor, "out", module: "b")]), requester: "alice")
      // Three deliveries, and that it is enabled.
      await probe.wait(for: .deliverSuccess, count: 6)
      let events = try SQLiteFile(path).rows(
        "SELECT platform_event FROM v_events WHERE source = 'orgloop' AND module = 'b' ORDER BY sequence"
      )
      #expect(events.compactMap(\.[0]).contains("actor.disabled"))
      #expect(events.last == ["actor.enabled"])
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `it stays disabled over a restart`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld(actor: TestActor { _ in GoneActorTests.gone })
    let modules = [ModuleWorld.module("b", concurrency: 1)]
    try await withRuntime(path, modules: modules, catalog: setup.catalog) { runtime, probe in
      _ = await runtime.send(to: "b")
      await probe.wait(for: .actorDisabled)
    }
    try await withRuntime(path, modules: modules, catalog: setup.catalog) { runtime, _ in
      _ = await runtime.send(to: "b")
      let rows = try SQLiteFile(path).rows(
        "SELECT wait_reason FROM v_deliveries WHERE settled_at IS NULL")
      #expect(rows == [["actor_disabled"]])
    }
    #expect(setup.actor.requests.count == 1)
  }

  @Test func `a resume closes the breaker of an actor that works again`() async throws {
    let scratch = try Scratch()
    let isUp = Atomic(false)
    let setup = ModuleWorld(
      actor: TestActor { _ in
        isUp.load(ordering: .relaxed)
          ? AttemptOutcome(.delivered) : AttemptOutcome(.error, error: "down")
      })
    let policy = DeliveryPolicy(
      concurrency: 1, breaker: BreakerPolicy(failureThreshold: 1, cooldownMs: 3_600_000))
    let module = ModuleWorld.module("b", concurrency: 1, routes: [.test(delivery: policy)])
    try await withRuntime(scratch.path + "/o.db", modules: [module], catalog: setup.catalog) {
      runtime, probe in
      for _ in 0..<2 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .routeCircuitOpen)
      isUp.store(true, ordering: .relaxed)
      _ = try await runtime.resume(
        .targets([PauseTarget(.actor, "out", module: "b")]), requester: "alice")
      // The second; the first still waits for its retry.
      await probe.wait(for: .deliverSuccess)
    }
  }
}
