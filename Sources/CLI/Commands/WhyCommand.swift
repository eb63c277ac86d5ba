import ArgumentParser
import Engine

/// `orgloop why` (cli-http.md 2.4).
struct WhyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Say why an event went where it did, and why not elsewhere.",
    discussion: """
      Which routes matched and how that ended; for each other route of the source the first \
      condition that failed; and what every delivery that has not ended waits for. Works without a \
      runtime as well, from the database.
      """)

  @Argument(
    help: "The id of an event; of a trace for its events; of a delivery or an attempt for it alone."
  )
  var id: String
  @Option(name: .long, help: "Only what concerns the routes of this name.") var route: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let database = try global.databasePath()
    let reasons = try await RuntimeClient.withRuntime(of: database) { client in
      try await EventReader(client: client, database: Database(path: database))
        .why(id, route: route)
    }
    guard let reasons else { throw Failure(noEvent: id) }
    global.output.result(reasons, WhyText.text(reasons, nowMs: TimeSource.system.wallMs))
  }
}
