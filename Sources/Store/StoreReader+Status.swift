/// A source as status shows it; the columns of `v_sources`.
package struct SourceStatus: Sendable {
  package let module: String
  package let id: String
  package let connector: String
  package let status: String
  package let checkpoint: String?
  package let lastSuccess: String?
  package let lastAttempt: String?
  package let lastError: String?
  package let consecutiveErrors: Int
  package let circuitOpen: Bool
  package let eventCount: Int
  package let lastEvent: String?
}

/// A module of the registry; the columns of `v_modules`.
package struct ModuleStatus: Sendable {
  package let name: String
  package let alias: String?
  package let state: String
  package let path: String?
  package let generation: Int64?
  package let changedAtMs: Int64
}

/// What waits in one lane.
package struct QueueStatus: Sendable {
  package let module: String
  /// `actor` or `route`.
  package let kind: String
  package let name: String
  package let pending: Int
  package let waiting: Int
  package let parked: Int
  package let running: Int
  /// When the oldest unsettled delivery's event was accepted.
  package let oldestMs: Int64?
  /// Until when the breaker of the queue, or of a route to it, is open; past that moment one attempt
  /// decides. Nil = all are closed.
  package let circuitOpenUntilMs: Int64?
}

/// What is unsettled of one route.
package struct RouteQueueStatus: Sendable, Hashable {
  package let route: String
  package let pending: Int
  package let waiting: Int
  package let parked: Int
  package let running: Int
}

