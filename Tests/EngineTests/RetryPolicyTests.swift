import Engine
import Testing

@Suite struct RetryPolicyTests {
  @Test(
    arguments: [
      (.fixed, 1, 1_000), (.fixed, 9, 1_000), (.linear, 1, 1_000), (.linear, 7, 7_000),
      (.linear, 100, 60_000), (.exponential, 1, 1_000), (.exponential, 2, 2_000),
      (.exponential, 6, 32_000), (.exponential, 7, 60_000), (.exponential, 40, 60_000),
      (.exponential, 41, 60_000), (.exponential, 1_000_000, 60_000), (.linear, 0, 1_000),
    ] as [(RetryPolicy.Backoff, Int, Int64)])
  func `the delay grows by its rule up to the cap`(
    backoff: RetryPolicy.Backoff, attempts: Int, delayMs: Int64
  ) {
    var random = JSONRandom(seed: 1)
    let policy = RetryPolicy(backoff: backoff, jitter: .off)
    #expect(policy.delayMs(after: attempts, using: &random) == delayMs)
  }

  @Test func `full jitter covers everything from zero to the delay`() {
    var random = JSONRandom(seed: 2)
    let policy = RetryPolicy(initialDelayMs: 4, maxDelayMs: 8)
    let delays = Set((0..<500).map { _ in policy.delayMs(after: 5, using: &random) })
    #expect(delays == Set(0...8))
  }

  @Test func `a fraction spreads the delay to both sides`() {
    var random = JSONRandom(seed: 3)
    let policy = RetryPolicy(backoff: .fixed, jitter: .fraction(0.25))
    let delays = (0..<500).map { _ in policy.delayMs(after: 1, using: &random) }
    #expect(delays.allSatisfy { (750...1_250).contains($0) })
    #expect(delays.contains { $0 < 850 })
    #expect(delays.contains { $0 > 1_150 })
  }

  @Test(
    arguments: [
      (nil, 1_000), (500, 1_000), (5_000, 5_000), (90_000, 90_000), (-5, 1_000),
      (Int64.max, 86_400_000),
    ] as [(Int64?, Int64)])
  func `an actor may ask for more time, up to a day`(asked: Int64?, delayMs: Int64) {
    var random = JSONRandom(seed: 4)
    let policy = RetryPolicy(backoff: .fixed)
    #expect(policy.delayMs(after: 1, retryAfterMs: asked, using: &random) == delayMs)
  }

  @Test func `jitter is full for exponential and none otherwise unless told`() {
    #expect(RetryPolicy().jitter == .full)
    #expect(RetryPolicy(backoff: .linear).jitter == .off)
    #expect(RetryPolicy(backoff: .fixed, jitter: .full).jitter == .full)
  }

  @Test func `huge delays do not overflow`() {
    var random = JSONRandom(seed: 5)
    let policy = RetryPolicy(
      backoff: .linear, initialDelayMs: .max / 2, maxDelayMs: .max, jitter: .off)
    #expect(policy.delayMs(after: 3, using: &random) == .max)
  }
}
