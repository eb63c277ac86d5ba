import Store

/// How a delivery ended, and why, in one line: a pure function of its rows.
enum Outcome {
  /// - Parameters:
  ///   - state: `delivered`, `dropped`, `skipped` or `dead`.
  ///   - last: The newest attempt; nil where there was none.
  static func text(
    state: String, reason: String?, attempts: Int, settledAt: String?, last: AttemptSummary?
  ) -> String {
    let time = settledAt.map { " at \($0)" } ?? ""
    switch (state, reason) {
    case ("delivered", "inbox"): return "stored in the inbox\(time) by attempt \(attempts)"
    case ("dropped", "expired"):
      return "dropped\(time): nobody collected it from the inbox in time"
    case ("delivered", _): return "delivered\(time) by attempt \(attempts)"
    case ("dropped", "transform"):
      return "dropped\(time) by \(step(last, "drop") ?? "a transform")"
    case ("dropped", "transform_error"):
      return "dropped\(time), because with on_error: drop there failed "
        + (step(last, "error") ?? "a transform")
    case ("dropped", "loop"):
      return "dropped\(time) by the loop guard: too many events in its trace (runtime.loop)"
    case ("dropped", "budget"):
      return "dropped\(time), because the budget of its actor was used up (delivery.max_starts)"
    case ("dropped", "duplicate"):
      return "dropped\(time) by \(step(last, "drop") ?? "a dedup transform")"
    case ("dropped", "operator"): return "dropped\(time) by an operator"
    case ("skipped", let words?): return "skipped\(time) by the actor: \(words)"
    case ("dead", "rejected"): return "dead\(time): the actor refused it for good" + error(last)
    case ("dead", "attempts"):
      return "dead\(time): \(attempts == 1 ? "1 attempt" : "\(attempts) attempts") failed"
        + error(last)
    case ("dead", "halt"):
      return "dead\(time), because with on_error: halt there failed "
        + (step(last, "error") ?? "a transform")
    default: return state + time + (reason.map { ": \($0)" } ?? "")
    }
  }

  /// The last step of an attempt that went a certain way: `transform no-spam: looks like spam`.
  private static func step(_ attempt: AttemptSummary?, _ outcome: String) -> String? {
    let steps = attempt?.transforms.map { JSONText(checked: $0).value() }?.array ?? []
    guard let step = steps.last(where: { $0["outcome"]?.string == outcome }) else {
      return attempt?.error
    }
    let name = "transform \(step["name"]?.string ?? "")"
    return step["reason"]?.string.map { "\(name): \($0)" } ?? name
  }

  /// The error says the status already.
  private static func error(_ attempt: AttemptSummary?) -> String {
    let words = attempt?.error ?? attempt?.statusCode.map { "status \($0)" }
    return words.map { "; last: \($0)" } ?? ""
  }
}

/// Whether anything works on what is unsettled: a pure function of the runtime's row.
enum RuntimeNote {
  /// 60 s: six heartbeats that did not come.
  static let silenceMsMax: Int64 = 60_000

  /// Nil while a runtime works.
  static func text(_ row: RuntimeRow?, nowMs: Int64) -> String? {
    guard let row else { return "no runtime has worked on this database yet" }
    let time = ISOTime.text(ms: row.heartbeatMs)
    if row.state == "stopped" {
      return "no runtime works on this database: the last one stopped at \(time)"
    }
    guard nowMs - row.heartbeatMs > silenceMsMax else { return nil }
    return "no runtime seems to work on this database: no sign of life since \(time)"
  }
}
