/// Lets those who work on the same thing work one after the other, in the order they came.
///
/// Without it, of two reloads at once the one that read the older files could be the last to
/// apply them.
actor Turns {
  /// Who waits for each thing that somebody works on.
  private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]

  func take<Value: Sendable>(
    _ key: String, _ body: @Sendable () async throws -> Value
  ) async rethrows -> Value {
    await enter(key)
    defer { leave(key) }
    return try await body()
  }

  private func enter(_ key: String) async {
    guard waiting[key] != nil else {
      waiting[key] = []
      return
    }
    await withCheckedContinuation { waiting[key]?.append($0) }
  }

  private func leave(_ key: String) {
    guard var others = waiting[key], !others.isEmpty else {
      waiting[key] = nil
      return
    }
    let next = others.removeFirst()
    waiting[key] = others
    next.resume()
  }
}
