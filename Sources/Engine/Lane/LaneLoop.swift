import Store

extension Int64 {
  /// Itself, if it is later than that: a moment that is past says that something else holds up.
  fileprivate func after(_ other: Int64) -> Int64? { self > other ? self : nil }
}

/// The loop of a lane between two wake-ups: notes what happened, decides, and sets things going.
struct LaneLoop {
  private let lane: Lane
  private var state: LaneState
  private var breakers: LaneBreakers
  private var limiter: RateLimiter?
  private var slots: ActorSlots?
  private let rememberedFullAtMs: Double?
  /// Attempts that the next commit settles.
  private var ended: [Lane.Ending] = []
  /// Outcomes that could not be committed.
  private var unsettled: [Lane.Ending] = []
  /// A commit of outcomes failed, and none has succeeded since. Until one does nothing new starts,
  /// so that actors are not called again and again for what they have done, and what waits to be
  /// committed stays bounded by what was in flight (reliability.md 1, the resend storm).
  private var isSettlingBroken = false
  private var retrySettlingAtMs: Int64?
  private var retryMs = LaneLoop.retryMsMin
  /// Deliveries whose start is committed, waiting for the group to take them.
  private var toAttempt: [(QueuedDelivery, StartRecord)] = []
  /// When alarms are set, latest first. Each new one is earlier than all others, so the last goes
  /// off first, and a wish that is set already is never set twice.
  private var alarms: [Int64] = []
  /// Who waits for routes to have nothing in flight.
  private var watchers: [(routes: Set<Int64>, idle: StopSignal)] = []
  private var isDraining = false
  private var isCommitting = 0

  /// 1 s doubling to 30 s: how often a database that cannot be written is tried again.
  static let retryMsMin: Int64 = 1_000
  static let retryMsMax: Int64 = 30_000

  init(lane: Lane, state: LaneState) {
    self.lane = lane
    self.state = state
    let memory = lane.memory
    breakers = LaneBreakers(lane: lane.key, remembered: memory.breakers)
    rememberedFullAtMs = memory.rateFullAtMs
    use(lane.currentPlan)
  }

  /// Draining, and nothing runs or waits to be committed.
  var isDone: Bool {
    isDraining && state.isDrained && ended.isEmpty && unsettled.isEmpty && isCommitting == 0
  }

  mutating func note(_ message: Lane.Message) {
    switch message {
    case .offered(let deliveries): state.offered(deliveries)
    case .fetched(let page, let limit): state.fetched(page, limit: limit)
    case .fetchedDue(let page, let nextDueMs): state.fetchedDue(page, nextDueMs: nextDueMs)
    case .fetchedKey(let key, let delivery): state.fetchedKey(key, delivery)
    case .fetchFailed(let action, let error):
      report(error.description)
      state.fetchFailed(action, retryAtMs: lane.nowMs + backOff())
    case .dropped(let dropped):
      state.dropped(dropped)
      lane.endDedup(ofDropped: dropped.map(\.delivery))
    case .promoted(let oldest): state.promoted(oldest)
    case .started(let deliveries, let records, let gone):
      CrashPoint.startsCommitted.reached()
      if !isSettlingBroken { retryMs = LaneLoop.retryMsMin }
      toAttempt += zip(deliveries, records).filter { !gone.contains($0.0.delivery) }
      for delivery in deliveries where gone.contains(delivery.delivery) {
        state.attemptEnded()
        state.finished(delivery, dueAtMs: nil)
      }
    case .startFailed(let deliveries, let error):
      report(error.description)
      state.startFailed(deliveries, retryAtMs: lane.nowMs + backOff())
    case .ended(let report):
      state.attemptEnded()
      ended.append(judged(report))
    case .settled(let endings, let receipts):
      isCommitting -= 1
      retryMs = LaneLoop.retryMsMin
      isSettlingBroken = !unsettled.isEmpty
      CrashPoint.settleCommitted.reached()
      for (ending, receipts) in zip(endings, receipts) { settled(ending, receipts) }
    case .settleFailed(let endings, let error):
      isCommitting -= 1
      report(error.description)
      unsettled += endings
      isSettlingBroken = true
      retrySettlingAtMs = lane.nowMs + backOff()
    case .released(let deliveries): state.released(deliveries)
    case .returned(let places): state.returned(places)
    case .woken(let waiters): state.woken(waiters)
    case .configured:
      let plan = lane.currentPlan
      use(plan)
      state.configure(routes: plan.active, concurrencyMax: plan.concurrencyMax)
      lane.keepWorkers(of: state.routesInHand)
    case .lookAgain(let nextDueMs, let keys):
      state.lookAgain(nextDueMs: nextDueMs, waitingKeys: keys)
    case .closeBreakers(let actor):
      let workers = lane.currentPlan.workers.filter { $0.value.actor.reference == actor }
      breakers.close(of: Set(workers.keys))
    case .watchIdle(let routes, let idle): watchers.append((routes, idle))
    case .alarm: _ = alarms.popLast()
    case .room: break
    case .drain: isDraining = true
    }
  }

