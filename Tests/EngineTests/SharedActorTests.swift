import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// Modules that come and go while others use the same actor: nothing of the others is cut off,
/// overtaken or forgotten.
@Suite(.timeLimit(.minutes(1))) struct SharedActorTests {
  private static let keyed = DeliveryPolicy(concurrency: 4, orderKey: DotPath("payload.key"))

  /// `default` has the actor; the route `all` of `name` goes there.
  private static let owner = ModuleWorld.module("default", routes: [])

  private static func user(
    _ name: String, delivery: DeliveryPolicy = DeliveryPolicy(), hasOwnLane: Bool = false
  ) -> ModuleDefinition {
    var route = ModuleWorld.route(toModule: "default")
    route.delivery = delivery
    route.hasOwnLane = hasOwnLane
    var module = ModuleWorld.module(name, routes: [route])
    module.contentHash = "\(name) \(hasOwnLane)"
    return module
  }

  private func numbers(_ actor: TestActor) -> [Int64] {
    actor.requests.map { $0.event.value()["payload"]?["n"]?.int64 ?? -1 }
  }

  @Test(arguments: [1, 3])
  func `an actor's concurrency holds for routes with queues of their own as well`(
    _ concurrency: Int
  ) async throws {
    let scratch = try Scratch()
    let atOnce = Mutex((now: 0, most: 0))
    let setup = ModuleWorld(
      actor: TestActor { _ in
        atOnce.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        for _ in 0..<20 { await Task.yield() }
        atOnce.withLock { $0.now -= 1 }
        return AttemptOutcome(.delivered)
      })
    var owner = ModuleWorld.module("default", concurrency: concurrency)
    owner.actors[0].sharesConcurrency = true
    let users = ["b", "c"].map { name in
      Self.user(name, delivery: DeliveryPolicy(concurrency: 8), hasOwnLane: true)
    }
    try await withRuntime(
      scratch.path + "/o.db", modules: [owner] + users, catalog: setup.catalog
    ) { runtime, probe in
      await withTaskGroup(of: Void.self) { group in
        for name in ["default", "b", "c"] {
          group.addTask { for _ in 0..<30 { _ = await runtime.send(to: name) } }
        }
      }
      await probe.wait(for: .deliverSuccess, count: 90)
      #expect(atOnce.withLock { $0.most } <= concurrency)
    }
  }

  @Test func `an actor's rate holds for routes with queues of their own as well`() async throws {
    let scratch = try Scratch()
    let clock = ManualClock()
    let setup = ModuleWorld(actor: TestActor { _ in AttemptOutcome(.delivered) })
    var owner = ModuleWorld.module("default")
    owner.actors[0].delivery.ratePerSecond = 10
    owner.actors[0].sharesRate = true
    let own = Self.user("b", delivery: DeliveryPolicy(ratePerSecond: 10), hasOwnLane: true)
    let path = scratch.path + "/o.db"
    try await withRuntime(path, modules: [owner, own], catalog: setup.catalog, clock: clock) {
      runtime, probe in
      for _ in 0..<20 {
        for name in ["default", "b"] { _ = await runtime.send(to: name) }
      }
      await probe.wait(for: .deliverSuccess, count: 10)
      try await clock.running { await probe.wait(for: .deliverSuccess, count: 25) }
    }
    // The row of the actor's queue keeps it over a restart.
    try await withRuntime(path, modules: [owner, own], catalog: setup.catalog, clock: clock) {
      _, probe in
      // More may have gone before the first one had stopped.
      let left = try 40 - SQLiteFile.starts(in: path).count
      try await clock.running { await probe.wait(for: .deliverSuccess, count: left) }
    }
    let times = try SQLiteFile.starts(in: path)
    #expect(times.count == 40)
    for (index, first) in times.enumerated() {
      #expect(times[index...].prefix { $0 < first + 1_000 }.count <= 20)
    }
    #expect(try #require(times.last) - times[0] >= 2_990)
  }

  @Test func `a load leaves alone what runs in the queue of a shared actor`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let gate = Gate()
    let setup = ModuleWorld(
      actor: TestActor { _ in
        await gate.pass()
        return AttemptOutcome(.delivered)
      })
    try await withRuntime(
      path, modules: [ModuleWorld.module("default")], catalog: setup.catalog
    ) { runtime, probe in
      _ = await runtime.send(to: "default")
      await gate.arrival()
      _ = try await runtime.load(SharedActorTests.user("b"))
      #expect(try SQLiteFile(path).rows("SELECT state FROM v_deliveries") == [["running"]])
      gate.open()
      await probe.wait(for: .deliverSuccess)
      #expect(try SQLiteFile(path).rows("SELECT outcome FROM v_attempts") == [["delivered"]])
    }
  }

  @Test(arguments: [true, false])
  func `deliveries that wait are moved to another queue without being overtaken`(
    _ byReload: Bool
  ) async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let failures = Atomic(1)
    let setup = ModuleWorld(
      actor: TestActor { _ in
        failures.subtract(1, ordering: .relaxed).oldValue > 0
          ? AttemptOutcome(.error, error: "down") : AttemptOutcome(.delivered)
      })
    let before = SharedActorTests.user("b", delivery: SharedActorTests.keyed, hasOwnLane: true)
    let after = SharedActorTests.user("b", delivery: SharedActorTests.keyed)
    try await withRuntime(
      path, modules: [SharedActorTests.owner], catalog: setup.catalog, clock: clock
    ) { runtime, probe in
      // Somebody else has the shared queue at work.
      _ = try await runtime.load(SharedActorTests.user("c"))
      _ = try await runtime.load(before)
      _ = await runtime.send(#"{"n":1,"key":"k"}"#, to: "b")
      await probe.wait(for: .deliverRetry)
      if byReload {
        _ = await runtime.send(#"{"n":2,"key":"k"}"#, to: "b")
        _ = try await runtime.reload(after)
      } else {
        _ = try await runtime.unload("b")
        _ = try await runtime.load(after)
        _ = await runtime.send(#"{"n":2,"key":"k"}"#, to: "b")
      }
      _ = await runtime.send(#"{"n":9}"#, to: "c")
      await probe.wait(for: .deliverSuccess)
      try await clock.running { await probe.wait(for: .deliverSuccess, count: 3) }
      #expect(numbers(setup.actor).filter { $0 != 9 } == [1, 1, 2])
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `what is dropped lets go of its order key`() async throws {
    let scratch = try Scratch()
    let setup = ModuleWorld(
      actor: TestActor { request in
        request.module == "x" ? AttemptOutcome(.error, error: "no") : AttemptOutcome(.delivered)
      })
    try await withRuntime(
      scratch.path + "/o.db", modules: [SharedActorTests.owner], catalog: setup.catalog
    ) { runtime, probe in
      for name in ["x", "y"] {
        _ = try await runtime.load(
          SharedActorTests.user(name, delivery: SharedActorTests.keyed))
      }
      _ = await runtime.send(#"{"key":"k"}"#, to: "x")
      await probe.wait(for: .deliverRetry)
      _ = await runtime.send(#"{"key":"k"}"#, to: "y")
      #expect(try await runtime.unload("x", .drop).dropped == 1)
      await probe.wait(for: .deliverSuccess)
      #expect(setup.actor.requests.map(\.module) == ["x", "y"])
    }
  }

  @Test func `the module of an actor leaves, and nobody's deliveries go there any more`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let gate = Gate()
    let setup = ModuleWorld(
      actor: TestActor { _ in
        await gate.pass()
        return AttemptOutcome(.delivered)
      })
    try await withRuntime(path, modules: [], catalog: setup.catalog) { runtime, probe in
      _ = try await runtime.load(SharedActorTests.owner)
      _ = try await runtime.load(
        SharedActorTests.user("b", delivery: DeliveryPolicy(concurrency: 1), hasOwnLane: true))
      for _ in 0..<3 { _ = await runtime.send(to: "b") }
      await gate.arrival()
      async let unloading = runtime.unload("default")
      await probe.wait(for: .moduleUnloading)
      // Whoever changes anything meanwhile does not bring the actor back to work.
      _ = try await runtime.load(SharedActorTests.user("c"))
      gate.open()
      _ = try await unloading
      #expect(setup.actor.requests.count == 1)
      let rows = try SQLiteFile(path).rows(
        "SELECT state, wait_reason FROM v_deliveries WHERE settled_at IS NULL")
      #expect(rows == [["parked", "module_unloaded"], ["parked", "module_unloaded"]])
      _ = try await runtime.load(SharedActorTests.owner)
      await probe.wait(for: .deliverSuccess, count: 3)
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `a dead letter of an attempt that an unload cut off reaches who listens to it`()
    async throws
  {
    let scratch = try Scratch()
    let clock = ManualClock()
    let setup = ModuleWorld(
      actor: TestActor { request in
        if request.route == "all" { try? await clock.time.sleep(ms: .max / 2) }
        return AttemptOutcome(.delivered)
      })
    var user = SharedActorTests.user(
      "b", delivery: DeliveryPolicy(retry: RetryPolicy(attemptsMax: 1)))
    user.routes.append(
      RouteDefinition(
        name: "alarm", sources: [SourceReference(id: "orgloop")],
        filter: Filter(), actor: ActorReference(id: "out")))
    try await withRuntime(
      scratch.path + "/o.db", modules: [], catalog: setup.catalog, clock: clock
    ) { [user] runtime, probe in
      _ = try await runtime.load(SharedActorTests.owner)
      _ = try await runtime.load(user)
      await probe.wait(for: .deliverSuccess)
      _ = await runtime.send(to: "b")
      await clock.waitForDeadline(ms: .max / 2)
      _ = try await runtime.unloadModule(
        "default", drainMs: 0, onRemoved: .park, requester: "alice")
      await probe.wait(for: .deliverSuccess, count: 2)
      #expect(setup.actor.requests.map(\.route) == ["alarm", "all", "alarm"])
    }
  }

  @Test(arguments: [true, false])
  func `an attempt that a crash cut off is judged by its own module's policy`(
    _ isRestored: Bool
  ) async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    let user = SharedActorTests.user(
      "b", delivery: DeliveryPolicy(retry: RetryPolicy(attemptsMax: 1)))
    try await withRuntime(
      path, modules: [SharedActorTests.owner], catalog: setup.catalog
    ) { runtime, _ in
      _ = try await runtime.load(user)
      _ = try await runtime.pause(
        .targets([PauseTarget(.route, "all")]), reason: nil, durationMs: nil, requester: "alice")
      #expect(await runtime.send(to: "b") != .unknownSource)
    }
    let file = try SQLiteFile(path, writable: true)
    let queued = try file.rows("SELECT delivery, lane, generation FROM queue")
    #expect(queued.count == 1)
    try file.rows(
      """
      INSERT INTO running (delivery, lane, number, started_at_ms, generation)
      SELECT delivery, lane, 1, 1, generation FROM queue;
      DELETE FROM paused
      """)
    try await withRuntime(
      path, modules: [SharedActorTests.owner],
      restoring: isRestored ? [ModuleWorld.order(user)] : [], catalog: setup.catalog
    ) { runtime, probe in
      if !isRestored {
        // Nobody knows its policy yet: it waits.
        _ = try await runtime.load(ModuleWorld.module("unrelated"))
        let rows = try SQLiteFile(path).rows("SELECT state, attempts FROM v_deliveries")
        #expect(rows == [["waiting", "1"]])
      }
    }
    let rows = try SQLiteFile(path).rows("SELECT state, reason, attempts FROM v_deliveries")
    #expect(rows == [isRestored ? ["dead", "attempts", "1"] : ["waiting", nil, "1"]])
    #expect(setup.actor.requests.isEmpty)
  }

  @Test func `a source that is removed and put back waits for its last poll`() async throws {
    let scratch = try Scratch()
    let gate = Gate()
    let setup = ModuleWorld(
      polls: TestPollSource { checkpoint in
        guard checkpoint == nil else { return PollResult(checkpoint: checkpoint) }
        await gate.pass()
        return PollResult(checkpoint: "1")
      })
    let module = ModuleWorld.module("b", source: "poll")
    var without = module
    without.contentHash = "without"
    without.sources = []
    without.routes = []
    try await withRuntime(
      scratch.path + "/o.db", modules: [], catalog: setup.catalog
    ) { [without] runtime, probe in
      _ = try await runtime.load(module)
      await gate.arrival()
      _ = try await runtime.reload(without)
      _ = try await runtime.reload(module)
      #expect(setup.polls.checkpoints == [nil])
      gate.open()
      while setup.polls.checkpoints.count < 2 { await Task.yield() }
      #expect(setup.polls.checkpoints == [nil, "1"])
    }
  }

  @Test func `a name that a load left behind when the file could not be written is free`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    try await withRuntime(path, modules: [], catalog: ModuleWorld().catalog) { runtime, _ in
      try SQLiteFile(path, writable: true).rows(
        """
        INSERT INTO modules (name, path, desired, state, from_boot, changed_at_ms)
        VALUES ('b', '/elsewhere', 'active', 'loading', 0, 1)
        """)
      #expect(try await runtime.load(ModuleWorld.module("b")).outcome == .loaded)
    }
  }
}
