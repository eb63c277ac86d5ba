/// Keeps attempts from what fails again and again (config.md 7.1; seed 004, 5.2). A pure value.
///
/// After `failureThreshold` failures in a row it opens: nothing is tried, and no attempts are used
/// up. After `cooldown` exactly one attempt goes through; its success closes the breaker, its
/// failure opens it for another cool-down. What has queued meanwhile does not arrive in a burst:
/// after it has closed one attempt goes at once, then two, four, ….
struct CircuitBreaker: Sendable, Hashable {
  /// What an attempt says about the actor.
  enum Sign: Sendable {
    case success, failure
    /// The actor answered and did not take the delivery, or was not asked.
    case neither
  }

  /// What a sign has changed.
  enum Change: Sendable, Hashable {
    /// Only the count of failures.
    case counted
    case opened, reopened, closed
  }

  private enum State: Sendable, Hashable {
    case closed
    case open(untilMs: Int64)
    /// So many at once.
    case ramping(Int)
  }

  var policy: BreakerPolicy
  /// In a row.
  private(set) var failures: Int
  private var state: State

  /// - Parameters:
  ///   - failures: As the last change left them.
  ///   - openUntilMs: The same.
  init(_ policy: BreakerPolicy, failures: Int = 0, openUntilMs: Int64? = nil) {
    self.policy = policy
    self.failures = failures
    state = openUntilMs.map { .open(untilMs: $0) } ?? .closed
  }

  /// Until when nothing is tried; in the past while one attempt decides. Nil when it is closed.
  var openUntilMs: Int64? { if case .open(let untilMs) = state { untilMs } else { nil } }

  /// How many deliveries may be in hand at once; nil = no limit.
  func limit(nowMs: Int64) -> Int? {
    switch state {
    case .closed: nil
    case .open(let untilMs): nowMs < untilMs ? 0 : 1
    case .ramping(let limit): limit
    }
  }

  /// Takes note of how an attempt ended.
  ///
  /// - Parameter concurrencyMax: When the ramp reaches it, it is over.
  mutating func note(_ sign: Sign, nowMs: Int64, concurrencyMax: Int) -> Change? {
    switch (state, sign) {
    case (.open(let untilMs), _) where nowMs < untilMs:
      // It had begun before: what it says was known then.
      return nil
    case (.open, .success):
      failures = 0
      state = concurrencyMax > 1 ? .ramping(1) : .closed
      return .closed
    case (.open, .failure):
      failures += 1
      state = .open(untilMs: nowMs + policy.cooldownMs)
      return .reopened
    case (.ramping(let limit), .success):
      state = limit * 2 < concurrencyMax ? .ramping(limit * 2) : .closed
      return reset()
    case (.closed, .success): return reset()
    case (_, .failure):
      failures += 1
      guard failures >= policy.failureThreshold else { return .counted }
      state = .open(untilMs: nowMs + policy.cooldownMs)
      return .opened
    case (_, .neither): return nil
    }
  }

  private mutating func reset() -> Change? {
    guard failures > 0 else { return nil }
    failures = 0
    return .counted
  }
}

extension CircuitBreaker.Sign {
  /// An error before the actor was asked says nothing about it (config.md 7.1, the table).
  init(_ verdict: AttemptVerdict) {
    switch verdict {
    case .actor(let outcome):
      switch outcome.kind {
      case .delivered, .skipped: self = .success
      case .rejected: self = .neither
      case .error, .timeout, .interrupted: self = .failure
      }
    case .dropped, .duplicate, .behind, .transformFailed, .notPrepared, .held: self = .neither
    }
  }
}
