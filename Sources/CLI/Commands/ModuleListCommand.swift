import ArgumentParser
import Engine

/// `orgloop module list` (cli-http.md 2.3).
struct ModuleListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the modules that run, or that the next start would load.")

  @Flag(name: .long, help: "Unloaded ones too, whose state is kept.") var all = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let database = try global.databasePath()
    let list = try await RuntimeClient.withRuntime(of: database) { client -> JSONValue in
      guard let client else {
        try RuntimeClient.refuseForbiddenSocket(of: database)
        return try await stored(Database(path: database))
      }
      return try await client.get("/control/module/list" + (all ? "?all=true" : "")).body
    }
    let modules = list.array ?? []
    global.output.result(list, modules.isEmpty ? "No modules." : ModuleText.table(modules))
  }

  /// None before the first start.
  private func stored(_ database: Database) async throws -> JSONValue {
    guard try database.exists() else { return [] }
    do {
      return try await database.readModules { .array(try await $0.list(includesUnloaded: all)) }
    } catch let failure as Failure where failure.code == .notFound {
      // A runtime is making the database at this moment.
      return []
    }
  }
}
