import DequeModule
import Synchronization

/// At most so many polls at once, over all modules (config.md 12, `poll_concurrency`); who waits
/// longest goes first.
final class PollLimiter: Sendable {
  private struct State {
    var free: Int
    var nextID = 0
    var waiting: Deque<(id: Int, continuation: CheckedContinuation<Bool, Never>)> = []
  }

  private let state: Mutex<State>

  init(_ count: Int) { state = Mutex(State(free: max(count, 1))) }

  /// Runs `body` when there is a place for it; nil when the task is cancelled before.
  func run<Value: Sendable>(_ body: () async -> Value) async -> Value? {
    guard await take() else { return nil }
    let value = await body()
    give()
    return value
  }

  private func take() async -> Bool {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer = state.withLock { state -> Bool? in
          if Task.isCancelled { return false }
          if state.free > 0 {
            state.free -= 1
            return true
          }
          state.waiting.append((id, continuation))
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
        guard let index = state.waiting.firstIndex(where: { $0.id == id }) else { return nil }
        return state.waiting.remove(at: index).continuation
      }
      waiter?.resume(returning: false)
    }
  }

  private func give() {
    let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      if let first = state.waiting.popFirst() { return first.continuation }
      state.free += 1
      return nil
    }
    next?.resume(returning: true)
  }
}
