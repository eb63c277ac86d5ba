import CPlatform

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The lock that makes one process the only one that writes a database.
///
/// A file of its own, because closing any descriptor on the database would drop SQLite's locks.
/// The kernel releases it when the process ends, however it ends, so nothing is ever stale.
/// Source: <https://www.sqlite.org/howtocorrupt.html>, 2.2
struct StoreLock: ~Copyable {
  private let descriptor: Int32

  /// - Throws: ``StoreError`` `.locked` when another process holds it.
  init(database path: String) throws(StoreError) {
    let lockPath = path + ".lock"
    descriptor = orgloop_lock_file(lockPath)
    guard descriptor >= 0 else {
      if errno == EWOULDBLOCK {
        throw StoreError(
          .locked, "another orgloop holds \(path)",
          hint: "orgloop status --db \(path) shows it; orgloop stop --db \(path) ends it")
      }
      throw StoreError.system("open the lock file \(lockPath)")
    }
  }

  deinit { orgloop_unlock_file(descriptor) }
}

extension StoreError {
  /// The error of the system call that just failed, from `errno`.
  static func system(_ doing: String) -> StoreError {
    let number = errno
    let text = "cannot \(doing): \(String(cString: strerror(number)))"
    return switch number {
    case ENOSPC, EDQUOT: StoreError(.diskFull, text, hint: "free space on the disk")
    case EACCES, EPERM, EROFS:
      StoreError(.permission, text, hint: "check owner and mode of the file and its directory")
    default: StoreError(.inputOutput, text)
    }
  }
}
