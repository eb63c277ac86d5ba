import Engine
import Logging
import Server
import ServiceLifecycle
import Synchronization

/// Waits for a signal or an operator to ask for the end, and ends itself then: the group that it
/// runs in takes that as the request to stop.
final class StopRequests: Service {
  private let requests: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation
  private let limit = Mutex<Int64?>(nil)

  init() {
    (requests, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// How long running deliveries may take; nil leaves it to the setting.
  var timeoutMs: Int64? { limit.withLock { $0 } }

  func request(timeoutMs: Int64? = nil) {
    if let timeoutMs { limit.withLock { $0 = timeoutMs } }
    continuation.yield()
  }

  func run() async throws {
    StopSignals.handleFirst { _ in self.request() }
    await cancelWhenGracefulShutdown {
      for await _ in self.requests { return }
    }
  }
}

/// Applies the boot project at every SIGHUP; what is wrong with it is logged and stops nothing.
final class ReloadRequests: Service {
  private let requests: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation
  private let gateway: Gateway
  private let logger: Logger

  /// From here on the signal is noted; it is acted upon once this runs.
  init(_ gateway: Gateway, logger: Logger) {
    self.gateway = gateway
    self.logger = logger
    (requests, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    StopSignals.handleHangUp { [continuation] in continuation.yield() }
  }

  /// Finishes the one it is at when the runtime stops.
  func run() async throws {
    await withGracefulShutdownHandler {
      for await _ in requests { await apply() }
    } onGracefulShutdown: {
      self.continuation.finish()
    }
  }

  private func apply() async {
    let notification = SystemdNotification()
    notification.sendReloading()
    do {
      _ = try await gateway.apply(plan: nil, onRemoved: .park, by: Caller(name: "signal"))
    } catch {
      let failure = Failure(error)
      logger.error("the configuration is not applied: \(failure.message)")
      for detail in failure.details {
        let level: Logger.Level =
          switch detail["level"] {
          case "warning": .warning
          case "notice": .info
          default: .error
          }
        logger.log(level: level, "\(DiagnosticText.line(detail))")
      }
    }
    notification.send("READY=1")
  }
}

/// Keeps the runtime row true while the process lives: `ready`, a heartbeat, `stopping`.
final class RecordKeeper: Service {
  /// 10 s: often enough to tell a hanging process from a working one.
  private static let heartbeatMs: Int64 = 10_000

  private let runtime: Runtime
  private let time: TimeSource
  private let state: Mutex<RuntimeRecord>
  private let ready = Mutex<(@Sendable (JSONValue) -> Void)?>(nil)

  init(_ runtime: Runtime, _ record: RuntimeRecord, time: TimeSource) {
    self.runtime = runtime
    self.time = time
    state = Mutex(record)
  }

  var record: RuntimeRecord { state.withLock { $0 } }

  func change(_ body: (inout RuntimeRecord) -> Void) { state.withLock { body(&$0) } }

  /// Writes the row with a new heartbeat.
  func save() async throws {
    change { $0.heartbeatMs = time.wallMs }
    try await runtime.save(record)
  }

  /// `body` is called once, with the status, when the row says `ready`.
  func whenReady(_ body: @escaping @Sendable (JSONValue) -> Void) {
    ready.withLock { $0 = body }
  }

  func run() async throws {
    change { $0.phase = .ready }
    try await save()
    let status = try await runtime.status(record)
    ready.withLock { $0 }?(status)
    let notification = SystemdNotification()
    notification.send("READY=1")
    await cancelWhenGracefulShutdown {
      await self.beat()
    }
    notification.send("STOPPING=1")
    await end(.stopping)
  }

  /// Writes one of the last phases. A row that a full disk kept from being written is taken over
  /// by the next runtime anyway, so that error ends nothing.
  func end(_ phase: RuntimeRecord.Phase) async {
    change { $0.phase = phase }
    try? await save()
  }

  private func beat() async {
    while !Task.isCancelled {
      // Cancelled at the end: then there is no next beat.
      guard (try? await time.sleep(ms: RecordKeeper.heartbeatMs)) != nil else { return }
      DaemonLog.rotateIfLarge()
      // A full disk must not end the runtime, which goes on settling what it has; `/readyz`
      // tells that the database cannot be written.
      try? await save()
    }
  }
}

/// The runtime, with the limit of whoever asked it to stop.
struct DrainingService: Service {
  let runtime: Runtime
  let stop: StopRequests

  func run() async throws {
    try await withGracefulShutdownHandler {
      try await runtime.run()
    } onGracefulShutdown: {
      // Handlers are called from the outside in, so the limit is there when the runtime reads it.
      runtime.beginStop(timeoutMs: stop.timeoutMs)
    }
  }
}

/// The server, with a limit to how long it waits for open requests at the end.
struct ServingService: Service {
  /// 5 s: the runtime has drained by then, and only slow peers are left.
  private static let grace = Duration.seconds(5)

  let server: HTTPServer

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      group.addTask {
        try await gracefulShutdown()
        try await ContinuousClock().sleep(for: ServingService.grace)
      }
      // The server's end, or the end of the wait for it; cancelling closes what is open.
      try await group.next()
      group.cancelAll()
      // What a cancelled server throws says only that it was cancelled.
      while let result = await group.nextResult() { _ = result }
    }
  }
}
