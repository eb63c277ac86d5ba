import Synchronization

/// Tells long-lived loops to come to their end, once; waiting for it does not hold a thread.
final class StopSignal: Sendable {
  private struct State {
    var isSet = false
    var nextID = 0
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
  }

  private let state = Mutex(State())

  var isSet: Bool { state.withLock(\.isSet) }

  func set() {
    let waiting = state.withLock { state in
      state.isSet = true
      defer { state.waiting = [:] }
      return state.waiting.values
    }
    for continuation in waiting { continuation.resume() }
  }

  /// Returns when the signal is set or the task is cancelled.
  func wait() async {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.isSet || Task.isCancelled { return true }
          state.waiting[id] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
  }

  /// Waits that long, or until the signal is set or the task is cancelled.
  ///
  /// - Returns: True when the time has passed and nothing else happened.
  func sleep(ms: Int64, time: TimeSource) async -> Bool {
    if isSet || Task.isCancelled { return false }
    if ms <= 0 { return true }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.wait() }
      // Cancelled when the signal comes first: then the time does not matter.
      group.addTask { try? await time.sleep(ms: ms) }
      await group.next()
      group.cancelAll()
    }
    return !isSet && !Task.isCancelled
  }
}
