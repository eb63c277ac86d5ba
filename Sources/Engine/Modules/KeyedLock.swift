import DequeModule
import Synchronization

/// One operation at a time for each name, in the order in which they came; operations on different
/// names do not wait for each other.
final class KeyedLock: Sendable {
  /// Who waits for a name; an empty queue means that the name is held and nobody waits.
  private let waiting = Mutex<[String: Deque<CheckedContinuation<Void, Never>>]>([:])

  /// Runs `body` while the name is held.
  func hold<Value>(
    _ name: String, _ body: () async throws(EngineError) -> Value
  ) async throws(EngineError) -> Value {
    await take(name)
    defer { give(name) }
    return try await body()
  }

  /// Runs `body` while all of the names are held.
  ///
  /// They are taken in one order, whoever takes them, so that two who want the same ones do not wait
  /// for each other for ever.
  func hold<Value>(
    _ names: Set<String>, _ body: () async throws(EngineError) -> Value
  ) async throws(EngineError) -> Value {
    let names = names.sorted()
    for name in names { await take(name) }
    defer { for name in names.reversed() { give(name) } }
    return try await body()
  }

  private func take(_ name: String) async {
    await withCheckedContinuation { continuation in
      let isFree = waiting.withLock { waiting in
        if waiting[name] == nil {
          waiting[name] = []
          return true
        }
        waiting[name]?.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  private func give(_ name: String) {
    let next = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
      if let next = waiting[name]?.popFirst() { return next }
      waiting[name] = nil
      return nil
    }
    next?.resume()
  }
}
