import ArgumentParser
import Connectors
import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `orgloop stop` (cli-http.md 2.2).
struct StopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop the runtime; returns when its process is gone.")

  @Flag(name: .long, help: "Whatever project started it.") var all = false
  @Flag(name: .long, help: "End the process at once.") var force = false
  @Option(name: .long, help: "How long running deliveries may take, such as 30s.")
  var timeout: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let timeoutMs = try timeout.map(milliseconds)
    let database = try global.databasePath()
    let output = global.output
    guard let record = try await Database(path: database).lastRuntime(),
      let process = ProcessIdentity(record)
    else {
      output.result(["stopped": false, "pid": nil, "all": true], "")
      output.notice("OrgLoop is not running.")
      return
    }
    try refuseOtherProject(record)
    if force {
      try process.send(SIGKILL)
    } else {
      try await ask(process, database: database, timeoutMs: timeoutMs)
    }
    // Beyond the limit come the server's last answers and closing the database.
    let limit = force ? .seconds(10) : timeoutMs.map { Duration.milliseconds($0 + 15_000) }
    guard try await process.waitUntilGone(limit: limit) else {
      throw Failure(
        .tryAgain, .tryAgain, "process \(process.pid) is still running",
        hint: "orgloop stop --force ends it at once; the database stays consistent")
    }
    output.result(
      ["stopped": true, "pid": JSONValue(Int64(process.pid)), "all": true],
      "OrgLoop stopped. PID \(process.pid)")
  }

  /// Through the socket; by a signal when it does not answer, as while it is starting.
  private func ask(
    _ process: ProcessIdentity, database: String, timeoutMs: Int64?
  ) async throws {
    try await RuntimeClient.withRuntime(of: database) { client in
      guard let client else { return try process.send(SIGTERM) }
      let body: JSONValue = timeoutMs.map { ["timeout": JSONValue($0)] } ?? [:]
      do {
        _ = try await client.post("/control/shutdown", JSONText(body).bytes)
      } catch {
        // Stopping already, or gone between two questions: the signal changes nothing then.
        try process.send(SIGTERM)
      }
    }
  }

  /// A project that is not the running one must not end it by accident.
  private func refuseOtherProject(_ record: RuntimeRecord) throws {
    guard !all, let running = record.configPath, let own = ProjectFile.resolved(global.configPath),
      own != running
    else { return }
    throw Failure(
      .notFound, .failed, "this project is not loaded; OrgLoop runs \(running)",
      hint: "orgloop stop --all stops it")
  }

  private func milliseconds(_ text: String) throws -> Int64 {
    guard let ms = DurationText.ms(text) else {
      throw Failure(
        .usage, .usage, "--timeout must be a duration such as 30s, not \"\(text)\"")
    }
    return ms
  }
}

/// The project file that the flags name, without loading it.
enum ProjectFile {
  /// - Returns: Absolute, symbolic links resolved; nil when there is none.
  static func resolved(_ path: String?) -> String? {
    let base = path.map(Surroundings.absolute) ?? Surroundings.workingDirectory
    let names = ["", "/orgloop.yaml", "/orgloop.yml", "/orgloop-module.yaml"]
    for name in names {
      var status = stat()
      guard stat(base + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
        let real = realpath(base + name, nil)
      else { continue }
      defer { free(real) }
      return String(cString: real)
    }
    return nil
  }
}
