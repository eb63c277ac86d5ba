import Store
import Synchronization

/// One source at work: polls it, fires it, keeps its stream running, or takes its requests.
///
/// The loops are in the extensions, one file per kind. Every one ends when it is halted, by
/// ``stop()`` or ``pause()``, and what it was doing is done, or when its task is cancelled. After a
/// pause the loop begins anew, as after a restart.
final class SourceRunner: Sendable {
  let definition: SourceDefinition
  let module: String
  let key: Int64
  let instance: SourceInstance
  let environment: SourceEnvironment
  private let gate = Mutex(Gate())
  private let ended = StopSignal()
  /// The runner of the same source before a reload: it finishes first, and this one goes on from
  /// where it was.
  private let predecessor: Mutex<SourceRunner?>
  private let isReplaced = Atomic(false)
  let state: Mutex<State>

  private struct Gate: Sendable {
    var isStopped = false
    var isPaused = false
    /// Ends the loop that runs now.
    var halt = StopSignal()
    /// Set when a pause is over.
    var goOn = StopSignal()
  }

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
    environment: SourceEnvironment, after predecessor: SourceRunner? = nil
  ) {
    self.predecessor = Mutex(predecessor)
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
  func stop() {
    let gate = gate.withLock { gate in
      gate.isStopped = true
      return gate
    }
    gate.halt.set()
    gate.goOn.set()
  }

  /// The running poll finishes, and no new one begins until ``resume()``.
  func pause() {
    let halt = gate.withLock { gate -> StopSignal? in
      guard !gate.isPaused else { return nil }
      gate.isPaused = true
      gate.goOn = StopSignal()
      if gate.isStopped { gate.goOn.set() }
      return gate.halt
    }
    halt?.set()
  }

  func resume() {
    let goOn = gate.withLock { gate in
      gate.isPaused = false
      return gate.goOn
    }
    goOn.set()
  }

  var isPaused: Bool { gate.withLock(\.isPaused) }
  var isStopped: Bool { gate.withLock(\.isStopped) }

  func run() async {
    await takeOver()
    while let halt = await nextStretch() {
      switch instance {
      case .poll(let source): await poll(source, until: halt)
      case .timer(let source): await keepTime(source, until: halt)
      case .stream(let source): await keepRunning(source, until: halt)
      case .push: await halt.wait()
      }
      state.withLock { state in
        state.nextPollAtMs = nil
        state.coveredFromMs = nil
      }
    }
    switch instance {
    case .poll(let source): await source.close()
    case .stream(let source): await source.close()
    case .push(let source): await source.close()
    case .timer: break
    }
    ended.set()
  }

  /// What the loop that begins now is halted by; nil when the source is to end.
  private func nextStretch() async -> StopSignal? {
    while !Task.isCancelled {
      let (halt, goOn) = gate.withLock { gate -> (StopSignal?, StopSignal?) in
        if gate.isStopped { return (nil, nil) }
        if gate.isPaused { return (nil, gate.goOn) }
        gate.halt = StopSignal()
        return (gate.halt, nil)
      }
      if let halt { return halt }
      guard let goOn else { return nil }
      await goOn.wait()
    }
    return nil
  }

  /// Waits for the end of the runner before, so that a source is never polled twice at once, and
  /// takes its place. Another connector cannot read its checkpoint and begins anew.
  private func takeOver() async {
    guard let predecessor = predecessor.withLock({ $0 }) else { return }
    await predecessor.ended.wait()
    if predecessor.definition.connector == definition.connector {
      let last = predecessor.state.withLock { $0 }
      state.withLock { state in
        state.health = last.health
        state.checkpoint = definition.forgetsCheckpoint ? nil : last.checkpoint
      }
    }
    self.predecessor.withLock { $0 = nil }
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
      health, checkpoint: forgetsCheckpoint ? nil : result.checkpoint,
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

  /// A successor with another connector has begun anew: no checkpoint of this one may follow.
  private var forgetsCheckpoint: Bool {
    definition.forgetsCheckpoint || isReplaced.load(ordering: .relaxed)
  }

  /// Whether the row belongs to another connector from now on.
  func mark(isReplaced: Bool) { self.isReplaced.store(isReplaced, ordering: .relaxed) }

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
