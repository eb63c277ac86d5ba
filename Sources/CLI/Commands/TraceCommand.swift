import ArgumentParser
import Engine

/// `orgloop trace` (cli-http.md 2.4).
struct TraceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Show a whole trace: events, their deliveries and attempts, and what followed.",
    discussion: """
      Events that an actor answered with stand below the delivery that caused them. Works without \
      a runtime as well, from the database.
      """)

  @Argument(help: "The id of an event, a trace, a delivery or an attempt.") var id: String
  @Option(name: .long, help: "At most this many events, 1 to 1000.")
  var limit = Limits.traceEventsUsual

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    guard (1...Limits.traceEventsMax).contains(limit) else {
      throw Failure(.usage, .usage, "--limit must be 1 to \(Limits.traceEventsMax)")
    }
    let database = try global.databasePath()
    let trace = try await RuntimeClient.withRuntime(of: database) { client in
      try await EventReader(client: client, database: Database(path: database))
        .trace(of: id, limit: limit)
    }
    guard let trace else { throw Failure(noEvent: id) }
    global.output.result(trace, TraceText.text(trace))
  }
}
