import Engine

/// What the exec source and the exec actor share of their configuration (connectors.md 2.11, 3.5).
struct ExecSettings: Sendable {
  let command: Command
  let runner: CommandRunner

  static let commandField = ConfigField(
    "command", .command, required: true, "Program and arguments; no shell.")
  static let environmentField = ConfigField(
    "env", .environment, "Variables to pass: a list of names, or a map of name to value.")

  /// - Parameter directory: The module's root, or `cwd`.
  init(_ config: JSONObject, directory: String, runner: CommandRunner) throws {
    let arguments = config.strings("command")
    guard let program = arguments.first, !program.isEmpty else {
      throw ConnectorError(.configuration, "command must be a list of program and arguments")
    }
    var environment = runner.baseEnvironment
    environment.merge(config.environment("env")) { $1 }
    command = Command(arguments, environment: environment, directory: directory)
    self.runner = runner
  }

  static func check(_ config: JSONObject) -> [ConfigProblem] {
    var problems: [ConfigProblem] = []
    if config.strings("command").contains(where: { $0.contains("\0") }) {
      problems.append(ConfigProblem(["command"], "an argument holds a NUL character"))
    }
    for (name, value) in config.stringMap("env") {
      problems += EnvironmentCheck.problems(name: name, value: value)
    }
    return problems
  }

  /// One log entry per line of stderr, at debug level.
  static func logErrors(
    _ lines: [LineBuffer.Line], _ context: SourceContext
  ) {
    for case .text(let bytes) in lines {
      context.log(
        LogEntry(
          .sourceStderr, timestampMs: context.time.wallMs, source: context.sourceID,
          result: SafeText.escaped(String(decoding: bytes, as: UTF8.self)),
          module: context.module))
    }
  }
}

/// What can be wrong with a variable that a command is to get.
enum EnvironmentCheck {
  static func problems(name: String, value: String) -> [ConfigProblem] {
    let isName =
      !name.isEmpty && !name.contains("=") && !name.contains("\0")
      && name.first?.isNumber == false
    if !isName {
      return [
        ConfigProblem(["env"], "\"\(SafeText.escaped(name))\" cannot be the name of a variable")
      ]
    }
    return value.contains("\0")
      ? [ConfigProblem(["env", name], "the value holds a NUL character")] : []
  }
}
