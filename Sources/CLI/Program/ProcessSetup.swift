import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a process of ours sets for itself before it does anything.
enum ProcessSetup {
  static func prepare() {
    // Files are for the owner alone, whatever the shell says (reliability.md 4, L4).
    umask(0o077)
    // A reader that went away and a file that is too large are errors of a call, not our end.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    StopSignals.begin()
  }

  /// 1,024 connections, their databases and children do not fit the usual soft limit of 1,024.
  static func raiseOpenFiles() {
    #if canImport(Glibc)
      let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let files = RLIMIT_NOFILE
    #endif
    var limit = rlimit()
    guard getrlimit(files, &limit) == 0 else { return }
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 65_536))
    // Refused, the old limit stays, and connections beyond it are turned away.
    setrlimit(files, &limit)
  }

  /// A core dump would hold events and secrets (reliability.md 4, L5).
  static func forbidCoreDumps() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    // Lowering a limit cannot fail.
    #if canImport(Glibc)
      setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    #else
      setrlimit(RLIMIT_CORE, &none)
    #endif
  }
}

/// SIGTERM, SIGINT and, for a runtime, SIGHUP, taken by a thread of their own.
///
/// Whoever asked with ``handleFirst(_:)`` gets the first one; any other but SIGHUP ends the process at once
/// with 128 + number, even when everything else hangs (cli-http.md 1.4 and 2.2). The handler only
/// writes to a pipe: signals cannot be blocked and waited for, because the main thread sleeps in
/// `sigsuspend` with an empty mask (libdispatch, queue.c, `_dispatch_sigsuspend`).
enum StopSignals {
  private static let handler = Mutex<(@Sendable (Int32) -> Void)?>(nil)
  private static let hangUpHandler = Mutex<(@Sendable () -> Void)?>(nil)
  private static let writeEnd = Atomic<Int32>(-1)

  fileprivate static func begin() {
    var ends: [Int32] = [-1, -1]
    // Without a pipe the signals keep their default, which ends the process too.
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    writeEnd.store(ends[1], ordering: .sequentiallyConsistent)
    Thread.detachNewThread { [readEnd = ends[0]] in take(from: readEnd) }
    for number in [SIGTERM, SIGINT] { pass(number) }
  }

  /// From now on the signal is written to the pipe.
  private static func pass(_ number: Int32) {
    signal(number) { number in
      let before = errno
      var byte = UInt8(truncatingIfNeeded: number)
      // A pipe that cannot be written holds thousands of signals already.
      _ = write(StopSignals.writeEnd.load(ordering: .relaxed), &byte, 1)
      errno = before
    }
  }

  /// Every SIGHUP calls `body`, on the signals' thread; without this it ends the process.
  static func handleHangUp(_ body: @escaping @Sendable () -> Void) {
    guard writeEnd.load(ordering: .sequentiallyConsistent) >= 0 else { return }
    hangUpHandler.withLock { $0 = body }
    pass(SIGHUP)
  }

  /// The next signal calls `body`, on the signals' thread; the one after that ends the process.
  static func handleFirst(_ body: @escaping @Sendable (Int32) -> Void) {
    handler.withLock { $0 = body }
  }

  private static func take(from readEnd: Int32) {
    var byte: UInt8 = 0
    while true {
      guard read(readEnd, &byte, 1) == 1 else { continue }
      if Int32(byte) == SIGHUP {
        hangUpHandler.withLock { $0 }?()
        continue
      }
      let first = handler.withLock { handler in
        defer { handler = nil }
        return handler
      }
      guard let first else { _exit(128 + Int32(byte)) }
      first(Int32(byte))
    }
  }
}
