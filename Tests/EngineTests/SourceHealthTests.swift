import Engine
import Testing

@Suite struct SourceHealthTests {
  private let interval: Int64 = 300_000

  /// A source that has failed five times, the last at 4 s.
  private func broken() -> SourceHealth {
    var health = SourceHealth()
    for second in 0..<5 as Range<Int64> {
      _ = health.started(atMs: second * 1_000)
      _ = health.failed(error: "HTTP 500", atMs: second * 1_000)
    }
    return health
  }

  @Test func `four failures degrade and the fifth opens the breaker`() {
    var health = SourceHealth()
    #expect(health.status == .healthy)
    for count in 1...4 {
      #expect(health.started(atMs: 0) == .none)
      #expect(health.failed(error: "e\(count)", atMs: 0) == .none)
      #expect(health.status == .degraded)
      #expect(health.consecutiveErrors == count)
      #expect(health.lastError == "e\(count)")
      #expect(health.nextPollDelayMs(intervalMs: interval, atMs: 0) == interval)
    }
    #expect(health.failed(error: "e5", atMs: 0) == .opened(waitMs: 60_000))
    #expect(health.status == .unhealthy)
    #expect(health.isCircuitOpen)
  }

  @Test func `a success in between begins the count anew`() {
    var health = SourceHealth()
    for _ in 0..<3 {
      for _ in 0..<4 { #expect(health.failed(error: "e", atMs: 0) == .none) }
      #expect(health.succeeded(atMs: 7, events: 2) == .none)
      #expect(health.status == .healthy)
      #expect(health.lastError == nil)
    }
    #expect(health.eventsEmitted == 6)
    #expect(health.lastSuccessMs == 7)
  }

  @Test func `an open breaker waits, tries once, and waits twice as long up to 15 minutes`() {
    var health = broken()
    var now: Int64 = 4_000
    for wait in [60, 120, 240, 480, 900, 900] as [Int64] {
      #expect(health.nextPollDelayMs(intervalMs: 1_000, atMs: now) == wait * 1_000)
      now += wait * 1_000
      #expect(health.nextPollDelayMs(intervalMs: interval, atMs: now) == 0)
      #expect(health.started(atMs: now) == .retry)
      #expect(health.status == .unhealthy)
      let next = min(wait * 2, 900) * 1_000
      #expect(health.failed(error: "e", atMs: now) == .reopened(waitMs: next))
    }
    #expect(health.started(atMs: now) == .retry)
    #expect(health.succeeded(atMs: now) == .closed)
    #expect(health.status == .healthy)
    #expect(health.nextPollDelayMs(intervalMs: interval, atMs: now) == interval)
    #expect(health.failed(error: "e", atMs: now) == .none)
  }

  @Test func `a rate limit is no failure and puts the next poll off`() {
    var health = SourceHealth()
    _ = health.started(atMs: 1_000)
    #expect(health.rateLimited(untilMs: 900_000, atMs: 2_000, events: 3) == .none)
    #expect(health.status == .degraded)
    #expect(health.reason == "rate_limited")
    #expect(health.consecutiveErrors == 0)
    #expect(health.eventsEmitted == 3)
    #expect(health.nextPollDelayMs(intervalMs: interval, atMs: 2_000) == 898_000)
    #expect(health.nextPollDelayMs(intervalMs: 2_000_000, atMs: 2_000) == 1_999_000)
    #expect(health.succeeded(atMs: 900_000) == .none)
    #expect(health.status == .healthy)
    #expect(health.reason == nil)
  }

  @Test func `a rate limit on the one try closes the breaker`() {
    var health = broken()
    #expect(health.started(atMs: 64_000) == .retry)
    #expect(health.rateLimited(untilMs: 70_000, atMs: 64_500) == .closed)
    #expect(health.status == .degraded)
  }

  @Test func `the interval counts from the last attempt`() {
    var health = SourceHealth()
    #expect(health.nextPollDelayMs(intervalMs: 10_000, atMs: 5) == 0)
    _ = health.started(atMs: 1_000)
    _ = health.succeeded(atMs: 4_000)
    #expect(health.nextPollDelayMs(intervalMs: 10_000, atMs: 4_000) == 7_000)
    #expect(health.nextPollDelayMs(intervalMs: 10_000, atMs: 99_000) == 0)
  }

  @Test func `health survives a restart`() {
    var limited = SourceHealth()
    _ = limited.started(atMs: 1)
    _ = limited.rateLimited(untilMs: 50, atMs: 2, events: 9)
    for health in [SourceHealth(), broken(), limited] {
      #expect(SourceHealth(json: health.json, nowMs: .max / 2) == health)
    }
    var trying = broken()
    _ = trying.started(atMs: 64_000)
    var restored = SourceHealth(json: trying.json, nowMs: .max / 2)
    #expect(restored.status == .unhealthy)
    #expect(restored.nextPollDelayMs(intervalMs: interval, atMs: 64_001) == 0)
    #expect(restored.started(atMs: 64_001) == .retry)
    #expect(restored.failed(error: "e", atMs: 64_001) == .reopened(waitMs: 120_000))
    #expect(SourceHealth(json: [:], nowMs: 0) == SourceHealth())
  }
}
