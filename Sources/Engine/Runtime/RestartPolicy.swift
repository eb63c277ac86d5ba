/// When a process that ended abnormally is started again (cli-http.md 2.2, `--supervised`).
package struct RestartPolicy: Sendable {
  /// 1 s before the first restart; each further one waits twice as long.
  package static let firstDelayMs: Int64 = 1_000
  /// 30 s: the longest wait.
  package static let delayMsMax: Int64 = 30_000
  /// 60 s: whoever ran for that long starts anew with the first delay.
  package static let steadyMs: Int64 = 60_000
  /// 10 restarts within 5 min are enough.
  package static let restartsMax = 10
  package static let windowMs: Int64 = 300_000

  private var delayMs = RestartPolicy.firstDelayMs
  /// When it was started again, within the window.
  private var restarts: [Int64] = []

  package init() {}

  /// How long to wait before the next start; nil when there is to be none.
  ///
  /// - Parameters:
  ///   - upMs: How long the process ran.
  ///   - nowMs: Of a clock that never goes back.
  package mutating func delayMs(afterRunOfMs upMs: Int64, nowMs: Int64) -> Int64? {
    if upMs >= RestartPolicy.steadyMs { delayMs = RestartPolicy.firstDelayMs }
    restarts.removeAll { $0 <= nowMs - RestartPolicy.windowMs }
    guard restarts.count < RestartPolicy.restartsMax else { return nil }
    restarts.append(nowMs)
    defer { delayMs = min(delayMs * 2, RestartPolicy.delayMsMax) }
    return delayMs
  }
}
