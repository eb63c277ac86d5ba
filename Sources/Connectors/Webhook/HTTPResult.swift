import Engine

/// What an HTTP answer means for a delivery (connectors.md 3.1).
enum HTTPResult {
  static func outcome(
    status: Int, excerpt: String, retryAfter: String?, nowMs: Int64
  ) -> AttemptOutcome {
    var outcome: AttemptOutcome
    switch status {
    case 200..<300:
      outcome = AttemptOutcome(.delivered)
    case 300..<400:
      outcome = AttemptOutcome(.rejected, error: "HTTP \(status): redirect not followed")
    case 410:
      outcome = AttemptOutcome(
        .rejected, error: "HTTP 410: the receiver is gone for good", disablesActor: true)
    case 408, 425, 429, 500...:
      outcome = AttemptOutcome(.error, error: "HTTP \(status)")
      outcome.retryAfterMs = retryAfter.flatMap { RetryAfter.ms($0, nowMs: nowMs) }
    default:
      outcome = AttemptOutcome(.rejected, error: "HTTP \(status): refused by the receiver")
    }
    outcome.statusCode = status
    outcome.responseExcerpt = excerpt.isEmpty ? nil : excerpt
    return outcome
  }
}