  mutating func act(in group: inout DiscardingTaskGroup) {
    for (delivery, start) in toAttempt { begin(delivery, start, in: &group) }
    toAttempt.removeAll(keepingCapacity: true)
    settle()
    let mayStart = !isDraining && !isSettlingBroken
    if let gates = breakers.gates(nowMs: lane.nowMs) { state.limit(gates) }
    if mayStart { perform(in: &group) }
    slots?.note(inFlight: state.inFlight, of: lane.key)
    setAlarm(mayStart: mayStart, in: &group)
    tellWatchers()
  }

  private mutating func perform(in group: inout DiscardingTaskGroup) {
    let nowMs = lane.nowMs
    let allowed = min(state.startable(nowMs: nowMs), limiter?.allowance(nowMs: nowMs) ?? .max)
    let (startsMax, pace) = slots?.take(allowed, for: lane, nowMs: nowMs) ?? (allowed, nil)
    for action in state.actions(nowMs: nowMs, startsMax: startsMax) {
      if case .start(let deliveries) = action { limiter?.take(deliveries.count, nowMs: nowMs) }
      lane.perform(action, paces: [limiter.map(lane.pace), pace].compactMap { $0 }, in: &group)
    }
  }

  private mutating func use(_ plan: Lane.Plan) {
    breakers.use(plan)
    // All routes of a lane lead to one actor.
    slots = plan.workers.values.first?.actor.slots
    guard let rate = plan.ratePerSecond else {
      limiter = nil
      return
    }
    let stored = plan.workers.values.compactMap(\.rateFullAtMs).max()
    let fullAtMs = max(limiter?.fullAtMs ?? 0, rememberedFullAtMs ?? 0, stored ?? 0)
    limiter = RateLimiter(ratePerSecond: rate, fullAtMs: fullAtMs, nowMs: lane.nowMs)
  }

  /// Nobody is left waiting for a lane that has ended.
  func end() {
    for watcher in watchers { watcher.idle.set() }
    slots?.note(inFlight: 0, of: lane.key)
    lane.memory = DeliveryEnvironment.LaneMemory(
      breakers: breakers.rows, rateFullAtMs: limiter?.fullAtMs)
    lane.endDedup(ofCutOff: state.inHand)
  }

  private mutating func tellWatchers() {
    guard !watchers.isEmpty else { return }
    watchers.removeAll { watcher in
      guard state.isIdle(watcher.routes) else { return false }
      watcher.idle.set()
      return true
    }
  }

  private mutating func begin(
    _ delivery: QueuedDelivery, _ start: StartRecord, in group: inout DiscardingTaskGroup
  ) {
    guard let worker = lane.worker(for: delivery.route) else {
      // The route went away between acceptance and now: its deliveries are parked at the next
      // load. This one stays as it is, counted as interrupted.
      state.attemptEnded()
      state.finished(delivery, dueAtMs: nil)
      return
    }
    let lane = lane
    if breakers.isHalfOpen(delivery.route, nowMs: lane.nowMs) {
      lane.log.emit(.routeCircuitHalfOpen) {
        LogEntry(
          .routeCircuitHalfOpen, timestampMs: lane.wallMs, target: worker.actor.reference.id,
          route: worker.route.name, module: worker.module)
      }
    }
    group.addTask { await lane.attempt(delivery, start, worker) }
  }

