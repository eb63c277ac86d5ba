import ArgumentParser
import Connectors
import Engine

/// `orgloop events` (cli-http.md 2.4).
struct EventsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "List, show and inject events.",
    subcommands: [EventsListCommand.self, EventsShowCommand.self, EventsInjectCommand.self],
    defaultSubcommand: EventsListCommand.self)
}

/// Which events, a page of them.
struct EventFilterOptions: ParsableArguments {
  @OptionGroup(title: "Filters") var fields: FieldFilterOptions
  @Option(name: .long, help: "accepted, settled or unrouted.") var state: String?
  @OptionGroup(title: "Filters") var page: PageOptions

  /// - Throws: ``Failure`` naming the flag that has a wrong value.
  func query(nowMs: Int64) throws -> EventQuery {
    var query = try fields.query(nowMs: nowMs)
    query.state = try FieldFilterOptions.eventState(state)
    try page.set(&query)
    return query
  }
}

/// `orgloop events list`.
struct EventsListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List events, newest first.")

  @OptionGroup(title: "Filters") var filter: EventFilterOptions
  @Flag(name: .long, help: "Go on showing events as they come.") var follow = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let query = try filter.query(nowMs: TimeSource.system.wallMs)
    let database = try global.databasePath()
    try await RuntimeClient.withRuntime(of: database) { client in
      let reader = EventReader(client: client, database: Database(path: database))
      if follow {
        try await EventFollower(reader: reader, query: query, output: global.output).run()
      } else {
        let page = try await reader.page(query)
        global.output.result(
          ["items": .array(page.items), "next": JSONValue(page.next)], text(page))
      }
    }
  }

  private func text(_ page: EventPage) -> String {
    guard !page.items.isEmpty else { return "No events." }
    let table = EventTable.text(page.items, nowMs: TimeSource.system.wallMs)
    return page.next.map { table + "\nmore: --after \($0)" } ?? table
  }
}

/// `orgloop events show`.
struct EventsShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show an event, its deliveries and their attempts.")

  @Argument(help: "The id of an event, a trace or a delivery.") var id: String

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let database = try global.databasePath()
    let event = try await RuntimeClient.withRuntime(of: database) { client in
      try await EventReader(client: client, database: Database(path: database)).event(id)
    }
    guard let event else { throw Failure(noEvent: id) }
    global.output.result(event, EventText.text(event, nowMs: TimeSource.system.wallMs))
  }
}

extension Failure {
  /// An id that leads nowhere.
  init(noEvent id: String) {
    self.init(
      .notFound, .failed, "there is no event \(SafeText.escaped(id, bytesMax: 200))",
      hint: "orgloop events lists them")
  }
}

/// `orgloop events inject`.
struct EventsInjectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inject", abstract: "Hand an event to the running runtime.")

  @Argument(help: "A file with the event as JSON; - or nothing reads stdin.")
  var file: String = "-"
  @Option(name: .long, help: "The module; not needed when there is only one.")
  var module: String?
  @Option(name: .long, help: "A second event with the same key is not stored.")
  var idempotencyKey: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let body = try await InputFile.read(file)
    let database = try global.databasePath()
    let answer = try await RuntimeClient.withRunning(of: database) { client in
      try await client.post(
        "/api/events" + URLText.query([("module", module)]), body,
        headers: idempotencyKey.map { [("idempotency-key", $0)] } ?? [])
    }
    let id = answer.body["event_id"]?.string ?? ""
    let isDuplicate = answer.body["duplicate"] == true
    global.output.result(answer.body, isDuplicate ? "\(id) (known before)" : id)
  }
}
