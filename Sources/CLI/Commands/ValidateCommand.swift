import ArgumentParser
import Engine
import ProjectConfiguration

/// `orgloop validate` (cli-http.md 2.1, config.md 13).
struct ValidateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Check the configuration; starts nothing.")

  @Flag(name: .long, help: "Warnings count as errors.") var strict = false
  @Flag(name: .long, help: "Variables that are not set are warnings.")
  var allowMissingEnv = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let output = global.output
    let project = try await ProjectLoading.withCatalog { loading in
      var options = LoadOptions()
      options.strict = strict
      options.allowMissingEnvironment = allowMissingEnv
      return try loading.load(global, options: options)
    }
    if output.isJSON {
      output.document(ValidateCommand.json(project))
    } else {
      show(project, output)
    }
    if project.hasErrors { throw Ended(status: .configuration) }
  }

  private func show(_ project: LoadedProject, _ output: Output) {
    let isInvalid = Set(project.diagnostics.filter { $0.level == .error }.map(\.file))
    let files = project.files.map { file in
      "\(isInvalid.contains(file.path) ? "✗" : "✓") \(file.path)  \(file.summary)"
    }
    if !files.isEmpty { output.result(.null, files.joined(separator: "\n")) }
    output.show(project.diagnostics)
    output.result(.null, project.totals)
  }

  private static func json(_ project: LoadedProject) -> JSONValue {
    let errors = project.diagnostics.filter { $0.level == .error }
    let results = project.files.map { file -> JSONValue in
      let own = errors.filter { $0.file == file.path }
      return [
        "file": .string(file.path), "valid": .bool(own.isEmpty),
        "description": .string(file.summary), "errors": .array(own.map(\.json)),
      ]
    }
    return [
      "workspace": JSONValue(project.workspace), "overlay": JSONValue(project.overlay),
      "results": .array(results), "errors": JSONValue(errors.count),
      "warnings": JSONValue(project.diagnostics.filter { $0.level == .warning }.count),
      "graphWarnings": .array(project.diagnostics.compactMap(graphWarning)),
      "envWarnings": .array(project.diagnostics.compactMap(environmentWarning)),
      "diagnostics": .array(project.diagnostics.map(\.json)),
    ]
  }

  private static func graphWarning(_ each: Diagnostic) -> JSONValue? {
    let kinds = ["dead-source", "unreachable-actor", "orphan-transform", "event-type-mismatch"]
    guard let kind = kinds.first(where: { each.code == "graph." + $0 }) else { return nil }
    return [
      "kind": .string(kind), "id": JSONValue(each.subject), "message": .string(each.message),
    ]
  }

  private static func environmentWarning(_ each: Diagnostic) -> JSONValue? {
    guard each.code == "env.unset", each.level != .error else { return nil }
    return ["name": JSONValue(each.subject), "source": .string(each.file)]
  }
}

extension LoadedProject {
  /// `1 error, 2 warnings`.
  var totals: String {
    func count(_ level: Diagnostic.Level, _ word: String) -> String {
      let count = diagnostics.filter { $0.level == level }.count
      return "\(count) \(word)\(count == 1 ? "" : "s")"
    }
    return "\(count(.error, "error")), \(count(.warning, "warning"))"
  }
}

extension Output {
  /// Diagnostics, one line each, on stderr.
  func show(_ diagnostics: [Diagnostic]) {
    for each in diagnostics {
      switch each.level {
      case .error: error(each.description)
      case .warning: warning(each.description)
      case .notice: notice("  · \(each.description)")
      }
    }
  }
}
