import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// Pausing and resuming (cli-http.md 2.2): what is queued is kept, and says why it waits.
@Suite(.timeLimit(.minutes(1))) struct PauseTests {
  private func pause(
    _ runtime: Runtime, _ text: String, module: String? = nil, durationMs: Int64? = nil
  ) async throws -> [JSONValue] {
    let target = try #require(PauseTarget(text, module: module))
    return try await runtime.pause(
      .targets([target]), reason: "deploy", durationMs: durationMs, requester: "alice")
  }

  private func resume(_ runtime: Runtime, _ text: String) async throws {
    let target = try #require(PauseTarget(text))
    _ = try await runtime.resume(.targets([target]), requester: "bob")
  }

  @Test(arguments: ["route/all", "actor/out", "module/b"])
  func `what is paused keeps queueing, and goes on where it was`(_ target: String) async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    try await withRuntime(path, modules: [], catalog: setup.catalog) {
      (runtime, probe) async throws in
      _ = try await runtime.load(ModuleWorld.module("b"))
      // A module that is paused refuses webhooks, but not events that are handed over.
      let paused = try await pause(runtime, target)
      #expect(paused.first?["target"] == .string(target))
      #expect(paused.first?["by"] == "alice")
      for _ in 0..<3 {
        let body = #"{"source":"in","type":"resource.changed","provenance":{"platform":"test"}}"#
        _ = try await runtime.inject(Array(body.utf8), module: "b", idempotencyKey: nil)
      }
      let waiting = try SQLiteFile(path).rows(
        "SELECT state, wait_reason, count(*) FROM v_deliveries GROUP BY 1, 2")
      #expect(waiting == [["pending", "paused", "3"]])
      #expect(setup.actor.requests.isEmpty)
      try await resume(runtime, target)
      await probe.wait(for: .deliverSuccess, count: 3)
      #expect(try SQLiteFile(path).rows("SELECT * FROM v_paused") == [])
      await probe.wait(for: .operatorAction, count: 2)
      #expect(
        probe.entries(.operatorAction).map(\.result) == [
          "pause \(target) by alice", "resume \(target) by bob",
        ])
    }
  }

  @Test func `other routes to the same actor go on while one is paused`() async throws {
    let scratch = try Scratch()
    let setup = ModuleWorld(actor: TestActor { _ in AttemptOutcome(.delivered) })
    let module = ModuleWorld.module("b", routes: [.test("stays"), .test("waits")])
    try await withRuntime(
      scratch.path + "/o.db", modules: [], catalog: setup.catalog
    ) { (runtime, probe) async throws in
      _ = try await runtime.load(module)
      _ = try await pause(runtime, "route/waits")
      for _ in 0..<300 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .deliverSuccess, count: 300)
      #expect(Set(setup.actor.requests.map(\.route)) == ["stays"])
      try await resume(runtime, "route/waits")
      await probe.wait(for: .deliverSuccess, count: 600)
    }
  }

  @Test func `a retry that becomes due while its route is paused waits, and is made afterwards`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld(
      actor: TestActor { request in
        request.attempt == 1 && request.route == "waits"
          ? AttemptOutcome(.error, error: "not yet") : AttemptOutcome(.delivered)
      })
    let module = ModuleWorld.module("b", routes: [.test("stays"), .test("waits")])
    try await withRuntime(
      path, modules: [], catalog: setup.catalog, clock: clock
    ) { (runtime, probe) async throws in
      _ = try await runtime.load(module)
      _ = await runtime.send(to: "b")
      await probe.wait(for: .deliverRetry)
      await probe.wait(for: .deliverSuccess)
      _ = try await pause(runtime, "route/waits")
      clock.advance(ms: 60_000)
      while try SQLiteFile(path).value("SELECT state FROM queue") != "0" { await Task.yield() }
      _ = await runtime.send(to: "b")
      await probe.wait(for: .deliverSuccess, count: 2)
      #expect(setup.actor.requests.count == 3)
      try await resume(runtime, "route/waits")
      await probe.wait(for: .deliverRetry, count: 2)
      clock.advance(ms: 60_000)
      await probe.wait(for: .deliverSuccess, count: 4)
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `a paused source is not polled, and then polled at once`() async throws {
    let scratch = try Scratch()
    let clock = ManualClock()
    let setup = ModuleWorld(polls: TestPollSource { PollResult(checkpoint: ($0 ?? "") + "x") })
    try await withRuntime(
      scratch.path + "/o.db", modules: [], catalog: setup.catalog, clock: clock
    ) { (runtime, _) async throws in
      _ = try await runtime.load(ModuleWorld.module("b", source: "poll"))
      await clock.waitForDeadline(ms: 60_000)
      _ = try await pause(runtime, "source/in")
      // One sleeps in any case: retention.
      while clock.sleeperCount() > 1 { await Task.yield() }
      clock.advance(ms: 600_000)
      #expect(setup.polls.checkpoints == [nil])
      try await resume(runtime, "source/in")
      await clock.waitForDeadline(ms: 60_000)
      #expect(setup.polls.checkpoints == [nil, "x"])
    }
  }

  @Test func `webhooks of a paused source are refused until it is resumed`() async throws {
    let scratch = try Scratch()
    let setup = ModuleWorld()
    try await withRuntime(
      scratch.path + "/o.db", modules: [], catalog: setup.catalog
    ) { (runtime, _) async throws in
      _ = try await runtime.load(ModuleWorld.module("b"))
      _ = try await pause(runtime, "source/in")
      guard case .unavailable(503, _, _) = await runtime.send(to: "b") else {
        Issue.record("the request was not refused")
        return
      }
      try await resume(runtime, "source/in")
      #expect(await runtime.send(to: "b").ids.count == 1)
    }
  }

  @Test func `pauses survive restarts, reloads and loads`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    let boot = [ModuleWorld.module("a")]
    try await withRuntime(path, modules: boot, catalog: setup.catalog) {
      (runtime, _) async throws in
      _ = try await pause(runtime, "module/a")
      let changed = ModuleWorld.module("a", routes: [.test("other")])
      _ = try await runtime.reload(changed)
      guard case .unavailable = await runtime.send(to: "a") else {
        Issue.record("the request was not refused after the reload")
        return
      }
    }
    try await withRuntime(path, modules: boot, catalog: setup.catalog) {
      (runtime, probe) async throws in
      guard case .unavailable = await runtime.send(to: "a") else {
        Issue.record("the request was not refused after the restart")
        return
      }
      #expect(try await runtime.moduleStatus("a")["paused"]?["reason"] == "deploy")
      try await resume(runtime, "module/a")
      _ = await runtime.send(to: "a")
      await probe.wait(for: .deliverSuccess)
    }
  }

  @Test func `a pause with a duration ends by itself`() async throws {
    let scratch = try Scratch()
    let clock = ManualClock()
    let setup = ModuleWorld()
    try await withRuntime(
      scratch.path + "/o.db", modules: [], catalog: setup.catalog, clock: clock
    ) { (runtime, probe) async throws in
      _ = try await runtime.load(ModuleWorld.module("b"))
      _ = try await pause(runtime, "route/all", durationMs: 30_000)
      _ = await runtime.send(to: "b")
      await clock.waitForDeadline(ms: 30_000)
      #expect(setup.actor.requests.isEmpty)
      clock.advance(ms: 30_000)
      await probe.wait(for: .deliverSuccess)
      #expect(probe.entries(.operatorAction).last?.metadata?["by"] == "orgloop")
    }
  }

  @Test func `a name that several modules have needs to be told apart`() async throws {
    let scratch = try Scratch()
    let setup = ModuleWorld()
    let boot = [ModuleWorld.module("a"), ModuleWorld.module("b")]
    try await withRuntime(
      scratch.path + "/o.db", modules: boot, catalog: setup.catalog
    ) { (runtime, _) async throws in
      let several = await #expect(throws: EngineError.self) {
        try await pause(runtime, "source/in")
      }
      #expect(several?.code == .invalid)
      #expect(several?.message == "several modules have source/in: a, b")
      let none = await #expect(throws: EngineError.self) {
        try await pause(runtime, "source/no", module: "a")
      }
      #expect(none?.code == .notFound)
      for (target, module) in [("source/in", "no"), ("module/no", nil)] {
        let unknown = await #expect(throws: EngineError.self) {
          try await pause(runtime, target, module: module)
        }
        #expect(unknown?.code == .moduleNotFound)
        #expect(unknown?.hint == "orgloop module list --all")
      }
      #expect(try await pause(runtime, "source/in", module: "b").first?["module"] == "b")
      #expect(await runtime.send(to: "a").ids.count == 1)
      #expect(try await runtime.resume(.all, requester: "bob").count == 1)
    }
  }
}
