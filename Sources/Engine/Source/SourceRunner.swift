import Store
import Synchronization

/// One source at work: polls it, fires it, keeps its stream running, or takes its requests.
///
/// The loops are in the extensions, one file per kind. Every one ends when ``stop()`` was called
/// and what it was doing is done, or when its task is cancelled.
final class SourceRunner: Sendable {
  let definition: SourceDefinition
  let module: String
  let key: Int64
  let instance: SourceInstance
  let environment: SourceEnvironment
  let stopping = StopSignal()
  let state: Mutex<State>

  /// What the source has come to; the rows have the same.
  struct State: Sendable {
    var health: SourceHealth
    var checkpoint: String?
    /// By the steady clock; nil for a source that is not polled.
    var nextPollAtMs: Int64?
    /// Since when it has been listening or polling without a gap.
    var coveredFromMs: Int64?
  }

  init(
    _ definition: SourceDefinition, module: String, row: SourceRow, instance: SourceInstance,
    environment: SourceEnvironment
  ) {
    self.definition = definition
    self.module = module
    key = row.key
    self.instance = instance
    self.environment = environment
    // Health that cannot be read begins anew: it only paces polls.
    let health = row.health.flatMap { try? JSONText(checking: Array($0.utf8)) }?.value().object
    state = Mutex(
      State(
        health: health.map { SourceHealth(json: $0, nowMs: environment.time.steadyMs) }
          ?? SourceHealth(),
        checkpoint: definition.forgetsCheckpoint ? nil : row.checkpoint))
  }

  /// Lets ``run()`` come to its end: the running poll finishes, no new one begins.
  func stop() { stopping.set() }

  func run() async {
    switch instance {
    case .poll(let source):
      await poll(source)
      await source.close()
    case .timer(let source): await keepTime(source)
    case .stream(let source):
      await keepRunning(source)
      await source.close()
    case .push(let source):
      await stopping.wait()
      await source.close()
    }
  }

  // MARK: What the loops share

  /// Commits events, checkpoint and health of a success, and what it means for the breaker.
  ///
  /// - Throws: ``EngineError`` when nothing was committed; the source goes on from where it was.
  func commit(_ result: PollResult) async throws(EngineError) {
    let nowMs = environment.time.wallMs
    // The breaker's times are due times, so they run on the clock that never jumps.
    let steadyMs = environment.time.steadyMs
    let drafts = checked(result)
    var (health, covered) = state.withLock { ($0.health, $0.coveredFromMs) }
    let action: SourceHealth.Action
    if let retryAfterMs = result.retryAfterMs {
      action = health.rateLimited(
        untilMs: steadyMs + retryAfterMs, atMs: steadyMs, events: drafts.count)
    } else {
      action = health.succeeded(atMs: steadyMs, events: drafts.count)
    }
    if covered == nil { covered = nowMs }
    let progress = progress(
      health, checkpoint: definition.forgetsCheckpoint ? nil : result.checkpoint,
      coveredFromMs: covered, nowMs: nowMs)
    _ = try await environment.intake.accept(
      drafts, module: module, source: definition.id, progress: progress)
    state.withLock { state in
      state.health = health
      state.checkpoint = result.checkpoint ?? state.checkpoint
      state.coveredFromMs = covered
    }
    await report(action)
  }

  /// Commits a failure: health changes, the checkpoint stays, and the next success begins a new
  /// stretch of coverage.
  func fail(_ error: String) async {
    let nowMs = environment.time.wallMs
    let (health, action) = state.withLock { state in
      let action = state.health.failed(error: error, atMs: environment.time.steadyMs)
      state.coveredFromMs = nil
      return (state.health, action)
    }
    log(.systemError, error: error)
    do {
      try await environment.save(progress(health, checkpoint: nil, nowMs: nowMs))
    } catch {
      // The health in memory goes on; the row follows with the next poll that can be written.
      log(.systemError, error: "the health of the source cannot be written: \(error)")
    }
    await report(action)
  }

  func log(
    _ phase: LogPhase, result: String? = nil, error: String? = nil
  ) {
    environment.log.emit(phase) {
      LogEntry(
        phase, timestampMs: environment.time.wallMs, source: definition.id, result: result,
        error: error, module: module)
    }
  }

  /// The events of a result that are events; the others are logged and counted, and the rest of
  /// the batch goes on (events.md 1).
  private func checked(_ result: PollResult) -> [EventDraft] {
    for reason in result.refused { log(.systemError, error: reason) }
    return result.events.filter { draft in
      do throws(EngineError) {
        try draft.check()
        return true
      } catch {
        log(.systemError, error: "an event was refused: \(error.message)")
        return false
      }
    }
  }

  private func progress(
    _ health: SourceHealth, checkpoint: String?, coveredFromMs: Int64? = nil, nowMs: Int64
  ) -> SourceProgress {
    SourceProgress(
      source: key, checkpoint: checkpoint, status: health.status.rawValue,
      lastSuccessMs: health.lastSuccessMs, lastAttemptMs: health.lastAttemptMs,
      lastError: health.lastError, consecutiveErrors: health.consecutiveErrors,
      circuitOpen: health.isCircuitOpen, health: JSONText(.object(health.json)).description,
      coveredFromMs: coveredFromMs, coveredToMs: coveredFromMs == nil ? nil : nowMs)
  }

  private func report(_ action: SourceHealth.Action) async {
    let health = state.withLock(\.health)
    switch action {
    case .none: return
    case .retry: log(.sourceCircuitRetry, result: "retry")
    case .opened(let waitMs), .reopened(let waitMs):
      log(
        .sourceCircuitOpen, result: "no polls for \(waitMs / 1_000) s", error: health.lastError)
    case .closed: log(.sourceCircuitClose, result: "recovered")
    }
    let name: String
    switch action {
    case .opened: name = "source.unhealthy"
    case .closed: name = "source.recovered"
    case .none, .retry, .reopened: return
    }
    let draft = SystemEvent.draft(
      name,
      [
        "source": .string(definition.id),
        "consecutive_errors": JSONValue(health.consecutiveErrors),
        "last_error": JSONValue(health.lastError),
      ])
    do throws(EngineError) {
      _ = try await environment.intake.accept(
        [draft], module: module, source: SystemEvent.sourceID)
    } catch {
      log(.systemError, error: "the event \(name) cannot be stored: \(error)")
    }
  }
}

/// What sources share.
struct SourceEnvironment: Sendable {
  let intake: Intake
  let time: TimeSource
  let log: LogFanout
  let limiter: PollLimiter
  /// Stores health and checkpoint without events.
  let save: @Sendable (SourceProgress) async throws -> Void
}
