import Engine

/// `start` where a runtime runs already (cli-http.md 2.2, step 2): the project that it was started
/// with is applied, another one is loaded beside it.
struct RunningStart {
  let global: GlobalOptions

  /// - Returns: False when no runtime answers, so that one can be started.
  func run() async throws -> Bool {
    let database = try global.databasePath()
    do {
      return try await RuntimeClient.withRuntime(of: database) { client in
        guard let client else { return false }
        try await act(client)
        return true
      }
    } catch let failure as Failure {
      global.output.showDetails(of: failure)
      throw failure
    }
  }

  private func act(_ client: RuntimeClient) async throws {
    let before = try await client.get("/control/status").body
    let pid = before["pid"]?.int64 ?? 0
    guard let own = ProjectFile.resolved(global.configPath) else {
      throw Failure(
        .configuration, .configuration,
        "there is no project file \(global.configPath ?? "orgloop.yaml")",
        hint: "OrgLoop runs \(before["config"]?.string ?? "") already, PID \(pid)")
    }
    let workspace = try global.workspaceName()
    if let running = before["workspace"]?.string, running != workspace {
      throw Failure(
        .conflict, .failed,
        "the runtime of this database works in the workspace \(running), not in \(workspace)",
        hint: "without --db each workspace has a database of its own")
    }
    let isBoot = own == before["config"]?.string
    let answer =
      isBoot
      ? try await client.order("apply", [:])
      : try await client.order("module/load-project", ["configPath": .string(own)])
    let status = try await client.get("/control/status").body
    global.output.showWarnings(of: answer)
    let text =
      isBoot
      ? ChangeText.applied(answer) + "\nOrgLoop is running already. PID \(pid)"
      : ModuleText.loaded(answer)
    global.output.result(RunningStart.report(status, answer, isBoot: isBoot), text)
  }

  /// What a start says, and what it did to the runtime that was there.
  private static func report(
    _ status: JSONValue, _ answer: JSONValue, isBoot: Bool
  ) -> JSONValue {
    var report: JSONObject = [:]
    for key in ["running", "pid", "http", "socket", "workspace", "generation", "modules"] {
      report[key] = status[key]
    }
    report[isBoot ? "applied" : "loaded"] = answer
    return .object(report)
  }
}
