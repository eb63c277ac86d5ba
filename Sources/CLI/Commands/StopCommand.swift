import ArgumentParser
import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `orgloop stop` (cli-http.md 2.2).
struct StopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "Stop the runtime, or unload this project's module from another's runtime.",
    discussion: """
      Modules of other projects stop with the runtime. At a terminal you are asked first if there \
      are any; elsewhere nobody is asked, and the runtime stops.
      """)

  @Flag(name: .long, help: "The runtime, whatever project started it.") var all = false
  @Flag(name: .long, help: "At once, without waiting for deliveries.") var force = false
  @Option(name: .long, help: "How long running deliveries may take, such as 30s.")
  var timeout: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let timeoutMs = try timeout.map { try FlagValue.durationMs($0, of: "--timeout") }
    let database = try global.databasePath()
    let output = global.output
    guard let runtime = try await RunningRuntime.find(database) else {
      if let supervisor = await SupervisorStop(of: database) {
        return try await stop(supervisor, of: database)
      }
      output.result(["stopped": false, "pid": nil, "all": true], "")
      output.notice("OrgLoop is not running.")
      return
    }
    if !all, let own = try ownProject(), let running = runtime.configPath, own != running {
      return try await unload(own, from: runtime, timeoutMs: force ? 0 : timeoutMs)
    }
    if !all { try await confirm(database) }
    let process = runtime.process
    let warnings = try await RuntimeStop(
      database: database, isForced: force, timeoutMs: timeoutMs, output: output
    ).run(process)
    var answer: JSONObject = [
      "stopped": true, "pid": JSONValue(Int64(process.pid)), "all": true,
    ]
    if !warnings.isEmpty { answer["warnings"] = .array(warnings.map(JSONValue.string)) }
    output.result(
      .object(answer),
      "OrgLoop stopped. PID \(process.pid)")
  }

  /// Between the crash of a runtime and its next start.
  private func stop(_ supervisor: SupervisorStop, of database: String) async throws {
    if !all, let own = try ownProject(), let crashed = supervisor.configPath, own != crashed {
      throw Failure(
        .notFound, .failed, "OrgLoop ran \(crashed), has crashed, and will be started again",
        hint: "orgloop stop --all ends that")
    }
    let (pid, warnings) = try await RuntimeStop(
      database: database, isForced: force, timeoutMs: nil, output: global.output
    ).run(supervisor)
    var answer: JSONObject = ["stopped": true, "pid": JSONValue(Int64(pid)), "all": true]
    if !warnings.isEmpty { answer["warnings"] = .array(warnings.map(JSONValue.string)) }
    global.output.result(.object(answer), "OrgLoop had crashed and is not started again.")
  }

  /// Nil where there is no project; a project that was named and is not there is a mistake, which
  /// must not stop everybody's runtime.
  private func ownProject() throws -> String? {
    if let own = ProjectFile.resolved(global.configPath) { return own }
    guard let path = global.configPath else { return nil }
    throw Failure(
      .configuration, .configuration, "there is no project file \(path)",
      hint: "orgloop stop --all stops the runtime without one")
  }

  /// Others would lose their modules with this project's runtime.
  private func confirm(_ database: String) async throws {
    guard global.canAsk else { return }
    let modules = try await RuntimeClient.withRuntime(of: database) { client in
      try await client?.get("/control/module/list").body.array ?? []
    }
    let others = modules.filter { $0["boot"] == false }.compactMap { $0["name"]?.string }
    guard !others.isEmpty else { return }
    let question = "Modules of other projects are loaded: \(others.joined(separator: ", ")). "
    guard global.confirms(question + "Stop the runtime?", usual: false) else {
      throw Failure(.usage, .failed, "nothing was stopped")
    }
  }

  /// Only what this project has loaded beside others goes.
  private func unload(
    _ own: String, from runtime: RunningRuntime, timeoutMs: Int64?
  ) async throws {
    let notLoaded = Failure(
      .notFound, .failed, "this project is not loaded; OrgLoop runs \(runtime.configPath ?? "")",
      hint: "orgloop stop --all stops it")
    let (answers, remaining) = try await RuntimeClient.withRuntime(of: global.databasePath()) {
      client -> ([JSONValue], [JSONValue]) in
      guard let client else { throw notLoaded }
      let modules = try await client.get("/control/module/list").body.array ?? []
      let owned = modules.filter { $0["project"]?.string == own }.compactMap { $0["name"] }
      guard !owned.isEmpty else { throw notLoaded }
      var answers: [JSONValue] = []
      for name in owned {
        var body: JSONObject = ["name": name]
        body["drain"] = timeoutMs.map { JSONValue($0) }
        answers.append(try await client.order("module/unload", body, drainMs: timeoutMs))
      }
      return (answers, modules.compactMap { $0["name"] }.filter { !owned.contains($0) })
    }
    var document: JSONObject = [
      "stopped": true, "pid": JSONValue(Int64(runtime.process.pid)),
      "module": answers.first?["name"] ?? .null, "daemonStopped": false,
      "remainingModules": .array(remaining),
    ]
    if answers.count > 1 { document["modules"] = .array(answers.compactMap { $0["name"] }) }
    global.output.result(
      .object(document), answers.map(ModuleText.unloaded).joined(separator: "\n"))
  }
}

/// The project file that the flags name, without loading it.
enum ProjectFile {
  static let names = ["orgloop.yaml", "orgloop.yml", "orgloop-module.yaml"]

  /// - Returns: Absolute, symbolic links resolved; nil when there is none.
  static func resolved(_ path: String?) -> String? {
    let base = path.map(Surroundings.absolute) ?? Surroundings.workingDirectory
    for name in [""] + names.map({ "/" + $0 }) {
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
