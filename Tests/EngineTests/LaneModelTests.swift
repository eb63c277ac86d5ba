import Engine
import Store
import TestSupport
import Testing

/// ``LaneState`` against a file that is played: whatever comes between a read and its answer,
/// everything is delivered, and of one order key never two at once.
@Suite struct LaneModelTests {
  @Test(arguments: 1...300)
  func `whatever happens between a read and its answer, nothing is stranded and no key runs twice`(
    _ seed: UInt64
  ) {
    var play = LanePlay(seed: seed)
    for _ in 0..<400 { play.step() }
    play.finish()
    #expect(play.doubled.isEmpty, "keys in flight twice")
    #expect(play.unsettled.isEmpty, "never started")
  }

  @Test(arguments: 1...100)
  func `as long as every route is active, order keys keep the order of acceptance`(
    _ seed: UInt64
  ) {
    var play = LanePlay(seed: seed)
    play.togglesRoutes = false
    for _ in 0..<400 { play.step() }
    play.finish()
    #expect(play.overtakings.isEmpty)
    #expect(play.unsettled.isEmpty, "never started")
  }

  @Test(arguments: 1...300)
  func `what is requeued goes before what is younger of its key, as soon as the lane knows of it`(
    _ seed: UInt64
  ) {
    var play = LanePlay(seed: seed)
    play.togglesRoutes = seed % 3 == 0
    play.requeues = true
    for _ in 0..<600 { play.step() }
    play.finish()
    #expect(play.doubled.isEmpty, "keys in flight twice")
    if !play.togglesRoutes { #expect(play.overtaken.isEmpty) }
    #expect(play.unsettled.isEmpty, "never started")
  }
}

/// A lane and its part of the file, with everything that takes time cut into its steps.
private struct LanePlay {
  private struct Row {
    var route: Int64
    var key: String?
    var dueAtMs: Int64?
  }

  private enum Answer {
    case page([QueuedDelivery], limit: Int)
    case due([QueuedDelivery], nextMs: Int64?)
    case key(String, QueuedDelivery?)
    case released([QueuedDelivery])
    case look(nextMs: Int64?, keys: [String], route: Int64)
    case finished(QueuedDelivery, dueAtMs: Int64?)
    case gone([QueuedDelivery])
    case returned(QueuePlace)

    func isEnd(of number: Int64) -> Bool {
      if case .finished(let delivery, _) = self { delivery.delivery == number } else { false }
    }
  }

  var togglesRoutes = true
  /// Attempts may end a delivery for good, and an operator brings it back.
  var requeues = false
  /// Deliveries that were started though an older one of their key was known to the lane.
  private(set) var overtaken: [Int64] = []
  private var dead: [Int64: Row] = [:]
  /// In the queue again, and the lane has not heard of it.
  private var untold: Set<Int64> = []
  private(set) var doubled: [String] = []
  private(set) var overtakings: [Int64] = []
  private var random: SplitMix64
  private var state = LaneState(routes: [1, 2], concurrencyMax: 3, windowMax: 4)
  private var rows: [Int64: Row] = [:]
  private var active: Set<Int64> = [1, 2]
  private var dropping: Set<Int64> = []
  private var nowMs: Int64 = 0
  private var newest: Int64 = 0
  private var asked: [LaneState.Action] = []
  private var answers: [Answer] = []
  private var flying: [QueuedDelivery] = []
  /// The newest delivery of each key that an attempt has begun of.
  private var reached: [String: Int64] = [:]

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    act()
  }

  var unsettled: [Int64] { rows.keys.sorted() }

  mutating func step() {
    switch Int.random(in: 0..<100, using: &random) {
    case ..<25: if requeues, Bool.random(using: &random) { requeue() } else { accept() }
    case ..<45: perform()
    case ..<70: answer()
    case ..<85: endAttempt(fails: Int.random(in: 0..<3, using: &random) == 0)
    case ..<88: nowMs += Int64.random(in: 1...20, using: &random)
    case ..<90: evict()
    case ..<97: if togglesRoutes { toggle() }
    default: if togglesRoutes { drop() }
    }
    act()
  }

