/// How many deliveries a queue takes, and what happens beyond that (config.md 7.2).
package struct QueueBound: Sendable, Hashable {
  /// Of deliveries that are pending or waiting; those in flight, parked or held up with their whole
  /// route are not counted.
  package var depth: Int
  package var overflow: Overflow

  package enum Overflow: String, Sendable, CaseIterable {
    case dropOldest = "drop_oldest"
    case dropNewest = "drop_newest"
    case block, park
  }

  package init(depth: Int, overflow: Overflow) {
    self.depth = depth
    self.overflow = overflow
  }
}

/// What a full queue did with a delivery.
package struct QueueOverflow: Sendable, Hashable {
  package let lane: Int64
  /// Of the delivery that was dropped or parked.
  package let route: Int64
  package let policy: QueueBound.Overflow
  /// The bound.
  package let depth: Int
  /// The delivery that was dropped or parked; nil when it was refused, and its event with it.
  package let delivery: Int64?
  /// When its event was accepted, milliseconds since 1970.
  package let acceptedAtMs: Int64?
  /// How many met the bound since the last report of the queue, this one included.
  package let affected: Int
}

/// What a transaction did to queues beyond what its caller asked for, for the lanes that work on
/// them.
package struct QueueNews: Sendable {
  /// A delivery that has been taken out of its queue.
  package struct Dropped: Sendable, Hashable {
    package let lane: Int64
    package let delivery: Int64
    package let orderKey: String?

    package init(lane: Int64, delivery: Int64, orderKey: String?) {
      self.lane = lane
      self.delivery = delivery
      self.orderKey = orderKey
    }
  }

  package var dropped: [Dropped] = []
  /// By lane: the oldest of the deliveries that have moved up into it.
  package var promoted: [Int64: Int64] = [:]
  /// Events that tell of a full queue, accepted with what filled it.
  package var notices: [(record: AcceptRecord, receipt: AcceptReceipt)] = []

  package var isEmpty: Bool { dropped.isEmpty && promoted.isEmpty && notices.isEmpty }
}
