/// What a start finds: attempts that a crash cut off, and deliveries that lie in another lane than
/// the configuration says.
extension EventStore {
  /// Attempts that the file shows as running, with their deliveries.
  package func interrupted() async throws(StoreError) -> [(StartRecord, QueuedDelivery?)] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        "SELECT delivery, lane, number, started_at_ms, generation FROM running ORDER BY delivery")
      var result: [(StartRecord, QueuedDelivery?)] = []
      while try query.step(doing: "read interrupted attempts") {
        let start = StartRecord(
          delivery: query.int64(0), lane: query.int64(1), number: query.int(2),
          startedAtMs: query.int64(3), generation: query.int64(4))
        result.append((start, try reader.queued(lane: start.lane, delivery: start.delivery)))
      }
      return result
    }
  }

  /// Brings back due times that a clock has written which was corrected since.
  ///
  /// - Parameter dueMaxMs: The latest due time that a delivery can have.
  package func clampDueTimes(to dueMaxMs: Int64) async throws(StoreError) {
    try await write { connection throws(StoreError) in
      let clamp = try connection.connection.prepare(
        "UPDATE queue SET due_at_ms = ?1 WHERE state = 2 AND due_at_ms > ?1")
      clamp.bind(1, dueMaxMs)
      try clamp.run(doing: "bring back due times")
    }
  }

  /// Which routes have unsettled deliveries in which lane, and how many.
  ///
  /// - Complexity: One pass over the queue.
  package func queueLayout() async throws(StoreError) -> [QueuePart] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        "SELECT lane, route, count(*) FROM queue GROUP BY lane, route")
      var parts: [QueuePart] = []
      while try query.step(doing: "read the queues") {
        parts.append(
          QueuePart(lane: query.int64(0), route: query.int64(1), count: query.int(2)))
      }
      return parts
    }
  }

  /// The unsettled deliveries of one route in one lane after a place, oldest first.
  ///
  /// - Complexity: One pass over what lies in the lane between the place and the last that is found.
  package func unsettled(
    lane: Int64, route: Int64, after number: Int64, limit: Int
  ) async throws(StoreError) -> [Int64] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT delivery FROM queue
        WHERE lane = ?1 AND delivery > ?2 AND route = ?3
        ORDER BY delivery LIMIT ?4
        """)
      query.bind(1, lane)
      query.bind(2, number)
      query.bind(3, route)
      query.bind(4, limit)
      var numbers: [Int64] = []
      while try query.step(doing: "read the queue of a route") { numbers.append(query.int64(0)) }
      return numbers
    }
  }

  /// Moves deliveries into another lane. What runs is settled in the lane where its delivery is,
  /// so it moves along.
  package func move(
    _ deliveries: [Int64], from lane: Int64, to other: Int64
  ) async throws(StoreError) {
    try await write { connection throws(StoreError) in
      for sql in [
        "UPDATE running SET lane = ?3 WHERE lane = ?1 AND delivery = ?2",
        "UPDATE queue SET lane = ?3 WHERE lane = ?1 AND delivery = ?2",
      ] {
        let update = try connection.connection.prepare(sql)
        for delivery in deliveries {
          update.bind(1, lane)
          update.bind(2, delivery)
          update.bind(3, other)
          try update.run(doing: "move deliveries")
        }
      }
    }
  }

  /// Deliveries with a higher number were made after this moment.
  package func newestDelivery() async throws(StoreError) -> Int64 {
    try await read { reader throws(StoreError) in
      let sequence = try reader.connection.integer(
        "SELECT max(sequence) FROM events", doing: "read the log's end")
      return (sequence ?? 0) << 16 | 65_535
    }
  }

  /// Moves what has come into the old lane since, and says that all deliveries of a route are in
  /// their new lane. What was routed before and is committed after this goes there too, so that
  /// nothing stays behind.
  ///
  /// - Parameter number: The newest delivery of before the old lane was read to its end.
  package func finishMove(
    ofRoute route: Int64, from lane: Int64, to other: Int64, after number: Int64
  ) async throws(StoreError) {
    try await write { connection throws(StoreError) in
      for sql in [
        """
        UPDATE running SET lane = ?3 WHERE delivery IN (
          SELECT delivery FROM queue WHERE lane = ?1 AND delivery > ?4 AND route = ?2
        )
        """,
        "UPDATE queue SET lane = ?3 WHERE lane = ?1 AND delivery > ?4 AND route = ?2",
      ] {
        let update = try connection.connection.prepare(sql)
        update.bind(1, lane)
        update.bind(2, route)
        update.bind(3, other)
        update.bind(4, number)
        try update.run(doing: "finish a move")
      }
      let update = try connection.connection.prepare("UPDATE routes SET lane = ?2 WHERE key = ?1")
      update.bind(1, route)
      update.bind(2, other)
      try update.run(doing: "set the lane of a route")
      // A commit that fails undoes the rows and not this; then the move is made again, to the same
      // lane.
      connection.redirect(route: route, to: other)
      try connection.promote(other)
    }
  }

  /// Ends deliveries that do not run as `dropped`, because an operator said so.
  ///
  /// - Returns: How many there were; one that has been settled meanwhile keeps its outcome.
  package func drop(
    _ deliveries: [Int64], lane: Int64, nowMs: Int64
  ) async throws(StoreError) -> Int {
    try await write { connection throws(StoreError) in
      var count = 0
      for delivery in deliveries
      where try connection.dropQueued(delivery, of: lane, reason: "operator", nowMs: nowMs) {
        count += 1
      }
      return count
    }
  }

  /// Makes waiting deliveries of a lane pending: whoever holds them back does not need their due
  /// time, or what they waited for is there.
  package func release(
    _ deliveries: [Int64], lane: Int64,
    completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
  ) {
    submit(
      keepsFill: true,
      { connection throws(StoreError) in
        for delivery in deliveries {
          connection.statements.release.bind(1, lane)
          connection.statements.release.bind(2, delivery)
          try connection.statements.release.run(doing: "release a delivery")
        }
      }, completion: completion)
  }
}

/// What one route has in one lane.
package struct QueuePart: Sendable, Hashable {
  package let lane: Int64
  package let route: Int64
  package let count: Int
}

extension ReaderConnection {
  /// One unsettled delivery with its event; nil when it is not in that lane's queue.
  func queued(lane: Int64, delivery: Int64) throws(StoreError) -> QueuedDelivery? {
    let query = try connection.prepare(SQL.claimOne)
    query.bind(1, lane)
    query.bind(2, delivery)
    return try queuedDeliveries(of: query, lane: lane).first
  }
}
