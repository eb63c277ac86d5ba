package import Store

/// What an attempt's outcome means for its delivery (config.md 7.1, 9.3): a pure decision.
package enum Disposition {
  /// - Parameters:
  ///   - verdict: How the attempt ended.
  ///   - attempts: Attempts of this budget, this one included.
  ///   - nowMs: By the steady clock, because a due time is made from it.
  package static func decide(
    _ verdict: AttemptVerdict, attempts: Int, policy: RetryPolicy, nowMs: Int64,
    using generator: inout some RandomNumberGenerator
  ) -> SettleRecord.Disposition {
    switch verdict {
    case .actor(let outcome):
      switch outcome.kind {
      case .delivered: return .settled(state: "delivered", reason: nil)
      case .skipped: return .settled(state: "skipped", reason: outcome.error ?? "declined")
      case .rejected: return .settled(state: "dead", reason: "rejected")
      case .error, .timeout, .interrupted:
        return again(outcome.retryAfterMs, attempts, policy, nowMs, &generator)
      }
    case .dropped: return .settled(state: "dropped", reason: "transform")
    case .duplicate: return .settled(state: "dropped", reason: "duplicate")
    case .behind:
      return .waiting(dueAtMs: nowMs + Limits.behindLookMs, reason: "ordered_behind")
    case .transformFailed(_, .drop): return .settled(state: "dropped", reason: "transform_error")
    case .transformFailed(_, .halt): return .settled(state: "dead", reason: "halt")
    case .held: return .parked(reason: "held")
    case .transformFailed(_, .retry), .transformFailed(_, .pass), .notPrepared:
      return again(nil, attempts, policy, nowMs, &generator)
    }
  }

  private static func again(
    _ retryAfterMs: Int64?, _ attempts: Int, _ policy: RetryPolicy, _ nowMs: Int64,
    _ generator: inout some RandomNumberGenerator
  ) -> SettleRecord.Disposition {
    guard attempts < policy.attemptsMax else {
      return .settled(state: "dead", reason: "attempts")
    }
    let delay = policy.delayMs(after: attempts, retryAfterMs: retryAfterMs, using: &generator)
    return .waiting(dueAtMs: nowMs + delay, reason: "backoff")
  }
}

/// How an attempt ended: at the actor, or before it.
package enum AttemptVerdict: Sendable {
  case actor(AttemptOutcome)
  /// A transform dropped the event.
  case dropped(transform: String, reason: String?)
  /// A delivery with the same dedup key has succeeded.
  case duplicate(transform: String, reason: String)
  /// A delivery with the same dedup key is not settled: this is no attempt.
  case behind(Int64, isWatched: Bool)
  case transformFailed(String, TransformStep.ErrorPolicy)
  /// The delivery could not be made ready: the configuration template grew too large, the prompt
  /// or an earlier result could not be read.
  case notPrepared(String)
  /// The audit found something that a person is to look at first.
  case held([AuditFlag])

  /// The word for `attempts.outcome`.
  package var word: String {
    switch self {
    case .actor(let outcome): outcome.kind.rawValue
    case .dropped, .duplicate, .behind: "dropped"
    case .held: "skipped"
    case .transformFailed, .notPrepared: "error"
    }
  }

  package var error: String? {
    switch self {
    case .actor(let outcome): outcome.error
    case .behind: nil
    case .duplicate(let transform, let reason): "\(transform): \(reason)"
    case .dropped(let transform, let reason):
      reason.map { "\(transform): \($0)" } ?? "dropped by \(transform)"
    case .transformFailed(let text, _), .notPrepared(let text): text
    case .held(let flags):
      "held for review: "
        + flags.filter { $0.severity == .critical }.map(\.message).joined(separator: "; ")
    }
  }
}
