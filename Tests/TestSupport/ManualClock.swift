package import Engine
import Synchronization

/// Time that moves only when a test moves it.
///
/// `time` is what the code under test is given. Sleepers wake in the order of their deadlines;
/// ``sleeperCount()`` and ``waitForSleepers(_:)`` let a test know that the code has gone to sleep
/// before it moves the clock, so that no test waits by the real one.
package final class ManualClock: Sendable {
  private struct Sleeper {
    let id: Int
    let deadlineMs: Int64
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var wallMs: Int64
    var monotonicMs: Int64 = 0
    var nextID = 0
    var sleepers: [Sleeper] = []
    var cancelled: Set<Int> = []
    var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    var deadlineWatchers: [(deadlineMs: Int64, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state: Mutex<State>

  /// - Parameter wallMs: 2026-03-04T05:06:07.089Z unless told otherwise.
  package init(wallMs: Int64 = 1_772_600_767_089) {
    state = Mutex(State(wallMs: wallMs))
  }

  package var time: TimeSource {
    TimeSource(
      wallMs: { self.state.withLock(\.wallMs) },
      monotonicMs: { self.state.withLock(\.monotonicMs) },
      sleepMs: { try await self.sleep(ms: $0) })
  }

  /// Moves both clocks and wakes who is due.
  package func advance(ms: Int64) {
    let due = state.withLock { state -> [Sleeper] in
      state.wallMs += ms
      state.monotonicMs += ms
      let due = state.sleepers.filter { $0.deadlineMs <= state.monotonicMs }
      state.sleepers.removeAll { $0.deadlineMs <= state.monotonicMs }
      return due.sorted { $0.deadlineMs < $1.deadlineMs }
    }
    for sleeper in due { sleeper.continuation.resume() }
  }

  /// Moves only the wall clock, as an operator or NTP does.
  package func jumpWall(ms: Int64) { state.withLock { $0.wallMs += ms } }

  package func sleeperCount() -> Int { state.withLock { $0.sleepers.count } }

  /// When the earliest sleeper is due, in milliseconds from now; nil when nobody sleeps.
  package func nextDeadlineMs() -> Int64? {
    state.withLock { state in
      state.sleepers.map(\.deadlineMs).min().map { $0 - state.monotonicMs }
    }
  }

  /// Returns when at least `count` sleepers wait.
  package func waitForSleepers(_ count: Int) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.sleepers.count >= count { return true }
        state.watchers.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  /// Returns when somebody sleeps until exactly that many milliseconds from now.
  package func waitForDeadline(ms: Int64) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        let deadline = state.monotonicMs + ms
        if state.sleepers.contains(where: { $0.deadlineMs == deadline }) { return true }
        state.deadlineWatchers.append((deadline, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  private func sleep(ms: Int64) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let (isCancelled, ready) = state.withLock { state in
          if state.cancelled.remove(id) != nil {
            return (true, [CheckedContinuation<Void, Never>]())
          }
          state.sleepers.append(
            Sleeper(id: id, deadlineMs: state.monotonicMs + ms, continuation: continuation))
          let deadline = state.monotonicMs + ms
          let ready =
            state.watchers.filter { $0.count <= state.sleepers.count }.map(\.continuation)
            + state.deadlineWatchers.filter { $0.deadlineMs == deadline }.map(\.continuation)
          state.watchers.removeAll { $0.count <= state.sleepers.count }
          state.deadlineWatchers.removeAll { $0.deadlineMs == deadline }
          return (false, ready)
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
        for watcher in ready { watcher.resume() }
      }
    } onCancel: {
      let sleeper = state.withLock { state -> Sleeper? in
        guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return nil
        }
        return state.sleepers.remove(at: index)
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }
}
