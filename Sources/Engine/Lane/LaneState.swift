import DequeModule
package import Store

/// Which delivery of a lane goes next: a pure value, no I/O and no clock.
///
/// The rows are the truth; this holds a window on them, bounded by ``windowMax`` and by what is in
/// flight. New deliveries are offered as they are committed. As long as the window has room they
/// stay in memory and are never read back (*direct*); beyond that they are left in the file, and
/// the window is refilled from there in acceptance order (*behind*), until it has caught up.
///
/// Order keys: of all deliveries with one key only the oldest unsettled may be in the window.
/// Those behind it stay in the file and are looked up by key when it is settled (``OrderKeys``), so
/// that one slow key neither fills the window nor holds up other keys.
///
/// Routes: only deliveries of active routes are taken. Those of others (paused, removed, their
/// module unloaded) stay in the file and are passed over; what of them becomes due is made pending
/// there (*released*), so that it is not found due again and again.
package struct LaneState: Sendable {
  private var concurrencyMax: Int
  private var windowMax: Int
  var routes: Set<Int64>
  /// There are deliveries of other routes in the file: reads leave them out.
  private var passesOver = false
  /// Due deliveries of routes that are not active, to be made pending.
  private var toRelease: [QueuedDelivery] = []
  var ready: Deque<QueuedDelivery> = []
  /// Everything in `ready`, in flight, or with an outcome that is being committed: what must not
  /// be taken in again.
  /// Each with its route.
  var held: [Int64: Int64] = [:]
  /// Starts that are being committed, and attempts that run.
  private(set) var inFlight = 0
  var keys: OrderKeys
  /// The newest delivery that was taken in or passed over.
  var cursor: Int64 = 0
  var feed = Feed.behind(newOffers: false)
  var isFetching = false
  var isFetchingDue = false
  /// What is being read may be gone by now.
  private var isDueStale = false
  /// Deliveries that finished while pending ones were being read: the page may still show them.
  var finishedDuringPage: Set<Int64> = []
  /// The same for the read of due ones. Apart, because each is forgotten when its own read ends:
  /// a delivery that was put off must be found by the next look for what is due.
  var finishedDuringDue: Set<Int64> = []
  /// The cursor went back while a page was being read: the page would move it forward again.
  var hasRewound = false
  private var gates = Gates()
  private var nextDueMs: Int64?
  private var pausedUntilMs: Int64?

  enum Feed: Sendable {
    /// Every pending delivery is in the window.
    case direct
    /// There may be pending deliveries after `cursor` that are only in the file. `newOffers` says
    /// that one was committed since the last look, so an empty page does not mean caught up.
    case behind(newOffers: Bool)
  }

  /// - Parameters:
  ///   - routes: The active ones.
  ///   - windowMax: Deliveries kept in memory beyond those in flight.
  ///   - nextDueMs: When the earliest waiting delivery is due.
  ///   - waitingKeys: The order keys that are waiting.
  package init(
    routes: Set<Int64>, concurrencyMax: Int, windowMax: Int = Limits.laneWindowMax,
    nextDueMs: Int64? = nil, waitingKeys: [String] = []
  ) {
    self.routes = routes
    self.concurrencyMax = max(concurrencyMax, 1)
    self.windowMax = max(windowMax, concurrencyMax)
    self.nextDueMs = nextDueMs
    keys = OrderKeys(waiting: waitingKeys)
  }

  /// No attempt runs and no outcome is being committed.
  package var isDrained: Bool { inFlight == 0 && held.count == ready.count + toRelease.count }

  /// Deliveries in the lane's hands.
  var inHand: [Int64] { Array(held.keys) }

  /// Routes with deliveries in the lane's hands.
  package var routesInHand: Set<Int64> { Set(held.values) }

  /// No delivery of these routes is in the lane's hands.
  package func isIdle(_ routes: Set<Int64>) -> Bool {
    !held.values.contains { routes.contains($0) }
  }

  // MARK: What happened

  /// New deliveries were committed, in this order.
  package mutating func offered(_ deliveries: [QueuedDelivery]) {
    for delivery in deliveries {
      guard case .direct = feed, ready.count < windowMax, delivery.delivery > cursor else {
        rewind(to: delivery.delivery - 1)
        feed = .behind(newOffers: true)
        continue
      }
      take(delivery)
    }
  }

  /// A page of pending deliveries came back from the file.
  package mutating func fetched(_ page: [QueuedDelivery], limit: Int) {
    isFetching = false
    defer { finishedDuringPage.removeAll() }
    if hasRewound {
      hasRewound = false
      feed = .behind(newOffers: true)
      return
    }
    for delivery in page where delivery.delivery > cursor { take(delivery) }
    guard case .behind(let newOffers) = feed else { return }
    if page.count < limit, !newOffers { feed = .direct }
  }

  /// A read failed; that very read is made again when the pause is over.
  package mutating func fetchFailed(_ action: Action, retryAtMs: Int64) {
    pausedUntilMs = max(pausedUntilMs ?? 0, retryAtMs)
    switch action {
    case .fetchKey(let key, _): keys.failed(key)
    case .release(let deliveries): toRelease += deliveries
    case .fetchDue:
      isFetchingDue = false
      isDueStale = false
      finishedDuringDue.removeAll()
      noteDue(retryAtMs)
    case .fetch:
      isFetching = false
      finishedDuringPage.removeAll()
      hasRewound = false
      feed = .behind(newOffers: true)
    case .start: break
    }
  }

  /// A page of due deliveries came back, with what is due after it.
  package mutating func fetchedDue(_ page: [QueuedDelivery], nextDueMs: Int64?) {
    isFetchingDue = false
    guard !isDueStale else {
      isDueStale = false
      finishedDuringDue.removeAll()
      noteDue(page.first?.dueAtMs)
      noteDue(nextDueMs)
      return
    }
    for delivery in page where !finishedDuringDue.contains(delivery.delivery) {
      guard held[delivery.delivery] == nil else { continue }
      if !mayTake(delivery.route) {
        passesOver = true
        toRelease.append(delivery)
      } else {
        switch delivery.orderKey.map({ keys.takes(due: $0, delivery.delivery) }) ?? .taken {
        case .taken: ready.append(delivery)
        case .behind: toRelease.append(delivery)
        case .left: continue
        }
      }
      held[delivery.delivery] = delivery.route
    }
    finishedDuringDue.removeAll()
    noteDue(nextDueMs)
  }

  /// The oldest delivery of an order key came back, or there is none.
  package mutating func fetchedKey(_ key: String, _ delivery: QueuedDelivery?) {
    guard let delivery, keys.accepts(key) else { return keys.found(key, .nothing) }
    if !mayTake(delivery.route) {
      passesOver = true
      keys.found(key, .inactive)
    } else if let dueAtMs = delivery.dueAtMs {
      noteDue(dueAtMs)
      keys.found(key, .waiting(delivery.delivery))
    } else if held.updateValue(delivery.route, forKey: delivery.delivery) == nil {
      ready.append(delivery)
      keys.found(key, .taken)
    } else {
      // Still in hand from when its route was not active: its release looks again.
      keys.found(key, .waiting(delivery.delivery))
    }
  }

  /// An attempt is over, so another may begin; its outcome is not committed yet.
  package mutating func attemptEnded() { inFlight -= 1 }

  /// A delivery has left the lane's hands, and that is committed: settled, parked, or waiting
  /// until a time.
  package mutating func finished(_ delivery: QueuedDelivery, dueAtMs: Int64?) {
    letGo(delivery)
    if let dueAtMs {
      noteDue(dueAtMs)
      if let key = delivery.orderKey { keys.waits(key, delivery.delivery) }
    } else if let key = delivery.orderKey {
      keys.leaves(key)
    }
  }

  mutating func letGo(_ delivery: QueuedDelivery) {
    held[delivery.delivery] = nil
    // There is room for one that was passed over.
    if gates.limit(of: delivery.route) != nil { readAgain() }
    if isFetching { finishedDuringPage.insert(delivery.delivery) }
    if isFetchingDue { finishedDuringDue.insert(delivery.delivery) }
  }

  /// Starts could not be committed: the deliveries go back to where they were.
  package mutating func startFailed(_ deliveries: [QueuedDelivery], retryAtMs: Int64) {
    inFlight -= deliveries.count
    for delivery in deliveries.reversed() { ready.prepend(delivery) }
    pausedUntilMs = retryAtMs
  }

  /// Nothing more is started until then: the file cannot be written.
  package mutating func pause(untilMs: Int64) { pausedUntilMs = untilMs }

  /// Takes another set of active routes into use. What waits of routes that are none any more goes
  /// back to the file; what the file has of new ones is found by reading it again from the oldest.
  package mutating func configure(routes: Set<Int64>, concurrencyMax: Int) {
    let added = routes.subtracting(self.routes)
    self.routes = routes
    self.concurrencyMax = max(concurrencyMax, 1)
    windowMax = max(windowMax, concurrencyMax)
    let leaving = ready.filter { !routes.contains($0.route) }
    if !leaving.isEmpty {
      ready.removeAll { !routes.contains($0.route) }
      for delivery in leaving { finished(delivery, dueAtMs: delivery.dueAtMs) }
      passesOver = true
    }
    if !added.isEmpty { readAgain() }
  }

  /// Takes other limits into use. What is ready beyond them goes back to the file.
  package mutating func limit(_ gates: Gates) {
    guard gates != self.gates else { return }
    let before = self.gates
    self.gates = gates
    for (group, limit) in gates.limits {
      var excess = count(ofGroup: group) - limit
      while excess > 0, let index = ready.lastIndex(where: { gates.groups[$0.route] == group }) {
        let delivery = ready.remove(at: index)
        finished(delivery, dueAtMs: delivery.dueAtMs)
        passesOver = true
        excess -= 1
      }
    }
    let isRaised = before.limits.contains { group, limit in gates.limits[group] ?? .max > limit }
    if isRaised { readAgain() }
  }

  private func count(ofGroup group: Int64) -> Int {
    held.values.count { gates.groups[$0] == group }
  }

  /// The route is active, and its breaker lets another delivery through.
  private func mayTake(_ route: Int64) -> Bool {
    guard routes.contains(route) else { return false }
    guard !gates.limits.isEmpty, let group = gates.groups[route],
      let limit = gates.limits[group]
    else { return true }
    return count(ofGroup: group) < limit
  }

  /// Deliveries came into the lane otherwise than by being offered, or were taken out of it.
  ///
  /// - Parameters:
  ///   - nextDueMs: As in `init`, as the file has it now.
  ///   - waitingKeys: The same.
  package mutating func lookAgain(nextDueMs: Int64?, waitingKeys: [String]) {
    keys.reconcile(waiting: waitingKeys)
    isDueStale = isFetchingDue
    noteDue(nextDueMs)
    readAgain()
  }

  /// - Parameter oldest: What is looked for: this delivery and newer ones.
  mutating func readAgain(from oldest: Int64 = 1) {
    cursor = min(cursor, oldest - 1)
    // A page that is being read may have left out what is looked for now.
    hasRewound = hasRewound || isFetching
    feed = .behind(newOffers: true)
  }

  // MARK: What to do

  /// When to ask again though nothing happens; nil when only an event can bring work.
  package func wakeAtMs() -> Int64? {
    if let pausedUntilMs { return pausedUntilMs }
    guard !routes.isEmpty, !isFetchingDue, ready.count < windowMax else { return nil }
    return nextDueMs
  }

  /// Deliveries that a start would take now.
  package func startable(nowMs: Int64) -> Int {
    if let pausedUntilMs, nowMs < pausedUntilMs { return 0 }
    return max(min(concurrencyMax - inFlight, ready.count), 0)
  }

  /// What is to be done now.
  ///
  /// - Parameter startsMax: As many as the rate allows.
  package mutating func actions(nowMs: Int64, startsMax: Int = .max) -> [Action] {
    if let until = pausedUntilMs {
      guard nowMs >= until else { return [] }
      pausedUntilMs = nil
    }
    var actions: [Action] = []
    let only = passesOver ? routes.filter(mayTake) : nil
    for key in keys.takeSeeks() { actions.append(.fetchKey(key, routes: only)) }
    if !toRelease.isEmpty {
      actions.append(.release(toRelease))
      toRelease = []
    }
    // Without an active route there is nothing to look for.
    guard !routes.isEmpty else { return actions }
    if let starts = takeStarts(startsMax) { actions.append(.start(starts)) }
    if let due = nextDueMs, due <= nowMs, !isFetchingDue, ready.count < windowMax {
      isFetchingDue = true
      nextDueMs = nil
      // Rows in flight still stand as waiting in the file and come back first.
      actions.append(.fetchDue(nowMs: nowMs, limit: windowMax + held.count))
    }
    if case .behind = feed, !isFetching, ready.count < (windowMax + 1) / 2 {
      isFetching = true
      feed = .behind(newOffers: false)
      actions.append(.fetch(after: cursor, limit: windowMax, routes: only))
    }
    return actions
  }

  private mutating func takeStarts(_ startsMax: Int) -> [QueuedDelivery]? {
    let count = min(max(min(concurrencyMax - inFlight, ready.count), 0), startsMax)
    guard count > 0 else { return nil }
    let starts = Array(ready.prefix(count))
    ready.removeFirst(count)
    inFlight += count
    return starts
  }

  /// Takes a pending delivery into the window, unless it is there or its key is busy.
  private mutating func take(_ delivery: QueuedDelivery) {
    cursor = delivery.delivery
    guard mayTake(delivery.route) || held[delivery.delivery] != nil else {
      passesOver = true
      return
    }
    guard held[delivery.delivery] == nil, !finishedDuringPage.contains(delivery.delivery) else {
      return
    }
    if let key = delivery.orderKey, !keys.takes(pending: key, delivery.delivery) { return }
    held[delivery.delivery] = delivery.route
    ready.append(delivery)
  }

  mutating func rewind(to number: Int64) {
    guard number < cursor else { return }
    cursor = number
    hasRewound = isFetching
  }

  private mutating func noteDue(_ dueAtMs: Int64?) {
    guard let dueAtMs else { return }
    nextDueMs = min(nextDueMs ?? .max, dueAtMs)
  }
}
