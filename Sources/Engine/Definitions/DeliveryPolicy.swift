import Store

/// How deliveries of a route are made: the delivery block with every leaf resolved (config.md 7).
package struct DeliveryPolicy: Sendable, Hashable {
  /// Attempts started per second; nil = no limit.
  package var ratePerSecond: Double?
  /// Bound on unsettled deliveries of the queue.
  package var queueDepth: Int
  package var overflow: Overflow
  /// Attempts in flight at once.
  package var concurrency: Int
  /// Deliveries for the actor, over all routes; nil = no limit.
  package var starts: StartLimit?
  /// Events with the same value here go one after another, in acceptance order.
  package var orderKey: DotPath?
  /// Of one attempt, transforms not included.
  package var timeoutMs: Int64
  package var retry: RetryPolicy
  /// Nil when switched off.
  package var breaker: BreakerPolicy?

  package enum Overflow: String, Sendable, CaseIterable {
    case dropOldest = "drop_oldest"
    case dropNewest = "drop_newest"
    case block, park
  }

  package init(
    ratePerSecond: Double? = nil, queueDepth: Int = 1_000, overflow: Overflow = .dropOldest,
    concurrency: Int = 4, orderKey: DotPath? = nil, timeoutMs: Int64 = 30_000,
    retry: RetryPolicy = RetryPolicy(), breaker: BreakerPolicy? = BreakerPolicy(),
    starts: StartLimit? = nil
  ) {
    self.starts = starts
    self.ratePerSecond = ratePerSecond
    self.queueDepth = queueDepth
    self.overflow = overflow
    self.concurrency = concurrency
    self.orderKey = orderKey
    self.timeoutMs = timeoutMs
    self.retry = retry
    self.breaker = breaker
  }

  /// What the store has to know of it.
  var bound: QueueBound {
    let overflow: QueueBound.Overflow =
      switch overflow {
      case .dropOldest: .dropOldest
      case .dropNewest: .dropNewest
      case .block: .block
      case .park: .park
      }
    return QueueBound(depth: queueDepth, overflow: overflow)
  }
}

/// When a failed delivery is tried again (config.md 7, 7.1). A pure value: chance is a parameter.
package struct RetryPolicy: Sendable, Hashable {
  /// The first attempt included; 1 = no retry.
  package var attemptsMax: Int
  package var backoff: Backoff
  package var initialDelayMs: Int64
  package var maxDelayMs: Int64
  package var jitter: Jitter

  package enum Backoff: String, Sendable, CaseIterable { case fixed, linear, exponential }

  package enum Jitter: Sendable, Hashable {
    /// Uniform from 0 to the delay.
    case full
    /// The delay as it is. (Not `none`, which an optional would read as nil.)
    case off
    /// The delay, less or more by at most this part of it, 0...1.
    case fraction(Double)
  }

  package init(
    attemptsMax: Int = 10, backoff: Backoff = .exponential, initialDelayMs: Int64 = 1_000,
    maxDelayMs: Int64 = 60_000, jitter: Jitter? = nil
  ) {
    self.attemptsMax = attemptsMax
    self.backoff = backoff
    self.initialDelayMs = initialDelayMs
    self.maxDelayMs = maxDelayMs
    self.jitter = jitter ?? (backoff == .exponential ? .full : .off)
  }

  /// Milliseconds to wait after `attempts` made; never less than what the actor asked for.
  ///
  /// - Parameters:
  ///   - attempts: Attempts made so far, at least 1.
  ///   - retryAfterMs: What the actor asked for; at most ``Limits/retryAfterMsMax`` of it counts.
  package func delayMs(
    after attempts: Int, retryAfterMs: Int64? = nil,
    using generator: inout some RandomNumberGenerator
  ) -> Int64 {
    let n = Int64(max(attempts, 1))
    let raw: Int64 =
      switch backoff {
      case .fixed: initialDelayMs
      case .linear: RetryPolicy.product(initialDelayMs, n)
      case .exponential:
        n > 40 ? .max : RetryPolicy.product(initialDelayMs, 1 << (n - 1))
      }
    let capped = min(raw, maxDelayMs)
    let jittered: Int64 =
      switch jitter {
      case .off: capped
      case .full: Int64.random(in: 0...max(capped, 0), using: &generator)
      case .fraction(let part):
        Int64(Double(capped) * (1 + Double.random(in: -part...part, using: &generator)))
      }
    let floor = min(max(retryAfterMs ?? 0, 0), Limits.retryAfterMsMax)
    return max(jittered, floor, 0)
  }

  private static func product(_ left: Int64, _ right: Int64) -> Int64 {
    let (value, overflow) = left.multipliedReportingOverflow(by: right)
    return overflow ? .max : value
  }
}

/// When a route stops trying an actor that keeps failing, and for how long (config.md 7).
package struct BreakerPolicy: Sendable, Hashable {
  /// Consecutive failed attempts.
  package var failureThreshold: Int
  package var cooldownMs: Int64

  package init(failureThreshold: Int = 5, cooldownMs: Int64 = 30_000) {
    self.failureThreshold = failureThreshold
    self.cooldownMs = cooldownMs
  }
}

/// How often an actor may be given work (docs/loops.md): so many deliveries in any stretch of time
/// of that length.
package struct StartLimit: Sendable, Hashable {
  package var count: Int
  package var periodMs: Int64

  package init(count: Int, periodMs: Int64) {
    self.count = count
    self.periodMs = periodMs
  }

  /// `100/h`, as it is written.
  package var text: String {
    let unit =
      switch periodMs {
      case 1_000: "s"
      case 60_000: "m"
      case 3_600_000: "h"
      case 86_400_000: "d"
      default: "\(periodMs)ms"
      }
    return "\(count)/\(unit)"
  }
}
