import Engine
import Foundation
import Store
import Synchronization
import TestSupport
import Testing

/// What keeps failing is left alone for a while, and comes back gently (config.md 7.1).
@Suite(.timeLimit(.minutes(1))) struct BreakerTests {
  private static func policy(
    threshold: Int = 2, concurrency: Int = 1, order: DotPath? = nil
  ) -> DeliveryPolicy {
    DeliveryPolicy(
      concurrency: concurrency, orderKey: order,
      retry: RetryPolicy(backoff: .fixed, initialDelayMs: 10, jitter: .off),
      breaker: BreakerPolicy(failureThreshold: threshold, cooldownMs: 30_000))
  }

  /// An actor that is down until it is told otherwise.
  private final class Patient: Sendable {
    let isUp = Atomic(false)

    func outcome() async -> AttemptOutcome {
      isUp.load(ordering: .relaxed)
        ? AttemptOutcome(.delivered) : AttemptOutcome(.error, error: "down")
    }
  }

  private static func module(_ policy: DeliveryPolicy, alarm: Bool = false) -> ModuleDefinition {
    var module = ModuleWorld.module(
      "b", concurrency: policy.concurrency, routes: [.test(delivery: policy)])
    if alarm {
      module.routes.append(
        RouteDefinition(
          name: "alarm", sources: [SourceReference(id: "orgloop")],
          actor: ActorReference(id: "out"), delivery: DeliveryPolicy(breaker: nil)))
    }
    return module
  }

  @Test func `it opens after so many failures, lets one attempt through, and closes`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let patient = Patient()
    let setup = ModuleWorld(
      actor: TestActor {
        $0.route == "alarm" ? AttemptOutcome(.delivered) : await patient.outcome()
      })
    try await withRuntime(
      path, modules: [Self.module(Self.policy(), alarm: true)], catalog: setup.catalog, clock: clock
    ) { runtime, probe in
      func attempts() -> Int { setup.actor.requests.count { $0.route == "all" } }
      for _ in 0..<20 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .routeCircuitOpen)
      await probe.wait(for: .deliverSuccess)
      let before = attempts()
      #expect(before == 2)
      let rows = try SQLiteFile(path).rows(
        "SELECT DISTINCT wait_reason FROM v_deliveries WHERE settled_at IS NULL")
      #expect(rows == [["circuit_open"]])
      let routes = try SQLiteFile(path).rows(
        "SELECT consecutive_failures FROM routes WHERE circuit_open_until_ms IS NOT NULL")
      #expect(routes == [["2"]])

      // The cool-down uses up no attempts, and ends with exactly one.
      clock.advance(ms: 29_000)
      #expect(attempts() == before)
      clock.advance(ms: 1_000)
      await probe.wait(for: .routeCircuitOpen, count: 2)
      #expect(attempts() == before + 1)

      patient.isUp.store(true, ordering: .relaxed)
      clock.advance(ms: 30_000)
      try await clock.running { await probe.wait(for: .routeCircuitClose) }
      try await clock.running { await probe.wait(for: .deliverSuccess, count: 22) }
      #expect(probe.entries(.routeCircuitHalfOpen).map(\.route) == ["all", "all"])
      let events = try SQLiteFile(path).rows(
        "SELECT platform_event FROM v_events WHERE source = 'orgloop' ORDER BY sequence")
      #expect(
        events.compactMap(\.[0]).filter { $0.hasPrefix("route.") } == [
          "route.circuit_opened", "route.circuit_closed",
        ])
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `a changed actor gets a chance at once, and an unchanged one does not`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let patient = Patient()
    let setup = ModuleWorld(actor: TestActor { _ in await patient.outcome() })
    var module = Self.module(Self.policy())
    try await withRuntime(path, modules: [module], catalog: setup.catalog, clock: clock) {
      runtime, probe in
      for _ in 0..<2 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .routeCircuitOpen)
      patient.isUp.store(true, ordering: .relaxed)
      module.contentHash = "only the hash"
      _ = try await runtime.reloadModule(
        ModuleWorld.order(module), onRemoved: .park, drainMs: nil)
      let open = "SELECT count(*) FROM routes WHERE circuit_open_until_ms IS NOT NULL"
      let before = try SQLiteFile(path).integer(open)
      #expect(before == 1)
      module.contentHash = "another address"
      module.actors[0].config = ["url": "http://other"]
      _ = try await runtime.reloadModule(
        ModuleWorld.order(module), onRemoved: .park, drainMs: nil)
      _ = await runtime.send(to: "b")
      // Not a second of the cool-down has passed, but for the delay of the retries.
      clock.advance(ms: 10)
      await probe.wait(for: .deliverSuccess, count: 3)
    }
    #expect(
      try SQLiteFile(path).integer(
        "SELECT count(*) FROM routes WHERE circuit_open_until_ms IS NOT NULL") == 0)
  }

  @Test func `it stays open over a restart`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let patient = Patient()
    let setup = ModuleWorld(actor: TestActor { _ in await patient.outcome() })
    let module = Self.module(Self.policy())
    try await withRuntime(path, modules: [module], catalog: setup.catalog, clock: clock) {
      runtime, probe in
      for _ in 0..<3 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .routeCircuitOpen)
    }
    patient.isUp.store(true, ordering: .relaxed)
    try await withRuntime(path, modules: [module], catalog: setup.catalog, clock: clock) {
      runtime, probe in
      _ = await runtime.send(to: "b")
      clock.advance(ms: 20_000)
      // Something that takes a while and would let it be seen.
      for _ in 0..<50 { await Task.yield() }
      #expect(setup.actor.requests.count == 2)
      clock.advance(ms: 10_000)
      try await clock.running { await probe.wait(for: .deliverSuccess, count: 4) }
    }
  }

  @Test func `a route whose breaker is open holds up no other of the same actor`() async throws {
    let scratch = try Scratch()
    let setup = ModuleWorld(
      actor: TestActor { request in
        request.route == "bad" ? AttemptOutcome(.error, error: "no") : AttemptOutcome(.delivered)
      })
    let filter = { (kind: String) in
      RouteDefinition.test(kind, filter: Filter(), delivery: Self.policy(threshold: 1))
    }
    let module = ModuleWorld.module(
      "b", concurrency: 1, routes: [filter("bad"), filter("good")])
    try await withRuntime(scratch.path + "/o.db", modules: [module], catalog: setup.catalog) {
      runtime, probe in
      // More than the window holds.
      for _ in 0..<400 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .deliverSuccess, count: 400)
      #expect(setup.actor.requests.count { $0.route == "bad" } == 1)
    }
  }

  @Test func `after it has closed it lets through one, then two, then more`() async throws {
    let scratch = try Scratch()
    let clock = ManualClock()
    let isUp = Atomic(false)
    let running = Atomic(0)
    /// How many were in flight when each attempt began.
    let counts = Mutex<[Int]>([])
    let setup = ModuleWorld(
      actor: TestActor { _ in
        guard isUp.load(ordering: .relaxed) else { return AttemptOutcome(.error, error: "down") }
        counts.withLock { $0.append(running.add(1, ordering: .relaxed).newValue) }
        try? await clock.time.sleep(ms: 100)
        running.subtract(1, ordering: .relaxed)
        return AttemptOutcome(.delivered)
      })
    let module = Self.module(Self.policy(threshold: 1, concurrency: 8))
    try await withRuntime(
      scratch.path + "/o.db", modules: [module], catalog: setup.catalog, clock: clock
    ) { runtime, probe in
      _ = await runtime.send(to: "b")
      await probe.wait(for: .routeCircuitOpen)
      for _ in 0..<30 { _ = await runtime.send(to: "b") }
      isUp.store(true, ordering: .relaxed)
      clock.advance(ms: 30_000)
      try await clock.running { await probe.wait(for: .deliverSuccess, count: 31) }
      let seen = counts.withLock { $0 }
      #expect(Array(seen.prefix(2)) == [1, 1])
      #expect(seen[2...3].allSatisfy { $0 <= 2 })
    }
  }

  @Test func `order keys hold while a breaker opens and closes`() async throws {
    let scratch = try Scratch()
    let clock = ManualClock()
    let calls = Atomic(0)
    let setup = ModuleWorld(
      actor: TestActor { _ in
        // Down for the second and third attempt of every six.
        let number = calls.add(1, ordering: .relaxed).oldValue % 6
        return number == 1 || number == 2
          ? AttemptOutcome(.error, error: "down") : AttemptOutcome(.delivered)
      })
    let module = Self.module(Self.policy(concurrency: 4, order: DotPath("payload.key")))
    try await withRuntime(
      scratch.path + "/o.db", modules: [module], catalog: setup.catalog, clock: clock
    ) { runtime, probe in
      for number in 0..<60 {
        _ = await runtime.send(#"{"n":\#(number),"key":"k\#(number % 3)"}"#, to: "b")
      }
      try await clock.running { await probe.wait(for: .deliverSuccess, count: 60) }
      for key in 0..<3 {
        let numbers = setup.actor.requests
          .map { $0.event.value()["payload"]?["n"]?.int64 ?? -1 }.filter { $0 % 3 == key }
        #expect(numbers == numbers.sorted())
      }
    }
  }
}
