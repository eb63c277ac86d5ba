/// What a start finds: attempts that a crash cut off, and queues that the configuration no longer
/// has.
extension EventStore {
  /// Attempts that were in flight when the last runtime ended, with their deliveries.
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

  /// Lays the queue out as the configuration has it now.
  ///
  /// Deliveries of routes that are in `lanes` go to the lane they have there, and those parked as
  /// `route_removed` or `module_unloaded` move up again; deliveries of all other routes are parked.
  ///
  /// - Parameters:
  ///   - lanes: Route number to lane number, for all active routes.
  ///   - dueMaxMs: The latest due time that a delivery can have. A later one was written by a clock
  ///     that has been corrected since, and is brought back.
  /// - Returns: How many deliveries are unsettled.
  package func arrangeQueue(
    lanes: [Int64: Int64], dueMaxMs: Int64 = .max
  ) async throws(StoreError) -> Int {
    try await write { connection throws(StoreError) in
      let clamp = try connection.connection.prepare(
        "UPDATE queue SET due_at_ms = ?1 WHERE state = 2 AND due_at_ms > ?1")
      clamp.bind(1, dueMaxMs)
      try clamp.run(doing: "bring back due times")
      let query = try connection.connection.prepare(
        """
        SELECT lane, route, sum(state = 3 AND wait_reason IN ('route_removed', 'module_unloaded')),
          sum(state <> 3), count(*)
        FROM queue GROUP BY lane, route
        """)
      var total = 0
      var moves: [(lane: Int64, route: Int64, to: Int64?, parked: Int, active: Int)] = []
      while try query.step(doing: "read the queues") {
        total += query.int(4)
        let route = query.int64(1)
        moves.append((query.int64(0), route, lanes[route], query.int(2), query.int(3)))
      }
      for move in moves {
        if let lane = move.to {
          if lane != move.lane { try connection.move(move.lane, move.route, to: lane) }
          if move.parked > 0 { try connection.unpark(lane, move.route) }
        } else if move.active > 0 {
          try connection.park(move.lane, move.route, reason: "route_removed")
        }
      }
      return total
    }
  }
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

extension WriterConnection {
  fileprivate func move(_ lane: Int64, _ route: Int64, to: Int64) throws(StoreError) {
    // What runs is settled in the lane where its delivery is, so it moves along.
    try run(
      """
      UPDATE running SET lane = ?3
      WHERE lane = ?1 AND delivery IN (
        SELECT delivery FROM queue WHERE lane = ?1 AND route = ?2
      )
      """, lane, route, to)
    try run("UPDATE queue SET lane = ?3 WHERE lane = ?1 AND route = ?2", lane, route, to)
  }

  fileprivate func unpark(_ lane: Int64, _ route: Int64) throws(StoreError) {
    try run(
      """
      UPDATE queue SET state = 0, wait_reason = NULL
      WHERE lane = ?1 AND route = ?2 AND state = 3
        AND wait_reason IN ('route_removed', 'module_unloaded')
      """, lane, route, nil)
  }

  fileprivate func park(_ lane: Int64, _ route: Int64, reason: String) throws(StoreError) {
    let statement = try connection.prepare(
      """
      UPDATE queue SET state = 3, due_at_ms = NULL, wait_reason = ?3
      WHERE lane = ?1 AND route = ?2 AND state <> 3
      """)
    statement.bind(1, lane)
    statement.bind(2, route)
    statement.bind(3, reason)
    try statement.run(doing: "park deliveries")
  }

  private func run(
    _ sql: String, _ lane: Int64, _ route: Int64, _ third: Int64?
  ) throws(StoreError) {
    let statement = try connection.prepare(sql)
    statement.bind(1, lane)
    statement.bind(2, route)
    if let third { statement.bind(3, third) }
    try statement.run(doing: "arrange the queues")
  }
}
