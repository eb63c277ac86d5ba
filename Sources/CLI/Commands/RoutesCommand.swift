import ArgumentParser
import ProjectConfiguration

/// `orgloop routes` (cli-http.md 2.1).
struct RoutesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "routes", abstract: "Show which source leads by which route to which actor.")

  @Flag(name: .long, help: "As a graph for Graphviz: orgloop routes --dot | dot -Tsvg.")
  var dot = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func validate() throws {
    if dot, global.json { throw ValidationError("--dot and --json are two forms of one thing") }
  }

  func run() async throws {
    let output = global.output
    let project = try await ProjectLoading.withCatalog { loading in
      var options = LoadOptions()
      // The graph is the same on a machine without the secrets.
      options.allowMissingEnvironment = true
      options.showsObjects = true
      return try loading.load(global, options: options)
    }
    guard !project.hasErrors else {
      output.show(project.diagnostics)
      throw Failure(configurationOf: project)
    }
    let graph = RouteGraph(project)
    output.result(graph.json, dot ? graph.dot : graph.text)
    for warning in graph.warnings { output.warning("\(warning.kind): \(warning.message)") }
  }
}
