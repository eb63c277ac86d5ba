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
/// with 128 + number, even when everything else hangs (cli-http.md 1.4 and 2.2). The signals are
/// blocked in every thread, and children get a clean mask from those who start them.
enum StopSignals {
  private static let handler = Mutex<(@Sendable (Int32) -> Void)?>(nil)

  fileprivate static func begin() {
    var signals = set()
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    Thread.detachNewThread {
      var signals = set()
      while true {
        var number: Int32 = 0
        guard sigwait(&signals, &number) == 0 else { continue }
        let first = handler.withLock { handler in
          defer { handler = nil }
          return handler
        }
        guard let first else { _exit(128 + number) }
        first(number)
      }
    }
  }

  /// The next signal calls `body`, on the signals' thread; the one after that ends the process.
  static func handleFirst(_ body: @escaping @Sendable (Int32) -> Void) {
    handler.withLock { $0 = body }
  }

  private static func set() -> sigset_t {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    return signals
  }
}
