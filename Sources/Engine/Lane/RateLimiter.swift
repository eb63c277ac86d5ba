/// So many attempts a second, over any window (config.md 7, `max_rate`): a bucket with one second's
/// worth, at least 1, that fills evenly. A pure value.
///
/// It is kept as one number, the time at which the bucket is full again (the theoretical arrival time
/// of the generic cell rate algorithm, ITU-T I.371), so a restart goes on where the last run was.
struct RateLimiter: Sendable, Hashable {
  let ratePerSecond: Double
  /// Milliseconds since 1970.
  private(set) var fullAtMs: Double

  /// - Parameters:
  ///   - fullAtMs: As the last run left it. A clock that was wrong then must not silence the lane:
  ///     more than the whole bucket is never owed.
  ///   - nowMs: Milliseconds since 1970.
  init(ratePerSecond: Double, fullAtMs: Double = 0, nowMs: Int64) {
    // One in 11 days, at least: what is slower would leave the range of times.
    let ratePerSecond = min(max(ratePerSecond, 1e-6), 1e9)
    self.ratePerSecond = ratePerSecond
    let bucketMs = max(ratePerSecond, 1) * 1_000 / ratePerSecond
    self.fullAtMs = min(fullAtMs, Double(nowMs) + bucketMs)
  }

  private var intervalMs: Double { 1_000 / ratePerSecond }

  /// How far ahead of the even pace attempts may be.
  private var slackMs: Double { (max(ratePerSecond, 1) - 1) * intervalMs }

  /// How many may start now.
  func allowance(nowMs: Int64) -> Int {
    let behind = max(fullAtMs - Double(nowMs), 0)
    return max(Int(((slackMs - behind) / intervalMs).rounded(.down)) + 1, 0)
  }

  mutating func take(_ count: Int, nowMs: Int64) {
    fullAtMs = max(fullAtMs, Double(nowMs)) + Double(count) * intervalMs
  }

  /// When the next may start; in the past when one may start now.
  var nextMs: Int64 { Int64((fullAtMs - slackMs).rounded(.up)) }
}
