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
  private let environment: DeliveryEnvironment
  private let mailbox = Mailbox<Message>()
  private let draining = StopSignal()
  private let plan: Mutex<Plan>
  /// False when the loop has ended and answers nobody any more.
  private let isAnswering = Mutex(true)

  /// What the lane delivers for, and how much at once.
  struct Plan: Sendable {
    /// By route number. Those that are not active stay: an attempt of theirs may run.
    var workers: [Int64: RouteWorker] = [:]
    var active: Set<Int64> = []
    var concurrencyMax = 1
    /// Nil = no limit.
    var ratePerSecond: Double?
  }

  /// An attempt that is over, with what it has made of a breaker.
  struct Ending: Sendable {
    let report: Attempt.Report
    var breaker: BreakerRow?
    /// Events that tell of it, accepted with the outcome.
    var signals: [Intake.Routed] = []

    var record: SettleRecord {
      var record = report.record
      record.breaker = breaker
      record.followUps += signals.map(\.record)
      return record
    }
  }

  enum Message: Sendable {
    case offered([QueuedDelivery])
    case dropped([QueueNews.Dropped])
    case promoted(oldest: Int64)
    case fetched([QueuedDelivery], limit: Int)
    case fetchedDue([QueuedDelivery], nextDueMs: Int64?)
    case fetchedKey(String, QueuedDelivery?)
    case fetchFailed(LaneState.Action, EngineError)
    case started([QueuedDelivery], [StartRecord], gone: Set<Int64>)
    case startFailed([QueuedDelivery], StoreError)
    case ended(Attempt.Report)
    case settled([Ending], [[AcceptReceipt]])
    case settleFailed([Ending], StoreError)
    case released([QueuedDelivery])
    case returned([QueuePlace])
    case woken([DedupClaims.Waiter])
    case configured
    case lookAgain(nextDueMs: Int64?, waitingKeys: [String])
    case closeBreakers(ActorReference)
    case watchIdle(Set<Int64>, StopSignal)
    case alarm
    /// The actor may have room for more.
    case room
    case drain
  }

  init(key: Int64, name: String, plan: Plan, environment: DeliveryEnvironment) {
    self.key = key
    self.name = name
    self.plan = Mutex(plan)
    self.environment = environment
  }

  /// Takes note of new deliveries. Called by the bus, in the order of acceptance.
  func offer(_ deliveries: [QueuedDelivery]) { mailbox.post(.offered(deliveries)) }

  /// Takes note of what the bus has done to the queue. Called in the order of commits.
  private func note(_ news: Subscription.News) {
    switch news {
    case .offered(let deliveries): offer(deliveries)
    case .dropped(let dropped): mailbox.post(.dropped(dropped))
    case .promoted(let oldest): mailbox.post(.promoted(oldest: oldest))
    }
  }

  /// Takes note of deliveries that are in the queue again, or of old events; they are read from the
  /// file in their order.
  func takeBack(_ places: [QueuePlace]) { mailbox.post(.returned(places)) }

  /// Takes another set of routes into use. Attempts that run go on as they began.
  func configure(_ body: (inout Plan) -> Void) {
    plan.withLock { body(&$0) }
    mailbox.post(.configured)
  }

  /// The actor, which other lanes lead to as well, may have room for more.
  func noteRoom() { mailbox.post(.room) }

  /// Closes the breakers that lead to an actor; who calls it has done so in the file.
  func closeBreakers(ofActor actor: ActorReference) { mailbox.post(.closeBreakers(actor)) }

  /// Nothing more is to be sent to an actor, from any lane.
  func tellChanged(_ actor: ActorHandle) { environment.actorChanged(actor.reference) }

  /// Something has been stored for collection.
  func tellStored() { environment.inboxChanged() }

  func logDisabled(_ report: Attempt.Report) {
    environment.log.emit(.actorDisabled) {
      LogEntry(
        .actorDisabled, delivery: report.deliveryID, attempt: report.record.start.number,
        event: report.event, worker: report.worker, at: report.record.endedAtMs,
        error: report.verdict.error)
    }
  }

  /// Finds what came into the lane's queue otherwise than by being offered, and lets go of what was
  /// taken out of it. Routes that become active after this are delivered in order.
  func lookAgain() async throws {
    let (nextDueMs, orderKeys) = try await environment.bus.waiting(lane: key)
    mailbox.post(.lookAgain(nextDueMs: nextDueMs, waitingKeys: orderKeys))
  }

  /// Returns when no delivery of these routes is in the lane's hands, the lane has ended, or the
  /// task is cancelled. The routes must not be active.
  func waitUntilIdle(_ routes: Set<Int64>) async {
    let idle = StopSignal()
    let isOpen = isAnswering.withLock { isOpen in
      if isOpen { mailbox.post(.watchIdle(routes, idle)) }
      return isOpen
    }
    if isOpen { await idle.wait() }
  }

  /// Starts nothing more; ``run()`` returns when what runs is settled.
  func drain() {
    draining.set()
    mailbox.post(.drain)
  }

  /// Works until ``drain()`` or cancellation. What is in flight when it is cancelled is found as
  /// interrupted by the next start.
  func run() async {
    defer { closeMailbox() }
    guard let waiting = await readWaiting() else { return }
    let plan = self.plan.withLock { $0 }
    var loop = LaneLoop(
      lane: self,
      state: LaneState(
        routes: plan.active, concurrencyMax: plan.concurrencyMax, nextDueMs: waiting.nextDueMs,
        waitingKeys: waiting.orderKeys))
    let subscription = environment.bus.subscribe(lane: key) { [weak self] in self?.note($0) }
    await withDiscardingTaskGroup { group in
      loop.act(in: &group)
      for await _ in mailbox.wakeUps {
        for message in mailbox.take() { loop.note(message) }
        loop.act(in: &group)
        if loop.isDone { break }
      }
      group.cancelAll()
    }
    environment.bus.unsubscribe(subscription)
    loop.end()
  }

  /// Whoever still asks gets an answer.
  private func closeMailbox() {
    isAnswering.withLock { $0 = false }
    for message in mailbox.take() {
      if case .watchIdle(_, let idle) = message { idle.set() }
    }
  }

  /// Forgets workers of routes that are gone; one that is paused comes back with its resumption.
  func keepWorkers(of routes: Set<Int64>) {
    plan.withLock { plan in
      plan.workers = plan.workers.filter { plan.active.contains($0.key) || routes.contains($0.key) }
    }
  }

  func worker(for route: Int64) -> RouteWorker? { plan.withLock { $0.workers[route] } }

  var currentPlan: Plan { plan.withLock { $0 } }

  /// What an earlier life of the lane has left for this one, and this one for the next.
  var memory: DeliveryEnvironment.LaneMemory {
    get { environment.memory(ofLane: key) }
    set { environment.remember(newValue, ofLane: key) }
  }

  /// The event that tells of a breaker that has opened or closed (events.md 7.1).
  func signal(
    _ name: String, _ report: Attempt.Report, _ payload: JSONObject
  ) -> Intake.Routed? {
    environment.signal(name, of: report.event, worker: report.worker, payload)
  }

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

  /// How far the lane has used up its own rate.
  func pace(_ limiter: RateLimiter) -> LanePace {
    LanePace(lane: key, fullAtMs: limiter.fullAtMs, nextStartMs: limiter.nextMs)
  }

  /// - Parameter paces: To be kept with what it starts.
  func perform(
    _ action: LaneState.Action, paces: [LanePace], in group: inout DiscardingTaskGroup
  ) {
    switch action {
    case .start(let deliveries): commitStarts(deliveries, paces)
    case .fetch(let after, let limit, let routes):
      group.addTask { await self.fetch(after: after, limit: limit, routes: routes) }
    case .fetchDue(let nowMs, let limit):
      group.addTask { await self.fetchDue(nowMs: nowMs, limit: limit) }
    case .fetchKey(let key, let routes):
      group.addTask { await self.fetchKey(key, routes: routes) }
    case .release(let deliveries): release(deliveries)
    }
  }

  private func commitStarts(_ deliveries: [QueuedDelivery], _ paces: [LanePace]) {
    let nowMs = environment.time.wallMs
    let records = deliveries.map { delivery in
      StartRecord(
        delivery: delivery.delivery, lane: key, number: delivery.attempts + 1,
        startedAtMs: nowMs, generation: delivery.generation)
    }
    environment.bus.start(records, paces: paces) { [mailbox] result in
      switch result {
      case .success(let gone): mailbox.post(.started(deliveries, records, gone: Set(gone)))
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

  func commit(_ endings: [Ending]) {
    CrashPoint.settleBegins.reached()
    environment.bus.acknowledge(endings.map(\.record)) { [mailbox] result in
      switch result {
      case .success(let receipts): mailbox.post(.settled(endings, receipts))
      case .failure(let error): mailbox.post(.settleFailed(endings, error))
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

  private func release(_ deliveries: [QueuedDelivery]) {
    environment.bus.release(deliveries.map(\.delivery), lane: key) { [mailbox] result in
      switch result {
      case .success: mailbox.post(.released(deliveries))
      case .failure(let error): mailbox.post(.fetchFailed(.release(deliveries), EngineError(error)))
      }
    }
  }

  /// The outcome of a delivery is committed: whoever waited behind it can go.
  func endDedup(_ report: Attempt.Report) {
    let dedup = environment.dedup
    if case .behind(_, let isWatched) = report.verdict {
      // It has let go of its keys: who waits behind it is not to wait for its next look.
      wake(dedup.handOver(report.delivery.delivery))
      // What it was to wait for may have been settled before this was committed.
      guard isWatched, !dedup.isWaiting(report.delivery.delivery) else { return }
      return wake([DedupClaims.Waiter(report.delivery)])
    }
    let isSettled = if case .settled = report.record.disposition { true } else { false }
    wake(dedup.ended(report.delivery.delivery, isSettled: isSettled))
  }

  /// Deliveries that were dropped by a full queue have no keys any more.
  func endDedup(ofDropped deliveries: [Int64]) {
    for delivery in deliveries { wake(environment.dedup.ended(delivery, isSettled: true)) }
  }

  /// The lane ends: attempts that it cut off have no keys in hand any more. Who waits behind them
  /// looks again by itself.
  func endDedup(ofCutOff deliveries: [Int64]) {
    for delivery in deliveries { _ = environment.dedup.ended(delivery, isSettled: true) }
  }

  /// Where that cannot be written they are found when they are due.
  private func wake(_ waiters: [DedupClaims.Waiter]) {
    var rest = waiters[...]
    while !rest.isEmpty {
      let page = Array(rest.prefix(Limits.queuePageMax))
      rest = rest.dropFirst(page.count)
      environment.bus.release(page.map(\.delivery), lane: key) { [mailbox] result in
        if case .success = result { mailbox.post(.woken(page)) }
      }
    }
  }

  private func fetch(after: Int64, limit: Int, routes: Set<Int64>?) async {
    await report(.fetch(after: after, limit: limit, routes: routes)) {
      .fetched(
        try await environment.bus.unacknowledged(
          lane: key, after: after, limit: limit, routes: routes),
        limit: limit)
    }
  }

  private func fetchDue(nowMs: Int64, limit: Int) async {
    await report(.fetchDue(nowMs: nowMs, limit: limit)) {
      let (page, next) = try await environment.bus.due(lane: key, nowMs: nowMs, limit: limit)
      return .fetchedDue(page, nextDueMs: next)
    }
  }

  private func fetchKey(_ orderKey: String, routes: Set<Int64>?) async {
    await report(.fetchKey(orderKey, routes: routes)) {
      .fetchedKey(
        orderKey,
        try await environment.bus.oldest(lane: key, orderKey: orderKey, routes: routes))
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
