import Store

/// Keeps the entries that have no event, delivery or attempt row behind them in the database, where
/// `v_logs` shows them (design.md 4): what the runtime, its modules and its operators did.
struct StoredLog: LogSink {
  static let phases: Set<LogPhase> = [
    .runtimeStart, .runtimeStop, .moduleLoading, .moduleActive, .moduleUnloading, .moduleRemoved,
    .moduleError, .configApplied, .operatorAction, .pipelineBackpressure, .actorDisabled,
    .actorEnabled, .systemStart, .systemStop, .replayStart, .replayDone, .inboxExpired,
    .runtimeRetention,
  ]

  let store: EventStore
  /// Milliseconds that entries are kept for (config.md 12, `log_retention`).
  let retentionMs: Int64

  let minimumLevel = LogLevel.info

  func write(_ entries: [LogEntry]) async {
    let rows = entries.map { entry in
      LogRow(
        timestampMs: entry.timestampMs, phase: entry.phase.rawValue,
        level: entry.phase.style.level.rawValue, module: entry.module, source: entry.source,
        fields: JSONText(entry.json).bytes)
    }
    guard let newestMs = rows.map(\.timestampMs).max() else { return }
    // A log that cannot be written must not end what it speaks of; the disk that is full is told
    // of by the pipeline itself.
    try? await store.append(rows, forgettingBeforeMs: newestMs - retentionMs)
  }

  func close() async {}
}
