/// What an operator has paused, and why.
package struct PauseRow: Sendable, Hashable {
  /// `source`, `route`, `actor` or `module`.
  package var kind: String
  package var module: String
  package var name: String
  package var sinceMs: Int64
  package var by: String
  package var reason: String?
  /// Ends by itself then; nil lasts until somebody resumes it.
  package var untilMs: Int64?

  package init(
    kind: String, module: String, name: String, sinceMs: Int64, by: String, reason: String?,
    untilMs: Int64?
  ) {
    self.kind = kind
    self.module = module
    self.name = name
    self.sinceMs = sinceMs
    self.by = by
    self.reason = reason
    self.untilMs = untilMs
  }
}

extension EventStore {
  /// Stores pauses, all or none. One that is there keeps its beginning.
  package func pause(_ rows: [PauseRow]) async throws(StoreError) {
    try await write { connection throws(StoreError) in
      let insert = try connection.connection.prepare(
        """
        INSERT INTO paused (kind, module, name, since_ms, by, reason, until_ms)
        SELECT ?1, key, ?3, ?4, ?5, ?6, ?7 FROM modules WHERE name = ?2
        ON CONFLICT (kind, module, name) DO UPDATE SET
          by = excluded.by, reason = excluded.reason, until_ms = excluded.until_ms
        """)
      for row in rows {
        insert.bind(1, row.kind)
        insert.bind(2, row.module)
        insert.bind(3, row.name)
        insert.bind(4, row.sinceMs)
        insert.bind(5, row.by)
        insert.bind(6, row.reason)
        insert.bind(7, row.untilMs)
        try insert.run(doing: "store a pause")
      }
    }
  }

  /// Closes all breakers that lead to an actor, whose configuration has changed.
  ///
  /// - Parameter lane: The actor's.
  package func closeBreakers(ofLane lane: Int64) async throws(StoreError) {
    try await write(keepsFill: true) { connection throws(StoreError) in
      try connection.closeBreakers(ofLane: lane)
    }
  }

  /// Ends pauses, all or none.
  package func resume(_ rows: [PauseRow]) async throws(StoreError) {
    try await write { connection throws(StoreError) in
      let delete = try connection.connection.prepare(
        """
        DELETE FROM paused
        WHERE kind = ?1 AND name = ?3 AND module = (SELECT key FROM modules WHERE name = ?2)
        """)
      for row in rows {
        delete.bind(1, row.kind)
        delete.bind(2, row.module)
        delete.bind(3, row.name)
        try delete.run(doing: "end a pause")
      }
    }
  }
}

extension StoreReader {
  /// Everything that is paused; by module, kind and name.
  package func pauses() async throws(StoreError) -> [PauseRow] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT p.kind, m.name, p.name, p.since_ms, p.by, p.reason, p.until_ms
        FROM paused AS p JOIN modules AS m ON m.key = p.module
        ORDER BY m.name, p.kind, p.name
        """)
      var rows: [PauseRow] = []
      while try query.step(doing: "read what is paused") {
        rows.append(
          PauseRow(
            kind: query.text(0), module: query.text(1), name: query.text(2),
            sinceMs: query.int64(3), by: query.text(4), reason: query.optionalText(5),
            untilMs: query.optionalInt64(6)))
      }
      return rows
    }
  }
}

extension WriterConnection {
  /// Lets an actor that was gone be tried again, and closes the breakers of everything that leads to
  /// it.
  ///
  /// - Parameter lane: The actor's.
  func enableActor(ofLane lane: Int64) throws(StoreError) {
    let update = try connection.prepare("UPDATE lanes SET gone_since_ms = NULL WHERE key = ?1")
    update.bind(1, lane)
    try update.run(doing: "enable an actor")
    try closeBreakers(ofLane: lane)
  }

  /// Closes all breakers that lead to an actor.
  ///
  /// - Parameter lane: The actor's.
  func closeBreakers(ofLane lane: Int64) throws(StoreError) {
    for sql in [
      """
      UPDATE lanes SET consecutive_failures = 0, circuit_open_until_ms = NULL WHERE key = ?1
      """,
      """
      UPDATE routes SET consecutive_failures = 0, circuit_open_until_ms = NULL
      WHERE actor_lane = ?1
      """,
    ] {
      let update = try connection.prepare(sql)
      update.bind(1, lane)
      try update.run(doing: "close breakers")
    }
  }
}
