import Synchronization

extension SourceRunner {
  /// Keeps a stream running: restarts it with back-off and the last committed checkpoint
  /// (connectors.md 2.11).
  func keepRunning(_ source: any StreamSource, until halt: StopSignal) async {
    var retryMs = SourceRunner.retryMsMin
    while !halt.isSet, !Task.isCancelled {
      let emittedBefore = state.withLock(\.health.eventsEmitted)
      let error = await runOnce(source, halt)
      if halt.isSet || Task.isCancelled { return }
      await fail(error ?? "the stream ended")
      if state.withLock(\.health.eventsEmitted) > emittedBefore {
        retryMs = SourceRunner.retryMsMin
      }
      guard await halt.sleep(ms: retryMs, time: environment.time) else { return }
      retryMs = min(retryMs * 2, SourceRunner.retryMsMax)
    }
  }

  /// Runs the stream until it ends or the source is stopped; the error it ended with, if any.
  private func runOnce(_ source: any StreamSource, _ halt: StopSignal) async -> String? {
    let checkpoint = state.withLock { state in
      _ = state.health.started(atMs: environment.time.steadyMs)
      return state.checkpoint
    }
    return await withTaskGroup(of: String?.self) { group in
      group.addTask {
        do {
          try await source.run(checkpoint: checkpoint) { result in
            try await self.commitWhenThereIsRoom(result, halt)
          }
          return nil
        } catch {
          return "\(error)"
        }
      }
      group.addTask {
        await halt.wait()
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
  }
}
