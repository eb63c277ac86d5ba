import ArgumentParser
import Engine

/// `orgloop module status` (cli-http.md 2.3).
struct ModuleStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show one module: its sources, routes and queue.")

  @Argument(help: "The module's name.") var name: String

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let status = try await global.withRunning { client in
      try await client.get("/control/module/status/" + URLText.encode(name)).body
    }
    global.output.result(
      status, ModuleText.status(status, nowMs: TimeSource.system.wallMs))
  }
}
