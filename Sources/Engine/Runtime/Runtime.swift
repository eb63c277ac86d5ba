import ServiceLifecycle
package import Store
import Synchronization

/// The long-lived process's inside: modules at work on one database.
///
/// `load` makes modules ready, `run` works until it is told to stop, and nothing starts by itself.
package final class Runtime: Service {
  let store: EventStore
  let bus: any EventBus
  let settings: RuntimeSettings
  let catalog: ConnectorCatalog
  let time: TimeSource
  package let log: LogFanout
  package let intake: Intake
  let deliveryEnvironment: DeliveryEnvironment
  let sourceEnvironment: SourceEnvironment
  let modules = Mutex<[String: ModuleInstance]>([:])
  private let stopping = StopSignal()
  private let shutdownTimeoutMs: Mutex<Int64>
  let startedAtMonotonicMs: Int64
  /// Unsettled deliveries that the last run left behind, as ``load(_:loadedBy:)`` found them.
  package var recoveredCount: Int { recovered.withLock { $0 } }
  let recovered = Mutex(0)
  /// The active routes by number.
  let routes = Mutex<[Int64: RouteTable.Entry]>([:])

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
    intake = Intake(bus: bus, time: time, log: log)
    deliveryEnvironment = DeliveryEnvironment(
      bus: bus, time: time, log: log, files: FileReader(), intake: intake,
      promptMetadata: promptMetadata, sources: [:])
    sourceEnvironment = SourceEnvironment(
      intake: intake, time: time, log: log, limiter: PollLimiter(settings.pollConcurrency),
      save: { try await store.save($0) })
    shutdownTimeoutMs = Mutex(settings.shutdownTimeoutMs)
    startedAtMonotonicMs = time.monotonicMs
  }

  /// Works until a graceful shutdown is asked for and done, or the task is cancelled.
  ///
  /// At a graceful shutdown sources stop, requests are refused, running attempts get
  /// `runtime.shutdown_timeout`, and what is left then continues at the next start.
  package func run() async throws {
    let instances = modules.withLock { Array($0.values) }
    log.emit(.runtimeStart) {
      LogEntry(.runtimeStart, timestampMs: time.wallMs, result: "running")
    }
    await withGracefulShutdownHandler {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.log.run() }
        await work(instances)
        await endAttempts()
        log.emit(.runtimeStop) {
          LogEntry(.runtimeStop, timestampMs: time.wallMs, result: "stopped")
        }
        log.finish()
      }
    } onGracefulShutdown: {
      self.stopping.set()
    }
  }

  /// A clean stop leaves no attempt open: what did not end within the limit was interrupted.
  private func endAttempts() async {
    do {
      try await settleInterrupted()
    } catch {
      // The next start finds them as it finds those of a crash.
      log.emit(.systemError) {
        LogEntry(
          .systemError, timestampMs: time.wallMs,
          error: "interrupted attempts cannot be recorded: \(error)")
      }
    }
  }

  private func work(_ instances: [ModuleInstance]) async {
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        await withTaskGroup(of: Void.self) { modules in
          for instance in instances { modules.addTask { await instance.run() } }
        }
        // A runtime whose modules have nothing to do is still a runtime.
        await self.stopping.wait()
        return true
      }
      group.addTask {
        await self.stopping.wait()
        for instance in instances { instance.stop() }
        let limit = self.shutdownTimeoutMs.withLock { $0 }
        // Cancelled when everything is done before: then the limit does not matter.
        try? await self.time.sleep(ms: limit)
        return false
      }
      _ = await group.next()
      group.cancelAll()
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
