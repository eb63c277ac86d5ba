import Engine
import Store
import Testing

@Suite struct LaneStateTests {
  private func delivery(_ number: Int64, key: String? = nil, dueAtMs: Int64? = nil)
    -> QueuedDelivery
  {
    QueuedDelivery(
      delivery: number, lane: 1, route: 1, generation: 1, orderKey: key, dueAtMs: dueAtMs,
      event: EventRow(
        sequence: number >> 16, acceptedAtMs: 0, source: 1, type: 0, provenance: [], payload: [],
        extra: nil, externalID: nil, traceID: nil))
  }

  /// A lane that has read the file and found nothing.
  private func caughtUp(concurrency: Int = 2, window: Int = 4) -> LaneState {
    var state = LaneState(routes: [1], concurrencyMax: concurrency, windowMax: window)
    _ = state.actions(nowMs: 0)
    state.fetched([], limit: 4)
    return state
  }

  private func starts(_ actions: [LaneState.Action]) -> [Int64] {
    actions.flatMap { action -> [Int64] in
      if case .start(let deliveries) = action { deliveries.map(\.delivery) } else { [] }
    }
  }

  private func keyFetches(_ actions: [LaneState.Action]) -> [String] {
    actions.compactMap { if case .fetchKey(let fetch, _) = $0 { fetch } else { nil } }
  }

  private func fetches(_ actions: [LaneState.Action]) -> [Int64] {
    actions.compactMap { if case .fetch(let after, _, _) = $0 { after } else { nil } }
  }

  @Test func `a new lane reads the file from its beginning`() {
    var state = LaneState(routes: [1], concurrencyMax: 2)
    #expect(fetches(state.actions(nowMs: 0)) == [0])
    #expect(fetches(state.actions(nowMs: 0)) == [])
  }

  @Test func `offered deliveries start in order up to the concurrency`() {
    var state = caughtUp(concurrency: 2)
    state.offered([delivery(1), delivery(2), delivery(3)])
    #expect(starts(state.actions(nowMs: 0)) == [1, 2])
    #expect(starts(state.actions(nowMs: 0)) == [])
    state.attemptEnded()
    #expect(starts(state.actions(nowMs: 0)) == [3])
  }

  @Test func `deliveries beyond the window are read back from the file in order`() {
    var state = caughtUp(concurrency: 1, window: 2)
    state.offered((1...5).map { delivery($0) })
    #expect(starts(state.actions(nowMs: 0)) == [1])
    state.attemptEnded()
    let actions = state.actions(nowMs: 0)
    #expect(starts(actions) == [2])
    #expect(fetches(actions) == [2])
    state.fetched([delivery(3), delivery(4)], limit: 2)
    state.attemptEnded()
    #expect(starts(state.actions(nowMs: 0)) == [3])
  }

  @Test func `a delivery offered while the file is read is not lost`() {
    var state = LaneState(routes: [1], concurrencyMax: 4, windowMax: 4)
    _ = state.actions(nowMs: 0)
    state.offered([delivery(7)])
    state.fetched([], limit: 4)
    #expect(fetches(state.actions(nowMs: 0)) == [0])
    state.fetched([delivery(7)], limit: 4)
    #expect(starts(state.actions(nowMs: 0)) == [7])
  }

  @Test func `only the oldest of an order key is in flight`() {
    var state = caughtUp(concurrency: 4)
    state.offered([delivery(1, key: "a"), delivery(2, key: "a"), delivery(3, key: "b")])
    #expect(starts(state.actions(nowMs: 0)) == [1, 3])
    state.attemptEnded()
    #expect(keyFetches(state.actions(nowMs: 0)) == [])
    state.finished(delivery(1, key: "a"), dueAtMs: nil)
    let fetch = keyFetches(state.actions(nowMs: 0))
    #expect(fetch == ["a"])
    state.fetchedKey(fetch[0], delivery(2, key: "a"))
    #expect(starts(state.actions(nowMs: 0)) == [2])
  }

  @Test func `a delivery offered while its key is looked up is looked up again`() {
    var state = caughtUp(concurrency: 4)
    state.offered([delivery(1, key: "a"), delivery(2, key: "a")])
    _ = state.actions(nowMs: 0)
    state.attemptEnded()
    state.finished(delivery(1, key: "a"), dueAtMs: nil)
    let fetch = keyFetches(state.actions(nowMs: 0))
    state.offered([delivery(3, key: "a")])
    state.fetchedKey(fetch[0], nil)
    #expect(keyFetches(state.actions(nowMs: 0)) == ["a"])
  }

  @Test func `a waiting delivery keeps its order key busy`() {
    var state = caughtUp(concurrency: 4)
    state.offered([delivery(1, key: "a")])
    _ = state.actions(nowMs: 0)
    state.attemptEnded()
    state.finished(delivery(1, key: "a"), dueAtMs: 500)
    state.offered([delivery(2, key: "a")])
    #expect(starts(state.actions(nowMs: 100)) == [])
    #expect(state.wakeAtMs() == 500)
  }

