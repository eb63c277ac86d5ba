package import Store

/// Deletes what is old, and gives its room back: a long-lived loop beside the lanes.
///
/// It works in batches, each a transaction of a few milliseconds, and leaves the writer to others in
/// between. Whatever ends it in the middle, the next pass goes on from there.
package struct Retention: Sendable {
  let store: EventStore
  let time: TimeSource
  let log: LogFanout
  /// Milliseconds that log entries are kept.
  let logRetentionMs: Int64
  let stopping: StopSignal

  package init(store: EventStore, time: TimeSource, log: LogFanout, logRetentionMs: Int64) {
    self.init(
      store: store, time: time, log: log, logRetentionMs: logRetentionMs, stopping: StopSignal())
  }

  init(
    store: EventStore, time: TimeSource, log: LogFanout, logRetentionMs: Int64,
    stopping: StopSignal
  ) {
    self.store = store
    self.time = time
    self.log = log
    self.logRetentionMs = logRetentionMs
    self.stopping = stopping
  }

  /// 100 s: a pass that finds nothing costs a handful of look-ups.
  static let intervalMs: Int64 = 100_000
  /// 1,000 events of the log, of which only the first columns are read.
  private static let pageMax = 1_000
  /// A tenth of the file, or 256 pages (2 MiB), stay free for what comes next: giving back every
  /// page would make the file grow and shrink all the time.
  private static let freeShare: Int64 = 10
  private static let freePagesMax: Int64 = 256

  /// What one pass has done.
  package struct Totals: Sendable, Hashable {
    package var events = 0
    var deliveries = 0
    var deadLetters = 0
    var dedupKeys = 0
    var coverage = 0
    var logEntries = 0
    var generations = 0
    package var pages: Int64 = 0
    /// Of the writer by one operation, its commit included.
    package var longestHoldMs: Int64 = 0

    package init() {}

    var isEmpty: Bool {
      events == 0 && deliveries == 0 && dedupKeys == 0 && coverage == 0 && logEntries == 0
        && generations == 0 && pages == 0
    }
  }

  /// Works until the runtime stops, or the task is cancelled.
  func run() async {
    while await stopping.sleep(ms: Retention.intervalMs, time: time) { _ = await pass() }
  }

  /// Deletes all that is old now.
  package func pass() async -> Totals {
    let beganMs = time.monotonicMs
    var totals = Totals()
    var failure: StoreError?
    do throws(StoreError) {
      try await forgetAll(&totals)
      try await shrink(&totals)
    } catch {
      failure = error
    }
    if !totals.isEmpty { report(totals, durationMs: time.monotonicMs - beganMs) }
    guard let failure, failure.code != .closed else { return totals }
    log.emit(.systemError) {
      LogEntry(
        .systemError, timestampMs: time.wallMs,
        error: "what is old cannot be deleted, and is tried again in 100 s: \(failure)")
    }
    return totals
  }

  private func report(_ totals: Totals, durationMs: Int64) {
    log.emit(.runtimeRetention) {
      LogEntry(
        .runtimeRetention, timestampMs: time.wallMs, result: "deleted", durationMs: durationMs,
        metadata: [
          "events": JSONValue(totals.events), "deliveries": JSONValue(totals.deliveries),
          "dead_letters": JSONValue(totals.deadLetters),
          "dedup_keys": JSONValue(totals.dedupKeys), "coverage": JSONValue(totals.coverage),
          "log_entries": JSONValue(totals.logEntries),
          "generations": JSONValue(totals.generations), "pages": JSONValue(totals.pages),
          "longest_hold_ms": JSONValue(totals.longestHoldMs),
        ])
    }
  }

  // MARK: Deleting

  private func forgetAll(_ totals: inout Totals) async throws(StoreError) {
    // Old by both clocks: one that jumps ahead must not delete a week's history.
    let nowMs = min(time.wallMs, time.steadyMs)
    let logsBeforeMs = nowMs - logRetentionMs
    let needs = try await store.retentionNeeds(nowMs: nowMs, logsBeforeMs: logsBeforeMs)
    for group in RetentionPlan(needs.modules, nowMs: nowMs).groups {
      try await prune(group, nowMs, &totals)
    }
    if needs.hasKeptEventsDue { try await pruneKept(nowMs, &totals) }
    if needs.hasExpiredKeys {
      let keysBeforeMs = nowMs - RetentionTimes.keyGraceMs
      try await forget(.deliveredKeys, beforeMs: keysBeforeMs, &totals, \.dedupKeys)
    }
    if needs.hasOldCoverage {
      try await forget(.coverage, beforeMs: nowMs, &totals, \.coverage)
    }
    if needs.hasOldReplays {
      try await forget(.replays, beforeMs: logsBeforeMs, &totals, \.logEntries)
    }
    if needs.hasOldLogs {
      try await forget(.logs, beforeMs: logsBeforeMs, &totals, \.logEntries)
    }
    try await forgetGenerations(nowMs, &totals)
  }

  private func prune(
    _ group: RetentionPlan.Group, _ nowMs: Int64, _ totals: inout Totals
  ) async throws(StoreError) {
    var pace = BatchPace(in: 16...1_024)
    var through = group.through
    var noted = through
    while !stopping.isSet {
      let page = try await store.events(after: through, limit: Retention.pageMax)
      let found = group.find(in: page, nowMs: nowMs)
      if let last = found.through { through = last }
      let isEnd = found.isEnd || page.count < Retention.pageMax
      // Where others' events are passed over, the place is noted once.
      if !found.events.isEmpty || (isEnd && through > noted) {
        let batch = PruneBatch(
          events: found.events, modules: Array(group.modules), through: through, nowMs: nowMs,
          rowsMax: 0)
        guard try await prune(batch, &pace, &totals) else { return }
        noted = through
      }
      if isEnd { return }
    }
  }

  private func pruneKept(_ nowMs: Int64, _ totals: inout Totals) async throws(StoreError) {
    var pace = BatchPace(in: 16...1_024)
    while !stopping.isSet {
      let page = try await store.keptEvents(dueAtMs: nowMs, limit: Retention.pageMax)
      guard !page.isEmpty else { return }
      let batch = PruneBatch(events: page, nowMs: nowMs, rowsMax: 0)
      guard try await prune(batch, &pace, &totals) else { return }
    }
  }

  /// Deletes a page in as many operations as it takes.
  ///
  /// - Returns: False when the runtime stops before it is done.
  private func prune(
    _ page: PruneBatch, _ pace: inout BatchPace, _ totals: inout Totals
  ) async throws(StoreError) -> Bool {
    var batch = page
    repeat {
      let hold = HoldWatch(limitMs: BatchPace.targetMs, clock: { time.monotonicMs })
      batch.rowsMax = pace.size
      let report = try await store.prune(batch, hold: hold)
      batch.events.removeFirst(report.looked)
      totals.events += report.events
      totals.deliveries += report.deliveries
      totals.deadLetters += report.deadLetters
      guard await leaveToOthers(hold, &pace, &totals) else { return false }
    } while !batch.events.isEmpty
    return true
  }

  private func forget(
    _ remains: EventStore.Remains, beforeMs: Int64, _ totals: inout Totals,
    _ total: WritableKeyPath<Totals, Int>
  ) async throws(StoreError) {
    var pace = BatchPace(in: 16...1_024)
    while true {
      let hold = HoldWatch(limitMs: BatchPace.targetMs, clock: { time.monotonicMs })
      let limit = pace.size
      let count = try await store.forget(remains, beforeMs: beforeMs, limit: limit, hold: hold)
      totals[keyPath: total] += count
      guard count >= limit, await leaveToOthers(hold, &pace, &totals) else { return }
    }
  }

  private func forgetGenerations(
    _ nowMs: Int64, _ totals: inout Totals
  ) async throws(StoreError) {
    var pace = BatchPace(in: 4...64)
    while !stopping.isSet {
      let old = try await store.inspection.oldGenerations(nowMs: nowMs, limit: pace.size)
      guard !old.isEmpty else { return }
      let hold = HoldWatch(limitMs: BatchPace.targetMs, clock: { time.monotonicMs })
      try await store.forgetGenerations(old, hold: hold)
      totals.generations += old.count
      guard await leaveToOthers(hold, &pace, &totals) else { return }
    }
  }

  /// - Returns: False when the runtime stops.
  private func leaveToOthers(
    _ hold: HoldWatch, _ pace: inout BatchPace, _ totals: inout Totals
  ) async -> Bool {
    let elapsedMs = hold.elapsedMs
    totals.longestHoldMs = max(totals.longestHoldMs, elapsedMs)
    pace.note(elapsedMs: elapsedMs)
    return await stopping.sleep(ms: BatchPace.pauseMs(after: elapsedMs), time: time)
  }

  // MARK: Giving room back

  /// Shortens the file where much of it is empty; all that is empty when the disk is full.
  private func shrink(_ totals: inout Totals) async throws(StoreError) {
    let pages = try await store.pages()
    let spare =
      store.hasRoom ? max(pages.count / Retention.freeShare, Retention.freePagesMax) : 0
    guard pages.free > spare, !stopping.isSet else { return }
    var pace = BatchPace(in: 4...128)
    var left = pages.free - spare
    while left > 0 {
      let hold = HoldWatch(limitMs: BatchPace.targetMs, clock: { time.monotonicMs })
      let count = min(Int64(pace.size), left)
      try await store.vacuum(pagesMax: Int(count), hold: hold)
      left -= count
      totals.pages += count
      guard await leaveToOthers(hold, &pace, &totals) else { break }
    }
    try await store.checkpoint()
  }
}
