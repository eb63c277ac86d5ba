import Store

/// A database without a runtime, on which dead letters are requeued and events replayed all the
/// same: the work itself is done at the next start (cli-http.md 2.4).
///
/// It holds the file's lock until ``close()``, as a runtime would.
package final class StoppedDatabase: Sendable {
  let store: EventStore
  let time: TimeSource

  /// Blocks while it opens.
  ///
  /// - Throws: ``EngineError`` `.locked` when a runtime holds the file after all.
  package init(path: String, time: TimeSource = .system) throws(EngineError) {
    do throws(StoreError) {
      store = try EventStore(path: path)
    } catch {
      throw EngineError(opening: error)
    }
    self.time = time
  }

  /// Blocks until everything is on the disk.
  package func close() { store.close() }

  /// - Throws: ``EngineError`` `.moduleNotFound` for what is neither a name nor an alias.
  package func checkModule(_ name: String) async throws {
    _ = try await store.inspection.moduleName(name)
  }

  /// As ``Runtime/carryOut(_:requester:)``.
  package func carryOut(
    _ order: LetterOrder, requester: String
  ) async throws -> LetterReport {
    let desk = LetterDesk(store: store, time: time)
    let part = try await desk.part(of: order)
    let report = try await EngineError.wrapping { () throws(StoreError) in
      try await desk.carryOut(order, part, resting: nil).report
    }
    if order.after == nil, report.done > 0 {
      let shown = order.shown(report)
      await log([
        LogEntry(
          .operatorAction, timestampMs: time.wallMs,
          result: "\(order.logged) \(shown) by \(requester)",
          metadata: [
            "action": .string(order.logged), "by": .string(requester), "object": .string(shown),
          ])
      ])
    }
    return report
  }

  private var replayDesk: ReplayDesk { ReplayDesk(store: store, time: time, rematch: nil) }

  /// As ``Runtime/dryRun(_:)``, without a rematch.
  package func dryRun(_ order: ReplayOrder) async throws -> ReplayReport {
    try await replayDesk.dryRun(order)
  }

  /// As ``Runtime/replay(_:id:limit:requester:)``, without a rematch.
  package func replay(
    _ order: ReplayOrder?, id: String?, limit: Int, requester: String
  ) async throws -> ReplayReport {
    let result = try await replayDesk.step(
      order, id: id ?? ReplayDesk.newID(), limit: min(max(limit, 1), Limits.queuePageMax),
      requester: requester)
    await log(result.entries(by: requester, nowMs: time.wallMs))
    return result.report
  }

  private func log(_ entries: [LogEntry]) async {
    guard !entries.isEmpty else { return }
    let sink = StoredLog(store: store, retentionMs: RuntimeSettings().logRetentionMs)
    await sink.write(entries)
  }
}
