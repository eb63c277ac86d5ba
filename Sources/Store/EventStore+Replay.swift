/// A replay as its row has it: what was asked for, and how far it has come.
package struct ReplayRow: Sendable, Hashable {
  package var id: String
  /// A JSON object.
  package var request: String
  package var startedAtMs: Int64
  package var startedBy: String
  /// Events up to this number are done.
  package var reached: Int64
  /// Later events are no part of it.
  package var newest: Int64
  package var events: Int
  package var deliveries: Int
  package var doneAtMs: Int64?

  package init(
    id: String, request: String, startedAtMs: Int64, startedBy: String, reached: Int64 = 0,
    newest: Int64, events: Int = 0, deliveries: Int = 0, doneAtMs: Int64? = nil
  ) {
    self.id = id
    self.request = request
    self.startedAtMs = startedAtMs
    self.startedBy = startedBy
    self.reached = reached
    self.newest = newest
    self.events = events
    self.deliveries = deliveries
    self.doneAtMs = doneAtMs
  }
}

/// New deliveries of one stored event.
package struct ReplayRecord: Sendable {
  package var sequence: Int64
  package var deliveries: [DeliveryRecord]

  package init(sequence: Int64, deliveries: [DeliveryRecord]) {
    self.sequence = sequence
    self.deliveries = deliveries
  }
}

/// What one step of a replay has made.
package struct ReplayStep: Sendable {
  /// The replay as it is now.
  package var row: ReplayRow
  package var places: [QueuePlace] = []
  /// Events that have as many deliveries as an event can have.
  package var full: Int = 0
}

extension EventStore {
  /// Stores that a replay has begun. One that has begun before stays as it is.
  ///
  /// - Returns: The replay as the file has it.
  package func begin(_ replay: ReplayRow) async throws(StoreError) -> ReplayRow {
    try await write { connection throws(StoreError) in
      let insert = try connection.connection.prepare(
        """
        INSERT INTO replays (id, request, started_at_ms, started_by, newest)
        VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (id) DO NOTHING
        """)
      insert.bind(1, replay.id)
      insert.bind(2, replay.request)
      insert.bind(3, replay.startedAtMs)
      insert.bind(4, replay.startedBy)
      insert.bind(5, replay.newest)
      try insert.run(doing: "begin a replay")
      guard let row = try connection.connection.replay(replay.id) else {
        throw StoreError(.corrupt, "a replay went away while it began")
      }
      return row
    }
  }

  /// Makes the deliveries of some events and takes the replay forward: all, or nothing.
  ///
  /// Neither `sources.event_count` nor the dedup keys are touched: a replay is no new event.
  ///
  /// - Parameters:
  ///   - replay: As it was read; when it has come further meanwhile nothing is written.
  ///   - reached: The newest event that is done then.
  ///   - isDone: There are no more.
  /// - Returns: Nil when somebody else has taken the replay further.
  package func advance(
    _ replay: ReplayRow, _ records: [ReplayRecord], to reached: Int64, isDone: Bool, nowMs: Int64
  ) async throws(StoreError) -> ReplayStep? {
    try await write { connection throws(StoreError) in
      var step = ReplayStep(row: replay)
      let writer = try ReplayWriter(connection, replay: replay.id, nowMs: nowMs)
      var events = 0
      // First: a second one that does the same work must not get as far as making deliveries.
      let stored = try connection.connection.replay(replay.id)
      guard let stored, stored.reached == replay.reached, stored.doneAtMs == nil else {
        return nil
      }
      for record in records where !record.deliveries.isEmpty {
        guard let places = try writer.replay(record) else {
          step.full += 1
          continue
        }
        events += 1
        step.places += places
      }
      let update = try connection.connection.prepare(SQL.advanceReplay)
      update.bind(1, replay.id)
      update.bind(2, replay.reached)
      update.bind(3, reached)
      update.bind(4, events)
      update.bind(5, step.places.count)
      update.bind(6, isDone ? nowMs : nil)
      try update.run(doing: "take a replay forward")
      guard update.changes() == 1 else {
        throw StoreError(.corrupt, "a replay changed while it was taken forward")
      }
      step.row.reached = reached
      step.row.events += events
      step.row.deliveries += step.places.count
      step.row.doneAtMs = isDone ? nowMs : nil
      CrashPoint.lettersWritten.reached()
      return step
    }
  }

  /// A replay by its id; nil when there is none.
  package func replay(_ id: String) async throws(StoreError) -> ReplayRow? {
    try await read { reader throws(StoreError) in try reader.connection.replay(id) }
  }

  /// The number of the newest event.
  package func newestEvent() async throws(StoreError) -> Int64 {
    try await newestDelivery() >> 16
  }
}

extension Connection {
  fileprivate func replay(_ id: String) throws(StoreError) -> ReplayRow? {
    let query = try prepare(
      """
      SELECT request, started_at_ms, started_by, reached, newest, events, deliveries, done_at_ms
      FROM replays WHERE id = ?1
      """)
    query.bind(1, id)
    guard try query.step(doing: "read a replay") else { return nil }
    return ReplayRow(
      id: id, request: query.text(0), startedAtMs: query.int64(1), startedBy: query.text(2),
      reached: query.int64(3), newest: query.int64(4), events: query.int(5),
      deliveries: query.int(6), doneAtMs: query.optionalInt64(7))
  }
}

/// Makes deliveries within one transaction.
private final class ReplayWriter {
  private let connection: WriterConnection
  private let door: QueueDoor
  private let add: Statement
  private let replay: String
  private let nowMs: Int64

  init(_ connection: WriterConnection, replay: String, nowMs: Int64) throws(StoreError) {
    self.connection = connection
    self.replay = replay
    self.nowMs = nowMs
    door = try QueueDoor(connection)
    add = try connection.connection.prepare(SQL.addDeliveries)
  }

  /// - Returns: Nil when the event has no room for them, or is not there.
  func replay(_ record: ReplayRecord) throws(StoreError) -> [QueuePlace]? {
    guard let (first, acceptedAtMs) = try reserve(record) else { return nil }
    var places: [QueuePlace] = []
    for (index, delivery) in record.deliveries.enumerated() {
      let orderKey: String? =
        switch delivery.orderKey {
        case .none: nil
        case .text(let key): key
        case .traceID:
          connection.identity.traceID(sequence: record.sequence, acceptedAtMs: acceptedAtMs)
        }
      places.append(
        try door.enter(
          QueueEntry(
            delivery: record.sequence << 16 | Int64(first + index), route: delivery.route,
            lane: delivery.lane, generation: delivery.generation, orderKey: orderKey,
            createdAtMs: nowMs, replay: replay)))
    }
    return places
  }

  /// - Returns: The number of the first new delivery within its event.
  private func reserve(
    _ record: ReplayRecord
  ) throws(StoreError) -> (first: Int, acceptedAtMs: Int64)? {
    defer { add.reset() }
    add.bind(1, record.sequence)
    add.bind(2, record.deliveries.count)
    guard try add.step(doing: "add deliveries to an event") else { return nil }
    let reserved = (add.int(0) - record.deliveries.count, add.int64(1))
    while try add.step(doing: "add deliveries to an event") {}
    return reserved
  }
}
