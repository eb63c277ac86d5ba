import ArgumentParser
import Engine

/// `orgloop module status` (cli-http.md 2.3).
struct ModuleStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show one module: its sources, routes and queue.")

  @Argument(help: "The module's name.") var name: String

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    try FlagValue.checkText(name, of: "the module's name")
    let database = try global.databasePath()
    let status = try await RuntimeClient.withRuntime(of: database) { client in
      guard let client else { return try await stored(Database(path: database)) }
      return try await client.get("/control/module/status/" + URLText.encode(name)).body
    }
    global.output.result(
      status, ModuleText.status(status, nowMs: TimeSource.system.wallMs))
  }

  private func stored(_ database: Database) async throws -> JSONValue {
    try RuntimeClient.refuseForbiddenSocket(of: database.path)
    return try await database.readModules { archive in
      do {
        return try await archive.status(name)
      } catch let error as EngineError where error.code == .notFound {
        throw Failure(.moduleNotFound, .failed, error.message, hint: error.hint)
      }
    }
  }
}
