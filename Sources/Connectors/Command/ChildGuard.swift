import CPlatform
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Sees to it that no child outlives the engine, not even after `kill -9`.
///
/// A tiny second process, the ``Reaper``, reads one line per child from a pipe whose only write end
/// is held here: `+<group>` when a command starts, `-<group>` when it has ended. However the engine
/// dies, the kernel closes the pipe, and the reaper kills the groups that are left.
/// Between the start of a command and its line in the pipe lies about a millisecond; an engine that
/// dies just then leaves that command to itself.
/// `PR_SET_PDEATHSIG` is no way to get this: it fires at the end of the *thread* that started the
/// child, and threads of a pool come and go
/// (<https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html>).
package final class ChildGuard: Sendable {
  private let writeEnd: Mutex<Int32>
  /// The reaper's process id, for tests and for `doctor`.
  package let reaperID: Int32

  /// Starts the reaper.
  ///
  /// - Parameters:
  ///   - executable: Absolute path of the program; this very one, as a rule.
  ///   - argument: What makes it call ``Reaper/main()``.
  /// - Throws: ``ConnectorError`` `.cannotStart`.
  package init(executable: String, argument: String = Reaper.argument) throws {
    var end: Int32 = -1
    let pid = orgloop_start_reaper(executable, argument, &end)
    guard pid > 0 else {
      throw ConnectorError(
        .cannotStart,
        "cannot start the reaper \(executable): " + String(cString: strerror(-pid)))
    }
    reaperID = pid
    writeEnd = Mutex(end)
  }

  deinit { close() }

  /// A command was started with this process group.
  package func add(_ group: Int32) { send("+\(group)\n") }

  /// The command has ended and its group is cleared.
  package func remove(_ group: Int32) { send("-\(group)\n") }

  /// Ends the reaper, which then kills what is still registered. Does nothing the second time.
  package func close() {
    let end = writeEnd.withLock { end in
      defer { end = -1 }
      return end
    }
    if end >= 0 { _ = Glibc.close(end) }
  }

  /// A line is shorter than PIPE_BUF, so the kernel writes it whole or not at all, and the pipe
  /// never blocks, so writing under the lock holds nobody up; without the lock ``close()`` could
  /// hand the number to another file in between. A line that cannot be written (a dead or stopped
  /// reaper) costs the protection of one child, which is no reason to fail its run.
  private func send(_ line: String) {
    let bytes = Array(line.utf8)
    writeEnd.withLock { end in
      if end >= 0 { _ = write(end, bytes, bytes.count) }
    }
  }
}
