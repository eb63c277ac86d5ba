import Engine
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A process that cannot be mistaken for a later one with the same number (reliability.md 4, L9).
package struct ProcessIdentity: Sendable, Hashable {
  package let pid: Int32
  /// Ticks since the machine started. Source: proc_pid_stat(5), field 22.
  package let start: String

  /// - Returns: Nil when there is no such process.
  package init?(pid: Int32) {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      // The second field is the program's name in parentheses and may hold blanks and more of them.
      let end = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z" else { return nil }
    self.pid = pid
    start = String(fields[19])
  }

  /// The runtime that a row names, if that very process is still there.
  init?(_ record: RuntimeRecord) {
    guard record.pid > 1, let found = ProcessIdentity(pid: record.pid),
      found.start == record.processStart
    else { return nil }
    self = found
  }

  static var current: ProcessIdentity? { ProcessIdentity(pid: getpid()) }

  package var isAlive: Bool { ProcessIdentity(pid: pid) == self }

  /// Sends a signal, but never to another process that has got the number since.
  ///
  /// - Throws: ``Failure`` when the system refuses.
  func send(_ number: Int32) throws {
    guard isAlive else { return }
    guard kill(pid, number) != 0, errno != ESRCH else { return }
    throw Failure(
      .permission, .permission,
      "cannot signal process \(pid): \(String(cString: strerror(errno)))")
  }

  /// Returns when the process is gone.
  ///
  /// - Returns: False when it was still there after `limit`; nil waits for ever.
  func waitUntilGone(limit: Duration?) async throws -> Bool {
    let clock = ContinuousClock()
    let end = limit.map { clock.now + $0 }
    while isAlive {
      if let end, clock.now >= end { return false }
      // Only a parent can wait for a process; everyone else has to look.
      try await clock.sleep(for: .milliseconds(20))
    }
    return true
  }
}
