/// What became of one delivery that was to be requeued or dropped.
package enum LetterOutcome: Sendable, Hashable {
  case queued(QueuePlace)
  /// With the lane that has lost it, if it was in one.
  case dropped(lane: Int64?)
  /// It is in a state that this cannot be done in.
  case refused(state: String)
  case missing
}

/// Dead letters and what else an operator may bring back or end (events.md 4.1).
extension EventStore {
  /// Queues deliveries again that have ended, each under its own number, with its attempts and a
  /// new budget; those that are parked go on. One transaction: give at most a few hundred.
  ///
  /// - Parameters:
  ///   - states: Only from these.
  ///   - retransform: What the transforms made of the event is forgotten.
  /// - Returns: One outcome for each delivery. Asked again, a delivery is refused: it is not in
  ///   those states any more.
  package func requeue(
    _ deliveries: [Int64], from states: Set<String>, retransform: Bool
  ) async throws(StoreError) -> [LetterOutcome] {
    try await write { connection throws(StoreError) in
      let letters = try LetterWriter(connection)
      var outcomes: [LetterOutcome] = []
      for delivery in deliveries {
        let outcome = try letters.requeue(delivery, from: states)
        if retransform, case .queued = outcome { try letters.forgetTransformed(delivery) }
        outcomes.append(outcome)
      }
      CrashPoint.lettersWritten.reached()
      return outcomes
    }
  }

  /// Ends deliveries as `dropped`, reason `operator`; their events stay. One transaction.
  ///
  /// - Parameter resting: Routes whose deliveries nobody takes now, so that those which are parked
  ///   only because of that can be dropped; nil = all, because nothing runs.
  package func dropLetters(
    _ deliveries: [Int64], from states: Set<String>, resting: Set<Int64>?, nowMs: Int64
  ) async throws(StoreError) -> [LetterOutcome] {
    try await write { connection throws(StoreError) in
      let letters = try LetterWriter(connection)
      var outcomes: [LetterOutcome] = []
      for delivery in deliveries {
        outcomes.append(
          try letters.drop(delivery, from: states, resting: resting, nowMs: nowMs))
      }
      CrashPoint.lettersWritten.reached()
      return outcomes
    }
  }
}

/// Requeues and drops within one transaction.
private final class LetterWriter {
  private let connection: WriterConnection
  private let door: QueueDoor
  private let letter: Statement
  private let take: Statement
  private let dropSettled: Statement
  private let forget: Statement
  private let unsettled: Statement
  private let unpark: Statement

  init(_ connection: WriterConnection) throws(StoreError) {
    self.connection = connection
    door = try QueueDoor(connection)
    letter = try connection.connection.prepare(SQL.letter)
    take = try connection.connection.prepare(SQL.takeLetter)
    dropSettled = try connection.connection.prepare(SQL.dropLetter)
    forget = try connection.connection.prepare(SQL.forgetTransformed)
    unsettled = try connection.connection.prepare(SQL.unsettledState)
    unpark = try connection.connection.prepare(SQL.unpark)
  }

  func requeue(_ delivery: Int64, from states: Set<String>) throws(StoreError) -> LetterOutcome {
    guard let (state, entry) = try settled(delivery) else {
      guard let row = try queued(delivery) else { return .missing }
      // What is parked because of its route or module goes on by itself when that is back.
      guard row.isParked, states.contains("parked") else { return .refused(state: row.state) }
      unpark.bind(1, row.lane)
      unpark.bind(2, delivery)
      try unpark.run(doing: "release a parked delivery")
      return .queued(QueuePlace(lane: row.lane, delivery: delivery, orderKey: row.orderKey))
    }
    guard state != "delivered", states.contains(state) else { return .refused(state: state) }
    take.bind(1, delivery)
    try take.run(doing: "take back a dead letter")
    return .queued(try door.enter(entry))
  }

  func drop(
    _ delivery: Int64, from states: Set<String>, resting: Set<Int64>?, nowMs: Int64
  ) throws(StoreError) -> LetterOutcome {
    guard let (state, _) = try settled(delivery) else {
      return try dropQueued(delivery, from: states, resting: resting, nowMs: nowMs)
    }
    guard ["dead", "skipped"].contains(state), states.contains(state) else {
      return .refused(state: state)
    }
    dropSettled.bind(1, delivery)
    dropSettled.bind(2, nowMs)
    try dropSettled.run(doing: "drop a dead letter")
    return .dropped(lane: nil)
  }

  private func dropQueued(
    _ delivery: Int64, from states: Set<String>, resting: Set<Int64>?, nowMs: Int64
  ) throws(StoreError) -> LetterOutcome {
    guard let row = try queued(delivery) else { return .missing }
    guard row.state == "parked", states.contains("parked"),
      row.isParked || resting?.contains(row.route) ?? true
    else { return .refused(state: row.state) }
    let isDropped = try connection.dropQueued(
      delivery, of: row.lane, reason: "operator", nowMs: nowMs)
    return isDropped ? .dropped(lane: row.lane) : .refused(state: "running")
  }

  func forgetTransformed(_ delivery: Int64) throws(StoreError) {
    forget.bind(1, delivery)
    try forget.run(doing: "forget a transformed event")
  }

  private func settled(
    _ delivery: Int64
  ) throws(StoreError) -> (state: String, entry: QueueEntry)? {
    defer { letter.reset() }
    letter.bind(1, delivery)
    guard try letter.step(doing: "find a dead letter") else { return nil }
    let entry = QueueEntry(
      delivery: delivery, route: letter.int64(1), lane: letter.int64(0),
      generation: letter.int64(2), attempts: letter.int(4), orderKey: letter.optionalText(5),
      createdAtMs: letter.optionalInt64(6), replay: letter.optionalText(7))
    return (letter.text(3), entry)
  }

  /// A delivery that has not ended; parked by its own row or not, its state in words.
  private struct Queued {
    let lane: Int64
    let isParked: Bool
    let state: String
    let route: Int64
    let orderKey: String?
  }

  private func queued(_ delivery: Int64) throws(StoreError) -> Queued? {
    defer { unsettled.reset() }
    unsettled.bind(1, delivery)
    guard try unsettled.step(doing: "find a delivery") else { return nil }
    return Queued(
      lane: unsettled.int64(0), isParked: unsettled.int64(1) != 0, state: unsettled.text(2),
      route: unsettled.int64(3), orderKey: unsettled.optionalText(4))
  }
}
