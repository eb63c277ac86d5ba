/// Queues with a bound (config.md 7.2), kept within the transaction that would exceed it.
extension WriterConnection {
  /// What becomes of a new delivery.
  enum Admission {
    case queued
    case parked
    case dropped
  }

  // MARK: Before a batch

  /// The first queue that holds back a batch: it is full, and its bound says `block`.
  ///
  /// A batch that has begun to be accepted is accepted whole, so a queue can exceed its depth by
  /// one batch.
  func blocking(_ batch: AcceptBatch) throws(StoreError) -> QueueOverflow? {
    guard batch.canBeHeldBack else { return nil }
    for record in batch.records {
      for delivery in record.deliveries {
        let lane = lane(of: delivery)
        guard let bound = fill.bounds[lane], bound.overflow == .block else { continue }
        guard try counted(lane, bound).count >= bound.depth else { continue }
        let full = overflow(
          of: nil, route: delivery.route, lane: lane, bound, acceptedAtMs: nil)
        try report([full], nowMs: record.acceptedAtMs)
        return full
      }
    }
    return nil
  }

  // MARK: One delivery

  /// Makes room for a new delivery, or says that there is none.
  func admit(
    lane: Int64, route: Int64, delivery: Int64, acceptedAtMs: Int64,
    _ overflows: inout [QueueOverflow]
  ) throws(StoreError) -> Admission {
    guard let bound = fill.bounds[lane] else { return .queued }
    let found = try counted(lane, bound)
    let isFull = found.count >= bound.depth
    let parks = bound.overflow == .park ? try hasParked(lane, bound) || isFull : false
    switch bound.overflow {
    case .park where parks:
      fill[lane]?.hasParked = true
      overflows.append(
        overflow(of: delivery, route: route, lane: lane, bound, acceptedAtMs: acceptedAtMs))
      return .parked
    case .dropNewest where isFull:
      fill[lane]?.decisions += 1
      overflows.append(
        overflow(of: delivery, route: route, lane: lane, bound, acceptedAtMs: acceptedAtMs))
      return .dropped
    case .dropOldest where isFull:
      // One for one: a queue that an operator has filled beyond its bound, or whose bound was
      // lowered, does not lose what is in it at once.
      if let dropped = try dropOldest(of: lane, bound, nowMs: acceptedAtMs) {
        overflows.append(dropped)
      }
    case .dropOldest, .dropNewest, .park, .block: break
    }
    fill.count(1, lane: lane)
    return .queued
  }

  /// What is parked goes before what comes now.
  private func hasParked(_ lane: Int64, _ bound: QueueBound) throws(StoreError) -> Bool {
    guard fill[lane]?.hasParked ?? false else { return false }
    try promote(lane, bound)
    let found = try counted(lane, bound)
    return found.hasParked || found.count >= bound.depth
  }

  /// Ends the oldest delivery of a queue that is not in flight; nil when there is none.
  private func dropOldest(
    of lane: Int64, _ bound: QueueBound, nowMs: Int64
  ) throws(StoreError) -> QueueOverflow? {
    defer { statements.oldestQueued.reset() }
    statements.oldestQueued.bind(1, lane)
    statements.oldestQueued.bind(2, fill[lane]?.droppedTo ?? 0)
    guard try statements.oldestQueued.step(doing: "find the oldest of a queue") else {
      // It was counted wrong.
      fill[lane] = nil
      return nil
    }
    let (delivery, route) = (statements.oldestQueued.int64(0), statements.oldestQueued.int64(1))
    let orderKey = statements.oldestQueued.optionalText(2)
    let acceptedAtMs = statements.oldestQueued.int64(3)
    guard try dropQueued(delivery, of: lane, reason: "overflow", nowMs: nowMs) else { return nil }
    fill.count(-1, lane: lane)
    fill[lane]?.droppedTo = delivery
    fill[lane]?.decisions += 1
    news.dropped.append(
      QueueNews.Dropped(lane: lane, delivery: delivery, orderKey: orderKey))
    return overflow(of: delivery, route: route, lane: lane, bound, acceptedAtMs: acceptedAtMs)
  }

