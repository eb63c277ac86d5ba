import Dispatch
import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Starts the runtime in the background and waits until it says how that went
/// (cli-http.md 2.2, `--daemon`).
struct DaemonLauncher {
  let output: Output
  let workspace: String

  /// The pipe's number in the child: the first after stdin, stdout and stderr.
  private static let childDescriptor: Int32 = 3

  /// `POSIX_SPAWN_SETSID`, which Swift cannot see. Source: spawn.h of glibc.
  private static let newSession: Int16 = 0x80

  /// Returns when the runtime is ready.
  ///
  /// - Throws: ``Failure`` with the child's own words and exit status when it did not get there.
  func launch() async throws {
    let log = try DaemonLog.open()
    defer { close(log) }
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw cannotStart(errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let pid: pid_t
    do {
      defer { close(ends[1]) }
      pid = try spawn(log: log, pipe: ends[1])
    } catch {
      close(ends[0])
      throw error
    }
    let told = await DaemonLauncher.readAll(ends[0])
    // Anything but a whole document means that the child ended before it could say how it went.
    guard !told.isEmpty, let text = try? JSONText(checking: told, limits: .trusted) else {
      throw await DaemonLauncher.ended(pid)
    }
    let document = text.value()
    if let failure = Failure(document) {
      // What the child has said of it went to the log.
      output.showDetails(of: failure)
      throw failure
    }
    guard let report = StartReport(document) else { throw await DaemonLauncher.ended(pid) }
    for note in report.notes { output.show(note) }
    output.result(report.json, report.text)
  }

  private func spawn(log: Int32, pipe: Int32) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, log, 1)
    posix_spawn_file_actions_adddup2(&actions, log, 2)
    // Not close-on-exec in the child, even when it is the same number here and there.
    posix_spawn_file_actions_adddup2(&actions, pipe, DaemonLauncher.childDescriptor)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A session of its own: neither ^C nor the end of the terminal reaches it.
    posix_spawnattr_setflags(&attributes, DaemonLauncher.newSession)

    let executable = try Executable.path()
    let words = [executable] + arguments()
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, executable, &actions, &attributes, pointers, environ)
    guard code == 0 else { throw cannotStart(code) }
    return pid
  }

  /// The arguments of this process without `--daemon`, with the pipe; flags end at `--`.
  private func arguments() -> [String] {
    let given = CommandLine.arguments.dropFirst()
    let end = given.firstIndex(of: "--") ?? given.endIndex
    // Of a flag that is given twice the last one counts.
    return given[..<end].filter { $0 != "--daemon" && $0 != "--json" && $0 != "--quiet" }
      + ["--workspace", workspace]
      + ["--readiness-descriptor", String(DaemonLauncher.childDescriptor)] + given[end...]
  }

  private func cannotStart(_ code: Int32) -> Failure {
    Failure(
      .runtime, .failed, "cannot start the daemon: \(String(cString: strerror(code)))")
  }

  /// Everything until the child closes the pipe, read on a thread of its own.
  private static func readAll(_ descriptor: Int32) async -> [UInt8] {
    await withCheckedContinuation { continuation in
      DispatchQueue(label: "orgloop.readiness").async {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
          let count = read(descriptor, &buffer, buffer.count)
          if count > 0 {
            bytes += buffer[..<count]
          } else if count == 0 || errno != EINTR {
            break
          }
        }
        close(descriptor)
        continuation.resume(returning: bytes)
      }
    }
  }

  /// The failure of a child that ended without a word: a crash, or a signal.
  private static func ended(_ pid: pid_t) async -> Failure {
    var status: Int32 = 0
    // It has closed the pipe, so it is ending already and this does not wait long.
    waitpid(pid, &status, 0)
    let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
    return Failure(
      .runtime, ExitStatus(rawValue: code) ?? .failed,
      "the daemon ended with status \(code) before it was ready", hint: "see \(DaemonLog.path)")
  }
}
