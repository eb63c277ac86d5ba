import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// Polls, schedules and streams under a clock that the test moves (connectors.md 1.2, 2.9, 2.11).
@Suite(.timeLimit(.minutes(1))) struct SourceRunnerTests {
  private func module(intervalMs: Int64 = 1_000) -> ModuleDefinition {
    .test(routes: [.test()], pollIntervalMs: intervalMs)
  }

  private static func event(_ number: Int) -> EventDraft {
    EventDraft(
      provenance: JSONText(["platform": "test"]), payload: JSONText(["n": JSONValue(number)]),
      dedupKey: "n\(number)")
  }

  @Test func `polls keep their grid, however long one takes`() async throws {
    let scratch = try Scratch()
    let clock = ManualClock()
    let startedAt = Mutex<[Int64]>([])
    let polls = TestPollSource { _ in
      startedAt.withLock { $0.append(clock.time.monotonicMs) }
      // Not a tenth of a second: three tenths, every time.
      try await clock.time.sleep(ms: 300)
      return PollResult(checkpoint: "x")
    }
    try await withRuntime(
      scratch.path + "/o.db", modules: [module()], catalog: .test(source: .poll(polls)),
      clock: clock
    ) { _, _ in
      for _ in 0..<4 {
        await clock.waitForDeadline(ms: 300)
        clock.advance(ms: 300)
        await clock.waitForDeadline(ms: 700)
        clock.advance(ms: 700)
      }
      await clock.waitForDeadline(ms: 300)
      #expect(startedAt.withLock { $0 } == [0, 1_000, 2_000, 3_000, 4_000])
      clock.advance(ms: 300)
    }
  }

  @Test func `a tick that falls into a running poll is skipped, and polls never overlap`()
    async throws
  {
    let scratch = try Scratch()
    let clock = ManualClock()
    let startedAt = Mutex<[Int64]>([])
    let running = Atomic(0)
    let polls = TestPollSource { _ in
      let others = running.add(1, ordering: .relaxed).oldValue
      #expect(others == 0)
      startedAt.withLock { $0.append(clock.time.monotonicMs) }
      if startedAt.withLock(\.count) == 1 { try await clock.time.sleep(ms: 2_500) }
      running.subtract(1, ordering: .relaxed)
      return PollResult()
    }
    try await withRuntime(
      scratch.path + "/o.db", modules: [module()], catalog: .test(source: .poll(polls)),
      clock: clock
    ) { _, _ in
      await clock.waitForDeadline(ms: 2_500)
      clock.advance(ms: 2_500)
      await clock.waitForDeadline(ms: 500)
      clock.advance(ms: 500)
      await clock.waitForDeadline(ms: 1_000)
      #expect(startedAt.withLock { $0 } == [0, 3_000])
    }
  }

  @Test func `a poll that fails stores nothing and keeps the checkpoint`() async throws {
    let scratch = try Scratch()
    let clock = ManualClock()
    let count = Atomic(0)
    let polls = TestPollSource { checkpoint in
      switch count.add(1, ordering: .relaxed).newValue {
      case 1: return PollResult(events: [Self.event(1)], checkpoint: "one")
      case 2: throw EngineError(.unavailable, "the platform is away")
      default: return PollResult(events: [Self.event(1), Self.event(2)], checkpoint: "two")
      }
    }
    try await withRuntime(
      scratch.path + "/o.db", modules: [module()], catalog: .test(source: .poll(polls)),
      clock: clock
    ) { runtime, probe in
      await probe.wait(for: .sourceEmit, count: 1)
      await clock.waitForDeadline(ms: 1_000)
      clock.advance(ms: 1_000)
      await probe.wait(for: .systemError, count: 1)
      // Asleep again, it has stored its health.
      await clock.waitForDeadline(ms: 1_000)
      let failed = try #require(try await runtime.inspector.sources().first { $0.id == "in" })
      #expect(failed.checkpoint == "one")
      #expect(failed.status == "degraded")
      #expect(failed.consecutiveErrors == 1)
      clock.advance(ms: 1_000)
      await probe.wait(for: .sourceEmit, count: 2)
      await probe.wait(for: .sourceDuplicate, count: 1)
      #expect(polls.checkpoints == [nil, "one", "one"])
      let healthy = try #require(try await runtime.inspector.sources().first { $0.id == "in" })
      #expect(healthy.checkpoint == "two")
      #expect(healthy.status == "healthy")
    }
  }

  @Test func `five failures in a row open the breaker for a minute, and a success closes it`()
    async throws
  {
    let scratch = try Scratch()
    let clock = ManualClock()
    let count = Atomic(0)
    let polls = TestPollSource { _ in
      if count.add(1, ordering: .relaxed).newValue <= 5 { throw EngineError(.unavailable, "no") }
      return PollResult()
    }
    try await withRuntime(
      scratch.path + "/o.db", modules: [module()], catalog: .test(source: .poll(polls)),
      clock: clock
    ) { runtime, probe in
      for failures in 1..<5 {
        await probe.wait(for: .systemError, count: failures)
        await clock.waitForDeadline(ms: 1_000)
        clock.advance(ms: 1_000)
      }
      await probe.wait(for: .sourceCircuitOpen)
      await clock.waitForDeadline(ms: 60_000)
      let open = try #require(try await runtime.inspector.sources().first { $0.id == "in" })
      #expect(open.circuitOpen)
      #expect(open.status == "unhealthy")
      clock.advance(ms: 60_000)
      await probe.wait(for: .sourceCircuitClose)
      #expect(probe.entries(.sourceCircuitRetry).count == 1)
      #expect(polls.checkpoints.count == 6)
    }
  }

  @Test func `a jump of the wall clock neither hurries nor delays a poll`() async throws {
    let scratch = try Scratch()
    let clock = ManualClock()
    let polls = TestPollSource { _ in PollResult() }
    try await withRuntime(
      scratch.path + "/o.db", modules: [module()], catalog: .test(source: .poll(polls)),
      clock: clock
    ) { _, _ in
      for jump in [-7_200_000, 7_200_000, 315_360_000_000] as [Int64] {
        await clock.waitForDeadline(ms: 1_000)
        clock.jumpWall(ms: jump)
        clock.advance(ms: 1_000)
      }
      await clock.waitForDeadline(ms: 1_000)
      #expect(polls.checkpoints.count == 4)
    }
  }

  @Test func `a stream that ends is restarted with back-off from its last committed checkpoint`()
    async throws
  {
    let scratch = try Scratch()
    let clock = ManualClock()
    let stream = TestStreamSource { checkpoint, emit in
      let next = (checkpoint.flatMap { Int($0) } ?? 0) + 1
      if next <= 3 { try await emit(PollResult(events: [Self.event(next)], checkpoint: "\(next)")) }
    }
    try await withRuntime(
      scratch.path + "/o.db", modules: [module()], catalog: .test(source: .stream(stream)),
      clock: clock
    ) { _, probe in
      for run in 1...3 {
        await probe.wait(for: .sourceEmit, count: run)
        await clock.waitForDeadline(ms: 1_000)
        clock.advance(ms: 1_000)
      }
      // Nothing more comes, so the pauses grow.
      await clock.waitForDeadline(ms: 2_000)
      clock.advance(ms: 2_000)
      await clock.waitForDeadline(ms: 4_000)
      #expect(stream.checkpoints == [nil, "1", "2", "3", "3"])
    }
  }
}
