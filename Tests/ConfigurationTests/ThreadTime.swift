import Foundation

/// The processor time that a piece of work on this thread takes: what others do on a busy machine
/// does not count.
func threadTime(_ body: () throws -> Void) rethrows -> Duration {
  let start = clockNow()
  try body()
  return clockNow() - start
}

private func clockNow() -> Duration {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
