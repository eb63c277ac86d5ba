import ArgumentParser
import Engine

/// `orgloop shutdown` (cli-http.md 2.2): `stop --all`.
struct ShutdownCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shutdown", abstract: "Stop the runtime with everything that it runs.")

  @Flag(name: .long, help: "End the process at once.") var force = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let database = try global.databasePath()
    guard let process = try await RunningRuntime.find(database)?.process else {
      if let supervisor = await SupervisorStop(of: database) {
        let (pid, warnings) = try await RuntimeStop(
          database: database, isForced: force, timeoutMs: nil, output: global.output
        ).run(supervisor)
        var answer: JSONObject = ["shutdown": true, "pid": JSONValue(Int64(pid))]
        if !warnings.isEmpty { answer["warnings"] = .array(warnings.map(JSONValue.string)) }
        return global.output.result(
          .object(answer), "OrgLoop had crashed and is not started again.")
      }
      global.output.result(["shutdown": false, "pid": nil], "")
      global.output.notice("OrgLoop is not running.")
      return
    }
    let warnings = try await RuntimeStop(
      database: database, isForced: force, timeoutMs: nil, output: global.output
    ).run(process)
    var answer: JSONObject = ["shutdown": true, "pid": JSONValue(Int64(process.pid))]
    if force { answer["force"] = true }
    if !warnings.isEmpty { answer["warnings"] = .array(warnings.map(JSONValue.string)) }
    global.output.result(.object(answer), "OrgLoop stopped. PID \(process.pid)")
  }
}
