import Store
import TestSupport
import Testing

/// Requeue and drop (events.md 4.1): one transaction each, with everything that was known kept.
@Suite(.timeLimit(.minutes(2)))
struct RequeueTests {
  static let anyState: Set<String> = ["dead", "dropped", "skipped", "parked"]

  /// `count` events, each with one delivery to claude that has ended so.
  static func letters(
    _ count: Int, in store: EventStore, _ names: Names, state: String = "dead",
    order: DeliveryRecord.OrderKeyValue = .none
  ) async throws -> [Int64] {
    let receipts = try await store.accepted(
      (0..<count).map { names.event("\($0)", to: [names.toClaude(order: order)]) })
    let starts = receipts.map { names.start($0.sequence << 16) }
    try await store.started(starts)
    try await store.settled(
      starts.map { start in
        var record = names.end(
          start, "error", .settled(state: state, reason: state == "delivered" ? nil : "attempts"))
        if case .text(let key) = order { record.orderKey = key }
        record.transformed = Array(#"{"changed":true}"#.utf8)
        return record
      })
    return starts.map(\.delivery)
  }

  @Test func `a requeued delivery keeps number, attempts and key, and has a new budget`()
    async throws
  {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let dead = try await Self.letters(2, in: store, names, order: .text("k"))
    let outcomes = try await store.requeue([dead[0]], from: ["dead"], retransform: false)
    let place = QueuePlace(lane: names.claude, delivery: dead[0], orderKey: "k")
    #expect(outcomes == [.queued(place)])
    let queued = try #require(
      try await store.pending(lane: names.claude, after: 0, limit: 9).first)
    #expect(queued.delivery == dead[0])
    #expect((queued.attempts, queued.attemptsBefore) == (1, 1))
    #expect(queued.orderKey == "k")
    let sql = try SQLiteFile(file.path)
    #expect(try sql.integer("SELECT count(*) FROM attempts") == 2)
    #expect(try sql.integer("SELECT count(*) FROM settled") == 1)
    #expect(try await store.transformedEvent(delivery: dead[0]) != nil)
    #expect(try Invariants.violations(inFile: file.path) == [])
    // Asked again it is not dead any more; the other one forgets what its transforms made.
    let again = try await store.requeue(dead, from: ["dead"], retransform: true)
    #expect(again.first == .refused(state: "pending"))
    #expect(try await store.transformedEvent(delivery: dead[1]) == nil)
    let unknown = try await store.requeue([99 << 16], from: Self.anyState, retransform: false)
    #expect(unknown == [.missing])
  }

