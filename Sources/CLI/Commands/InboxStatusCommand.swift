import ArgumentParser
import Engine

/// `orgloop inbox status` (cli-http.md 2.4).
struct InboxStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show how much waits, under one key or all.")

  @Option(name: .long, help: "The batch key; all by default.") var key: String?
  @Option(name: .long, help: "Only of this module.") var module: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let desk = InboxReader(database: try global.databasePath())
    guard let key else {
      let sessions = try await desk.sessions(module: module)
      return global.output.result(
        ["sessions": .array(sessions)], InboxText.table(sessions))
    }
    let pending = try await desk.pending(key, module: module)
    global.output.result(["pending": JSONValue(pending)], "\(pending) pending")
  }
}
