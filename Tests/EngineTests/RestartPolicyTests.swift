import Engine
import Testing

/// cli-http.md 2.2, `start --supervised`.
struct RestartPolicyTests {
  @Test func `each restart waits twice as long, at most 30 s`() {
    var policy = RestartPolicy()
    // Six minutes apart, so that their number does not matter.
    let delays = (0..<8).map { policy.delayMs(afterRunOfMs: 10, nowMs: $0 * 360_000) }
    #expect(delays == [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  }

  @Test func `a minute of uptime begins again with the first delay`() {
    var policy = RestartPolicy()
    for _ in 0..<4 { _ = policy.delayMs(afterRunOfMs: 59_999, nowMs: 0) }
    #expect(policy.delayMs(afterRunOfMs: 59_999, nowMs: 0) == 16_000)
    #expect(policy.delayMs(afterRunOfMs: 60_000, nowMs: 0) == 1_000)
    #expect(policy.delayMs(afterRunOfMs: 0, nowMs: 0) == 2_000)
  }

  @Test func `ten restarts in five minutes are enough`() {
    var policy = RestartPolicy()
    for number in 0..<10 {
      #expect(policy.delayMs(afterRunOfMs: 61_000, nowMs: Int64(number) * 1_000) == 1_000)
    }
    #expect(policy.delayMs(afterRunOfMs: 61_000, nowMs: 299_999) == nil)
    // The first of them is five minutes ago.
    #expect(policy.delayMs(afterRunOfMs: 61_000, nowMs: 300_000) == 1_000)
    #expect(policy.delayMs(afterRunOfMs: 61_000, nowMs: 300_001) == nil)
  }
}
