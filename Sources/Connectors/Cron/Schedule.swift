package import Foundation

/// When a schedule fires: at matching minutes, or at equal distances.
package enum Schedule: Sendable {
  case cron(CronExpression, LocalCalendar)
  case every(intervalMs: Int64)

  /// - Parameters:
  ///   - text: `every <duration>`, a bare duration, or a cron expression.
  ///   - zone: Of the cron expression.
  /// - Throws: ``CronError``.
  package init(_ text: String, zone: TimeZone) throws(CronError) {
    let isEvery = text.hasPrefix("every ")
    let trimmed = isEvery ? String(text.dropFirst(6).drop { $0 == " " }) : text
    if let intervalMs = DurationText.ms(trimmed) {
      guard intervalMs >= 1_000 else { throw CronError("an interval is at least 1s") }
      self = .every(intervalMs: intervalMs)
    } else if isEvery {
      throw CronError("after every comes a duration such as 5m or 1h30m")
    } else {
      self = .cron(try CronExpression(text), LocalCalendar(zone))
    }
  }

  /// The first run after a moment, in milliseconds since 1970; nil when there is none.
  ///
  /// - Parameter lastMs: The last run. An interval counts from it, whenever it really happened, and
  ///   so does not drift.
  package func next(afterMs lastMs: Int64) -> Int64? {
    switch self {
    case .every(let intervalMs):
      return lastMs + intervalMs
    case .cron(let expression, let calendar):
      // A face in the hour that a clock change repeats gives its first moment, which may lie
      // before `lastMs`; the hour has 60 minutes, and no change repeats more than a day.
      var start = ClockFace(minutes: calendar.face(ms: lastMs).minutes)
      for _ in 0..<1_500 {
        guard let face = expression.next(from: start) else { return nil }
        let moment = calendar.ms(face)
        if moment > lastMs { return moment }
        start = ClockFace(minutes: face.minutes + 1)
      }
      return nil
    }
  }

  /// The runs in `(lastMs, nowMs]`, oldest first, the latest `limit` of them.
  ///
  /// - Complexity: Proportional to the runs returned, not to the time that has passed.
  package func runs(afterMs lastMs: Int64, untilMs nowMs: Int64, limit: Int) -> [Int64] {
    guard lastMs < nowMs else { return [] }
    if case .every(let intervalMs) = self {
      let count = (nowMs - lastMs) / intervalMs
      let first = max(1, count - Int64(limit) + 1)
      return first <= count ? (first...count).map { lastMs + $0 * intervalMs } : []
    }
    // Windows that double, back from now, until one holds enough.
    var windowMs: Int64 = 3_600_000
    while true {
      let start = nowMs - lastMs > windowMs ? nowMs - windowMs : lastMs
      let found = runs(fromMs: start, untilMs: nowMs)
      if start == lastMs || found.count >= limit { return Array(found.suffix(limit)) }
      windowMs *= 2
    }
  }

  private func runs(fromMs start: Int64, untilMs nowMs: Int64) -> [Int64] {
    var runs: [Int64] = []
    var last = start
    while let next = next(afterMs: last), next <= nowMs {
      runs.append(next)
      last = next
    }
    return runs
  }
}
