import ArgumentParser
import Engine
import Foundation
import ProjectConfiguration

/// `orgloop schema`: what editors and other tools check configuration files with.
struct SchemaCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Print the JSON Schema of configuration files.",
    discussion: """
      With --dir all schemas are written as files: one for each kind, and orgloop.schema.json, \
      which decides by kind. The files in schemas/ are made this way.
      """)

  @Argument(help: "A kind, such as Project; all kinds together when left out.")
  var kind = "orgloop"

  @Option(name: .long, help: "Write all schemas into this directory instead.")
  var dir: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let schemas = try await ProjectLoading.withCatalog {
      ConfigurationSchemas(catalog: $0.catalog)
    }
    if let dir { return try write(schemas, to: dir) }
    let words = ConfigurationSchemas.kinds
    guard let name = words.first(where: { $0.lowercased() == kind.lowercased() }),
      let schema = schemas.schema(of: name)
    else {
      throw Failure(
        .usage, .usage, "no kind \"\(kind)\"", hint: "kinds are \(words.joined(separator: ", "))")
    }
    global.output.document(schema)
  }

  private func write(_ schemas: ConfigurationSchemas, to directory: String) throws {
    let base = URL(filePath: directory)
    do {
      try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
      for (name, schema) in schemas.files {
        try Data(ConfigurationSchemas.text(of: schema)).write(to: base.appending(path: name))
      }
    } catch {
      throw Failure(
        .inputOutput, .inputOutput,
        "cannot write schemas into \(directory): \(error.localizedDescription)")
    }
    let names = schemas.files.map(\.name)
    global.output.result(
      ["written": .array(names.map(JSONValue.string))],
      names.map { "wrote \(directory)/\($0)" }.joined(separator: "\n"))
  }
}
