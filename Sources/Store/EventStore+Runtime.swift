/// The runtime row: who holds the file, and where it answers (cli-http.md 1.2).
package struct RuntimeRow: Sendable, Hashable {
  package var pid: Int64
  /// The kernel's start time of that process, so that a recycled pid is not taken for it.
  package var processStart: String
  package var version: String
  package var workspace: String
  package var configPath: String?
  package var socketPath: String?
  package var httpAddress: String?
  /// `starting`, `ready`, `stopping` or `stopped`.
  package var state: String
  package var startedAtMs: Int64
  package var heartbeatMs: Int64
  /// The process that starts it again when it crashes; nil without one.
  package var supervisor: Supervisor?

  package struct Supervisor: Sendable, Hashable {
    package var pid: Int64
    /// As ``RuntimeRow/processStart``.
    package var start: String

    package init(pid: Int64, start: String) {
      self.pid = pid
      self.start = start
    }
  }

  package init(
    pid: Int64, processStart: String, version: String, workspace: String,
    configPath: String? = nil, socketPath: String? = nil, httpAddress: String? = nil,
    state: String, startedAtMs: Int64, heartbeatMs: Int64, supervisor: Supervisor? = nil
  ) {
    self.supervisor = supervisor
    self.pid = pid
    self.processStart = processStart
    self.version = version
    self.workspace = workspace
    self.configPath = configPath
    self.socketPath = socketPath
    self.httpAddress = httpAddress
    self.state = state
    self.startedAtMs = startedAtMs
    self.heartbeatMs = heartbeatMs
  }
}

/// A log entry that has no event, delivery or attempt row behind it.
package struct LogRow: Sendable {
  package var timestampMs: Int64
  package var phase: String
  /// The console level of events.md 8.2: 0 debug, 1 info, 2 warning, 3 error.
  package var level: Int
  package var module: String?
  package var source: String?
  /// All fields, as one JSON object.
  package var fields: [UInt8]

  package init(
    timestampMs: Int64, phase: String, level: Int, module: String?, source: String?,
    fields: [UInt8]
  ) {
    self.timestampMs = timestampMs
    self.phase = phase
    self.level = level
    self.module = module
    self.source = source
    self.fields = fields
  }
}

extension EventStore {
  /// Writes the runtime row, whatever was there: a row left by a crash is taken over.
  package func save(_ row: RuntimeRow) async throws(StoreError) {
    try await write(keepsFill: true) { connection throws(StoreError) in
      let statement = try connection.connection.prepare(
        """
        INSERT OR REPLACE INTO runtime (
          id, pid, process_start, version, workspace, config_path, socket_path, http_address,
          state, started_at_ms, heartbeat_ms, supervisor_pid, supervisor_start
        )
        VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
        """)
      statement.bind(1, row.pid)
      statement.bind(2, row.processStart)
      statement.bind(3, row.version)
      statement.bind(4, row.workspace)
      statement.bind(5, row.configPath)
      statement.bind(6, row.socketPath)
      statement.bind(7, row.httpAddress)
      statement.bind(8, row.state)
      statement.bind(9, row.startedAtMs)
      statement.bind(10, row.heartbeatMs)
      statement.bind(11, row.supervisor?.pid)
      statement.bind(12, row.supervisor?.start)
      try statement.run(doing: "write the runtime row")
    }
  }

  /// Appends log entries, all or none, in their order, and forgets old ones, a bounded number at a
  /// time.
  ///
  /// - Parameter beforeMs: Entries from before this time may go.
  package func append(
    _ rows: [LogRow], forgettingBeforeMs beforeMs: Int64
  ) async throws(StoreError) {
    try await write(keepsFill: true) { connection throws(StoreError) in
      let forget = try connection.connection.prepare(
        """
        DELETE FROM logs WHERE entry IN (
          SELECT entry FROM logs INDEXED BY logs_time WHERE timestamp_ms < ?1 LIMIT 1000
        )
        """)
      forget.bind(1, beforeMs)
      try forget.run(doing: "forget old log entries")
      let statement = try connection.connection.prepare(
        """
        INSERT INTO logs (timestamp_ms, phase, level, module, source, fields)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        """)
      for row in rows {
        statement.bind(1, row.timestampMs)
        statement.bind(2, row.phase)
        statement.bind(3, row.level)
        statement.bind(4, row.module)
        statement.bind(5, row.source)
        statement.bind(6, text: row.fields)
        try statement.run(doing: "write a log entry")
      }
    }
  }
}
