#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension TimeSource {
  /// The machine's own clocks.
  package static let system = TimeSource(
    wallMs: { milliseconds(of: CLOCK_REALTIME) },
    monotonicMs: { milliseconds(of: CLOCK_MONOTONIC) },
    sleepMs: { [timer = SleepTimer()] in try await timer.sleep(ms: $0) })

  private static func milliseconds(of clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }
}
