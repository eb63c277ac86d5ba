import Store

/// Where events go now, with the numbers that rows need: one immutable value that every event sees
/// whole, old or new (events.md 3: one generation per event).
///
/// Each source has a table of its own, with the routes of all modules that listen to it, so that a
/// module that comes or goes costs the compilation of its own sources and of those it listens to.
struct Routing: Sendable {
  let sources: [SourceReference: SourceBinding]
  /// By module, then by number.
  let routes: [String: [Int64: RouteLabel]]

  static let empty = Routing(sources: [:], routes: [:])

  /// What people call a route, and where it leads.
  struct RouteLabel: Sendable {
    let module: String
    let route: String
    let actor: String
    /// How often the actor may be told of what is stored for it, for a route with an inbox.
    let inboxBudget: StartBudget?
    /// As `delivery.max_starts` was written.
    let startsText: String?
  }

  func label(ofRoute key: Int64) -> RouteLabel? {
    for routes in routes.values {
      if let label = routes[key] { return label }
    }
    return nil
  }

  /// One source with everything that listens to it.
  final class SourceBinding: Sendable {
    let key: Int64
    let generation: Int64
    let table: RouteTable
    /// By the index of ``RouteTable/entries``.
    let routes: [RouteBinding]
    /// By the index of ``RouteTable/conditions``.
    private let conditions: [Int64]

    init(
      key: Int64, generation: Int64, table: RouteTable, routes: [RouteBinding],
      conditions: [Int64]
    ) {
      self.key = key
      self.generation = generation
      self.table = table
      self.routes = routes
      self.conditions = conditions
    }

    /// The decision record of the routes that did not match, as the event's row keeps it: for each
    /// the condition's key, what was there, and 1 if a regular expression reached its limit.
    func record(of nonMatches: [RoutingDecision.NonMatch]) -> String? {
      guard !nonMatches.isEmpty else { return nil }
      var writer = JSONWriter()
      writer.append(raw: "[".utf8)
      for (index, nonMatch) in nonMatches.enumerated() {
        writer.append(raw: (index == 0 ? "[" : ",[").utf8)
        writer.append(raw: String(conditions[nonMatch.condition]).utf8)
        writer.append(raw: ",".utf8)
        if let actual = nonMatch.actual {
          writer.append(string: actual)
        } else {
          writer.append(raw: "null".utf8)
        }
        // A third element only where there is something to say; views read the first two.
        writer.append(raw: (nonMatch.isRegexLimit ? ",1]" : "]").utf8)
      }
      writer.append(raw: "]".utf8)
      return String(decoding: writer.bytes, as: UTF8.self)
    }
  }

  /// Where the deliveries of a route go.
  struct RouteBinding: Sendable {
    let key: Int64
    let lane: Int64
    let generation: Int64
    let orderKey: DotPath?
    let budget: StartBudget?

    func delivery(of event: EventView) -> DeliveryRecord {
      DeliveryRecord(
        lane: lane, route: key, orderKey: orderKeyValue(of: event), generation: generation,
        budget: budget)
    }

    private func orderKeyValue(of event: EventView) -> DeliveryRecord.OrderKeyValue {
      guard let orderKey else { return .none }
      if orderKey.segments.count == 1, orderKey.segments[0].key == "trace_id" {
        // Begun here, a trace has its id only when the event has its number.
        return event.traceID.map { .text($0) } ?? .traceID
      }
      return OrderKey.value(of: event, at: orderKey).map { .text($0) } ?? .none
    }
  }
}
