import Store

extension Attempt.Report {
  /// The lines of an attempt, in the order of events.md 8.3; called when its outcome is committed.
  func log(to log: LogFanout) {
    // It waits behind another one, and no attempt was made.
    if case .behind = verdict { return }
    if let usedCapturedPrompt {
      emit(.promptFallback, log, error: usedCapturedPrompt)
    }
    for step in steps { emit(step, log) }
    if event.isInboxNotification {
      let payload = event.payload.value()
      emit(
        .inboxNotify, log, result: verdict.word, error: verdict.error,
        metadata: [
          "session_key": payload["session_key"] ?? .null,
          "pending_count": payload["pending_count"] ?? .null,
        ])
    }
    for flag in audit?.flags ?? [] {
      emit(
        .auditFlag, log, result: "flag",
        metadata: ["flag_type": .string(flag.type), "severity": .string(flag.severity.rawValue)])
    }
    switch verdict {
    case .actor(let outcome): emit(outcome, log)
    case .dropped, .duplicate, .behind: break  // the transform's own line ends it
    case .held(let flags):
      emit(
        .auditHeld, log, result: "held",
        metadata: ["flags": .array(flags.map { .string($0.type) })])
    case .transformFailed(let text, let policy):
      if policy == .halt || policy == .retry {
        emit(.deliverFailure, log, result: "error", error: text)
      }
    case .notPrepared(let text): emit(.deliverFailure, log, result: "error", error: text)
    }
    switch record.disposition {
    case .waiting(let dueAtMs, _):
      emit(
        .deliverRetry, log, result: "retry",
        metadata: [
          "next_attempt_at": .string(ISOTime.text(ms: dueAtMs)),
          "delay_ms": JSONValue(max(dueAtMs - record.endedAtMs, 0)),
        ])
    case .settled(state: "dead", let reason):
      emit(
        .deliverDeadLetter, log, result: "dead", error: record.error ?? reason,
        metadata: ["attempts": JSONValue(record.start.number)])
    default: break
    }
    if let audit = record.audit, let status = record.auditStatus {
      emit(
        .auditRecord, log,
        metadata: [
          "audit_id": .string(audit.id), "delivery_status": .string(status),
          "flag_count": JSONValue(self.audit?.flags.count ?? 0), "held": .bool(status == "held"),
        ])
    }
  }

  private func emit(_ step: Transforming.Step, _ log: LogFanout) {
    let phase: LogPhase =
      switch (step.outcome, verdict) {
      case ("pass", _): .transformPass
      case ("drop", _): .transformDrop
      case (_, .transformFailed(_, .drop)): .transformErrorDrop
      case (_, .transformFailed(_, .halt)): .transformErrorHalt
      default: .transformError
      }
    emit(
      phase, log, transform: step.name, result: step.outcome, durationMs: step.durationMs,
      error: step.outcome == "error" ? step.reason : nil,
      metadata: step.outcome == "drop" ? ["reason": JSONValue(step.reason)] : nil)
  }

  private func emit(_ outcome: AttemptOutcome, _ log: LogFanout) {
    let durationMs = max(record.endedAtMs - record.start.startedAtMs, 0)
    switch outcome.kind {
    case .delivered:
      emit(
        .deliverSuccess, log, result: record.inbox == nil ? "delivered" : "inbox",
        durationMs: durationMs)
    case .skipped:
      emit(
        .deliverSkipped, log, result: "skipped", durationMs: durationMs,
        metadata: ["reason": JSONValue(outcome.error)])
    case .rejected, .error, .timeout, .interrupted:
      emit(
        .deliverFailure, log, result: outcome.kind.rawValue, durationMs: durationMs,
        error: outcome.error)
    }
  }

  private func emit(
    _ phase: LogPhase, _ log: LogFanout, transform: String? = nil, result: String? = nil,
    durationMs: Int64? = nil, error: String? = nil, metadata: JSONObject? = nil
  ) {
    log.emit(phase) {
      LogEntry(
        phase, delivery: deliveryID, attempt: record.start.number, event: event, worker: worker,
        at: record.endedAtMs, transform: transform, result: result, durationMs: durationMs,
        error: error, metadata: metadata)
    }
  }
}