  @Test func `keys that wait in the file are busy from the start`() {
    var state = LaneState(routes: [1], concurrencyMax: 4, nextDueMs: 900, waitingKeys: ["a"])
    _ = state.actions(nowMs: 0)
    state.fetched([delivery(5, key: "a"), delivery(6, key: "b")], limit: 10)
    #expect(starts(state.actions(nowMs: 0)) == [6])
  }

  @Test func `due deliveries are read once their time has come and not taken twice`() {
    var state = caughtUp(concurrency: 4)
    state.offered([delivery(1)])
    _ = state.actions(nowMs: 0)
    state.attemptEnded()
    state.finished(delivery(1), dueAtMs: 500)
    #expect(state.actions(nowMs: 499).isEmpty)
    let actions = state.actions(nowMs: 500)
    guard case .fetchDue(500, _) = actions.first else {
      Issue.record("expected a look for what is due, got \(actions)")
      return
    }
    state.fetchedDue([delivery(1, dueAtMs: 500)], nextDueMs: nil)
    #expect(starts(state.actions(nowMs: 500)) == [1])
    #expect(state.wakeAtMs() == nil)
  }

  @Test func `a page that was read before a delivery was settled does not bring it back`() {
    var state = LaneState(routes: [1], concurrencyMax: 4, windowMax: 8)
    _ = state.actions(nowMs: 0)
    state.fetched((1...8).map { delivery($0, key: "a") }, limit: 8)
    let first = state.actions(nowMs: 0)
    #expect(starts(first) == [1])
    // The page after 8 is being read from here on. 9 is in it, and comes by its key before.
    #expect(fetches(first) == [8])
    state.attemptEnded()
    state.finished(delivery(1, key: "a"), dueAtMs: nil)
    #expect(keyFetches(state.actions(nowMs: 0)) == ["a"])
    state.fetchedKey("a", delivery(9, key: "a"))
    #expect(starts(state.actions(nowMs: 0)) == [9])
    state.attemptEnded()
    state.finished(delivery(9, key: "a"), dueAtMs: nil)
    _ = state.actions(nowMs: 0)
    state.fetchedKey("a", nil)
    state.fetched([delivery(9, key: "a")], limit: 8)
    #expect(starts(state.actions(nowMs: 0)) == [])
  }

  @Test func `starts that were not committed go back in their order`() {
    var state = caughtUp(concurrency: 2)
    state.offered([delivery(1), delivery(2), delivery(3)])
    _ = state.actions(nowMs: 0)
    state.startFailed([delivery(1), delivery(2)], retryAtMs: 1_000)
    #expect(state.actions(nowMs: 999).isEmpty)
    #expect(starts(state.actions(nowMs: 1_000)) == [1, 2])
  }

  @Test func `a pause starts nothing before its end`() {
    var state = caughtUp()
    state.offered([delivery(1)])
    state.pause(untilMs: 50)
    #expect(state.actions(nowMs: 49).isEmpty)
    #expect(state.wakeAtMs() == 50)
    #expect(starts(state.actions(nowMs: 50)) == [1])
  }

  @Test func `a look-up of a key that failed is made again`() {
    var state = caughtUp(concurrency: 4)
    state.offered([delivery(1, key: "a"), delivery(2, key: "a")])
    _ = state.actions(nowMs: 0)
    state.attemptEnded()
    state.finished(delivery(1, key: "a"), dueAtMs: nil)
    let fetch = "a"
    #expect(keyFetches(state.actions(nowMs: 0)) == [fetch])
    state.fetchFailed(.fetchKey(fetch, routes: nil), retryAtMs: 1_000)
    #expect(state.actions(nowMs: 999).isEmpty)
    #expect(keyFetches(state.actions(nowMs: 1_000)) == [fetch])
    state.fetchedKey(fetch, delivery(2, key: "a"))
    #expect(starts(state.actions(nowMs: 1_000)) == [2])
  }

  @Test func `a page that failed does not make the lane forget what another read may show`() {
    var state = LaneState(routes: [1], concurrencyMax: 4, windowMax: 4, nextDueMs: 0)
    // Both reads run: the page of pending ones and the one of due ones.
    #expect(state.actions(nowMs: 0).count == 2)
    state.fetchedDue([delivery(1, dueAtMs: 0)], nextDueMs: 10)
    #expect(starts(state.actions(nowMs: 0)) == [1])
    _ = state.actions(nowMs: 10)
    state.fetchFailed(.fetch(after: 0, limit: 4, routes: nil), retryAtMs: 20)
    state.attemptEnded()
    state.finished(delivery(1, dueAtMs: 0), dueAtMs: nil)
    state.fetchedDue([delivery(1, dueAtMs: 0)], nextDueMs: nil)
    #expect(starts(state.actions(nowMs: 20)) == [])
  }

