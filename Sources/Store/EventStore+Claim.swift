/// What lanes read: deliveries that are due, in the order they were accepted.
extension EventStore {
  /// Pending deliveries of a lane after a place, in acceptance order.
  ///
  /// - Parameters:
  ///   - number: The delivery number to go on after; 0 begins at the oldest.
  ///   - limit: At most this many.
  ///   - routes: Only of these; nil = of all.
  package func pending(
    lane: Int64, after number: Int64, limit: Int, routes: Set<Int64>? = nil
  ) async throws(StoreError) -> [QueuedDelivery] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(SQL.claim)
      query.bind(1, lane)
      query.bind(2, number)
      query.bind(3, limit)
      query.bind(4, routes.map { numberList(Array($0)) })
      return try queuedDeliveries(of: query, lane: lane)
    }
  }

  /// Waiting deliveries of a lane that are due, earliest due time first, and when the next one
  /// after them is due.
  package func due(
    lane: Int64, nowMs: Int64, limit: Int
  ) async throws(StoreError) -> (page: [QueuedDelivery], nextDueMs: Int64?) {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(SQL.claimDue)
      query.bind(1, lane)
      query.bind(2, nowMs)
      query.bind(3, limit)
      let page = try queuedDeliveries(of: query, lane: lane)
      // A full page may have left some behind that are due as well.
      if page.count >= limit { return (page, nowMs) }
      let next = try reader.connection.prepare(SQL.nextDueAfter)
      next.bind(1, lane)
      next.bind(2, nowMs)
      return (page, try next.step(doing: "find the next due time") ? next.optionalInt64(0) : nil)
    }
  }

  /// The oldest delivery of an order key, whether pending or waiting.
  package func oldest(
    lane: Int64, orderKey: String, routes: Set<Int64>? = nil
  ) async throws(StoreError) -> QueuedDelivery? {
    try await read { reader throws(StoreError) in
      let head = try reader.connection.prepare(SQL.headOfKey)
      head.bind(1, lane)
      head.bind(2, orderKey)
      head.bind(3, routes.map { numberList(Array($0)) })
      guard try head.step(doing: "find the next of an order key") else { return nil }
      let query = try reader.connection.prepare(SQL.claimOne)
      query.bind(1, lane)
      query.bind(2, head.int64(0))
      return try queuedDeliveries(of: query, lane: lane).first
    }
  }

  /// What a lane must know when it begins: when its earliest waiting delivery is due, and which
  /// order keys are waiting.
  package func waiting(
    lane: Int64
  ) async throws(StoreError) -> (nextDueMs: Int64?, orderKeys: [String]) {
    try await read { reader throws(StoreError) in
      let due = try reader.connection.prepare(SQL.nextDue)
      due.bind(1, lane)
      let nextDueMs = try due.step(doing: "find the next due time") ? due.optionalInt64(0) : nil
      let query = try reader.connection.prepare(SQL.waitingKeys)
      query.bind(1, lane)
      var keys: [String] = []
      while try query.step(doing: "find waiting order keys") { keys.append(query.text(0)) }
      return (nextDueMs, keys)
    }
  }

  /// The event that a pipeline left behind at an earlier attempt; nil when there is none.
  package func transformedEvent(delivery: Int64) async throws(StoreError) -> [UInt8]? {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare("SELECT event FROM transformed WHERE delivery = ?1")
      query.bind(1, delivery)
      return try query.step(doing: "read a transformed event") ? query.textBytes(0) : nil
    }
  }
}

/// Reads rows of `SQL.claim` and its siblings.
func queuedDeliveries(
  of query: borrowing Statement, lane: Int64
) throws(StoreError) -> [QueuedDelivery] {
  var result: [QueuedDelivery] = []
  while try query.step(doing: "read the queue") {
    let event = EventRow(
      sequence: query.int64(9), acceptedAtMs: query.int64(10), source: query.int64(11),
      type: query.int(12), provenance: query.textBytes(13), payload: query.textBytes(14),
      extra: query.optionalTextBytes(15), externalID: query.optionalText(16),
      traceID: query.optionalText(17))
    result.append(
      QueuedDelivery(
        delivery: query.int64(0), lane: lane, route: query.int64(1), generation: query.int64(2),
        attempts: query.int(3), attemptsBefore: query.int(4), orderKey: query.optionalText(5),
        dueAtMs: query.optionalInt64(6), createdAtMs: query.optionalInt64(7),
        replay: query.optionalText(8), event: event))
  }
  return result
}
