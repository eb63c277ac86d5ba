import ArgumentParser
import Engine

/// `orgloop module load` (cli-http.md 2.3).
struct ModuleLoadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Load a module into the running runtime.")

  @Argument(
    help: ArgumentHelp(
      "A path, a package, or a module that was loaded before.", valueName: "name-or-path"))
  var target: String
  @Option(name: .long, help: "A name in place of the module's own.") var name: String?
  @Option(
    name: .customLong("param"), parsing: .singleValue,
    help: ArgumentHelp("A value for a parameter; may be repeated.", valueName: "key=value"))
  var parameters: [String] = []

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    try FlagValue.checkText(target, of: "the path or name of the module")
    try FlagValue.checkText(name, of: "--name")
    let target = ModuleTarget(
      Surroundings.expandingHome(target), exists: FileStatus.exists, absolute: Surroundings.absolute
    )
    var body: JSONObject = [:]
    switch target {
    case .path(let path): body["path"] = .string(path)
    case .package(let package): body["package"] = .string(package)
    }
    body["name"] = name.map(JSONValue.string)
    let values = try FlagValue.parameters(parameters).sorted { $0.key < $1.key }
    body["params"] = .object(
      JSONObject(values.map { JSONObject.Member(key: $0.key, value: .string($0.value)) }))
    let answer = try await global.withRunning { [body] client in
      try await client.order("module/load", body)
    }
    global.output.showWarnings(of: answer)
    global.output.result(answer, ModuleText.loaded(answer))
  }
}
