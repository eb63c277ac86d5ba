import Store
import Synchronization

/// The queue of one actor, or of a route with limits of its own: claims due deliveries, makes
/// attempts, commits outcomes.
///
/// `run()` is one loop over one mailbox: what happened goes in, ``LaneState`` says what to do, and
/// everything that takes time (a commit, a read, an attempt) reports back through the mailbox. So
/// the loop itself never waits for anything but the next message.
package final class Lane: Sendable {
  package let key: Int64
  package let name: String
  private let concurrencyMax: Int
  private let environment: DeliveryEnvironment
  private let mailbox = Mailbox<Message>()
  private let draining = StopSignal()
  /// By route number; replaced as a whole when the module is reloaded.
  private let workers: Mutex<[Int64: RouteWorker]>

  enum Message: Sendable {
    case offered([QueuedDelivery])
    case fetched([QueuedDelivery], limit: Int)
    case fetchedDue([QueuedDelivery], nextDueMs: Int64?)
    case fetchedKey(LaneState.KeyFetch, QueuedDelivery?)
    case fetchFailed(LaneState.Action, EngineError)
    case started([QueuedDelivery], [StartRecord])
    case startFailed([QueuedDelivery], StoreError)
    case ended(Attempt.Report)
    case settled([Attempt.Report], [[AcceptReceipt]])
    case settleFailed([Attempt.Report], StoreError)
    case alarm
    case drain
  }

  init(
    key: Int64, name: String, concurrencyMax: Int, workers: [Int64: RouteWorker],
    environment: DeliveryEnvironment
  ) {
    self.key = key
    self.name = name
    self.concurrencyMax = concurrencyMax
    self.workers = Mutex(workers)
    self.environment = environment
  }

  /// Takes note of new deliveries. Called by the bus, in the order of acceptance.
  func offer(_ deliveries: [QueuedDelivery]) { mailbox.post(.offered(deliveries)) }

  /// Starts nothing more; ``run()`` returns when what runs is settled.
  func drain() {
    draining.set()
    mailbox.post(.drain)
  }

  /// Works until ``drain()`` or cancellation. What is in flight when it is cancelled is found as
  /// interrupted by the next start.
  func run() async {
    guard let waiting = await readWaiting() else { return }
    var loop = LaneLoop(
      lane: self,
      state: LaneState(
        concurrencyMax: concurrencyMax, nextDueMs: waiting.nextDueMs,
        waitingKeys: waiting.orderKeys))
    environment.bus.subscribe(lane: key) { [weak self] in self?.offer($0) }
    await withDiscardingTaskGroup { group in
      loop.act(in: &group)
      for await _ in mailbox.wakeUps {
        for message in mailbox.take() { loop.note(message) }
        loop.act(in: &group)
        if loop.isDone { break }
      }
      group.cancelAll()
    }
    environment.bus.unsubscribe(lane: key)
  }

  func worker(for route: Int64) -> RouteWorker? { workers.withLock { $0[route] } }

  /// Reads what is waiting, trying again as long as the file cannot be read.
  private func readWaiting() async -> (nextDueMs: Int64?, orderKeys: [String])? {
    var delayMs = LaneLoop.retryMsMin
    while !draining.isSet, !Task.isCancelled {
      do {
        return try await environment.bus.waiting(lane: key)
      } catch {
        environment.log.emit(.systemError) {
          LogEntry(
            .systemError, timestampMs: environment.time.wallMs,
            error: "lane \(name) cannot read its queue: \(error)")
        }
        _ = await draining.sleep(ms: delayMs, time: environment.time)
        delayMs = min(delayMs * 2, LaneLoop.retryMsMax)
      }
    }
    return nil
  }
}

extension Lane {
  // What takes time; each reports back through the mailbox.

  func perform(_ action: LaneState.Action, in group: inout DiscardingTaskGroup) {
    switch action {
    case .start(let deliveries): commitStarts(deliveries)
    case .fetch(let after, let limit):
      group.addTask { await self.fetch(after: after, limit: limit) }
    case .fetchDue(let nowMs, let limit):
      group.addTask { await self.fetchDue(nowMs: nowMs, limit: limit) }
    case .fetchKey(let fetch):
      group.addTask { await self.fetchKey(fetch) }
    }
  }

  private func commitStarts(_ deliveries: [QueuedDelivery]) {
    let nowMs = environment.time.wallMs
    let records = deliveries.map { delivery in
      StartRecord(
        delivery: delivery.delivery, lane: key, number: delivery.attempts + 1,
        startedAtMs: nowMs, generation: delivery.generation)
    }
    environment.bus.start(records) { [mailbox] result in
      switch result {
      case .success: mailbox.post(.started(deliveries, records))
      case .failure(let error): mailbox.post(.startFailed(deliveries, error))
      }
    }
  }

  func attempt(_ delivery: QueuedDelivery, _ start: StartRecord, _ worker: RouteWorker) async {
    let attempt = Attempt(
      delivery: delivery, start: start, worker: worker, environment: environment)
    let report = await attempt.run()
    // Cancelled, it was cut off and not answered: the next start finds it as interrupted.
    if !Task.isCancelled { mailbox.post(.ended(report)) }
  }

  func commit(_ reports: [Attempt.Report]) {
    CrashPoint.settleBegins.reached()
    environment.bus.acknowledge(reports.map(\.record)) { [mailbox] result in
      switch result {
      case .success(let receipts): mailbox.post(.settled(reports, receipts))
      case .failure(let error): mailbox.post(.settleFailed(reports, error))
      }
    }
  }

  func alarm(atMs: Int64) async {
    do {
      try await environment.time.sleep(ms: atMs - environment.time.steadyMs)
      mailbox.post(.alarm)
    } catch {
      // Cancelled: the lane is ending and needs no alarm.
    }
  }

  var nowMs: Int64 { environment.time.steadyMs }
  var log: LogFanout { environment.log }
  var intake: Intake { environment.intake }
  var wallMs: Int64 { environment.time.wallMs }

  private func fetch(after: Int64, limit: Int) async {
    await report(.fetch(after: after, limit: limit)) {
      .fetched(
        try await environment.bus.unacknowledged(lane: key, after: after, limit: limit),
        limit: limit)
    }
  }

  private func fetchDue(nowMs: Int64, limit: Int) async {
    await report(.fetchDue(nowMs: nowMs, limit: limit)) {
      let (page, next) = try await environment.bus.due(lane: key, nowMs: nowMs, limit: limit)
      return .fetchedDue(page, nextDueMs: next)
    }
  }

  private func fetchKey(_ fetch: LaneState.KeyFetch) async {
    await report(.fetchKey(fetch)) {
      .fetchedKey(
        fetch,
        try await environment.bus.next(lane: key, orderKey: fetch.key, after: fetch.after))
    }
  }

  private func report(
    _ action: LaneState.Action, _ read: () async throws -> Message
  ) async {
    do {
      mailbox.post(try await read())
    } catch {
      mailbox.post(
        .fetchFailed(action, EngineError(.unavailable, "the queue cannot be read", cause: error)))
    }
  }
}