  /// Ends a queued delivery as `dropped`.
  ///
  /// - Returns: False when it runs, or is not in that queue.
  func dropQueued(
    _ delivery: Int64, of lane: Int64, reason: String, nowMs: Int64
  ) throws(StoreError) -> Bool {
    statements.dropQueued.bind(1, lane)
    statements.dropQueued.bind(2, delivery)
    statements.dropQueued.bind(3, nowMs)
    statements.dropQueued.bind(4, reason)
    try statements.dropQueued.run(doing: "drop a delivery")
    guard statements.dropQueued.changes() == 1 else { return false }
    statements.dequeue.bind(1, lane)
    statements.dequeue.bind(2, delivery)
    try statements.dequeue.run(doing: "drop a delivery")
    return true
  }

  private func overflow(
    of delivery: Int64?, route: Int64, lane: Int64, _ bound: QueueBound, acceptedAtMs: Int64?
  ) -> QueueOverflow {
    fill.reports[lane, default: QueueFill.Report(lastMs: .min, affected: 0)].affected += 1
    return QueueOverflow(
      lane: lane, route: route, policy: bound.overflow, depth: bound.depth, delivery: delivery,
      acceptedAtMs: acceptedAtMs, affected: fill.reports[lane]?.affected ?? 1)
  }

  /// Accepts the event that tells of a full queue: the first in a minute (events.md 7.1).
  func report(_ overflows: [QueueOverflow], nowMs: Int64) throws(StoreError) {
    for overflow in overflows {
      guard let report = fill.reports[overflow.lane],
        report.lastMs == .min || nowMs >= report.lastMs + WriterConnection.reportIntervalMs
          // The clock was set back.
          || nowMs < report.lastMs
      else { continue }
      fill.reports[overflow.lane] = QueueFill.Report(lastMs: nowMs, affected: 0)
      guard let record = hooks.event(of: overflow, nowMs: nowMs) else { continue }
      // A queue that its own report does not fit into reports nothing more.
      news.notices.append((record, try accept(record, isReport: true)))
    }
  }

  private static let reportIntervalMs: Int64 = 60_000

  // MARK: Moving up

  /// Takes another bound into use. Nil counts nothing.
  func bound(_ lane: Int64, _ bound: QueueBound?) throws(StoreError) {
    fill.bounds[lane] = bound
    guard let bound else { return }
    try promote(lane, bound)
  }

  /// Lets parked deliveries of a queue move up, oldest first, as far as there is room.
  func promote(_ lane: Int64) throws(StoreError) {
    guard let bound = fill.bounds[lane] else { return }
    try promote(lane, bound)
  }

  private func promote(_ lane: Int64, _ bound: QueueBound) throws(StoreError) {
    let found = try counted(lane, bound)
    guard found.hasParked, found.count < bound.depth else { return }
    let wanted = min(bound.depth - found.count, WriterConnection.promotionsMax)
    defer { statements.promote.reset() }
    statements.promote.bind(1, lane)
    statements.promote.bind(2, wanted)
    var promoted = 0
    while try statements.promote.step(doing: "let parked deliveries move up") {
      promoted += 1
      let delivery = statements.promote.int64(0)
      news.promoted[lane] = min(news.promoted[lane] ?? .max, delivery)
      fill.comesBack(delivery, lane: lane)
    }
    if promoted < wanted { fill[lane]?.hasParked = false }
  }

  /// 1,000 rows are moved up in some 5 ms.
  private static let promotionsMax = 1_000

  // MARK: Counting

  /// Something has changed queues without counting: what was known is not any more, and there may
  /// be room for what is parked.
  func countAnew() throws(StoreError) {
    let parked = fill.lanes.filter(\.value.hasParked).keys
    let blocking = fill.blocking
    fill.forget()
    for lane in parked { try promote(lane) }
    // Sources that are held back look at these.
    for lane in blocking {
      if let bound = fill.bounds[lane] { _ = try counted(lane, bound) }
    }
  }

  /// The count of a queue, from memory where it is known.
  private func counted(_ lane: Int64, _ bound: QueueBound) throws(StoreError) -> QueueFill.Lane {
    if let known = fill[lane], !known.isCut || known.count >= bound.depth,
      known.decisions <= max(bound.depth, WriterConnection.promotionsMax)
    {
      return known
    }
    let most = bound.depth + bound.depth / 2 + WriterConnection.promotionsMax
    statements.countQueued.bind(1, lane)
    statements.countQueued.bind(2, most)
    defer { statements.countQueued.reset() }
    guard try statements.countQueued.step(doing: "count a queue") else {
      throw StoreError(.corrupt, "a queue cannot be counted")
    }
    let count = statements.countQueued.int(0)
    let found = QueueFill.Lane(
      count: count, isCut: count == most, hasParked: statements.countQueued.int(1) != 0)
    fill[lane] = found
    return found
  }
}
