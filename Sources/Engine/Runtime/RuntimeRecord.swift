import Store

/// Who holds a database, and where it answers (cli-http.md 1.2): the runtime row, in the words of
/// the engine, so that who puts a runtime together needs nothing of the store.
package struct RuntimeRecord: Sendable, Hashable {
  package var pid: Int32
  /// When the process began, in the kernel's own unit: tells a recycled pid from the runtime.
  package var processStart: String
  package var version: String
  package var workspace: String
  package var configPath: String?
  package var socketPath: String?
  /// `host:port`.
  package var httpAddress: String?
  package var phase: Phase
  /// Milliseconds since 1970.
  package var startedAtMs: Int64
  /// Milliseconds since 1970.
  package var heartbeatMs: Int64
  /// The process that starts it again when it crashes (`start --supervised`), and when that began.
  package var supervisor: (pid: Int32, start: String)? {
    get { supervisorRow.flatMap { row in Int32(exactly: row.pid).map { ($0, row.start) } } }
    set {
      supervisorRow = newValue.map { RuntimeRow.Supervisor(pid: Int64($0.pid), start: $0.start) }
    }
  }
  private var supervisorRow: RuntimeRow.Supervisor?

  /// Where in its life a runtime is.
  package enum Phase: String, Sendable { case starting, ready, stopping, stopped }

  package init(
    pid: Int32, processStart: String, version: String, workspace: String, configPath: String?,
    phase: Phase, startedAtMs: Int64
  ) {
    self.pid = pid
    self.processStart = processStart
    self.version = version
    self.workspace = workspace
    self.configPath = configPath
    self.phase = phase
    self.startedAtMs = startedAtMs
    heartbeatMs = startedAtMs
  }

  /// - Returns: Nil for a row that no runtime of ours wrote.
  init?(_ row: RuntimeRow) {
    guard let pid = Int32(exactly: row.pid), let phase = Phase(rawValue: row.state) else {
      return nil
    }
    self.init(
      pid: pid, processStart: row.processStart, version: row.version, workspace: row.workspace,
      configPath: row.configPath, phase: phase, startedAtMs: row.startedAtMs)
    socketPath = row.socketPath
    httpAddress = row.httpAddress
    heartbeatMs = row.heartbeatMs
    supervisorRow = row.supervisor
  }

  var row: RuntimeRow {
    RuntimeRow(
      pid: Int64(pid), processStart: processStart, version: version, workspace: workspace,
      configPath: configPath, socketPath: socketPath, httpAddress: httpAddress,
      state: phase.rawValue, startedAtMs: startedAtMs, heartbeatMs: heartbeatMs,
      supervisor: supervisorRow)
  }
}

extension Runtime {
  /// Writes the runtime row.
  package func save(_ record: RuntimeRecord) async throws { try await save(record.row) }

  /// Whether the database can be written, found out by writing.
  package func canWrite(_ record: RuntimeRecord) async -> Bool { await canWrite(record.row) }

  /// The body of `GET /api/status`; see ``status(_:)-(RuntimeRow)``.
  package func status(_ record: RuntimeRecord) async throws -> JSONValue {
    try await status(record.row)
  }
}

extension Inspector {
  /// The runtime that held the file last, or holds it; nil when none ever has.
  package func lastRuntime() async throws -> RuntimeRecord? {
    try await runtime().flatMap(RuntimeRecord.init)
  }
}
