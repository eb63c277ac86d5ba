/// A stored event with what caused it.
package struct RecordedEvent: Sendable {
  package let row: EventRow
  /// It is the answer of an actor: its source is that actor.
  package let isFollowUp: Bool
}

/// Reading what was recorded, for trying another configuration on it.
extension StoreReader {
  /// 8 MiB: events of one page together.
  private static let recordedBytes = 8 << 20

  /// What ids of events and traces are made with.
  package func identity() async throws(StoreError) -> Identity {
    try await read { reader throws(StoreError) in try reader.identity() }
  }

  /// The numbers of the stored events, from the oldest to the newest; nil when there are none.
  ///
  /// - Parameters:
  ///   - fromMs: Only those that were accepted then or later; nil is all.
  ///   - count: At most so many of the newest numbers; nil is all.
  package func recordedRange(
    fromMs: Int64?, count: Int64?
  ) async throws(StoreError) -> ClosedRange<Int64>? {
    try await read { reader throws(StoreError) in
      try reader.snapshot { () throws(StoreError) in
        let doing = "find the newest event"
        guard
          let last = try reader.connection.integer(
            "SELECT sequence FROM events ORDER BY sequence DESC LIMIT 1", doing: doing),
          let oldest = try reader.connection.integer(
            "SELECT sequence FROM events ORDER BY sequence LIMIT 1", doing: doing)
        else { return nil }
        var first = max(oldest, count.map { last - $0 + 1 } ?? oldest)
        if let fromMs { first = try max(first, reader.firstEvent(since: fromMs, first...last)) }
        return first <= last ? first...last : nil
      }
    }
  }

  /// Events in a range of numbers, the newest first, as many as fit into one page.
  package func recordedEvents(
    _ range: ClosedRange<Int64>, limit: Int
  ) async throws(StoreError) -> [RecordedEvent] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(SQL.recordedEvents)
      query.bind(1, range.lowerBound)
      query.bind(2, range.upperBound)
      query.bind(3, limit)
      var events: [RecordedEvent] = []
      var bytes = 0
      while bytes < StoreReader.recordedBytes, try query.step(doing: "read events") {
        let row = EventRow(
          sequence: query.int64(0), acceptedAtMs: query.int64(1), source: query.int64(2),
          type: query.int(3), provenance: query.textBytes(4), payload: query.textBytes(5),
          extra: query.optionalTextBytes(6), externalID: query.optionalText(7),
          traceID: query.optionalText(8))
        bytes += row.provenance.count + row.payload.count
        events.append(RecordedEvent(row: row, isFollowUp: query.optionalInt64(9) != nil))
      }
      return events
    }
  }
}

extension ReaderConnection {
  /// The first event that was accepted at a time or later, found by halving: numbers rise with time,
  /// as far as clocks do.
  fileprivate func firstEvent(
    since ms: Int64, _ range: ClosedRange<Int64>
  ) throws(StoreError) -> Int64 {
    let query = try connection.prepare(
      "SELECT sequence, accepted_at_ms FROM events WHERE sequence >= ?1 ORDER BY sequence LIMIT 1")
    var (low, high) = (range.lowerBound, range.upperBound + 1)
    while low < high {
      defer { query.reset() }
      let middle = low + (high - low) / 2
      query.bind(1, middle)
      guard try query.step(doing: "find an event by its time") else {
        high = middle
        continue
      }
      if query.int64(1) >= ms { high = middle } else { low = query.int64(0) + 1 }
    }
    return low
  }
}

extension SQL {
  /// Primary key, backwards.
  package static let recordedEvents = """
    SELECT
      sequence, accepted_at_ms, source, type, provenance, payload, extra, external_id, trace, cause
    FROM events
    WHERE sequence BETWEEN ?1 AND ?2
    ORDER BY sequence DESC
    LIMIT ?3
    """
}