  /// Everything active, until nothing is left to do.
  mutating func finish() {
    while !dropping.isEmpty { answer() }
    active = [1, 2]
    state.configure(routes: active, concurrencyMax: 3)
    act()
    for _ in 0..<20_000 where !(rows.isEmpty && answers.isEmpty && asked.isEmpty) {
      perform()
      answer()
      endAttempt(fails: false)
      nowMs += 1
      act()
    }
  }

  // MARK: What happens

  private mutating func accept() {
    newest += 1
    let key = [nil, "a", "b"].randomElement(using: &random) ?? nil
    rows[newest] = Row(route: Int64.random(in: 1...2, using: &random), key: key)
    if let delivery = delivery(newest) { state.offered([delivery]) }
  }

  private mutating func act() {
    for action in state.actions(nowMs: nowMs) {
      if case .start(let deliveries) = action { noteOvertaken(deliveries) }
      asked.append(action)
    }
  }

  /// What is to start now, though the lane has been told of an older one of its key.
  private mutating func noteOvertaken(_ deliveries: [QueuedDelivery]) {
    for delivery in deliveries {
      guard let key = delivery.orderKey else { continue }
      let isPassed = rows.contains { number, row in
        row.key == key && number < delivery.delivery && !untold.contains(number)
      }
      if isPassed { overtaken.append(delivery.delivery) }
    }
  }

  /// The file records starts; those of deliveries that are not there any more it refuses.
  private mutating func start(_ deliveries: [QueuedDelivery]) {
    for delivery in deliveries where rows[delivery.delivery] != nil {
      if let key = delivery.orderKey {
        if flying.contains(where: { $0.orderKey == key }) { doubled.append(key) }
        if delivery.delivery < reached[key] ?? 0 { overtakings.append(delivery.delivery) }
        reached[key] = delivery.delivery
      }
      flying.append(delivery)
    }
    let gone = deliveries.filter { rows[$0.delivery] == nil }
    if !gone.isEmpty { answers.append(.gone(gone)) }
  }

  /// The queue was full: its oldest delivery that is not in flight is dropped. The lane hears of
  /// commits in their order, so it knows of all that came before.
  private mutating func evict() {
    var asRead: [Answer] = []
    for (index, answer) in answers.enumerated().reversed() {
      switch answer {
      case .finished, .gone, .released: asRead.append(answers.remove(at: index))
      case .page, .due, .key, .look, .returned: break
      }
    }
    while let answer = asRead.popLast() { hear(answer) }
    let oldest = rows.keys.filter { number in !flying.contains { $0.delivery == number } }.min()
    guard let oldest, let row = rows.removeValue(forKey: oldest) else { return }
    state.dropped([QueueNews.Dropped(lane: 1, delivery: oldest, orderKey: row.key)])
  }

  /// The file answers one of the questions; the lane does not hear it yet.
  private mutating func perform() {
    guard let index = asked.indices.randomElement(using: &random) else { return }
    switch asked.remove(at: index) {
    case .fetch(let after, let limit, let routes):
      let page = select { number, row in
        number > after && row.dueAtMs == nil && routes?.contains(row.route) ?? true
      }
      answers.append(.page(Array(page.prefix(limit)), limit: limit))
    case .fetchDue(let nowMs, let limit):
      let waiting = select { $1.dueAtMs != nil }
        .sorted { ($0.dueAtMs ?? 0, $0.delivery) < ($1.dueAtMs ?? 0, $1.delivery) }
      let page = Array(waiting.prefix { $0.dueAtMs ?? 0 <= nowMs }.prefix(limit))
      answers.append(.due(page, nextMs: waiting.dropFirst(page.count).first?.dueAtMs))
    case .fetchKey(let key, let routes):
      let found = select { $1.key == key && routes?.contains($1.route) ?? true }.first
      answers.append(.key(key, found))
    case .release(let deliveries):
      for delivery in deliveries { rows[delivery.delivery]?.dueAtMs = nil }
      answers.append(.released(deliveries))
    case .start(let deliveries): start(deliveries)
    }
  }

