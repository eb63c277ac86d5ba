/// A delivery that enters the queue otherwise than with its event: again, or as a replay.
struct QueueEntry {
  var delivery: Int64
  var route: Int64
  /// The lane that it was in before, for a route that names none.
  var lane: Int64
  var generation: Int64
  /// Made so far; none of them counts for the budget that begins now.
  var attempts = 0
  var orderKey: String?
  var createdAtMs: Int64?
  var replay: String?
}

/// Where a delivery is queued now: what its lane has to be told.
package struct QueuePlace: Sendable, Hashable {
  package let lane: Int64
  package let delivery: Int64
  package let orderKey: String?

  package init(lane: Int64, delivery: Int64, orderKey: String?) {
    self.lane = lane
    self.delivery = delivery
    self.orderKey = orderKey
  }
}

/// The one way into the queue for deliveries whose event is older than they are. Its statements are
/// prepared once for a batch.
final class QueueDoor {
  private let connection: WriterConnection
  private let insert: Statement
  private let laneOfRoute: Statement
  /// By route, for as long as the transaction lasts.
  private var lanes: [Int64: Int64] = [:]

  init(_ connection: WriterConnection) throws(StoreError) {
    self.connection = connection
    insert = try connection.connection.prepare(SQL.enqueueAgain)
    laneOfRoute = try connection.connection.prepare(SQL.laneOfRoute)
  }

  /// Queues a delivery where its route's deliveries are.
  func enter(_ entry: QueueEntry) throws(StoreError) -> QueuePlace {
    let lane = try lane(of: entry)
    insert.bind(1, lane)
    insert.bind(2, entry.delivery)
    insert.bind(3, entry.route)
    insert.bind(4, entry.generation)
    insert.bind(5, entry.attempts)
    insert.bind(6, entry.orderKey)
    insert.bind(7, entry.createdAtMs)
    insert.bind(8, entry.replay)
    try insert.run(doing: "queue a delivery")
    return QueuePlace(lane: lane, delivery: entry.delivery, orderKey: entry.orderKey)
  }

  private func lane(of entry: QueueEntry) throws(StoreError) -> Int64 {
    if let known = connection.home(of: entry.route) ?? lanes[entry.route] { return known }
    defer { laneOfRoute.reset() }
    laneOfRoute.bind(1, entry.route)
    let found = try laneOfRoute.step(doing: "find the lane of a route")
    let lane = (found ? laneOfRoute.optionalInt64(0) : nil) ?? entry.lane
    lanes[entry.route] = lane
    return lane
  }
}
