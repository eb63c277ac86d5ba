import Store

/// The compiled routes of the active modules with the numbers that rows need: one immutable value
/// that every event sees whole, old or new (events.md 3: one generation per event).
final class Routing: Sendable {
  let table: RouteTable
  /// By the index of ``RouteTable/entries``.
  let routes: [RouteBinding]
  let sources: [SourceReference: SourceBinding]
  /// By the index of ``RouteTable/conditions``.
  private let conditions: [Int64]

  struct SourceBinding: Sendable {
    let key: Int64
    let generation: Int64
  }

  /// Where the deliveries of a route go.
  struct RouteBinding: Sendable {
    let key: Int64
    let lane: Int64
    let generation: Int64
    let orderKey: DotPath?

    func delivery(of event: EventView) -> DeliveryRecord {
      DeliveryRecord(
        lane: lane, route: key, orderKey: orderKeyValue(of: event), generation: generation)
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

  static let empty = Routing(table: .empty, routes: [], sources: [:], conditions: [])

  init(
    table: RouteTable, routes: [RouteBinding], sources: [SourceReference: SourceBinding],
    conditions: [Int64]
  ) {
    self.table = table
    self.routes = routes
    self.sources = sources
    self.conditions = conditions
  }

  /// The decision record of the routes that did not match, as the event's row keeps it.
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
      writer.append(raw: "]".utf8)
    }
    writer.append(raw: "]".utf8)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
