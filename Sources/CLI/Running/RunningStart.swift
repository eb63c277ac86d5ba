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
        guard let client, let record = try await Database(path: database).lastRuntime() else {
          return false
        }
        try await act(client, record)
        return true
      }
    } catch let failure as Failure {
      global.output.showDetails(of: failure)
      throw failure
    }
  }

  private func act(_ client: RuntimeClient, _ record: RuntimeRecord) async throws {
    guard let own = ProjectFile.resolved(global.configPath) else {
      throw Failure(
        .configuration, .configuration,
        "there is no project file \(global.configPath ?? "orgloop.yaml")",
        hint: "OrgLoop runs \(record.configPath ?? "") already, PID \(record.pid)")
    }
    let isBoot = own == record.configPath
    let answer =
      isBoot
      ? try await client.order("apply", [:])
      : try await client.order("module/load-project", ["configPath": .string(own)])
    let status = try await client.get("/control/status").body
    global.output.showWarnings(of: answer)
    let text =
      isBoot
      ? ChangeText.applied(answer) + "\nOrgLoop is running already. PID \(record.pid)"
      : ModuleText.loaded(answer)
    global.output.result(report(record, status, answer, isBoot: isBoot), text)
  }

  /// What a start says, and what it did to the runtime that was there.
  private func report(
    _ record: RuntimeRecord, _ status: JSONValue, _ answer: JSONValue, isBoot: Bool
  ) -> JSONValue {
    [
      "running": true, "pid": JSONValue(Int64(record.pid)),
      "http": JSONValue(record.httpAddress), "socket": JSONValue(record.socketPath),
      "workspace": .string(record.workspace), "generation": status["generation"] ?? 0,
      "modules": status["modules"] ?? [], isBoot ? "applied" : "loaded": answer,
    ]
  }
}
