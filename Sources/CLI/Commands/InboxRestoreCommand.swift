import ArgumentParser
import Engine

/// `orgloop inbox restore` (cli-http.md 2.4).
struct InboxRestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Put the events of a drained batch back.")

  @Option(name: .long, help: "The batch that a drain named, bat_….") var batch: String

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let desk = InboxReader(database: try global.databasePath())
    let answer = try await desk.restore(batch)
    guard answer["restored"]?.int64 ?? 0 > 0 else {
      throw Failure(
        .notFound, .failed, "nothing of a batch \(batch) can be put back",
        hint: "it was put back before, or its events are gone by retention")
    }
    global.output.result(answer, "\(answer["restored"]?.int64 ?? 0) put back")
  }
}