  private mutating func settle() {
    if !unsettled.isEmpty {
      guard let at = retrySettlingAtMs, lane.nowMs >= at else { return }
      ended = unsettled + ended
      unsettled = []
      retrySettlingAtMs = nil
    }
    guard !ended.isEmpty else { return }
    isCommitting += 1
    lane.commit(ended)
    ended = []
  }

  /// Takes note of what an outcome says about the actor.
  private mutating func judged(_ report: Attempt.Report) -> Lane.Ending {
    if report.record.disablesActor {
      // At once: before the outcome is committed another would be started.
      let plan = lane.currentPlan
      let actor = report.worker.actor
      actor.isGone = true
      state.configure(
        routes: plan.active.filter { plan.workers[$0]?.actor !== actor },
        concurrencyMax: plan.concurrencyMax)
      lane.tellChanged(actor)
    }
    // What is stored for collection says nothing of the actor.
    guard report.record.inbox == nil,
      let judgement = breakers.note(report, nowMs: lane.nowMs)
    else {
      return Lane.Ending(report: report)
    }
    var ending = Lane.Ending(report: report, breaker: judgement.row)
    if let name = judgement.event {
      let signal = lane.signal(name, report, judgement.payload(of: report.worker.route))
      if let signal { ending.signals = [signal] }
    }
    if let phase = judgement.phase {
      lane.log.emit(phase) {
        LogEntry(
          phase, delivery: report.deliveryID, attempt: report.record.start.number,
          event: report.event, worker: report.worker, at: report.record.endedAtMs,
          error: report.verdict.error)
      }
    }
    return ending
  }

  private mutating func settled(_ ending: Lane.Ending, _ receipts: [AcceptReceipt]) {
    let report = ending.report
    if case .waiting(let dueAtMs, _) = report.record.disposition {
      state.finished(report.delivery, dueAtMs: dueAtMs)
    } else {
      state.finished(report.delivery, dueAtMs: nil)
    }
    if !report.worker.transforms.isEmpty { lane.endDedup(report) }
    report.log(to: lane.log)
    if report.record.disablesActor { lane.logDisabled(report) }
    if report.record.inbox != nil { lane.tellStored() }
    for (followUp, receipt) in zip(report.followUps + ending.signals, receipts) {
      lane.intake.report(followUp, receipt)
    }
    if report.record.inbox != nil, let receipt = receipts.last {
      lane.intake.reportAlarms(ofNotification: receipt)
    }
  }

  private mutating func setAlarm(mayStart: Bool, in group: inout DiscardingTaskGroup) {
    let wishes = [
      mayStart ? state.wakeAtMs() : nil, retrySettlingAtMs, breakers.wakeAtMs(nowMs: lane.nowMs),
      nextStartMs(mayStart: mayStart),
    ].compactMap { $0 }
    guard let wish = wishes.min(), wish < alarms.last ?? .max else { return }
    alarms.append(wish)
    let lane = lane
    group.addTask { await lane.alarm(atMs: wish) }
  }

  /// When the rates let the next attempt begin.
  private func nextStartMs(mayStart: Bool) -> Int64? {
    guard mayStart, state.startable(nowMs: lane.nowMs) > 0 else { return nil }
    return [limiter?.nextMs, slots?.nextMs].compactMap { $0?.after(lane.nowMs) }.max()
  }

  private mutating func backOff() -> Int64 {
    defer { retryMs = min(retryMs * 2, LaneLoop.retryMsMax) }
    return retryMs
  }

  private func report(_ error: String) {
    lane.log.emit(.systemError) {
      LogEntry(.systemError, timestampMs: lane.wallMs, error: "lane \(lane.name): \(error)")
    }
  }
}
