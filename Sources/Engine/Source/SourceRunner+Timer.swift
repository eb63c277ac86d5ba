import Synchronization

extension SourceRunner {
  /// Fires a schedule at its own times, by the wall clock.
  func keepTime(_ source: any TimerSource, until halt: StopSignal) async {
    guard await fire(source, halt, isActivation: true) else { return }
    while true {
      let nowMs = environment.time.wallMs
      let checkpoint = state.withLock(\.checkpoint)
      guard let nextMs = source.nextFireMs(checkpoint: checkpoint, nowMs: nowMs) else {
        await halt.wait()
        return
      }
      state.withLock { $0.nextPollAtMs = environment.time.steadyMs + nextMs - nowMs }
      if nextMs > nowMs {
        // Looking at the wall clock again at least once a minute finds a clock that was set.
        let napMs = min(nextMs - nowMs, SourceRunner.napMsMax)
        guard await halt.sleep(ms: napMs, time: environment.time) else { return }
        continue
      }
      guard await fire(source, halt, isActivation: false) else { return }
    }
  }

  private static let napMsMax: Int64 = 60_000

  /// Commits what is due with the advanced checkpoint, trying again as long as the database cannot
  /// be written; false when the source is to stop.
  private func fire(
    _ source: any TimerSource, _ halt: StopSignal, isActivation: Bool
  ) async -> Bool {
    var retryMs = SourceRunner.retryMsMin
    while !halt.isSet, !Task.isCancelled {
      let checkpoint = state.withLock { state in
        _ = state.health.started(atMs: environment.time.steadyMs)
        return state.checkpoint
      }
      let result = source.fire(
        checkpoint: checkpoint, nowMs: environment.time.wallMs, isActivation: isActivation)
      do throws(EngineError) {
        try await commitWhenThereIsRoom(result, halt)
        return true
      } catch {
        log(.systemError, error: "the schedule's events cannot be stored: \(error)")
        guard await halt.sleep(ms: retryMs, time: environment.time) else { return false }
        retryMs = min(retryMs * 2, SourceRunner.retryMsMax)
      }
    }
    return false
  }
}
