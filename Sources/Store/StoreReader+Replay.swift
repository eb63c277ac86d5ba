/// A stored event that may be replayed, with what was delivered of it.
package struct ReplayCandidate: Sendable {
  package let event: EventRow
  package let source: String
  package let module: String
  /// By their numbers.
  package let past: [PastDelivery]
}

/// A delivery of an event that is to be replayed.
package struct PastDelivery: Sendable, Hashable {
  package let number: Int64
  package let route: Int64
  package let lane: Int64
  /// As `settled.state`, or `unsettled`.
  package let state: String
  package let orderKey: String?
  package let generation: Int64
}

/// Events in a row, and whether there are more.
package struct ReplayPage: Sendable {
  package var events: [ReplayCandidate] = []
  /// Everything up to this number has been looked at.
  package var reached: Int64
  package var isLast: Bool
}

/// A route as a replay needs it.
package struct RouteName: Sendable, Hashable {
  package let name: String
  package let module: String
  package let actor: String
  /// The configuration that its module has now.
  package let generation: Int64?
}

extension StoreReader {
  /// 16 MiB: events of one page together.
  static let replayBytes = 16 << 20

  /// Events to replay, oldest first, with what was delivered of them.
  ///
  /// - Parameters:
  ///   - filter: `above` and `below` say where; `route` and `actor` must be left out of it, because
  ///     they name deliveries.
  ///   - sequences: Only of these; nil = of all.
  package func replayPage(
    _ filter: EventFilter, of sequences: [Int64]?
  ) async throws(StoreError) -> ReplayPage {
    try await read { reader throws(StoreError) in
      try reader.snapshot { () throws(StoreError) in
        try reader.replayPage(filter, of: sequences)
      }
    }
  }

  /// The numbers of events by their ids; nil for one that is not there.
  package func eventNumbers(_ ids: [String]) async throws(StoreError) -> [Int64?] {
    try await read { reader throws(StoreError) in
      var numbers: [Int64?] = []
      for id in ids { numbers.append(try reader.sequence(ofEvent: id)) }
      return numbers
    }
  }

  /// The rows of events, by number.
  package func eventRows(_ sequences: [Int64]) async throws(StoreError) -> [Int64: EventRow] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT sequence, accepted_at_ms, source, type, provenance, payload, extra, external_id, trace
        FROM events WHERE sequence IN (SELECT value FROM json_each(?1))
        """)
      query.bind(1, numberList(sequences))
      var rows: [Int64: EventRow] = [:]
      while try query.step(doing: "read events") {
        rows[query.int64(0)] = EventRow(
          sequence: query.int64(0), acceptedAtMs: query.int64(1), source: query.int64(2),
          type: query.int(3), provenance: query.textBytes(4), payload: query.textBytes(5),
          extra: query.optionalTextBytes(6), externalID: query.optionalText(7),
          traceID: query.optionalText(8))
      }
      return rows
    }
  }

  /// All routes that the file knows, by number.
  package func routeNames() async throws(StoreError) -> [Int64: RouteName] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT r.key, r.name, m.name, r.actor, m.generation
        FROM routes AS r JOIN modules AS m ON m.key = r.module
        """)
      var names: [Int64: RouteName] = [:]
      while try query.step(doing: "read the names of routes") {
        names[query.int64(0)] = RouteName(
          name: query.text(1), module: query.text(2), actor: query.text(3),
          generation: query.optionalInt64(4))
      }
      return names
    }
  }
}

extension ReaderConnection {
  fileprivate func replayPage(
    _ filter: EventFilter, of given: [Int64]?
  ) throws(StoreError) -> ReplayPage {
    let above = filter.above ?? 0
    let sequences: [Int64]
    if let given {
      sequences = Array(given.filter { $0 > above }.sorted().prefix(filter.limit))
    } else {
      sequences = try self.sequences(filter)
    }
    let event = try connection.prepare(
      """
      SELECT e.accepted_at_ms, e.source, e.type, e.provenance, e.payload, e.extra, e.external_id,
        e.trace, e.deliveries, s.id, m.name
      FROM events AS e
        CROSS JOIN sources AS s ON s.key = e.source
        CROSS JOIN modules AS m ON m.key = s.module
      WHERE e.sequence = ?1
      """)
    let settled = try connection.prepare(SQL.pastDeliveries)
    let queued = try connection.prepare(SQL.queuedDeliveries)
    var page = ReplayPage(reached: above, isLast: sequences.count < filter.limit)
    var bytes = 0
    for sequence in sequences {
      if bytes > StoreReader.replayBytes { return ReplayPage(page, isLast: false) }
      defer { event.reset() }
      event.bind(1, sequence)
      page.reached = sequence
      guard try event.step(doing: "read an event") else { continue }
      let row = EventRow(
        sequence: sequence, acceptedAtMs: event.int64(0), source: event.int64(1),
        type: event.int(2), provenance: event.textBytes(3), payload: event.textBytes(4),
        extra: event.optionalTextBytes(5), externalID: event.optionalText(6),
        traceID: event.optionalText(7))
      bytes += row.provenance.count + row.payload.count
      var past = try self.past(sequence, settled)
      if past.count < event.int(8) { past += try self.past(sequence, queued) }
      page.events.append(
        ReplayCandidate(
          event: row, source: event.text(9), module: event.text(10),
          past: past.sorted { $0.number < $1.number }))
    }
    return page
  }

  private func past(
    _ sequence: Int64, _ query: borrowing Statement
  ) throws(StoreError) -> [PastDelivery] {
    defer { query.reset() }
    query.bind(1, sequence << 16)
    var past: [PastDelivery] = []
    while try query.step(doing: "read the deliveries of an event") {
      past.append(
        PastDelivery(
          number: query.int64(0), route: query.int64(1), lane: query.int64(2),
          state: query.text(3), orderKey: query.optionalText(4), generation: query.int64(5)))
    }
    return past
  }
}

extension ReplayPage {
  fileprivate init(_ page: ReplayPage, isLast: Bool) {
    self = page
    self.isLast = isLast
  }
}
