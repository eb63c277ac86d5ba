import Engine

/// Runs `work` for at most `ms` milliseconds.
///
/// - Returns: What `work` gives, or nil when the time was over first; then `work` has been
///   cancelled and has ended.
/// - Throws: What `work` throws; `CancellationError` when the task is cancelled.
func withTimeout<Value: Sendable>(
  ms: Int64, _ time: TimeSource, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value? {
  try await withThrowingTaskGroup(of: Value?.self) { group in
    group.addTask { try await work() }
    group.addTask {
      try await time.sleep(ms: ms)
      return nil
    }
    defer { group.cancelAll() }
    return try await group.next() ?? nil
  }
}
