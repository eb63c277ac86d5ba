extension WriterConnection {
  /// Records attempts before their actors are called (config.md 7.1, step 1).
  ///
  /// - Returns: Deliveries that have left the queue meanwhile: no attempt of theirs may be made.
  func start(_ records: [StartRecord], paces: [LanePace]) throws(StoreError) -> [Int64] {
    var gone: [Int64] = []
    for pace in paces {
      statements.savePace.bind(1, pace.lane)
      statements.savePace.bind(2, String(pace.fullAtMs))
      statements.savePace.bind(3, pace.nextStartMs)
      try statements.savePace.run(doing: "store the pace of a lane")
    }
    for record in records {
      statements.startAttempt.bind(1, record.delivery)
      statements.startAttempt.bind(2, record.lane)
      statements.startAttempt.bind(3, record.number)
      statements.startAttempt.bind(4, record.startedAtMs)
      statements.startAttempt.bind(5, record.generation)
      try statements.startAttempt.run(doing: "start an attempt")
      if statements.startAttempt.changes() == 1 {
        fill.count(-1, lane: record.lane)
      } else {
        gone.append(record.delivery)
      }
    }
    if let lane = records.first?.lane { try promote(lane) }
    return gone
  }

  /// Records outcomes, and accepts the events that actors answered with.
  ///
  /// Settling an attempt a second time changes nothing, whatever the second outcome says.
  ///
  /// - Returns: The receipts of all follow-up events, record by record; behind them that of an
  ///   inbox notification, whose notice has the event.
  func settle(_ records: [SettleRecord]) throws(StoreError) -> [[AcceptReceipt]] {
    var receipts: [[AcceptReceipt]] = []
    receipts.reserveCapacity(records.count)
    for var record in records {
      // The attempt is over whatever follows: its row must not outlive it.
      let lane = try endAttempt(record.start)
      // An attempt that was settled before keeps its outcome, and its answer is not accepted twice.
      guard try record.isUndone ? lane != nil : recordAttempt(record) else {
        receipts.append([])
        continue
      }
      if let lane { record.start.lane = lane }
      let notification = try settle(record)
      if let audit = record.audit { try store(audit, of: record) }
      if let breaker = record.breaker { try save(breaker) }
      if record.disablesActor {
        statements.disableActor.bind(1, record.route)
        statements.disableActor.bind(2, record.endedAtMs)
        try statements.disableActor.run(doing: "disable an actor")
        try countAnew()
      }
      var accepted = try accept(AcceptBatch(records: record.followUps))
      if let notification { accepted.append(notification) }
      receipts.append(accepted)
    }
    return receipts
  }

  /// - Returns: The lane that the delivery is in now: it may have been moved during the attempt.
  private func endAttempt(_ start: StartRecord) throws(StoreError) -> Int64? {
    defer { statements.endAttempt.reset() }
    statements.endAttempt.bind(1, start.delivery)
    guard try statements.endAttempt.step(doing: "end an attempt") else { return nil }
    let lane = statements.endAttempt.int64(0)
    while try statements.endAttempt.step(doing: "end an attempt") {}
    return lane
  }

  private func settle(_ record: SettleRecord) throws(StoreError) -> AcceptReceipt? {
    let start = record.start
    if let transformed = record.transformed {
      statements.storeTransformed.bind(1, start.delivery)
      statements.storeTransformed.bind(2, text: transformed)
      try statements.storeTransformed.run(doing: "store a transformed event")
    }
    switch record.disposition {
    case .settled(let state, let reason):
      return try settle(record, state: state, reason: reason)
    case .waiting(let dueAtMs, let reason):
      statements.wait.bind(1, start.lane)
      statements.wait.bind(2, start.delivery)
      statements.wait.bind(3, dueAtMs)
      statements.wait.bind(4, record.isUndone ? start.number - 1 : start.number)
      statements.wait.bind(5, reason)
      try statements.wait.run(doing: "put off a delivery")
      fill.comesBack(start.delivery, lane: start.lane)
      try hold(record.keys, of: record)
    case .parked(let reason):
      statements.park.bind(1, start.lane)
      statements.park.bind(2, start.delivery)
      statements.park.bind(3, start.number)
      statements.park.bind(4, reason)
      try statements.park.run(doing: "park a delivery")
      try hold(record.keys, of: record)
    }
    return nil
  }

  private func save(_ breaker: BreakerRow) throws(StoreError) {
    switch breaker.scope {
    case .route(let key): try save(breaker, of: key, with: statements.saveRouteBreaker)
    case .lane(let key): try save(breaker, of: key, with: statements.saveLaneBreaker)
    }
  }

  private func save(
    _ breaker: BreakerRow, of key: Int64, with statement: borrowing Statement
  ) throws(StoreError) {
    statement.bind(1, key)
    statement.bind(2, breaker.failures)
    statement.bind(3, breaker.openUntilMs)
    try statement.run(doing: "store a circuit breaker")
  }

  /// - Returns: False when the attempt was recorded before.
  private func recordAttempt(_ record: SettleRecord) throws(StoreError) -> Bool {
    statements.recordAttempt.bind(1, record.start.delivery)
    statements.recordAttempt.bind(2, record.start.number)
    statements.recordAttempt.bind(3, record.start.startedAtMs)
    statements.recordAttempt.bind(4, record.endedAtMs)
    statements.recordAttempt.bind(5, record.outcome)
    statements.recordAttempt.bind(6, record.statusCode)
    statements.recordAttempt.bind(7, record.error)
    statements.recordAttempt.bind(8, record.retryAfterMs)
    statements.recordAttempt.bind(9, record.responseExcerpt)
    statements.recordAttempt.bind(10, record.output)
    statements.recordAttempt.bind(11, record.promptHash)
    statements.recordAttempt.bind(12, record.start.generation)
    statements.recordAttempt.bind(13, record.transforms)
    try statements.recordAttempt.run(doing: "record an attempt")
    return statements.recordAttempt.changes() == 1
  }

  private func settle(
    _ record: SettleRecord, state: String, reason: String?
  ) throws(StoreError) -> AcceptReceipt? {
    statements.dequeue.bind(1, record.start.lane)
    statements.dequeue.bind(2, record.start.delivery)
    try statements.dequeue.run(doing: "take a delivery off its queue")
    // Invariant 2: one terminal outcome. A delivery that left the queue otherwise meanwhile (an
    // operator dropped it) keeps the outcome it has; the attempt above still says what happened.
    guard statements.dequeue.changes() == 1 else { return nil }
    statements.settle.bind(1, record.start.delivery)
    statements.settle.bind(2, record.start.lane)
    statements.settle.bind(3, record.route)
    statements.settle.bind(4, record.start.generation)
    statements.settle.bind(5, state)
    statements.settle.bind(6, reason)
    statements.settle.bind(7, record.start.number)
    statements.settle.bind(8, record.endedAtMs)
    statements.settle.bind(9, record.orderKey)
    statements.settle.bind(10, record.createdAtMs)
    statements.settle.bind(11, record.replay)
    try statements.settle.run(doing: "settle a delivery")
    try use(record.keys, of: record, isDelivered: state == "delivered")
    guard let entry = record.inbox else { return nil }
    return try store(entry, of: record)
  }
}
