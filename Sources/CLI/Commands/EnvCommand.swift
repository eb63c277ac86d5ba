import ArgumentParser
import Engine
import ProjectConfiguration

/// `orgloop env` (cli-http.md 2.1).
struct EnvCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "env",
    abstract: "List the variables that the project's values refer to; never their values.",
    subcommands: [EnvCheckCommand.self])

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws { _ = try await EnvCommand.show(global) }

  static func show(_ global: GlobalOptions) async throws -> VariableReport {
    let project = try await ProjectLoading.withCatalog { loading in
      var options = LoadOptions()
      options.allowMissingEnvironment = true
      return try loading.load(global, options: options)
    }
    // What else is wrong is for `validate`; in a file that was not read there may be more of them.
    let unread = project.diagnostics.filter { each in
      each.level == .error
        && (each.code.hasPrefix("yaml.") || each.code.hasPrefix("file.")
          || each.code == "module.not-found" || each.code == "env.syntax")
    }
    guard unread.isEmpty else {
      global.output.show(unread)
      throw Failure(configurationOf: project)
    }
    let report = VariableReport(project)
    global.output.result(report.json, text(report))
    return report
  }

  private static func text(_ report: VariableReport) -> String {
    guard !report.entries.isEmpty else { return "no value refers to a variable" }
    let rows = report.entries.map { entry in
      [
        entry.isSet ? "✓" : entry.isOptional ? "!" : "✗", entry.name, origin(of: entry),
        entry.places.map { "\($0.file):\($0.line)" }.joined(separator: ", "),
      ]
    }
    let missing = report.missing.count
    let total = "\(report.entries.count(where: \.isSet)) of \(report.entries.count) variables set"
    return (Table.aligned(rows) + [missing == 0 ? total : "\(total), \(missing) missing"])
      .joined(separator: "\n")
  }

  private static func origin(of entry: VariableReport.Entry) -> String {
    switch entry.source {
    case .defaultText?: "default \"\(entry.defaultText ?? "")\""
    case let source?: source.rawValue
    case nil: entry.isOptional ? "not set, not passed" : "not set"
    }
  }
}

/// `orgloop env check`.
struct EnvCheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Exit with 1 if a variable is missing.")

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let report = try await EnvCommand.show(global)
    guard report.missing.isEmpty else { throw Ended(status: .failed) }
  }
}
