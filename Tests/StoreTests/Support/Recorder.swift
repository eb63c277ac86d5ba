import Synchronization

/// Collects values that come from several threads, in the order in which they came.
final class Recorder<Value: Sendable>: Sendable {
  private let storage = Mutex<[Value]>([])

  func add(_ value: Value) { storage.withLock { $0.append(value) } }
  func add(_ values: [Value]) { storage.withLock { $0 += values } }
  var values: [Value] { storage.withLock { $0 } }
}
