import ArgumentParser
import Engine

/// `orgloop dlq` (cli-http.md 2.4).
struct DeadLetterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dlq", abstract: "Look at dead letters, requeue them, or drop them.",
    discussion: """
      With --state also what was dropped or skipped, and what is parked. All of it works without a \
      runtime; what is requeued is delivered at the next start then.
      """,
    subcommands: [
      DeadLetterListCommand.self, DeadLetterShowCommand.self, DeadLetterRequeueCommand.self,
      DeadLetterDropCommand.self,
    ])

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws { throw global.missingCommand(of: DeadLetterCommand.self) }
}

extension LetterQuery.State: ExpressibleByArgument {}
extension LetterGroup: ExpressibleByArgument {}

/// Which dead letters.
struct LetterFilterOptions: ParsableArguments {
  @OptionGroup(title: "Filters") var fields: FieldFilterOptions
  @Option(name: .long, help: "dead, dropped, skipped or parked.") var state: LetterQuery.State?
  @Option(
    name: .long, help: "Why it ended, such as attempts or rejected; why it is parked.")
  var reason: String?

  var isEmpty: Bool { fields.isEmpty && state == nil && reason == nil }

  /// - Throws: ``Failure`` naming the flag that has a wrong value.
  func query(nowMs: Int64) throws -> LetterQuery {
    var query = LetterQuery()
    query.events = try fields.query(nowMs: nowMs)
    query.state = state ?? .dead
    query.reason = reason
    return query
  }
}

/// `orgloop dlq list`.
struct DeadLetterListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List dead letters, newest first.")

  @OptionGroup(title: "Filters") var filter: LetterFilterOptions
  @OptionGroup(title: "Filters") var page: PageOptions
  @Option(name: .long, help: "Count them by route, actor or error instead.")
  var countBy: LetterGroup?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let nowMs = TimeSource.system.wallMs
    var query = try filter.query(nowMs: nowMs)
    try page.set(&query.events)
    let database = try global.databasePath()
    try await RuntimeClient.withRuntime(of: database) { [query] client in
      let reader = EventReader(client: client, database: Database(path: database))
      if let countBy {
        let counts = try await reader.letterCounts(query, by: countBy)
        global.output.result(
          ["items": .array(counts), "next": .null], LetterText.counts(counts, by: countBy))
      } else {
        let page = try await reader.letters(query)
        global.output.result(
          ["items": .array(page.items), "next": JSONValue(page.next)],
          LetterText.list(page, state: query.state, nowMs: nowMs))
      }
    }
  }
}

/// `orgloop dlq show`.
struct DeadLetterShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show a delivery: its event, the event after its transforms, every attempt.")

  @Argument(help: "The id of a delivery.") var id: String

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let database = try global.databasePath()
    let letter = try await RuntimeClient.withRuntime(of: database) { client in
      try await EventReader(client: client, database: Database(path: database)).letter(id)
    }
    guard let letter else {
      throw Failure(
        .notFound, .failed, "there is no delivery \(SafeOutput.id(id))",
        hint: "orgloop dlq list lists dead letters")
    }
    global.output.result(letter, LetterText.show(letter))
  }
}

/// `orgloop dlq requeue`.
struct DeadLetterRequeueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "requeue",
    abstract: "Deliver dead letters again: the same delivery, with a new budget of attempts.",
    discussion: """
      It can be interrupted at any point; the same command goes on with what is left.
      """)

  @Argument(help: "Ids of deliveries.") var ids: [String] = []
  @Flag(name: .long, help: "All that the filters name.") var all = false
  @Option(name: .long, help: "No faster than this, such as 10/s.") var rate: String?
  @Flag(name: .long, help: "Run the transforms again, instead of using what they made.")
  var retransform = false
  @OptionGroup(title: "Filters") var filter: LetterFilterOptions

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    var order = LetterOrder(.requeue, try LetterRun.selection(ids, all: all, filter))
    order.retransform = retransform
    try await LetterRun(order: order, rate: rate, global: global).run()
  }
}

/// `orgloop dlq drop`.
struct DeadLetterDropCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drop",
    abstract: "Give dead letters up: they end as dropped; their events stay.")

  @Argument(help: "Ids of deliveries.") var ids: [String] = []
  @Flag(name: .long, help: "All that the filters name.") var all = false
  @OptionGroup(title: "Filters") var filter: LetterFilterOptions

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let order = LetterOrder(.drop, try LetterRun.selection(ids, all: all, filter))
    try await LetterRun(order: order, rate: nil, global: global).run()
  }
}

/// An order on dead letters, part by part to its end.
struct LetterRun {
  var order: LetterOrder
  let rate: String?
  let global: GlobalOptions

  static func selection(
    _ ids: [String], all: Bool, _ filter: LetterFilterOptions
  ) throws -> LetterOrder.Selection {
    guard all == ids.isEmpty else {
      throw Failure(
        .usage, .usage, all ? "--all takes no ids" : "name deliveries, or give --all",
        hint: "orgloop dlq list lists them; filters narrow --all down")
    }
    if all { return .all(try filter.query(nowMs: TimeSource.system.wallMs)) }
    guard filter.isEmpty else {
      throw Failure(.usage, .usage, "filters are for --all, not for deliveries that are named")
    }
    guard ids.count <= Limits.orderIDsMax else {
      throw Failure(.usage, .usage, "at most \(Limits.orderIDsMax) ids at once")
    }
    return .ids(ids)
  }

  func run() async throws {
    let perSecond = try rate.map { try FlagValue.perSecond($0, of: "--rate") }
    let total = try await LetterDoor.with(try global.databasePath()) { door in
      try await run(door, perSecond)
    }
    if total.done > 0 || total.refused.count > 1 {
      for (id, reason) in total.refused {
        global.output.warning("\(SafeOutput.id(id)): \(reason)")
      }
    }
    if case .ids = order.selection, total.done == 0, let first = total.refused.first {
      throw Failure(
        .notFound, .failed,
        total.refused.count == 1
          ? "\(SafeOutput.id(first.id)): \(first.reason)"
          : "none of the \(total.refused.count) deliveries could be \(word)",
        hint: "orgloop dlq show ID shows what became of it")
    }
    var json = total.json.object ?? [:]
    (json["next"], json["total"]) = (nil, nil)
    let count = total.done == 1 ? "1 delivery" : "\(total.done) deliveries"
    let done = word.prefix(1).uppercased() + word.dropFirst()
    global.output.result(.object(json), total.done == 0 ? "Nothing to do." : "\(done) \(count).")
  }

  private var word: String { order.action == .requeue ? "requeued" : "dropped" }

  private func run(_ door: LetterDoor, _ perSecond: Double?) async throws -> LetterReport {
    var order = order
    var total = LetterReport(order.action)
    var progress = LetterProgress(perSecond: perSecond, output: global.output)
    while true {
      order.limit = progress.size
      let part = try await door.carryOut(order)
      total.total = total.total ?? part["total"]?.int64.map { Int($0) }
      total.matched += part["matched"]?.int64.map { Int($0) } ?? 0
      let done = part[word]?.int64.map { Int($0) } ?? 0
      total.done += done
      for refusal in part["refused"]?.array ?? [] {
        total.refused.append(
          (refusal["id"]?.string ?? "", refusal["reason"]?.string ?? ""))
      }
      order.after = part["next"]?.string
      try await progress.note(
        done, isLast: order.after == nil, "\(word) \(total.done) of \(total.total ?? 0)")
      if order.after == nil { return total }
    }
  }
}
