import ArgumentParser
import Engine

/// `orgloop module list` (cli-http.md 2.3).
struct ModuleListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the modules of the running runtime.")

  @Flag(name: .long, help: "Unloaded ones too, whose state is kept.") var all = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let list = try await global.withRunning { client in
      try await client.get("/control/module/list" + (all ? "?all=true" : "")).body
    }
    global.output.result(list, ModuleText.table(list.array ?? []))
  }
}
