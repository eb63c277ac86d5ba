@testable import Engine
import Foundation
@testable import Store
import TestSupport
import Testing

/// What is old is deleted while the runtime works (config.md 5.1).
@Suite(.timeLimit(.minutes(1))) struct RetentionTests {
  private static let dayMs: Int64 = 86_400_000

  @Test func `a batch grows while there is time and is cut down when there was not`() {
    var pace = BatchPace(in: 16...1_000)
    for _ in 0..<4 { pace.note(elapsedMs: 0) }
    #expect(pace.size == 256)
    pace.note(elapsedMs: BatchPace.targetMs)
    #expect(pace.size == 256)
    pace.note(elapsedMs: BatchPace.targetMs + 1)
    #expect(pace.size == 128)
    pace.note(elapsedMs: 60)
    #expect(pace.size == 16)
    for _ in 0..<20 { pace.note(elapsedMs: 0) }
    #expect(pace.size == 1_000)
  }

  @Test func `modules that keep events equally long are looked at together`() {
    let plan = RetentionPlan(
      [
        .init(key: 1, retentionMs: 100, prunedThrough: 7),
        .init(key: 2, retentionMs: 50, prunedThrough: 9),
        .init(key: 3, retentionMs: 100, prunedThrough: 5),
      ], nowMs: 1_000)
    #expect(
      plan.groups == [
        .init(modules: [2], beforeMs: 950, through: 9),
        .init(modules: [1, 3], beforeMs: 900, through: 5),
      ])
  }

  @Test func `only old events of the group are found, and a clock that was ahead holds up nobody`()
  {
    let group = RetentionPlan.Group(modules: [1], beforeMs: 900, through: 0)
    let farMs = 1_000 + 2 * Self.dayMs
    let page = [(1, 800, 1), (2, 850, 2), (3, farMs, 1), (4, 880, 1), (5, 950, 1), (6, 10, 1)]
      .map { LoggedEvent(sequence: $0.0, acceptedAtMs: $0.1, module: $0.2) }
    let found = group.find(in: page, nowMs: 1_000)
    #expect(found == .init(events: [1, 3, 4], through: 4, isEnd: true))
  }

  private static func policy() -> DeliveryPolicy {
    DeliveryPolicy(
      retry: RetryPolicy(
        attemptsMax: 3, backoff: .fixed, initialDelayMs: 40 * dayMs, maxDelayMs: 40 * dayMs,
        jitter: .off), breaker: nil)
  }

  @Test func `what is settled goes after its time, what is dead or waits stays, and it is logged`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld(
      actor: TestActor { request in
        switch request.event.value(at: DotPath(keys: ["payload", "n"]))?.int64 {
        case 1: AttemptOutcome(.rejected)
        case 2: AttemptOutcome(.error, error: "later")
        default: AttemptOutcome(.delivered)
        }
      })
    var module = ModuleWorld.module("b", routes: [.test(delivery: Self.policy())])
    module.eventRetentionMs = 2 * Self.dayMs
    module.deadLetterRetentionMs = 10 * Self.dayMs
    try await withRuntime(path, modules: [module], catalog: setup.catalog, clock: clock) {
      (runtime, probe) async throws in
      for n in 0..<40 { _ = await runtime.send(#"{"n":\#(n)}"#, to: "b") }
      await probe.wait(for: .deliverSuccess, count: 38)
      await probe.wait(for: .deliverRetry)
      await probe.wait(for: .deliverDeadLetter)
      await clock.waitForDeadline(ms: Retention.intervalMs)
      clock.advance(ms: 3 * Self.dayMs)
      await probe.wait(for: .runtimeRetention)
      let entry = try #require(probe.entries(.runtimeRetention).first)
      // The dead letter's own system event goes as well.
      #expect(entry.metadata?["events"] == 39)
      #expect(try SQLiteFile(path).integer("SELECT count(*) FROM events") == 2)
      #expect(try Invariants.violations(inFile: path) == [])
      await clock.waitForDeadline(ms: Retention.intervalMs)
      clock.advance(ms: 8 * Self.dayMs)
      await probe.wait(for: .runtimeRetention, count: 2)
      #expect(try SQLiteFile(path).rows("SELECT state FROM v_deliveries") == [["waiting"]])
    }
    #expect(try Invariants.violations(inFile: path) == [])
  }

  @Test func `each module keeps its events as long as it says, also when it is not loaded`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld()
    var long = ModuleWorld.module("long")
    long.eventRetentionMs = 30 * Self.dayMs
    let short = ModuleWorld.module("short")
    try await withRuntime(path, modules: [short, long], catalog: setup.catalog, clock: clock) {
      (runtime, probe) async throws in
      for _ in 0..<5 {
        _ = await runtime.send(to: "long")
        _ = await runtime.send(to: "short")
      }
      await probe.wait(for: .deliverSuccess, count: 10)
    }
    try await withRuntime(path, modules: [short], catalog: setup.catalog, clock: clock) {
      (runtime, probe) async throws in
      await clock.waitForDeadline(ms: Retention.intervalMs)
      clock.advance(ms: 8 * Self.dayMs)
      await probe.wait(for: .runtimeRetention)
      let left = try SQLiteFile(path).rows("SELECT module, count(*) FROM v_events GROUP BY module")
      #expect(left == [["long", "5"]])
      await clock.waitForDeadline(ms: Retention.intervalMs)
      clock.advance(ms: 23 * Self.dayMs)
      await probe.wait(for: .runtimeRetention, count: 2)
      #expect(try SQLiteFile(path).integer("SELECT count(*) FROM events") == 0)
      #expect(try Invariants.violations(inFile: path) == [])
      // Numbers go on, and so does the work.
      #expect(await runtime.send(to: "short").ids.count == 1)
      await probe.wait(for: .deliverSuccess)
    }
    #expect(try Invariants.violations(inFile: path) == [])
  }

  /// Deletes what a week has made old, in a process that may not live to its end.
  private static func pass(_ path: String) async throws {
    let store = try EventStore(path: path)
    defer { store.close() }
    let clock = ManualClock()
    clock.jumpWall(ms: 9 * dayMs)
    let time = clock.time
    let later = TimeSource(
      wallMs: { time.wallMs }, monotonicMs: { time.monotonicMs }, sleepMs: { _ in })
    _ = await Retention(store: store, time: later, log: LogFanout(), logRetentionMs: dayMs).pass()
  }

  @Test(arguments: ["write.performed", "write.committed"], [1, 3])
  func `a process that dies while it deletes leaves a whole file`(
    _ point: String, _ count: Int
  ) async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    let module = ModuleWorld.module("b")
    let body = #"{"text":"\#(String(repeating: "x", count: 60_000))"}"#
    try await withRuntime(path, modules: [module], catalog: setup.catalog) {
      (runtime, probe) async throws in
      for _ in 0..<60 { _ = await runtime.send(body, to: "b") }
      await probe.wait(for: .deliverSuccess, count: 60)
    }
    let target = "\(point):\(count)"
    await #expect(processExitsWith: .exitCode(137)) {
      [path = path as String, target = target as String] in
      setenv("ORGLOOP_CRASH_AT", target, 1)
      try await RetentionTests.pass(path)
    }
    #expect(try Invariants.violations(inFile: path) == [])
    try await RetentionTests.pass(path)
    #expect(try SQLiteFile(path).integer("SELECT count(*) FROM events") == 0)
    #expect(try Invariants.violations(inFile: path) == [])
  }

  @Test func `a wall clock that jumps ahead deletes nothing`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld()
    try await withRuntime(
      path, modules: [ModuleWorld.module("b")], catalog: setup.catalog, clock: clock
    ) {
      (runtime, probe) async throws in
      _ = await runtime.send(to: "b")
      await probe.wait(for: .deliverSuccess)
      clock.jumpWall(ms: 400 * Self.dayMs)
      for _ in 0..<3 {
        await clock.waitForDeadline(ms: Retention.intervalMs)
        clock.advance(ms: Retention.intervalMs)
      }
      await clock.waitForDeadline(ms: Retention.intervalMs)
      #expect(try SQLiteFile(path).integer("SELECT count(*) FROM events") == 1)
    }
  }

  @Test func `the file shrinks when much of it is gone`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld()
    let body = #"{"text":"\#(String(repeating: "x", count: 100_000))"}"#
    try await withRuntime(
      path, modules: [ModuleWorld.module("b")], catalog: setup.catalog, clock: clock
    ) {
      (runtime, probe) async throws in
      for _ in 0..<100 { _ = await runtime.send(body, to: "b") }
      await probe.wait(for: .deliverSuccess, count: 100)
      try await runtime.store.checkpoint()
      let before = try #require(DatabaseFacts(path: path).bytes)
      await clock.waitForDeadline(ms: Retention.intervalMs)
      clock.advance(ms: 8 * Self.dayMs)
      await probe.wait(for: .runtimeRetention)
      let after = try #require(DatabaseFacts(path: path).bytes)
      #expect(after * 3 < before)
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }
}