  @Test func `only what may be requeued is`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    for state in ["dropped", "skipped", "delivered"] {
      let ended = try await Self.letters(1, in: store, names, state: state)
      #expect(
        try await store.requeue(ended, from: ["dead"], retransform: false)
          == [.refused(state: state)])
      let outcome = try await store.requeue(ended, from: Self.anyState, retransform: false)
      let place = QueuePlace(lane: names.claude, delivery: ended[0], orderKey: nil)
      #expect(outcome == [state == "delivered" ? .refused(state: state) : .queued(place)])
    }
  }

  @Test func `a dropped dead letter ends so, and its event stays`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let dead = try await Self.letters(2, in: store, names)
    for outcome in [LetterOutcome.dropped(lane: nil), .refused(state: "dropped")] {
      #expect(
        try await store.dropLetters(
          [dead[0]], from: Self.anyState, resting: nil, nowMs: Names.nowMs + 900) == [outcome])
    }
    let rows = try SQLiteFile(file.path).rows("SELECT state, reason, attempts FROM v_deliveries")
    #expect(rows == [["dropped", "operator", "1"], ["dead", "attempts", "1"]])
    #expect(try SQLiteFile(file.path).integer("SELECT count(*) FROM events") == 2)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `what is parked can be released and dropped, and what only rests is dropped only so`()
    async throws
  {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted((0..<3).map { _ in names.event(to: [names.toClaude()]) })
    let (held, other, resting) = (Int64(1) << 16, Int64(2) << 16, Int64(3) << 16)
    for delivery in [held, other] {
      try await store.started([names.start(delivery)])
      try await store.settled([names.end(names.start(delivery), "error", .parked(reason: "held"))])
    }
    let drop = { (delivery: Int64, routes: Set<Int64>?) in
      try await store.dropLetters(
        [delivery], from: ["parked"], resting: routes, nowMs: Names.nowMs + 900)
    }
    // Pending is not parked, whatever is asked for.
    #expect(try await drop(resting, nil) == [.refused(state: "pending")])
    #expect(
      try await store.requeue([held], from: Self.anyState, retransform: false)
        == [.queued(QueuePlace(lane: names.claude, delivery: held, orderKey: nil))])
    #expect(try await drop(other, []) == [.dropped(lane: names.claude)])
    // Its route goes: it is parked by that, and goes on by itself when the route is back.
    _ = try await store.register(Names.record(content: "v2", without: ["triage"]))
    #expect(
      try await store.requeue([resting], from: Self.anyState, retransform: false)
        == [.refused(state: "parked")])
    #expect(try await drop(resting, []) == [.refused(state: "parked")])
    #expect(try await drop(resting, [names.triage]) == [.dropped(lane: names.claude)])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `it goes to the lane where its route is now`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let dead = try await Self.letters(3, in: store, names)
    // The route has a queue of its own now, and the move of what was queued has not begun.
    var record = Names.record(content: "v2")
    record.routes[0] = Names.route("triage", to: "claude", hasOwnLane: true)
    let keys = try await store.register(record)
    let own = try #require(keys.lanes[.init(kind: "route", name: "triage")])
    #expect(keys.moves == [.init(route: names.triage, from: names.claude, to: own)])
    let first = try await store.requeue([dead[0]], from: ["dead"], retransform: false)
    #expect(first == [.queued(QueuePlace(lane: own, delivery: dead[0], orderKey: nil))])
    try await store.finishMove(
      ofRoute: names.triage, from: names.claude, to: own, after: 9 << 16)
    #expect(try await store.pending(lane: own, after: 0, limit: 9).map(\.delivery) == [dead[0]])
    store.close()
    // Without a registration the file says it.
    let again = try file.open()
    defer { again.close() }
    let second = try await again.requeue([dead[1]], from: ["dead"], retransform: false)
    #expect(second == [.queued(QueuePlace(lane: own, delivery: dead[1], orderKey: nil))])
  }

  @Test func `pages of letters go on where they were, both ways`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let dead = try await Self.letters(7, in: store, names)
    for oldestFirst in [true, false] {
      var found: [Int64] = []
      var place: LetterPlace?
      while true {
        let page = try await store.inspection.letters(
          LetterFilter(state: "dead"), oldestFirst: oldestFirst, from: place, limit: 3,
          withEvents: found.isEmpty)
        found += page.letters.map(\.place.delivery)
        guard !page.isLast else { break }
        place = page.letters.last?.place
      }
      #expect(found == (oldestFirst ? dead : dead.reversed()))
    }
    var filter = LetterFilter(state: "dead")
    for (route, count) in [("triage", 7), ("notify", 0)] {
      filter.route = route
      #expect(try await store.inspection.letterCount(filter) == count)
    }
    _ = try await store.register(Names.record(content: "v2", without: ["triage"]))
    try await store.accepted((0..<5).map { _ in names.event(to: [names.toClaude()]) })
    let parked = LetterFilter(state: "parked")
    let page = try await store.inspection.letters(
      parked, oldestFirst: true, from: LetterPlace(lane: names.claude, delivery: 9 << 16), limit: 9,
      withEvents: false)
    #expect(page.letters.map { $0.place.delivery >> 16 } == [10, 11, 12])
    #expect(page.letters.allSatisfy { $0.summary.waitReason == "route_removed" })
  }
}
