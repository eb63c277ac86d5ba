import ArgumentParser
import Engine

/// `orgloop module unload` (cli-http.md 2.3).
struct ModuleUnloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unload", abstract: "Unload a module; its state is kept for the next load.")

  @Argument(help: "The module's name.") var name: String
  @Option(name: .long, help: "How long running deliveries may take, such as 30s.")
  var drain: String?
  @Option(name: .long, help: "What becomes of unsettled deliveries.")
  var onRemoved: RemovedPolicy = .park

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    try FlagValue.checkText(name, of: "the module's name")
    let drainMs = try drain.map { try FlagValue.durationMs($0, of: "--drain") }
    var body: JSONObject = ["name": .string(name), "on_removed": .string(onRemoved.rawValue)]
    body["drain"] = drainMs.map { JSONValue($0) }
    let answer = try await global.withRunning { [body] client in
      try await client.order("module/unload", body, drainMs: drainMs)
    }
    global.output.result(answer, ModuleText.unloaded(answer))
  }
}