  private mutating func answer() {
    guard let index = answers.indices.randomElement(using: &random) else { return }
    hear(answers.remove(at: index))
  }

  private mutating func hear(_ answer: Answer) {
    switch answer {
    case .page(let page, let limit): state.fetched(page, limit: limit)
    case .due(let page, let nextMs): state.fetchedDue(page, nextDueMs: nextMs)
    case .key(let key, let found): state.fetchedKey(key, found)
    case .released(let deliveries): state.released(deliveries)
    case .look(let nextMs, let keys, let route):
      state.lookAgain(nextDueMs: nextMs, waitingKeys: keys)
      dropping.remove(route)
    case .finished(let delivery, let dueAtMs): state.finished(delivery, dueAtMs: dueAtMs)
    case .gone(let deliveries):
      for delivery in deliveries {
        state.attemptEnded()
        state.finished(delivery, dueAtMs: nil)
      }
    case .returned(let place):
      untold.remove(place.delivery)
      state.returned([place])
    }
  }

  private mutating func endAttempt(fails: Bool) {
    guard let index = flying.indices.randomElement(using: &random) else { return }
    let delivery = flying.remove(at: index)
    state.attemptEnded()
    let dueAtMs = fails ? nowMs + Int64.random(in: 0...30, using: &random) : nil
    if let dueAtMs {
      rows[delivery.delivery]?.dueAtMs = dueAtMs
    } else {
      let row = rows.removeValue(forKey: delivery.delivery)
      if requeues, Bool.random(using: &random) { dead[delivery.delivery] = row }
    }
    answers.append(.finished(delivery, dueAtMs: dueAtMs))
  }

  /// Only what the lane has heard the end of: the writer tells of both in order.
  private mutating func requeue() {
    let number = dead.keys.sorted().filter { number in !answers.contains { $0.isEnd(of: number) } }
      .randomElement(using: &random)
    guard let number, var row = dead.removeValue(forKey: number) else { return }
    row.dueAtMs = nil
    rows[number] = row
    untold.insert(number)
    answers.append(.returned(QueuePlace(lane: 1, delivery: number, orderKey: row.key)))
  }

  private mutating func toggle() {
    let route = Int64.random(in: 1...2, using: &random)
    // Nobody loads again what is still being dropped.
    guard !dropping.contains(route) else { return }
    active = active.symmetricDifference([route])
    state.configure(routes: active, concurrencyMax: 3)
  }

  /// An operator drops what a route has left that nobody delivers any more.
  private mutating func drop() {
    guard
      let route = [1, 2].filter({ !active.contains($0) }).randomElement(using: &random),
      state.isIdle([route])
    else {
      return
    }
    for (number, row) in rows where row.route == route { rows[number] = nil }
    let waiting = select { $1.dueAtMs != nil }
    answers.append(
      .look(
        nextMs: waiting.compactMap(\.dueAtMs).min(), keys: waiting.compactMap(\.orderKey),
        route: route))
    dropping.insert(route)
  }

  // MARK: The file

  private func select(_ isMeant: (Int64, Row) -> Bool) -> [QueuedDelivery] {
    rows.filter { isMeant($0.key, $0.value) }.keys.sorted().compactMap(delivery)
  }

  private func delivery(_ number: Int64) -> QueuedDelivery? {
    guard let row = rows[number] else { return nil }
    return QueuedDelivery(
      delivery: number, lane: 1, route: row.route, generation: 1, orderKey: row.key,
      dueAtMs: row.dueAtMs,
      event: EventRow(
        sequence: number, acceptedAtMs: 0, source: 1, type: 0, provenance: [], payload: [],
        extra: nil, externalID: nil, traceID: nil))
  }
}
