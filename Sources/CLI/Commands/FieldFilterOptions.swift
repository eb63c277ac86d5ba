import ArgumentParser
import Connectors
import Engine

/// The filters that all commands on events and deliveries share (cli-http.md 2.4).
struct FieldFilterOptions: ParsableArguments {
  @Option(name: .long, help: "Of a module.") var module: String?
  @Option(name: .long, help: "Events of a source.") var source: String?
  @Option(name: .long, help: "Events that a route took; deliveries of a route.")
  var route: String?
  @Option(name: .long, help: "Events that went to an actor; deliveries to it.")
  var actor: String?
  @Option(name: .long, help: "resource.changed, actor.stopped or message.received.")
  var type: String?
  @Option(name: .long, help: "The platform's own name of the event.")
  var platformEvent: String?
  @Option(name: .long, help: "Events not older: 1h, 2026-03-04 or 2026-03-04T05:06:07Z.")
  var since: String?
  @Option(name: .long, help: "Older events.") var until: String?
  @Option(
    name: .customLong("where"),
    help: ArgumentHelp(
      "Events with a value at a path, such as payload.kind=push; several must all hold.",
      valueName: "path=value"))
  var conditions: [String] = []

  /// Whether none is given.
  var isEmpty: Bool {
    [module, source, route, actor, type, platformEvent, since, until].allSatisfy { $0 == nil }
      && conditions.isEmpty
  }

  /// - Throws: ``Failure`` naming the flag that has a wrong value.
  func query(nowMs: Int64) throws -> EventQuery {
    var query = EventQuery()
    query.module = module
    query.source = source
    query.route = route
    query.actor = actor
    query.platformEvent = platformEvent
    if let type {
      let words = EventType.allCases.map(\.rawValue).joined(separator: ", ")
      guard let value = EventType(rawValue: type) else {
        throw Failure(flag: "type", mustBe: words)
      }
      query.type = value
    }
    query.fromMs = try since.map { try time($0, "since", nowMs) }
    query.toMs = try until.map { try time($0, "until", nowMs) }
    for text in conditions {
      guard let condition = FieldCondition(text) else {
        throw Failure(flag: "where", mustBe: "path=value, such as payload.kind=push")
      }
      query.conditions.append(condition)
    }
    guard Set(query.conditions.map(\.path)).count == query.conditions.count else {
      throw Failure(.usage, .usage, "--where names a path twice, which cannot have two values")
    }
    return query
  }

  private func time(_ text: String, _ flag: String, _ nowMs: Int64) throws -> Int64 {
    if let ago = DurationText.ms(text) { return nowMs - ago }
    guard let ms = ISOTime.ms(text) else {
      throw Failure(flag: flag, mustBe: "a duration such as 1h, or an ISO 8601 time")
    }
    return ms
  }

  static func eventState(_ word: String?) throws -> String? {
    guard let word else { return nil }
    guard EventQuery.states.contains(word) else {
      throw Failure(flag: "state", mustBe: "accepted, settled or unrouted")
    }
    return word
  }
}

/// A page of a list.
struct PageOptions: ParsableArguments {
  @Option(name: .long, help: "At most this many, 1 to 1000.") var limit = 50
  @Option(name: .long, help: "The cursor of the page before.") var after: String?

  /// - Throws: ``Failure`` naming the flag that has a wrong value.
  func set(_ query: inout EventQuery) throws {
    if let after {
      guard let place = Int64(after), place > 0 else {
        throw Failure(flag: "after", mustBe: "a cursor of a list")
      }
      query.after = after
    }
    guard (1...1_000).contains(limit) else { throw Failure(flag: "limit", mustBe: "1 to 1000") }
    query.limit = limit
  }
}

extension Failure {
  init(flag: String, mustBe what: String) {
    self.init(.usage, .usage, "--\(flag) must be \(what)")
  }
}
