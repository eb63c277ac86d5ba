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
        return try await Database(path: database).readModules {
          .array(try await $0.list(includesUnloaded: all))
        }
      }
      return try await client.get("/control/module/list" + (all ? "?all=true" : "")).body
    }
    global.output.result(list, ModuleText.table(list.array ?? []))
  }
}
