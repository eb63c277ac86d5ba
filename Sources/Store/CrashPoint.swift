import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Named places where a test lets the process die, as `kill -9` would, in debug builds.
///
/// `ORGLOOP_CRASH_AT=settle.committed:3` ends the process with status 137 when that point is
/// reached for the third time (reliability.md 3). Release builds contain none of it.
package enum CrashPoint: String, CaseIterable, Sendable {
  case migrationApplied = "migration.applied"
  case migrationCommitted = "migration.committed"
  case storeOpened = "store.opened"
  case writeBegun = "write.begun"
  case writePerformed = "write.performed"
  case writeCommitted = "write.committed"
  case writeTold = "write.told"
  case checkpointBegins = "checkpoint.begins"
  case checkpointDone = "checkpoint.done"
  case moduleClaimed = "module.claimed"
  case moduleRegistered = "module.registered"
  case moduleMade = "module.made"
  case recoverySettled = "recovery.settled"
  case recoveryArranged = "recovery.arranged"
  case moduleActive = "module.active"
  case moduleReloaded = "module.reloaded"
  case moduleUnloading = "module.unloading"
  case moduleDrained = "module.drained"
  case moduleRemoved = "module.removed"
  case acceptRouted = "accept.routed"
  case acceptCommitted = "accept.committed"
  case startsCommitted = "starts.committed"
  case attemptBegins = "attempt.begins"
  case attemptTransformed = "attempt.transformed"
  case attemptSends = "attempt.sends"
  case attemptAnswered = "attempt.answered"
  case settleBegins = "settle.begins"
  case settleCommitted = "settle.committed"
  case pollBegins = "poll.begins"
  case pollRead = "poll.read"
  case pollCommitted = "poll.committed"
  case stopDraining = "stop.draining"
  case lettersWritten = "letters.written"
  case lettersCommitted = "letters.committed"

  #if DEBUG
    private static let target: (name: String, count: Int)? = {
      guard let value = getenv("ORGLOOP_CRASH_AT") else { return nil }
      let parts = String(cString: value).split(separator: ":", maxSplits: 1)
      guard let name = parts.first else { return nil }
      return (String(name), parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
    }()

    private static let reachedCount = Atomic(0)
  #endif

  /// Ends the process here if a test asked for it.
  @inline(__always)
  package func reached() {
    #if DEBUG
      guard let target = CrashPoint.target, target.name == rawValue else { return }
      let count = CrashPoint.reachedCount.add(1, ordering: .relaxed).newValue
      if count == target.count { _exit(137) }
    #endif
  }
}
