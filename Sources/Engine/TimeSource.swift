/// The two clocks of a runtime, injected so that tests can hold them.
///
/// The wall clock only stamps; every timer and every due time runs on the monotonic clock, because
/// the wall clock jumps (reliability.md 1). ``steadyMs`` is the bridge: wall time at the start of
/// the process plus monotonic time since, so that due times can be stored in the file and still
/// never move within one run.
package struct TimeSource: Sendable {
  private let readWallMs: @Sendable () -> Int64
  private let readMonotonicMs: @Sendable () -> Int64
  private let sleepMs: @Sendable (Int64) async throws -> Void
  private let anchorMs: Int64

  /// - Parameters:
  ///   - wallMs: Milliseconds since 1970, UTC.
  ///   - monotonicMs: Milliseconds since any fixed moment; never goes back.
  ///   - sleepMs: Waits that many milliseconds of monotonic time, or throws `CancellationError`.
  package init(
    wallMs: @escaping @Sendable () -> Int64,
    monotonicMs: @escaping @Sendable () -> Int64,
    sleepMs: @escaping @Sendable (Int64) async throws -> Void
  ) {
    readWallMs = wallMs
    readMonotonicMs = monotonicMs
    self.sleepMs = sleepMs
    anchorMs = wallMs() - monotonicMs()
  }

  /// Milliseconds since 1970, UTC, as the machine's clock says now. For stamps.
  package var wallMs: Int64 { readWallMs() }
  /// Milliseconds since a fixed moment. For measuring how long something took.
  package var monotonicMs: Int64 { readMonotonicMs() }
  /// Milliseconds since 1970 by a clock that never jumps while the process lives. For due times.
  package var steadyMs: Int64 { anchorMs + readMonotonicMs() }

  /// Waits; returns at once for zero or less.
  ///
  /// - Throws: `CancellationError` when the task is cancelled meanwhile.
  package func sleep(ms: Int64) async throws {
    if ms > 0 { try await sleepMs(ms) } else { try Task.checkCancellation() }
  }
}
