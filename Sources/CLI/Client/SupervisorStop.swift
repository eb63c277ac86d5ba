import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The process that starts the runtime of a database again when it crashes: whoever stops the
/// runtime for good must stop that one, too.
struct SupervisorStop {
  private let process: ProcessIdentity
  /// The project that it starts.
  let configPath: String?

  /// - Returns: Nil without such a process, or when the database cannot be read: the runtime then
  ///   belongs to somebody else, who is asked through its socket.
  init?(of database: String) async {
    guard let record = try? await Database(path: database).lastRuntime(),
      let named = record.supervisor,
      let process = ProcessIdentity(pid: named.pid), process.start == named.start
    else { return nil }
    self.process = process
    configPath = record.configPath
  }

  /// Before the runtime is killed: its end is no crash then.
  func announce() throws { try process.send(SIGTERM) }

  /// Ends a supervisor that waits between two starts; returns when it is gone.
  ///
  /// - Returns: Its number.
  func run() async throws -> Int32 {
    try process.send(SIGTERM)
    guard try await process.waitUntilGone(limit: .seconds(60)) else {
      throw Failure(
        .tryAgain, .tryAgain, "process \(process.pid), which starts the runtime, is still running")
    }
    return process.pid
  }
}
