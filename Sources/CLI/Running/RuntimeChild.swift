import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A runtime as a child of this process, and what it tells of its start.
struct RuntimeChild {
  let pid: pid_t
  /// Gives one JSON document and the end of file; whoever has the child closes it.
  let readiness: Int32

  /// The pipe's number in the child: the first after stdin, stdout and stderr.
  private static let childDescriptor: Int32 = 3

  /// `POSIX_SPAWN_SETSID`, which Swift cannot see. Source: spawn.h of glibc.
  private static let newSession: Int16 = 0x80

  /// Starts this program again in a session of its own: neither ^C nor the end of the terminal
  /// reaches it.
  ///
  /// - Parameters:
  ///   - arguments: Without the program; flags only.
  ///   - log: What stdout and stderr become; nil leaves them, and stdin, as they are.
  /// - Throws: ``Failure`` when the system refuses.
  static func start(_ arguments: [String], log: Int32?) throws -> RuntimeChild {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw cannotStart(errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[1]) }
    do {
      let pid = try spawn(arguments, log: log, pipe: ends[1])
      return RuntimeChild(pid: pid, readiness: ends[0])
    } catch {
      close(ends[0])
      throw error
    }
  }

  private static func spawn(_ arguments: [String], log: Int32?, pipe: Int32) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let log {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
      posix_spawn_file_actions_adddup2(&actions, log, 1)
      posix_spawn_file_actions_adddup2(&actions, log, 2)
    }
    // Not close-on-exec in the child, even when it is the same number here and there.
    posix_spawn_file_actions_adddup2(&actions, pipe, childDescriptor)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, newSession)

    let executable = try Executable.path()
    let words = [executable] + arguments + ["--readiness-descriptor", "\(childDescriptor)"]
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, executable, &actions, &attributes, pointers, environ)
    guard code == 0 else { throw cannotStart(code) }
    return pid
  }

  private static func cannotStart(_ code: Int32) -> Failure {
    Failure(
      .runtime, .failed, "cannot start the runtime: \(String(cString: strerror(code)))")
  }

  /// Everything until the child closes the pipe; blocks.
  func readAll() -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = read(readiness, &buffer, buffer.count)
      if count > 0 {
        bytes += buffer[..<count]
      } else if count == 0 || errno != EINTR {
        break
      }
    }
    close(readiness)
    return bytes
  }

  /// Blocks until the process has ended. Its number is still its own then, see ``collect()``.
  func waitForEnd() {
    var information = siginfo_t()
    while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
  }

  /// Takes the end of the process, so that its number may go to another; waits for it if need be.
  ///
  /// - Returns: 128 + number when a signal ended it, as a shell says it.
  func collect() -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
  }
}
