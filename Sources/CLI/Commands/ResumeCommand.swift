import ArgumentParser
import Engine

/// `orgloop resume` (cli-http.md 2.2).
struct ResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Let go on what was paused, or held for review.")

  @Argument(help: "source/ID, route/NAME, actor/ID, module/NAME or delivery/ID.")
  var targets: [String] = []
  @Option(name: .long, help: "The module of the sources, routes and actors.") var module: String?
  @Flag(name: .long, help: "Everything that is paused.") var all = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    try FlagValue.checkTargets(targets, all: all, module: module)
    let answer = try await global.withRunning { client in
      try await client.order("resume", PauseOrder.body(targets, module: module, all: all))
    }
    let resumed = answer["resumed"]?.array ?? []
    global.output.result(
      ["resumed": .array(resumed)],
      ChangeText.targets("Resumed", resumed, nowMs: TimeSource.system.wallMs))
  }
}
