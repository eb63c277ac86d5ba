import Dispatch
import Synchronization

/// Any number of waits on one timer of the system.
///
/// `ContinuousClock.sleep` gives each wait a timer of its own, and a cancelled wait's timer stays
/// until its time has come. Every attempt has a time limit, of which nearly all are cancelled: at
/// 20,000 attempts a second, limits of 30 s would keep 600,000 of them in memory. Here a cancelled
/// wait leaves nothing behind.
// A timer source may be set from any thread; it is made in init and never replaced.
final class SleepTimer: @unchecked Sendable {
  private struct Sleeper {
    let deadline: DispatchTime
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var sleepers: [UInt64: Sleeper] = [:]
    var nextID: UInt64 = 0
    /// When the system's timer fires; nil when it need not.
    var armedFor: DispatchTime?
  }

  private let state = Mutex(State())
  private let source: any DispatchSourceTimer

  init() {
    source = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "orgloop.timer"))
    source.setEventHandler { [weak self] in self?.wakeDue() }
    source.activate()
  }

  deinit { source.cancel() }

  /// Waits that many milliseconds, or until the task is cancelled.
  ///
  /// - Throws: `CancellationError` when it is.
  /// - Complexity: Constant; waking looks at every sleeper, once per time that was waited for.
  func sleep(ms: Int64) async throws {
    let deadline = DispatchTime.now() + .milliseconds(Int(min(ms, SleepTimer.msMax)))
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        add(id, Sleeper(deadline: deadline, continuation: continuation))
        // Cancelled before there was anything to remove.
        if Task.isCancelled { cancel(id) }
      }
    } onCancel: {
      cancel(id)
    }
  }

  /// 100 years, so that no deadline overflows.
  private static let msMax: Int64 = 100 * 366 * 86_400_000

  private func add(_ id: UInt64, _ sleeper: Sleeper) {
    state.withLock { state in
      state.sleepers[id] = sleeper
      if sleeper.deadline < state.armedFor ?? .distantFuture { arm(sleeper.deadline, &state) }
    }
  }

  private func cancel(_ id: UInt64) {
    let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
    sleeper?.continuation.resume(throwing: CancellationError())
  }

  private func wakeDue() {
    let due = state.withLock { state in
      let now = DispatchTime.now()
      let due = state.sleepers.filter { $0.value.deadline <= now }
      for id in due.keys { state.sleepers[id] = nil }
      state.armedFor = nil
      if let next = state.sleepers.values.lazy.map(\.deadline).min() { arm(next, &state) }
      return due.values
    }
    for sleeper in due.sorted(by: { $0.deadline < $1.deadline }) { sleeper.continuation.resume() }
  }

  /// Called with the lock held, so that the timer is always set to the earliest: setting it waits
  /// for nobody.
  private func arm(_ deadline: DispatchTime, _ state: inout State) {
    state.armedFor = deadline
    source.schedule(deadline: deadline)
  }
}
