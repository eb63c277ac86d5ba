import Engine
import Testing

/// The machine's own clock, with waits short enough for a test.
struct SystemTimeTests {
  private let time = TimeSource.system

  @Test func `a wait is never shorter than asked for`() async throws {
    for ms: Int64 in [1, 3, 20] {
      let start = ContinuousClock.now
      try await time.sleep(ms: ms)
      #expect(ContinuousClock.now - start >= .milliseconds(ms))
    }
  }

  @Test func `a shorter wait that begins later ends first`() async {
    let order = await withTaskGroup(of: Int64.self) { group in
      for ms: Int64 in [400, 200, 50] {
        group.addTask {
          // Nobody cancels it.
          try? await time.sleep(ms: ms)
          return ms
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(order == [50, 200, 400])
  }

  @Test func `a cancelled wait ends at once and says so`() async {
    let start = ContinuousClock.now
    await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<1_000 { group.addTask { try await time.sleep(ms: 3_600_000) } }
      group.cancelAll()
      while let result = await group.nextResult() {
        #expect(throws: CancellationError.self) { try result.get() }
      }
    }
    #expect(ContinuousClock.now - start < .seconds(60))
  }

  @Test func `a wait for longer than any machine runs does not overflow`() async {
    await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await time.sleep(ms: .max) }
      group.cancelAll()
      let result = await group.nextResult()
      #expect(throws: CancellationError.self) { try result?.get() }
    }
  }
}
