/// How a source is doing, and when it may be polled again (connectors.md 1.2, Failures).
///
/// A pure value: times are parameters, and what has to be logged comes back as an ``Action``.
/// Kept in the database as ``json``, so that a breaker survives a restart.
package struct SourceHealth: Sendable, Hashable {
  /// Failed polls since the last one that ended well.
  package private(set) var consecutiveErrors = 0
  /// Of the newest failure; nil since the last success.
  package private(set) var lastError: String?
  package private(set) var lastSuccessMs: Int64?
  package private(set) var lastAttemptMs: Int64?
  /// Events emitted in all, webhook events included.
  package private(set) var eventsEmitted: Int64 = 0
  private var breaker = Breaker.closed
  private var limitedUntilMs: Int64?

  /// 5: consecutive failures that open the breaker.
  package static let failuresMax = 5
  /// 60 s: the breaker's first wait; it doubles with each try that fails.
  package static let breakerWaitMsMin: Int64 = 60_000
  /// 15 min: the breaker's longest wait.
  package static let breakerWaitMsMax: Int64 = 900_000

  private enum Breaker: Sendable, Hashable {
    case closed
    case open(untilMs: Int64, waitMs: Int64)
    /// The one try after a wait is under way.
    case trying(waitMs: Int64)
  }

  /// The words of the health record.
  package enum Status: String, Sendable, CaseIterable { case healthy, degraded, unhealthy }

  /// What a step means for the log and the system events.
  package enum Action: Sendable, Hashable {
    case none
    /// The breaker opened: `source.circuit_open`, and `source.unhealthy` once.
    case opened(waitMs: Int64)
    /// The one try after a wait: `source.circuit_retry`.
    case retry
    /// The try failed; the breaker is open again.
    case reopened(waitMs: Int64)
    /// `source.circuit_close` and `source.recovered`.
    case closed
  }

  /// A source of which nothing is known yet: healthy, due at once.
  package init() {}

  /// `unhealthy` while the breaker is not closed, `degraded` after a failure or a rate limit.
  package var status: Status {
    if breaker != .closed { return .unhealthy }
    return consecutiveErrors > 0 || limitedUntilMs != nil ? .degraded : .healthy
  }

  /// `rate_limited`, or nil.
  package var reason: String? { limitedUntilMs == nil ? nil : "rate_limited" }
  /// Whether polls wait for the breaker; true during its one try as well.
  package var isCircuitOpen: Bool { breaker != .closed }

  /// A poll begins. Call it before every poll.
  package mutating func started(atMs now: Int64) -> Action {
    lastAttemptMs = now
    guard case .open(_, let waitMs) = breaker else { return .none }
    breaker = .trying(waitMs: waitMs)
    return .retry
  }

  /// A poll, a request or a firing ended well.
  package mutating func succeeded(atMs now: Int64, events: Int = 0) -> Action {
    lastSuccessMs = now
    limitedUntilMs = nil
    return recovered(events: events)
  }

  /// The platform asked to wait: not a failure. What the poll had read completely is stored.
  package mutating func rateLimited(
    untilMs: Int64, atMs now: Int64, events: Int = 0
  ) -> Action {
    lastSuccessMs = now
    limitedUntilMs = untilMs
    return recovered(events: events)
  }

  /// A poll failed: nothing was stored and the checkpoint stays.
  package mutating func failed(error: String, atMs now: Int64) -> Action {
    consecutiveErrors += 1
    lastError = error
    switch breaker {
    case .closed:
      guard consecutiveErrors >= SourceHealth.failuresMax else { return .none }
      return open(waitMs: SourceHealth.breakerWaitMsMin, atMs: now, first: true)
    case .open(_, let waitMs), .trying(let waitMs):
      let doubled = min(waitMs * 2, SourceHealth.breakerWaitMsMax)
      return open(waitMs: doubled, atMs: now, first: false)
    }
  }

  /// Milliseconds from now until the next poll may begin.
  ///
  /// The interval counts from the last attempt; an open breaker and a rate limit stand in its
  /// place and above it.
  package func nextPollDelayMs(intervalMs: Int64, atMs now: Int64) -> Int64 {
    if case .open(let untilMs, _) = breaker { return max(untilMs - now, 0) }
    let due = max(lastAttemptMs.map { $0 + intervalMs } ?? now, limitedUntilMs ?? now)
    return max(due - now, 0)
  }

  private mutating func recovered(events: Int) -> Action {
    consecutiveErrors = 0
    lastError = nil
    eventsEmitted += Int64(events)
    guard breaker != .closed else { return .none }
    breaker = .closed
    return .closed
  }

  private mutating func open(waitMs: Int64, atMs now: Int64, first: Bool) -> Action {
    breaker = .open(untilMs: now + waitMs, waitMs: waitMs)
    return first ? .opened(waitMs: waitMs) : .reopened(waitMs: waitMs)
  }
}

extension SourceHealth {
  /// For the database: times in milliseconds, absent fields left out.
  package var json: JSONObject {
    var object: JSONObject = [
      "consecutive_errors": JSONValue(consecutiveErrors),
      "events_emitted": JSONValue(eventsEmitted),
    ]
    object["last_error"] = lastError.map(JSONValue.string)
    object["last_success_ms"] = lastSuccessMs.map { JSONValue($0) }
    object["last_attempt_ms"] = lastAttemptMs.map { JSONValue($0) }
    object["limited_until_ms"] = limitedUntilMs.map { JSONValue($0) }
    switch breaker {
    case .closed: break
    case .open(let untilMs, let waitMs):
      object["breaker_wait_ms"] = JSONValue(waitMs)
      object["breaker_until_ms"] = JSONValue(untilMs)
    case .trying(let waitMs):
      object["breaker_wait_ms"] = JSONValue(waitMs)
    }
    return object
  }

  /// From the database. What is not there has its first value; a try that was under way when the
  /// process ended is made again at once.
  ///
  /// - Parameter nowMs: The steady clock. A time that lies further ahead than its own rule allows
  ///   was written by a clock that has been corrected since, and is brought back.
  package init(json: JSONObject, nowMs: Int64) {
    self.init()
    consecutiveErrors = Int(json["consecutive_errors"]?.int64 ?? 0)
    eventsEmitted = json["events_emitted"]?.int64 ?? 0
    lastError = json["last_error"]?.string
    lastSuccessMs = json["last_success_ms"]?.int64
    lastAttemptMs = json["last_attempt_ms"]?.int64.map { min($0, nowMs) }
    limitedUntilMs = json["limited_until_ms"]?.int64.map {
      min($0, nowMs + Limits.retryAfterMsMax)
    }
    if let waitMs = json["breaker_wait_ms"]?.int64 {
      let untilMs = json["breaker_until_ms"]?.int64 ?? 0
      breaker = .open(untilMs: min(untilMs, nowMs + waitMs), waitMs: waitMs)
    }
  }
}
