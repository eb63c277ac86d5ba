import Store

/// Replays beside lanes that work.
extension Runtime {
  private var replayDesk: ReplayDesk {
    ReplayDesk(store: store, time: time, rematch: { [intake] in intake.rematched($0) })
  }

  /// What a replay would do now; nothing is written.
  package func dryRun(_ order: ReplayOrder) async throws -> ReplayReport {
    try await replayDesk.dryRun(order)
  }

  /// Makes the next deliveries of a replay; their lanes are told when they are on the disk.
  ///
  /// - Parameters:
  ///   - order: Nil goes on with one that has begun.
  ///   - id: Nil begins a new one.
  /// - Throws: ``EngineError`` `.invalid`, `.notFound`, `.conflict`, `.closed`, `.unavailable`.
  package func replay(
    _ order: ReplayOrder?, id: String?, limit: Int, requester: String
  ) async throws -> ReplayReport {
    try refuseWhenStopping()
    let result = try await replayDesk.step(
      order, id: id ?? ReplayDesk.newID(), limit: min(max(limit, 1), Limits.queuePageMax),
      requester: requester)
    takeBack(result.places)
    for entry in result.entries(by: requester, nowMs: time.wallMs) {
      log.emit(entry.phase) { entry }
    }
    return result.report
  }

  /// Carries out a replay to its end in the background, as far as the runtime lives; the same id
  /// goes on with what is left then.
  package func beginReplay(
    _ order: ReplayOrder?, id: String?, perSecond: Double?, requester: String
  ) async throws -> ReplayReport {
    var pace = PartPace(perSecond: perSecond)
    let first = try await replay(order, id: id, limit: pace.size, requester: requester)
    guard !first.isDone, let id = first.replayID else { return first }
    let startMs = time.steadyMs
    let readyMs = pace.note(first.stepDeliveries)
    _ = supervisor.start { [self, pace] in
      var (pace, readyMs) = (pace, readyMs)
      var retryMs = LaneLoop.retryMsMin
      while await stopping.sleep(ms: max(startMs + readyMs - time.steadyMs, 0), time: time) {
        do {
          let report = try await replay(nil, id: id, limit: pace.size, requester: requester)
          if report.isDone { return }
          readyMs = pace.note(report.stepDeliveries)
          retryMs = LaneLoop.retryMsMin
        } catch let error as EngineError where error.code == .conflict {
          // Somebody else goes on with it.
          return
        } catch {
          reportSystemError("\(id) cannot go on: \(error)")
          readyMs = time.steadyMs - startMs + retryMs
          retryMs = min(retryMs * 2, LaneLoop.retryMsMax)
        }
      }
    }
    return first
  }
}

extension ReplayDesk.Result {
  /// What the log says of a step: its beginning with who wants it, and its end.
  func entries(by requester: String, nowMs: Int64) -> [LogEntry] {
    var entries: [LogEntry] = []
    let id = report.replayID ?? ""
    let metadata: JSONObject = ["replay_id": .string(id), "events": JSONValue(report.events)]
    if isNew {
      entries.append(
        LogEntry(
          .operatorAction, timestampMs: nowMs, result: "replay \(id) by \(requester)",
          metadata: [
            "action": "replay", "by": .string(requester), "object": .string(id),
          ]))
      entries.append(LogEntry(.replayStart, timestampMs: nowMs, result: id, metadata: metadata))
    }
    if report.isDone, wentOn {
      entries.append(LogEntry(.replayDone, timestampMs: nowMs, result: id, metadata: metadata))
    }
    return entries
  }
}
