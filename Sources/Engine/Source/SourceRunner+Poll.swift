import Store
import Synchronization

extension SourceRunner {
  /// Polls at once and then on a fixed grid: a tick that falls into a running poll is skipped, and
  /// how long polls take moves nothing (connectors.md 1.2).
  func poll(_ source: any PollSource, until halt: StopSignal) async {
    var retryMs = SourceRunner.retryMsMin
    var tickMs = environment.time.steadyMs
    while await waitForPoll(tickMs, halt), await waitForRoom(halt) {
      let startedMs = environment.time.steadyMs
      let end = await environment.limiter.run { await onePoll(source, halt) }
      switch end {
      case nil: return
      case .stored: retryMs = SourceRunner.retryMsMin
      // What was read is read again from the same checkpoint when there is room.
      case .blocked: continue
      case .notStored:
        // Nothing is wrong with the source: the database cannot take its events now.
        guard await halt.sleep(ms: retryMs, time: environment.time) else { return }
        retryMs = min(retryMs * 2, SourceRunner.retryMsMax)
        continue
      }
      // A poll that the breaker put off may have begun on a later tick: that one is done with it.
      tickMs = SourceRunner.nextTick(
        after: tickMs, intervalMs: definition.pollIntervalMs,
        nowMs: max(environment.time.steadyMs, startedMs + 1))
    }
  }

  /// 1 s doubling to 60 s: a database that cannot be written, a stream that ended.
  static let retryMsMin: Int64 = 1_000
  static let retryMsMax: Int64 = 60_000

  /// The first tick of the grid that is not past.
  static func nextTick(after tickMs: Int64, intervalMs: Int64, nowMs: Int64) -> Int64 {
    let interval = max(intervalMs, 1)
    let next = tickMs + interval
    guard next < nowMs else { return next }
    return next + (nowMs - next + interval - 1) / interval * interval
  }

  private enum PollEnd { case stored, notStored, blocked }

  /// Waits for the tick, or longer when the breaker is open or the platform asked for it.
  private func waitForPoll(_ tickMs: Int64, _ halt: StopSignal) async -> Bool {
    let nowMs = environment.time.steadyMs
    let health = state.withLock(\.health)
    // With an interval of 0 only the breaker and a rate limit say something.
    let wishMs = nowMs + health.nextPollDelayMs(intervalMs: 0, atMs: nowMs)
    let atMs = max(tickMs, wishMs)
    state.withLock { $0.nextPollAtMs = atMs }
    return await halt.sleep(ms: atMs - nowMs, time: environment.time)
  }

  private func onePoll(_ source: any PollSource, _ halt: StopSignal) async -> PollEnd {
    // Stopped while it waited for its turn: the loop ends at its next look.
    if halt.isSet { return .stored }
    let (action, checkpoint) = state.withLock { state in
      (state.health.started(atMs: environment.time.steadyMs), state.checkpoint)
    }
    CrashPoint.pollBegins.reached()
    if action == .retry { log(.sourceCircuitRetry, result: "retry") }
    let result = await withTimeout(ms: definition.pollTimeoutMs, time: environment.time) {
      do {
        return Result<PollResult, EngineError>.success(
          try await source.poll(checkpoint: checkpoint))
      } catch {
        return .failure(EngineError(.unavailable, "\(error)"))
      }
    }
    // Cut off by the end of the runtime: neither a success nor a failure of the source.
    if Task.isCancelled { return .stored }
    switch result {
    case nil:
      await fail("the poll took longer than \(definition.pollTimeoutMs) ms")
    case .failure(let error):
      await fail(error.message)
    case .success(let found) where found.events.count > Limits.pollEventsMax:
      await fail("one poll gave \(found.events.count) events; \(Limits.pollEventsMax) is the limit")
    case .success(let found):
      CrashPoint.pollRead.reached()
      do throws(EngineError) {
        try await commit(found)
        CrashPoint.pollCommitted.reached()
      } catch {
        guard error.code != .blocked else { return .blocked }
        log(.systemError, error: "the poll's events cannot be stored: \(error)")
        return .notStored
      }
    }
    return .stored
  }
}
