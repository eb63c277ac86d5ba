@testable import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// So many attempts a second, over any window (config.md 7, `max_rate`).
@Suite(.timeLimit(.minutes(1))) struct RateTests {
  @Test(arguments: [0.5, 1, 7, 100, 2_500])
  func `no window has more than its share and one second's worth`(_ rate: Double) {
    var generator = SplitMix64(seed: UInt64(rate * 10))
    var nowMs: Int64 = 1_772_600_767_089
    var limiter = RateLimiter(ratePerSecond: rate, nowMs: nowMs)
    var starts: [Int64] = []
    while starts.count < 2_000 {
      let count = min(limiter.allowance(nowMs: nowMs), Int.random(in: 0...5, using: &generator))
      limiter.take(count, nowMs: nowMs)
      starts += Array(repeating: nowMs, count: count)
      nowMs += Int64.random(in: 0...Int64(1_000 / rate + 2), using: &generator)
    }
    let burst = max(rate, 1)
    for first in starts.indices where first % 7 == 0 {
      for last in first..<min(first + 300, starts.count) {
        let seconds = Double(starts[last] - starts[first]) / 1_000
        #expect(Double(last - first + 1) <= burst + rate * seconds + 1e-6)
      }
    }
    // It does not fall behind either: what is allowed can be used.
    let seconds = Double((starts.last ?? 0) - (starts.first ?? 0)) / 1_000
    #expect(Double(starts.count) > rate * seconds * 0.2)
  }

  @Test func `who asks when the next may start is told the first moment`() {
    var limiter = RateLimiter(ratePerSecond: 4, nowMs: 10_000)
    limiter.take(limiter.allowance(nowMs: 10_000), nowMs: 10_000)
    #expect(limiter.allowance(nowMs: limiter.nextMs - 1) == 0)
    #expect(limiter.allowance(nowMs: limiter.nextMs) == 1)
    #expect(limiter.nextMs == 10_250)
  }

  @Test func `a clock that was far ahead does not silence a lane`() {
    let limiter = RateLimiter(ratePerSecond: 2, fullAtMs: 9e15, nowMs: 1_000)
    #expect(limiter.allowance(nowMs: 1_000) == 0)
    #expect(limiter.nextMs <= 2_000)
    #expect(limiter.allowance(nowMs: limiter.nextMs) == 1)
  }

  @Test(arguments: [1e-300, .leastNonzeroMagnitude, 1e300])
  func `a rate beyond all measure starts something and ends nothing`(_ rate: Double) {
    var limiter = RateLimiter(ratePerSecond: rate, nowMs: 1_772_600_767_089)
    #expect(limiter.allowance(nowMs: 1_772_600_767_089) >= 1)
    limiter.take(1, nowMs: 1_772_600_767_089)
    #expect(limiter.nextMs > 0)
  }

  @Test func `a queue keeps its rate, over a restart too`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld(actor: TestActor { _ in AttemptOutcome(.delivered) })
    var module = ModuleWorld.module("b")
    module.actors[0].delivery.ratePerSecond = 10
    try await withRuntime(path, modules: [module], catalog: setup.catalog, clock: clock) {
      runtime, probe in
      for _ in 0..<25 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .deliverSuccess, count: 10)
    }
    #expect(try SQLiteFile.starts(in: path).count == 10)
    try await withRuntime(path, modules: [module], catalog: setup.catalog, clock: clock) {
      runtime, probe in
      try await clock.running { await probe.wait(for: .deliverSuccess, count: 15) }
    }
    let times = try SQLiteFile.starts(in: path)
    #expect(times.count == 25)
    for (index, first) in times.enumerated() {
      let window = times[index...].prefix { $0 < first + 1_000 }
      #expect(window.count <= 20)
    }
    // Fifteen of them had to wait for the bucket to fill again.
    #expect(try #require(times.last) - times[0] >= 1_490)
  }
}

extension SQLiteFile {
  /// When attempts were started, as the file knows it. An actor that looks at the clock itself sees
  /// a later time on a busy machine: a clock that is played does not wait for it.
  static func starts(in path: String) throws -> [Int64] {
    try SQLiteFile(path).rows(
      """
      SELECT started_at_ms FROM attempts UNION ALL SELECT started_at_ms FROM running ORDER BY 1
      """
    ).compactMap { $0[0].flatMap { Int64($0) } }
  }
}
