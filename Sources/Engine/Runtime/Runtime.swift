import ServiceLifecycle
package import Store
import Synchronization

/// The long-lived process's inside: modules at work on one database.
///
/// `load` makes the first modules ready, `run` works until it is told to stop, and nothing starts
/// by itself. Meanwhile modules come, change and go (``loadModule(_:)`` and its siblings); they
/// share the bus, the scheduler, the loggers and the lanes of actors that they share, and nothing
/// else.
package final class Runtime: Service {
  let store: EventStore
  let bus: any EventBus
  let settings: RuntimeSettings
  let catalog: ConnectorCatalog
  let time: TimeSource
  package let log: LogFanout
  package let intake: Intake
  let registry: any ModuleRegistry
  let deliveryEnvironment: DeliveryEnvironment
  let sourceEnvironment: SourceEnvironment
  let table = Mutex(ModuleTable())
  let actors = ActorDirectory()
  /// Owns everything that modules do.
  let supervisor = Supervisor()
  /// One operation at a time for each module.
  let moduleLocks = KeyedLock()
  let stopping = StopSignal()
  /// Somebody ends inbox entries in time.
  let isKeepingInbox = Atomic(false)
  private let shutdownTimeoutMs: Mutex<Int64>
  let startedAtMonotonicMs: Int64
  /// Unsettled deliveries that the last run left behind, as ``load(_:loadedBy:)`` found them.
  package var recoveredCount: Int { recovered.withLock { $0 } }
  let recovered = Mutex(0)
  /// What they were, until the modules that they belong to are there.
  let leftOver = Mutex(LeftOver())

  package init(
    store: EventStore, settings: RuntimeSettings, catalog: ConnectorCatalog,
    time: TimeSource = .system, log: LogFanout = LogFanout(),
    promptMetadata: @escaping PromptMetadata = { _ in .null }
  ) {
    self.store = store
    self.settings = settings
    self.catalog = catalog
    self.time = time
    self.log = log
    bus =
      switch settings.bus {
      case .sqlite: SQLiteBus(store)
      case .memory: MemoryBus(identity: store.identity)
      }
    intake = Intake(bus: bus, time: time, log: log, loop: settings.loop)
    registry = StoreRegistry(
      store: store, bus: bus, intake: intake, time: time, isFused: settings.bus == .sqlite)
    deliveryEnvironment = DeliveryEnvironment(
      bus: bus, time: time, log: log, files: FileReader(), intake: intake,
      promptMetadata: promptMetadata, sources: [:],
      audit: settings.audit.map { policy in
        DeliveryEnvironment.Audit(
          policy: policy, warnDepth: settings.loop.warnDepth,
          isReleased: { try await store.isReleased($0) })
      })
    sourceEnvironment = SourceEnvironment(
      intake: intake, time: time, log: log, limiter: PollLimiter(settings.pollConcurrency),
      save: { try await store.save($0) })
    shutdownTimeoutMs = Mutex(settings.shutdownTimeoutMs)
    startedAtMonotonicMs = time.monotonicMs
    log.add(
      StoredLog(store: store, retentionMs: settings.logRetentionMs), module: nil, owner: nil,
      phases: StoredLog.phases)
    store.onOverflow { [intake] overflow, nowMs in intake.overflowEvent(overflow, nowMs: nowMs) }
    deliveryEnvironment.whenActorChanges { [weak self] in self?.actorChanged($0) }
    deliveryEnvironment.whenInboxChanges { [weak self] in self?.keepInbox() }
  }

  /// Works until a graceful shutdown is asked for and done, or the task is cancelled.
  ///
  /// At a graceful shutdown all modules are unloaded: sources stop, requests are refused, running
  /// attempts get `runtime.shutdown_timeout`, and what is left then continues at the next start.
  package func run() async throws {
    log.emit(.runtimeStart) {
      LogEntry(.runtimeStart, timestampMs: time.wallMs, result: "running")
    }
    await withGracefulShutdownHandler {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.log.run() }
        await settleLeftOver()
        await work()
        await endAttempts()
        log.emit(.runtimeStop) {
          LogEntry(.runtimeStop, timestampMs: time.wallMs, result: "stopped")
        }
        log.finish()
        // A logger that never returns must not hold up the end.
        group.addTask { try? await self.time.sleep(ms: Limits.endMsMax) }
        await group.next()
        group.cancelAll()
      }
    } onGracefulShutdown: {
      self.stopping.set()
    }
  }

  private func work() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.supervisor.run() }
      let retention = Retention(
        store: store, time: time, log: log, logRetentionMs: settings.logRetentionMs,
        stopping: stopping)
      _ = supervisor.start { await retention.run() }
      group.addTask {
        await self.stopping.wait()
        await self.endModules(limitMs: self.shutdownTimeoutMs.withLock { $0 })
        self.supervisor.finish()
        // Everything has ended or is cancelled by now; what does not end is left behind.
        try? await self.time.sleep(ms: Limits.endMsMax)
      }
      // The supervisor's end: everything is done, or the task was cancelled.
      await group.next()
      group.cancelAll()
    }
  }

  /// A clean stop leaves no attempt open, and no module that seems to run.
  private func endAttempts() async {
    do {
      try await settleInterrupted { _, _ in true }
      try await store.releaseModules(nowMs: time.wallMs)
    } catch {
      // The next start finds them as it finds those of a crash.
      log.emit(.systemError) {
        LogEntry(
          .systemError, timestampMs: time.wallMs,
          error: "the end of the modules cannot be recorded: \(error)")
      }
    }
  }

  /// Begins a graceful stop of ``run()``, as a signal does.
  ///
  /// - Parameter timeoutMs: How long running attempts may take; nil takes the setting.
  package func beginStop(timeoutMs: Int64?) {
    if let timeoutMs { shutdownTimeoutMs.withLock { $0 = timeoutMs } }
    stopping.set()
  }

  package var isStopping: Bool { stopping.isSet }
}
