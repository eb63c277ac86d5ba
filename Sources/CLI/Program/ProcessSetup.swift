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

/// SIGTERM and SIGINT, taken by a thread of their own.
///
/// Whoever asked with ``handleFirst(_:)`` gets the first one; any other ends the process at once
/// with 128 + number, even when everything else hangs (cli-http.md 1.4 and 2.2). The handler only
/// writes to a pipe: signals cannot be blocked and waited for, because the main thread sleeps in
/// `sigsuspend` with an empty mask (libdispatch, queue.c, `_dispatch_sigsuspend`).
enum StopSignals {
  private static let handler = Mutex<(@Sendable (Int32) -> Void)?>(nil)
  private static let writeEnd = Atomic<Int32>(-1)

  fileprivate static func begin() {
    var ends: [Int32] = [-1, -1]
    // Without a pipe the signals keep their default, which ends the process too.
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    writeEnd.store(ends[1], ordering: .sequentiallyConsistent)
    Thread.detachNewThread { [readEnd = ends[0]] in take(from: readEnd) }
    for number in [SIGTERM, SIGINT] {
      signal(number) { number in
        let before = errno
        var byte = UInt8(truncatingIfNeeded: number)
        // A pipe that cannot be written holds thousands of signals already.
        _ = write(StopSignals.writeEnd.load(ordering: .relaxed), &byte, 1)
        errno = before
      }
    }
  }

  /// The next signal calls `body`, on the signals' thread; the one after that ends the process.
  static func handleFirst(_ body: @escaping @Sendable (Int32) -> Void) {
    handler.withLock { $0 = body }
  }

  private static func take(from readEnd: Int32) {
    var byte: UInt8 = 0
    while true {
      guard read(readEnd, &byte, 1) == 1 else { continue }
      let first = handler.withLock { handler in
        defer { handler = nil }
        return handler
      }
      guard let first else { _exit(128 + Int32(byte)) }
      first(Int32(byte))
    }
  }
}
