import ArgumentParser
import Engine

/// `orgloop pause` (cli-http.md 2.2).
struct PauseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Hold sources, routes, actors or modules; nothing is lost.")

  @Argument(help: "source/ID, route/NAME, actor/ID or module/NAME.") var targets: [String] = []
  @Option(name: .long, help: "The module of the sources, routes and actors.") var module: String?
  @Option(name: .long, help: "Why; shown wherever something waits for it.") var reason: String?
  @Option(name: .customLong("for"), help: "How long, such as 2h; until resumed by default.")
  var duration: String?
  @Flag(name: .long, help: "Every loaded module.") var all = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    try FlagValue.checkTargets(targets, all: all, module: module)
    var body = PauseOrder.body(targets, module: module, all: all)
    body["reason"] = reason.map(JSONValue.string)
    body["for"] = try duration.map { text in
      let ms = try FlagValue.durationMs(text, of: "--for")
      guard ms > 0 else { throw Failure(flag: "for", mustBe: "longer than 0") }
      return JSONValue(ms)
    }
    let answer = try await global.withRunning { [body] client in
      try await client.order("pause", body)
    }
    let paused = answer["paused"]?.array ?? []
    global.output.result(
      ["paused": .array(paused)],
      ChangeText.targets("Paused", paused, nowMs: TimeSource.system.wallMs))
  }
}

/// What `pause` and `resume` say to the runtime.
enum PauseOrder {
  static func body(_ targets: [String], module: String?, all: Bool) -> JSONObject {
    var body: JSONObject =
      all ? ["all": true] : ["targets": .array(targets.map(JSONValue.string))]
    body["module"] = module.map(JSONValue.string)
    return body
  }
}
