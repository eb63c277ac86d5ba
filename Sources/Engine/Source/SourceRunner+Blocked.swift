/// What a source does when a queue that its events go to is full and holds it back (config.md 7.2,
/// `block`): it looks again every second, and loses nothing meanwhile.
extension SourceRunner {
  private static let lookAgainMs: Int64 = 1_000

  /// Returns when no queue holds the source back; false when it is to stop instead.
  func waitForRoom(_ halt: StopSignal) async -> Bool {
    var isTold = false
    while environment.intake.isBlocked(module: module, source: definition.id) {
      if !isTold { reportBlocked("a queue that it leads to is full") }
      isTold = true
      guard await halt.sleep(ms: SourceRunner.lookAgainMs, time: environment.time) else {
        return false
      }
    }
    return true
  }

  /// Like ``commit(_:)``, again and again as long as a full queue refuses it.
  func commitWhenThereIsRoom(
    _ result: PollResult, _ halt: StopSignal
  ) async throws(EngineError) {
    var isTold = false
    while true {
      do throws(EngineError) {
        return try await commit(result)
      } catch {
        guard error.code == .blocked else { throw error }
        if !isTold { reportBlocked(error.message) }
        isTold = true
        guard await halt.sleep(ms: SourceRunner.lookAgainMs, time: environment.time) else {
          throw error
        }
      }
    }
  }

  /// Logs that the source is held back.
  func reportBlocked(_ text: String) {
    environment.log.emit(.pipelineBackpressure) {
      LogEntry(
        .pipelineBackpressure, timestampMs: environment.time.wallMs, source: definition.id,
        error: text, metadata: ["policy": .string(DeliveryPolicy.Overflow.block.rawValue)],
        module: module)
    }
  }
}
