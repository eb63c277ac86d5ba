import ArgumentParser
import Engine

/// `orgloop module reload` (cli-http.md 2.3).
struct ModuleReloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload",
    abstract: "Read a module's files again; what is unchanged goes on working.")

  @Argument(help: "The module's name.") var name: String
  @Option(name: .long, help: "What becomes of unsettled deliveries whose route is gone.")
  var onRemoved: RemovedPolicy = .park

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    try FlagValue.checkText(name, of: "the module's name")
    let answer = try await global.withRunning { client in
      try await client.order(
        "module/reload", ["name": .string(name), "on_removed": .string(onRemoved.rawValue)])
    }
    global.output.showWarnings(of: answer)
    global.output.result(answer, ModuleText.reloaded(answer))
  }
}
