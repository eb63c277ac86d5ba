import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The process that runs for a database.
struct RunningRuntime: Sendable {
  let process: ProcessIdentity
  /// The project that it was started with.
  let configPath: String?

  /// Asks the runtime, because a user who shares its socket need not be able to read its database;
  /// reads the row of one that does not answer.
  ///
  /// - Returns: Nil when there is no such process.
  static func find(_ database: String) async throws -> RunningRuntime? {
    let status = try await status(of: database)
    if let pid = status?["pid"]?.int64, let process = ProcessIdentity(pid: Int32(clamping: pid)) {
      return RunningRuntime(process: process, configPath: status?["config"]?.string)
    }
    return try await recorded(in: database)
  }

  /// What the runtime says of itself; nil when none answers.
  static func status(of database: String) async throws -> JSONValue? {
    try await RuntimeClient.withRuntime(of: database) { client in
      // One that is stopping may refuse; its row says the rest.
      try? await client?.get("/control/status").body
    }
  }

  /// The runtime that the row in the database names, whether it answers or not.
  ///
  /// - Returns: Nil when there is no such process.
  static func recorded(in database: String) async throws -> RunningRuntime? {
    guard let record = try await Database(path: database).lastRuntime(),
      let process = ProcessIdentity(record)
    else { return nil }
    return RunningRuntime(process: process, configPath: record.configPath)
  }
}

/// Ends a whole runtime, whatever it runs.
struct RuntimeStop {
  let database: String
  /// At once, without waiting for deliveries.
  let isForced: Bool
  /// How long running deliveries may take; nil leaves it to the setting.
  let timeoutMs: Int64?
  let output: Output

  /// Returns when the process is gone.
  ///
  /// - Returns: What a user should know although it is stopped.
  /// - Throws: ``Failure`` when it may not be ended, or did not end in time.
  func run(_ process: ProcessIdentity) async throws -> [String] {
    if isForced {
      try await SupervisorStop(of: database)?.announce()
      try process.send(SIGKILL)
    } else {
      try await ask(process)
    }
    // Beyond the limit come the server's last answers and closing the database.
    let limit = isForced ? .seconds(10) : timeoutMs.map { Duration.milliseconds($0 + 15_000) }
    guard try await process.waitUntilGone(limit: limit) else {
      throw Failure(
        .tryAgain, .tryAgain, "process \(process.pid) is still running",
        hint: "orgloop stop --force ends it at once; the database stays consistent")
    }
    // One that did not end cleanly looks like a crash to who would start it again.
    _ = try await SupervisorStop(of: database)?.run()
    return isForced ? await forget() : []
  }

  /// Ends what would start a crashed runtime again.
  ///
  /// - Returns: Its number, and what a user should know.
  func run(_ supervisor: SupervisorStop) async throws -> (pid: Int32, warnings: [String]) {
    (try await supervisor.run(), await forget())
  }

  private func forget() async -> [String] {
    do {
      try await OperatorChanges.forget(inDatabase: database)
      return []
    } catch {
      // It is stopped; another may hold the file already, or it belongs to another user.
      let text = "modules loaded by hand will come back at the next start: \(error)"
      output.warning(text)
      return [text]
    }
  }

  /// Through the socket; by a signal when it does not answer, as while it is starting.
  private func ask(_ process: ProcessIdentity) async throws {
    try await RuntimeClient.withRuntime(of: database) { client in
      guard let client else { return try process.send(SIGTERM) }
      let body: JSONObject = timeoutMs.map { ["timeout": JSONValue($0)] } ?? [:]
      do {
        _ = try await client.order("shutdown", body)
      } catch {
        // Stopping already, or gone between two questions: the signal changes nothing then.
        try process.send(SIGTERM)
      }
    }
  }
}

/// What a killed runtime could not forget itself: modules loaded and unloaded by hand (config.md
/// 10.1).
package enum OperatorChanges {
  /// 10 s: the threads of a killed process end within moments, but its disk may be slow.
  package static let limitUsual = Duration.seconds(10)

  /// Waits until the file is free: the last thread of a killed process, which holds the lock, may end
  /// after the process has no other sign of life.
  ///
  /// - Parameter pause: Between two tries.
  /// - Throws: ``EngineError`` `.locked` when another runtime has the file by now, or nobody knows
  ///   who.
  package static func forget(
    inDatabase path: String, limit: Duration = limitUsual,
    pause: () async throws -> Void = { try await ContinuousClock().sleep(for: .milliseconds(20)) }
  ) async throws {
    let end = ContinuousClock.now + limit
    while true {
      do {
        return try await Runtime.forgetOperatorChanges(inDatabase: path)
      } catch  where error.code == .locked {
        let isRunning = try await RuntimeClient.withRuntime(of: path) { $0 != nil }
        guard !isRunning, ContinuousClock.now < end else { throw error }
        try await pause()
      }
    }
  }
}