extension StoreReader {
  /// The runtime row; nil when no runtime has ever held this file.
  package func runtime() async throws(StoreError) -> RuntimeRow? {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT pid, process_start, version, workspace, config_path, socket_path, http_address,
          state, started_at_ms, heartbeat_ms, supervisor_pid, supervisor_start
        FROM runtime
        """)
      guard try query.step(doing: "read the runtime row") else { return nil }
      return RuntimeRow(
        pid: query.int64(0), processStart: query.text(1), version: query.text(2),
        workspace: query.text(3), configPath: query.optionalText(4),
        socketPath: query.optionalText(5), httpAddress: query.optionalText(6),
        state: query.text(7), startedAtMs: query.int64(8), heartbeatMs: query.int64(9),
        supervisor: query.optionalInt64(10).map {
          RuntimeRow.Supervisor(pid: $0, start: query.text(11))
        })
    }
  }

  /// All sources, those of modules that are not loaded included; by module and id.
  package func sources() async throws(StoreError) -> [SourceStatus] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT module, source, connector, status, checkpoint, last_success, last_attempt,
          last_error, consecutive_errors, circuit_open, event_count, last_event
        FROM v_sources ORDER BY module, source
        """)
      var list: [SourceStatus] = []
      while try query.step(doing: "read the sources") {
        list.append(
          SourceStatus(
            module: query.text(0), id: query.text(1), connector: query.text(2),
            status: query.text(3), checkpoint: query.optionalText(4),
            lastSuccess: query.optionalText(5), lastAttempt: query.optionalText(6),
            lastError: query.optionalText(7), consecutiveErrors: query.int(8),
            circuitOpen: query.int64(9) != 0, eventCount: query.int(10),
            lastEvent: query.optionalText(11)))
      }
      return list
    }
  }

  /// The registry, removed modules included; by name.
  package func modules() async throws(StoreError) -> [ModuleStatus] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT name, alias, state, path, generation, changed_at_ms FROM modules ORDER BY name
        """)
      var list: [ModuleStatus] = []
      while try query.step(doing: "read the modules") {
        list.append(
          ModuleStatus(
            name: query.text(0), alias: query.optionalText(1), state: query.text(2),
            path: query.optionalText(3), generation: query.optionalInt64(4),
            changedAtMs: query.int64(5)))
      }
      return list
    }
  }

  /// Lanes that have unsettled deliveries.
  ///
  /// - Complexity: One pass over the queue.
  package func queues() async throws(StoreError) -> [QueueStatus] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT m.name, l.kind, l.name, q.pending, q.waiting, q.parked,
          (SELECT count(*) FROM running AS a WHERE a.lane = l.key),
          (SELECT e.accepted_at_ms FROM events AS e WHERE e.sequence = q.oldest >> 16),
          nullif(max(coalesce(l.circuit_open_until_ms, 0), q.circuit_open_until_ms), 0)
        FROM
          (
            SELECT
              u.lane, sum(state = 'pending') AS pending, sum(state = 'waiting') AS waiting,
              sum(state = 'parked') AS parked, min(delivery) AS oldest,
              max(coalesce(r.circuit_open_until_ms, 0)) AS circuit_open_until_ms
            FROM unsettled AS u LEFT JOIN routes AS r ON r.key = u.route
            GROUP BY u.lane
          ) AS q
        JOIN lanes AS l ON l.key = q.lane
        JOIN modules AS m ON m.key = l.module
        ORDER BY m.name, l.kind, l.name
        """)
      var list: [QueueStatus] = []
      while try query.step(doing: "read the queues") {
        list.append(
          QueueStatus(
            module: query.text(0), kind: query.text(1), name: query.text(2),
            pending: query.int(3), waiting: query.int(4), parked: query.int(5),
            running: query.int(6), oldestMs: query.optionalInt64(7),
            circuitOpenUntilMs: query.optionalInt64(8)))
      }
      return list
    }
  }

  /// Unsettled deliveries of a module's routes, by route.
  ///
  /// - Complexity: One pass over the lanes that they are in.
  package func routeQueues(module: String) async throws(StoreError) -> [RouteQueueStatus] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT r.name, sum(u.state = 'pending'), sum(u.state = 'waiting'), sum(u.state = 'parked'),
          sum(u.state = 'running')
        FROM modules AS m
        JOIN routes AS r ON r.module = m.key
        CROSS JOIN unsettled AS u ON u.lane = r.lane AND u.route = r.key
        WHERE m.name = ?1
        GROUP BY r.key
        """)
      query.bind(1, module)
      var list: [RouteQueueStatus] = []
      while try query.step(doing: "read the queues of a module") {
        list.append(
          RouteQueueStatus(
            route: query.text(0), pending: query.int(1), waiting: query.int(2),
            parked: query.int(3), running: query.int(4)))
      }
      return list
    }
  }

  /// Deliveries that ended as `dead`.
  ///
  /// - Complexity: One pass over the partial index `settled_failed`.
  package func deadLetterCount() async throws(StoreError) -> Int {
    try await read { reader throws(StoreError) in
      Int(
        try reader.connection.integer(
          "SELECT count(*) FROM settled WHERE state = 'dead' AND state <> 'delivered'",
          doing: "count dead letters") ?? 0)
    }
  }

  /// Names of all sources by number, those of modules that are not loaded included.
  package func sourceNames() async throws(StoreError) -> [Int64: (module: String, id: String)] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        "SELECT s.key, m.name, s.id FROM sources AS s JOIN modules AS m ON m.key = s.module")
      var names: [Int64: (module: String, id: String)] = [:]
      while try query.step(doing: "read the sources") {
        names[query.int64(0)] = (query.text(1), query.text(2))
      }
      return names
    }
  }

  /// When the oldest event was accepted; nil when there is none.
  package func oldestEventMs() async throws(StoreError) -> Int64? {
    try await read { reader throws(StoreError) in
      try reader.connection.integer(
        "SELECT accepted_at_ms FROM events ORDER BY sequence LIMIT 1",
        doing: "find the oldest event")
    }
  }

  package func pages() async throws(StoreError) -> FilePages {
    try await read { reader throws(StoreError) in
      func number(_ pragma: String) throws(StoreError) -> Int64 {
        try reader.connection.integer("PRAGMA \(pragma)", doing: "measure the database") ?? 0
      }
      return try reader.snapshot { () throws(StoreError) in
        FilePages(
          count: try number("page_count"), free: try number("freelist_count"),
          size: try number("page_size"))
      }
    }
  }
}
