import ArgumentParser
import Engine
import Foundation

extension ReplayOrder.Mode: ExpressibleByArgument {}

/// `orgloop replay` (cli-http.md 2.4).
struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Deliver stored events again, oldest first, as new deliveries.",
    discussion: """
      Nothing is accepted anew: the events stay what they are, and only get more deliveries, which \
      carry the replay's id. Transforms run again. It can be interrupted at any point; --replay-id \
      goes on where it was, and delivers nothing twice.
      """)

  @Argument(help: "Ids of events.") var ids: [String] = []
  @OptionGroup(title: "Filters") var fields: FieldFilterOptions
  @Option(name: .long, help: "Events that are accepted, settled or unrouted.") var state: String?
  @Option(
    name: .long,
    help: "same-targets: the routes that the events went to. rematch: those that match now.")
  var mode: ReplayOrder.Mode = .sameTargets
  @Flag(name: .long, help: "Only to routes where the newest delivery is dead.")
  var onlyFailed = false
  @Option(name: .long, help: "No faster than this many deliveries, such as 10/s.")
  var rate: String?
  @Flag(name: .long, help: "Only count, by route.") var dryRun = false
  @Option(name: .long, help: "Go on with a replay that was interrupted.") var replayID: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let perSecond = try rate.map { try FlagValue.perSecond($0, of: "--rate") }
    let order = try order()
    try await LetterDoor.with(try global.databasePath()) { door in
      if order?.mode == .rematch, !door.hasRuntime {
        throw Failure(
          .unavailable, .unavailable,
          "a rematch needs a running runtime: the routes that match now are its",
          hint: "orgloop start starts it; --mode same-targets works without")
      }
      if let order, dryRun {
        let answer = try await door.dryRun(order)
        return global.output.result(answer, ReplayText.dryRun(answer))
      }
      if let order, replayID == nil { try await consent(to: order, door) }
      try await replay(order, door, perSecond)
    }
  }

  /// Nil to go on with one that has begun.
  private func order() throws -> ReplayOrder? {
    let hasSelection = !ids.isEmpty || !fields.isEmpty || state != nil
    guard hasSelection else {
      guard replayID != nil, !dryRun, !onlyFailed else {
        throw Failure(
          .usage, .usage, "name events, or give a filter",
          hint: "such as --since 1h, or --replay-id to go on with a replay")
      }
      return nil
    }
    var query = try fields.query(nowMs: TimeSource.system.wallMs)
    query.state = try FieldFilterOptions.eventState(state)
    var body: JSONObject = [
      "mode": .string(mode.rawValue), "only_failed": .bool(onlyFailed),
    ]
    if ids.isEmpty {
      body["filter"] = .object(query.json)
    } else {
      // Of named events a route and an actor still say which deliveries are made.
      body["ids"] = .array(ids.map(JSONValue.string))
      body["route"] = query.route.map(JSONValue.string)
      body["actor"] = query.actor.map(JSONValue.string)
      (query.route, query.actor) = (nil, nil)
      guard query.json.isEmpty else {
        throw Failure(
          .usage, .usage, "of the filters, events that are named take only --route and --actor")
      }
    }
    do {
      return try ReplayOrder(body)
    } catch {
      throw Failure(.usage, .usage, error.message)
    }
  }

  private func consent(to order: ReplayOrder, _ door: LetterDoor) async throws {
    guard !global.yes else { return }
    if case .ids(let ids) = order.selection, ids.count <= Limits.replayEventsUsual { return }
    let count = try await door.dryRun(order)["matched"]?.int64 ?? 0
    guard count > Limits.replayEventsUsual else { return }
    if global.canAsk, global.confirms("Replay \(count) events?", usual: false) { return }
    throw Failure(
      .usage, .usage, "\(count) events match; more than \(Limits.replayEventsUsual) need --yes",
      hint: "--dry-run counts them by route")
  }

  private func replay(
    _ order: ReplayOrder?, _ door: LetterDoor, _ perSecond: Double?
  ) async throws {
    // Made here, so that it is known before anything is done.
    let id =
      replayID
      ?? "rpl_" + UUID().uuidString.replacing("-", with: "").lowercased()
    var progress = LetterProgress(perSecond: perSecond, output: global.output)
    var order = order
    // One of a module that is not there never begins, so there is nothing to go on with.
    if let order, fields.module != nil { try await door.checkModule(of: order) }
    global.output.notice("replay \(id); orgloop replay --replay-id \(id) goes on with it")
    while true {
      let step = try await door.replay(order, id: id, limit: progress.size)
      // The file has it from here on.
      order = nil
      let isDone = step["done"] == true
      try await progress.note(
        Int(step["step"]?.int64 ?? 0), isLast: isDone,
        "\(step["matched"]?.int64 ?? 0) events, \(step["deliveries"]?.int64 ?? 0) deliveries")
      if isDone { return try report(step) }
    }
  }

  private func report(_ step: JSONValue) throws {
    let refused = step["refused"]?.array ?? []
    for refusal in refused {
      global.output.warning(
        "\(SafeOutput.id(refusal["id"]?.string ?? "")): \(refusal["reason"]?.string ?? "")")
    }
    if !ids.isEmpty, step["matched"]?.int64 == 0 {
      throw Failure(
        .notFound, .failed,
        refused.count == ids.count ? "there are no such events" : "these events went nowhere",
        hint: "--mode rematch delivers to the routes that match now")
    }
    var json = step.object ?? [:]
    (json["step"], json["done"]) = (nil, nil)
    global.output.result(.object(json), ReplayText.done(step))
  }
}
