@testable import Engine
import Crypto
import Foundation
import Store
import Synchronization
import TestSupport
import Testing

/// An event passes a dedup transform once for each key (connectors.md 4.2).
@Suite(.timeLimit(.minutes(1))) struct DedupTests {
  private static let step = TransformStep(name: "once", kind: .package("test"))

  private static func module(_ routes: [RouteDefinition]) -> ModuleDefinition {
    .test(routes: routes)
  }

  private static func route(
    _ name: String = "all", steps: [TransformStep] = [step], concurrency: Int = 4
  ) -> RouteDefinition {
    .test(
      name, transforms: steps,
      delivery: DeliveryPolicy(
        concurrency: concurrency,
        retry: RetryPolicy(
          attemptsMax: 2, backoff: .fixed, initialDelayMs: 10_000, jitter: .off), breaker: nil),
      hasOwnLane: true)
  }

  private static func catalog(_ actor: TestActor) -> ConnectorCatalog {
    .test(
      actor: actor,
      transform: TestTransform { event in
        let key = event.value(at: DotPath(keys: ["payload", "k"]))?.string ?? ""
        return .once(key: Array(SHA256.hash(data: Array(key.utf8))), windowMs: 60_000)
      })
  }

  private func send(_ runtime: Runtime, _ key: String) async {
    _ = await runtime.receiveWebhook(
      module: nil, source: "in", request: .test(#"{"k":"\#(key)"}"#))
  }

  private func ends(_ path: String) throws -> [[String?]] {
    try SQLiteFile(path).rows("SELECT state, reason, attempts FROM v_deliveries ORDER BY delivery")
  }

  @Test func `one that comes back before a younger one of its order key does not wait for that`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let actor = TestActor { request in
      switch (request.event.value()["payload"]?["n"]?.int64, request.attempt) {
      case (1, 1): AttemptOutcome(.rejected, error: "not today")
      case (2, 1): AttemptOutcome(.error, error: "not yet")
      default: AttemptOutcome(.delivered)
      }
    }
    var route = Self.route()
    route.delivery.orderKey = DotPath("payload.k")
    try await withRuntime(
      path, modules: [Self.module([route])], catalog: Self.catalog(actor), clock: clock
    ) { (runtime, probe) async throws in
      for number in 1...2 {
        _ = await runtime.receiveWebhook(
          module: nil, source: "in", request: .test(#"{"k":"a","n":\#(number)}"#))
        await probe.wait(for: .deliverFailure, count: number)
      }
      // The younger one waits for its next attempt, and keeps the dedup key meanwhile.
      let order = LetterOrder(.requeue, .all(LetterQuery()), limit: 10)
      _ = try await runtime.carryOut(order, requester: "alice")
      try await clock.running {
        await probe.wait(for: .deliverSuccess)
        await probe.wait(for: .transformDrop)
      }
    }
    #expect(
      try ends(path) == [["delivered", nil, "2"], ["dropped", "duplicate", "2"]])
  }

  @Test(arguments: RuntimeSettings.Bus.allCases)
  func `the second of a key is dropped until the window has passed`(
    _ bus: RuntimeSettings.Bus
  ) async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let actor = TestActor()
    var settings = RuntimeSettings()
    settings.bus = bus
    try await withRuntime(
      path, modules: [Self.module([Self.route()])], catalog: Self.catalog(actor), clock: clock,
      settings: settings
    ) {
      (runtime, probe) async throws in
      await send(runtime, "a")
      await probe.wait(for: .deliverSuccess)
      await send(runtime, "a")
      await send(runtime, "b")
      await probe.wait(for: .transformDrop)
      await probe.wait(for: .deliverSuccess, count: 2)
      clock.advance(ms: 59_000)
      await send(runtime, "a")
      await probe.wait(for: .transformDrop, count: 2)
      clock.advance(ms: 1_000)
      // A drop has not made the window longer.
      await send(runtime, "a")
      await probe.wait(for: .deliverSuccess, count: 3)
    }
    #expect(actor.requests.count == 3)
    guard bus == .sqlite else { return }
    #expect(
      try ends(path) == [
        ["delivered", nil, "1"], ["dropped", "duplicate", "1"], ["delivered", nil, "1"],
        ["dropped", "duplicate", "1"], ["delivered", nil, "1"],
      ])
    #expect(try Invariants.violations(inFile: path) == [])
  }

  @Test func `two routes do not share their keys, two steps of one route neither`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let actor = TestActor()
    let other = TransformStep(name: "again", kind: .package("test"))
    let routes = [Self.route("one"), Self.route("two", steps: [Self.step, other])]
    try await withRuntime(path, modules: [Self.module(routes)], catalog: Self.catalog(actor)) {
      (runtime, probe) async throws in
      await send(runtime, "a")
      await probe.wait(for: .deliverSuccess, count: 2)
    }
    let keys = try SQLiteFile(path).rows(
      "SELECT count(*), count(DISTINCT route), count(DISTINCT transform) FROM delivered_keys")
    #expect(keys == [["3", "2", "2"]])
    #expect(try Invariants.violations(inFile: path) == [])
  }

  @Test(arguments: [1, 4])
  func `later ones wait behind the first, and are dropped when it succeeds`(
    _ concurrency: Int
  ) async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let gate = Gate()
    let actor = TestActor { request in
      await gate.pass()
      return AttemptOutcome(.delivered)
    }
    try await withRuntime(
      path, modules: [Self.module([Self.route(concurrency: concurrency)])],
      catalog: Self.catalog(actor), clock: clock
    ) {
      (runtime, probe) async throws in
      for _ in 0..<6 { await send(runtime, "a") }
      await gate.arrival()
      gate.open()
      // Nobody moves the clock: who waits is woken.
      await probe.wait(for: .transformDrop, count: 5)
    }
    #expect(actor.requests.count == 1)
    let ends = try ends(path)
    #expect(ends.count { $0[0] == "delivered" } == 1)
    #expect(ends.count { $0[1] == "duplicate" } == 5)
    #expect(try Invariants.violations(inFile: path) == [])
  }

  @Test func `when the first dies the next one goes on`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let count = Atomic(0)
    let actor = TestActor { _ in
      count.add(1, ordering: .relaxed).newValue == 1
        ? AttemptOutcome(.rejected) : AttemptOutcome(.delivered)
    }
    try await withRuntime(
      path, modules: [Self.module([Self.route()])], catalog: Self.catalog(actor), clock: clock
    ) {
      (runtime, probe) async throws in
      for _ in 0..<3 { await send(runtime, "a") }
      await probe.wait(for: .transformDrop)
    }
    #expect(actor.requests.count == 2)
    #expect(
      try ends(path).map { $0[0] }.sorted { ($0 ?? "") < ($1 ?? "") }
        == ["dead", "delivered", "dropped"])
    #expect(try Invariants.violations(inFile: path) == [])
  }

  @Test func `while the first waits for its next attempt the others wait, over a restart too`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let isUp = Atomic(false)
    let actor = TestActor { _ in
      isUp.load(ordering: .relaxed)
        ? AttemptOutcome(.delivered) : AttemptOutcome(.error, error: "down")
    }
    let module = Self.module([Self.route()])
    try await withRuntime(path, modules: [module], catalog: Self.catalog(actor), clock: clock) {
      (runtime, probe) async throws in
      await send(runtime, "a")
      await probe.wait(for: .deliverRetry)
      await send(runtime, "a")
      await send(runtime, "b")
      await probe.wait(for: .deliverRetry, count: 2)
      while try SQLiteFile(path).rows(
        "SELECT 1 FROM queue WHERE wait_reason = 'ordered_behind'"
      ).isEmpty { await Task.yield() }
    }
    #expect(actor.requests.count == 2)
    #expect(try Invariants.violations(inFile: path) == [])
    isUp.store(true, ordering: .relaxed)
    try await withRuntime(path, modules: [module], catalog: Self.catalog(actor), clock: clock) {
      (runtime, probe) async throws in
      await send(runtime, "a")
      while try SQLiteFile(path).integer(
        "SELECT count(*) FROM queue WHERE wait_reason = 'ordered_behind'") != 2
      { await Task.yield() }
      #expect(actor.requests.count == 2)
      try await clock.running { await probe.wait(for: .transformDrop, count: 2) }
    }
    #expect(actor.requests.count == 4)
    #expect(try ends(path).map { $0[1] } == [nil, "duplicate", nil, "duplicate"])
    #expect(try Invariants.violations(inFile: path) == [])
  }

  @Test func `what was delivered before a restart is known after it`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let actor = TestActor()
    for run in 0..<2 {
      try await withRuntime(
        path, modules: [Self.module([Self.route()])], catalog: Self.catalog(actor)
      ) {
        (runtime, probe) async throws in
        await send(runtime, "a")
        await probe.wait(for: run == 0 ? .deliverSuccess : .transformDrop)
      }
    }
    #expect(actor.requests.count == 1)
    let reason = try SQLiteFile(path).value(
      "SELECT error FROM v_attempts WHERE outcome = 'dropped'")
    #expect(reason?.hasPrefix("once: duplicate of dlv_") == true)
  }

  /// One event with one key in a runtime of its own, which may not live to its end.
  private static func sendOnce(_ path: String, _ actor: TestActor) async throws {
    try await withRuntime(path, modules: [module([route()])], catalog: catalog(actor)) {
      (runtime, probe) async throws in
      _ = await runtime.receiveWebhook(
        module: nil, source: "in", request: .test(#"{"k":"a"}"#))
      await probe.wait(for: .deliverSuccess)
    }
  }

  @Test(arguments: ["attempt.answered", "settle.committed"])
  func `a process that dies after the outcome is committed delivers no second of the key`(
    _ point: String
  ) async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    await #expect(processExitsWith: .exitCode(137)) {
      [path = path as String, point = point as String] in
      setenv("ORGLOOP_CRASH_AT", point, 1)
      try await DedupTests.sendOnce(path, TestActor())
    }
    let actor = TestActor()
    let clock = ManualClock()
    try await withRuntime(
      path, modules: [Self.module([Self.route()])], catalog: Self.catalog(actor), clock: clock
    ) { (runtime, probe) async throws in
      await send(runtime, "a")
      try await clock.running { await probe.wait(for: .transformDrop) }
    }
    // Between the answer and the commit nobody knows that it was delivered: once more.
    #expect(actor.requests.count == (point == "attempt.answered" ? 1 : 0))
    #expect(try Invariants.violations(inFile: path) == [])
  }

  @Test func `retention deletes expired keys`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    try await withRuntime(
      path, modules: [Self.module([Self.route()])], catalog: Self.catalog(TestActor()),
      clock: clock
    ) {
      (runtime, probe) async throws in
      await send(runtime, "a")
      await probe.wait(for: .deliverSuccess)
      await clock.waitForDeadline(ms: Retention.intervalMs)
      clock.advance(ms: 2 * RetentionTimes.keyGraceMs)
      await probe.wait(for: .runtimeRetention)
      #expect(try SQLiteFile(path).integer("SELECT count(*) FROM delivered_keys") == 0)
      #expect(probe.entries(.runtimeRetention).first?.metadata?["dedup_keys"] == 1)
    }
  }

  @Test func `claims are let go of, and who waits is told once`() {
    let claims = DedupClaims()
    func waiter(_ number: Int64) -> DedupClaims.Waiter {
      DedupClaims.Waiter(
        QueuedDelivery(
          delivery: number, lane: 1, route: 1, generation: 1,
          event: EventRow(
            sequence: 1, acceptedAtMs: 1, source: 1, type: 0, provenance: [], payload: [],
            extra: nil, externalID: nil, traceID: nil)))
    }
    let (first, second) = (
      DedupClaims.Key(route: 1, transform: "a", hash: [1]),
      DedupClaims.Key(route: 1, transform: "b", hash: [1])
    )
    #expect(claims.claim(first, for: waiter(1)) == nil)
    #expect(claims.claim(first, for: waiter(1)) == nil)
    #expect(claims.claim(second, for: waiter(2)) == nil)
    #expect(claims.claim(first, for: waiter(2))?.other == 1)
    // Who waits keeps nothing from others.
    #expect(claims.claim(second, for: waiter(3)) == nil)
    #expect(claims.claim(first, for: waiter(3))?.other == 1)
    #expect(claims.isWaiting(2))
    #expect(claims.ended(1, isSettled: false).isEmpty)
    #expect(claims.claim(first, for: waiter(1)) == nil)
    #expect(claims.ended(1, isSettled: true).map(\.delivery) == [2, 3])
    #expect(!claims.isWaiting(2))
    #expect(claims.ended(1, isSettled: true).isEmpty)
  }
}