  @Test func `a delivery put off while a page is being read is found when it is due`() {
    var state = LaneState(routes: [1], concurrencyMax: 4, windowMax: 4)
    state.offered([delivery(1)])
    #expect(fetches(state.actions(nowMs: 0)) == [0])
    state.fetched([delivery(1)], limit: 1)
    // 1 starts, and the next page is being read from here to the end.
    let first = state.actions(nowMs: 0)
    #expect(starts(first) == [1])
    #expect(fetches(first) == [1])
    state.attemptEnded()
    state.finished(delivery(1), dueAtMs: 0)
    guard case .fetchDue = state.actions(nowMs: 0).first else {
      Issue.record("expected a look for what is due")
      return
    }
    state.fetchedDue([delivery(1, dueAtMs: 0)], nextDueMs: nil)
    #expect(starts(state.actions(nowMs: 0)) == [1])
  }

  // MARK: Routes that are not active

  private func delivery(_ number: Int64, route: Int64, key: String? = nil, dueAtMs: Int64? = nil)
    -> QueuedDelivery
  {
    var delivery = delivery(number, key: key, dueAtMs: dueAtMs)
    delivery.route = route
    return delivery
  }

  private func released(_ actions: [LaneState.Action]) -> [Int64] {
    actions.flatMap { action -> [Int64] in
      if case .release(let deliveries) = action { deliveries.map(\.delivery) } else { [] }
    }
  }

  @Test func `deliveries of a route that is not active are passed over`() {
    var state = caughtUp(concurrency: 4)
    state.offered([delivery(1, route: 2), delivery(2, route: 1)])
    #expect(starts(state.actions(nowMs: 0)) == [2])
  }

  @Test func `a route that becomes active is read from the oldest on`() {
    var state = caughtUp(concurrency: 4)
    state.offered([delivery(1, route: 2), delivery(2, route: 1)])
    _ = state.actions(nowMs: 0)
    state.configure(routes: [1, 2], concurrencyMax: 4)
    #expect(fetches(state.actions(nowMs: 0)) == [0])
    state.fetched([delivery(1, route: 2), delivery(2, route: 1)], limit: 4)
    #expect(starts(state.actions(nowMs: 0)) == [1])
  }

  @Test func `a page that was asked for before a route became active is read again`() {
    var state = LaneState(routes: [1], concurrencyMax: 4, windowMax: 4)
    #expect(fetches(state.actions(nowMs: 0)) == [0])
    state.configure(routes: [1, 2], concurrencyMax: 4)
    state.fetched([delivery(5, route: 1)], limit: 4)
    #expect(fetches(state.actions(nowMs: 0)) == [0])
    state.fetched([delivery(1, route: 2), delivery(5, route: 1)], limit: 4)
    #expect(starts(state.actions(nowMs: 0)) == [1, 5])
  }

  @Test func `what waits of a route that becomes inactive goes back, and frees its key`() {
    var state = caughtUp(concurrency: 1)
    state.offered([
      delivery(1, route: 1), delivery(2, route: 2, key: "k"), delivery(3, route: 1, key: "k"),
    ])
    state.configure(routes: [1, 2], concurrencyMax: 1)
    state.fetched([], limit: 4)
    #expect(starts(state.actions(nowMs: 0)).isEmpty == false)
    state.configure(routes: [1], concurrencyMax: 1)
    #expect(state.isIdle([2]))
    #expect(!state.isIdle([1]))
  }

  @Test func `what becomes due of a route that is not active is made pending, once`() {
    var state = LaneState(routes: [1], concurrencyMax: 4, nextDueMs: 10)
    _ = state.actions(nowMs: 0)
    state.fetched([], limit: 256)
    _ = state.actions(nowMs: 10)
    let due = delivery(7, route: 2, dueAtMs: 10)
    state.fetchedDue([due], nextDueMs: nil)
    #expect(released(state.actions(nowMs: 10)) == [7])
    #expect(released(state.actions(nowMs: 10)) == [])
    #expect(!state.isDrained)
    state.finished(due, dueAtMs: nil)
    #expect(state.isDrained)
  }

  @Test func `a release that cannot be written is made again after a pause`() {
    var state = LaneState(routes: [1], concurrencyMax: 4, nextDueMs: 10)
    _ = state.actions(nowMs: 10)
    let due = delivery(7, route: 2, dueAtMs: 10)
    state.fetchedDue([due], nextDueMs: nil)
    let actions = state.actions(nowMs: 10)
    for action in actions { if case .release = action { state.fetchFailed(action, retryAtMs: 50) } }
    #expect(released(state.actions(nowMs: 49)) == [])
    #expect(released(state.actions(nowMs: 50)) == [7])
  }

  @Test func `a lane without an active route reads nothing`() {
    var state = LaneState(routes: [], concurrencyMax: 4, nextDueMs: 0)
    #expect(state.actions(nowMs: 0).isEmpty)
    #expect(state.wakeAtMs() == nil)
    state.configure(routes: [1], concurrencyMax: 4)
    #expect(fetches(state.actions(nowMs: 0)) == [0])
  }
}
