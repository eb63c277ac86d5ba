import ArgumentParser
import Engine

/// `orgloop init` (cli-http.md 2.1).
struct InitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Write a new project that validates, passes its tests and runs.")

  @Option(name: .long, help: "The project's name.") var name: String?
  @Option(name: .long, help: "What it is for.") var description: String?
  @Option(name: .long, help: "Connectors to begin with, such as webhook,cron.")
  var connectors: String?
  @Option(name: .long, help: "Where to write; the working directory by default.")
  var dir: String?
  @Flag(name: .long, help: "Overwrite what is there.") var force = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let template = ProjectTemplate(
      name: try projectName(),
      summary: answer(description, "Description", "OrgLoop project"),
      connectors: try chosenConnectors())
    let root = dir.map(Surroundings.absolute) ?? Surroundings.workingDirectory
    if !force, FileStatus.exists(root + "/orgloop.yaml") {
      throw Failure(
        .inputOutput, .failed, "\(root)/orgloop.yaml exists", hint: "--force overwrites it")
    }
    var created: [String] = []
    var skipped: [String] = []
    for file in template.files {
      let isKept = file.path == ".gitignore" || !force
      if isKept, FileStatus.exists(root + "/" + file.path) {
        skipped.append(file.path)
      } else if file.path == ProjectTemplate.testPath, skipped.contains(ProjectTemplate.routePath) {
        // It is about the route that was to be written, not about the one that is there.
        continue
      } else {
        try file.write(below: root)
        created.append(file.path)
      }
    }
    report(template, created: created, skipped: skipped)
  }

  private func projectName() throws -> String {
    let name = answer(self.name, "Name", "my-org")
    return try FileName.id(name)
  }

  private func chosenConnectors() throws -> [String] {
    let text = answer(connectors, "Connectors", "webhook")
    let names = text.split(separator: ",").map { InitCommand.trimmed($0) }
    let available = ProjectTemplate.connectors.keys.sorted().joined(separator: ", ")
    for name in names where ProjectTemplate.connectors[name] == nil {
      let isPlanned = ProjectTemplate.plannedConnectors.contains(name)
      throw Failure(
        .usage, .usage,
        isPlanned ? "connector \(name) is not built in yet" : "there is no connector \(name)",
        hint: "available: \(available)")
    }
    guard !names.isEmpty, Set(names).count == names.count else {
      throw Failure(
        .usage, .usage, "--connectors must name each connector once",
        hint: "available: \(available)")
    }
    return names
  }

  private static func trimmed(_ text: Substring) -> String {
    let rest = text.drop { $0 == " " }
    return String(rest.reversed().drop { $0 == " " }.reversed())
  }

  /// What the flag says, else what the person at the terminal says, else the default.
  private func answer(_ given: String?, _ question: String, _ usual: String) -> String {
    if let given { return given }
    guard global.canAsk else { return usual }
    global.output.write("\(question) [\(usual)]: ", to: .standardError)
    guard let line = readLine(), !line.isEmpty else { return usual }
    return line
  }

  private func report(_ template: ProjectTemplate, created: [String], skipped: [String]) {
    let variables = template.variables.map { name -> JSONValue in
      let isSet = Surroundings.variable(name) != nil
      return [
        "name": .string(name), "set": .bool(isSet), "source": isSet ? "environment" : .null,
      ]
    }
    let lines =
      created.map { "  + \($0)" } + skipped.map { "  = \($0) (kept)" }
      + ["Next: orgloop validate, orgloop test --all, then orgloop start"]
    global.output.result(
      [
        "created": .array(created.map(JSONValue.string)),
        "skipped": .array(skipped.map(JSONValue.string)), "variables": .array(variables),
        "hook_installed": false,
      ], lines.joined(separator: "\n"))
  }
}
