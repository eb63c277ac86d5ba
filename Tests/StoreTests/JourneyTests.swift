import Store
import TestSupport
import Testing

/// What `trace` and `why` read, on rows that a runtime writes.
@Suite(.timeLimit(.minutes(2)))
struct JourneyTests {
  private let identity = Identity(node: 5)

  private func delivery(_ number: Int64) -> String {
    identity.deliveryID(number: number, acceptedAtMs: Names.nowMs)
  }

  private func open() async throws -> (TestFile, EventStore, Names) {
    let file = try TestFile()
    let store = try file.open { $0.random = { 5 } }
    return (file, store, try await Names.register(in: store))
  }

  /// An event, its follow-up, that one's follow-up, and an event of another trace.
  private func chain(_ store: EventStore, _ names: Names) async throws -> String {
    try await store.accepted([names.event("one", to: [names.toClaude(), names.toSlack])])
    let trace = identity.traceID(sequence: 1, acceptedAtMs: Names.nowMs)
    let first = names.start(1 << 16)
    try await store.started([first])
    try await store.settled([
      names.end(
        first,
        followUps: [names.event("two", trace: trace, cause: 1 << 16, to: [names.toClaude()])])
    ])
    let second = names.start(2 << 16)
    try await store.started([second])
    try await store.settled([
      names.end(second, followUps: [names.event("three", trace: trace, cause: 2 << 16)])
    ])
    try await store.accepted([names.event("other", to: [names.toSlack])])
    return trace
  }

  @Test func `every id of a trace leads to all of it`() async throws {
    let (file, store, names) = try await open()
    defer { store.close() }
    let trace = try await chain(store, names)
    let event = identity.eventID(sequence: 2, acceptedAtMs: Names.nowMs)
    for id in [trace, event, delivery(1 << 16 | 1), delivery(2 << 16), delivery(2 << 16) + "/1"] {
      let journey = try #require(
        try await store.reader.journey(of: id, JourneyQuery(eventsMax: 10)), "\(id)")
      #expect(journey.traceID == trace)
      #expect(journey.events.map(\.head.sequence) == [1, 2, 3])
      #expect(journey.events.map(\.head.cause?.number) == [nil, 1 << 16, 2 << 16])
      #expect(journey.events.map(\.head.cause?.deliveryID).last == delivery(2 << 16))
      #expect(journey.events.map(\.head.state) == ["accepted", "settled", "unrouted"])
      #expect(journey.events[0].deliveries.map(\.summary.state) == ["delivered", "pending"])
      #expect(journey.events[0].deliveries.map(\.attempts.count) == [1, 0])
      #expect(journey.eventCount == BoundedCount(3))
    }
    // As the views have it.
    let views = try SQLiteFile(file.path).rows("SELECT id, state FROM v_events ORDER BY sequence")
    let journey = try #require(
      try await store.reader.journey(of: trace, JourneyQuery(eventsMax: 10)))
    #expect(
      views.prefix(3).map { [$0[0], $0[1]] } == journey.events.map { [$0.head.id, $0.head.state] })
  }

  @Test func `an id that leads nowhere leads nowhere`() async throws {
    let (file, store, names) = try await open()
    defer { withExtendedLifetime(file) { store.close() } }
    _ = try await chain(store, names)
    let ids = [
      "", "evt_", "evt_none", "trc_none", "nonsense",
      // A number that no delivery has; a time that no event has; an event that joined a trace.
      delivery(1 << 16 | 9), identity.eventID(sequence: 1, acceptedAtMs: Names.nowMs + 1),
      identity.traceID(sequence: 2, acceptedAtMs: Names.nowMs),
      Identity(node: 6).eventID(sequence: 1, acceptedAtMs: Names.nowMs),
    ]
    for id in ids {
      let journey = try await store.reader.journey(of: id, JourneyQuery(eventsMax: 10))
      #expect(journey == nil, "\(id)")
    }
  }

  @Test func `a trace from outside is found, and one that is too large is cut around the event`()
    async throws
  {
    let (file, store, names) = try await open()
    defer { withExtendedLifetime(file) { store.close() } }
    // 1 … 20; then 21 follows from 20, and 22 from 21.
    try await store.accepted(
      (1...20).map { _ in names.event(trace: "trc_theirs", to: [names.toClaude()]) })
    for cause in [Int64(20), 21] {
      let start = names.start(cause << 16)
      try await store.started([start])
      try await store.settled([
        names.end(
          start,
          followUps: [
            names.event(trace: "trc_theirs", cause: cause << 16, to: [names.toClaude()])
          ])
      ])
    }
    func shown(_ id: String, _ limit: Int) async throws -> [Int64] {
      let journey = try await store.reader.journey(of: id, JourneyQuery(eventsMax: limit))
      #expect(journey?.eventCount == BoundedCount(22))
      return journey?.events.map(\.head.sequence) ?? []
    }
    #expect(try await shown("trc_theirs", 4) == [1, 2, 3, 4])
    #expect(try await shown("trc_theirs", 22).count == 22)
    let last = identity.eventID(sequence: 22, acceptedAtMs: Names.nowMs)
    #expect(try await shown(last, 4) == [1, 20, 21, 22])
    #expect(try await shown(last, 2) == [21, 22])
    let twentieth = identity.eventID(sequence: 20, acceptedAtMs: Names.nowMs)
    #expect(try await shown(twentieth, 3) == [20, 21, 22])
  }

  @Test func `no answer has more deliveries or attempts than its bounds`() async throws {
    let (file, store, names) = try await open()
    defer { withExtendedLifetime(file) { store.close() } }
    let many = Array(repeating: names.toClaude(), count: 150)
    try await store.accepted((0..<12).map { _ in names.event(trace: "trc_many", to: many) })
    for number in 1...25 {
      let start = names.start(1 << 16, number: number)
      try await store.started([start])
      try await store.settled([names.end(start, "error", .waiting(dueAtMs: 1, reason: "backoff"))])
    }
    let journey = try #require(
      try await store.reader.journey(of: "trc_many", JourneyQuery(eventsMax: 100)))
    #expect(
      journey.events.map(\.deliveries.count) == Array(repeating: 100, count: 10) + [0, 0])
    #expect(
      journey.events.map(\.deliveriesMore) == Array(repeating: 50, count: 10) + [150, 150])
    let attempts = try #require(journey.events.first?.deliveries.first?.attempts)
    #expect(attempts.map(\.number) == Array(6...25))
  }

  @Test func `a delivery waits for the oldest of its key whose route is at work`() async throws {
    let (file, store, names) = try await open()
    defer { store.close() }
    let review = DeliveryRecord(
      lane: names.claude, route: names.review, orderKey: .text("k"), generation: 1)
    let triage = names.toClaude(order: .text("k"))
    try await store.accepted([
      names.event(to: [review]), names.event(to: [triage]), names.event(to: [triage]),
      names.event(to: [names.toClaude(order: .text("other"))]),
    ])
    func ahead(_ sequence: Int64) async throws -> String? {
      let id = identity.eventID(sequence: sequence, acceptedAtMs: Names.nowMs)
      let journey = try await store.reader.journey(
        of: id, JourneyQuery(eventsMax: 1, explains: true))
      let standing = try #require(journey?.events.first?.deliveries.first?.standing)
      // Counted only where nothing else holds it.
      let isFree = !standing.isHeld && standing.ahead == nil
      #expect(standing.older == BoundedCount(isFree ? Int(sequence) - 1 : 0))
      return standing.ahead?.deliveryID
    }
    let active = "UPDATE modules SET desired = 'active', state = 'active'"
    try SQLiteFile(file.path, writable: true).rows(active)
    #expect(try await ahead(1) == nil)
    #expect(try await ahead(3) == delivery(1 << 16))
    #expect(try await ahead(4) == nil)
    // What is held up itself holds up nobody.
    try await store.pause([
      PauseRow(
        kind: "route", module: "engineering", name: "review", sinceMs: 1, by: "dana",
        reason: nil, untilMs: nil)
    ])
    #expect(try await ahead(3) == delivery(2 << 16))
    #expect(try await ahead(2) == nil)
  }

  @Test func `what a delivery waits for begins with the word of the view`() async throws {
    let (file, store, names) = try await open()
    defer { store.close() }
    try await store.accepted([names.event(to: [names.toClaude()])])
    let sql = try SQLiteFile(file.path, writable: true)
    try sql.rows("UPDATE modules SET desired = 'active', state = 'active', changed_at_ms = 7")
    func standing() async throws -> Standing {
      let journey = try await store.reader.journey(
        of: delivery(1 << 16), JourneyQuery(eventsMax: 1, explains: true))
      return try #require(journey?.events.first?.deliveries.first?.standing)
    }
    #expect(try await standing().isHeld == false)
    let changes: [(set: String, undo: String, word: String)] = [
      (
        "UPDATE routes SET removed_at_ms = 9", "UPDATE routes SET removed_at_ms = NULL",
        "route_removed"
      ),
      (
        "UPDATE modules SET desired = 'removed'", "UPDATE modules SET desired = 'active'",
        "module_unloaded"
      ),
      (
        "UPDATE lanes SET disabled_since_ms = 9", "UPDATE lanes SET disabled_since_ms = NULL",
        "actor_disabled"
      ),
    ]
    for change in changes {
      try sql.rows(change.set)
      #expect(try await standing().isHeld)
      #expect(try sql.value("SELECT wait_reason FROM v_deliveries") == change.word)
      try sql.rows(change.undo)
      #expect(try await standing().isHeld == false)
    }
    for (kind, name) in [("route", "triage"), ("actor", "claude"), ("module", "engineering")] {
      let row = PauseRow(
        kind: kind, module: "engineering", name: name, sinceMs: 3, by: "dana", reason: "ink",
        untilMs: 4)
      try await store.pause([row])
      #expect(try await standing().route.pauses == [row])
      #expect(try sql.value("SELECT wait_reason FROM v_deliveries") == "paused")
      try await store.resume([row])
    }
    #expect(try await standing().route.pauses == [])
  }

  @Test func `along an order key no more rows are looked at than the bound`() async throws {
    let (file, store, names) = try await open()
    defer { withExtendedLifetime(file) { store.close() } }
    let held = names.event(
      to: [
        DeliveryRecord(
          lane: names.claude, route: names.review, orderKey: .text("k"), generation: 1)
      ])
    let free = names.event(to: [names.toClaude(order: .text("k"))])
    try await store.pause([
      PauseRow(
        kind: "route", module: "engineering", name: "review", sinceMs: 1, by: "dana",
        reason: nil, untilMs: nil)
    ])
    try await store.accepted([free] + Array(repeating: held, count: JourneyQuery.keyRowsMax))
    try await store.accepted([free, free])
    func standing(_ sequence: Int64) async throws -> Standing {
      let journey = try await store.reader.journey(
        of: identity.eventID(sequence: sequence, acceptedAtMs: Names.nowMs),
        JourneyQuery(eventsMax: 1, explains: true))
      return try #require(journey?.events.first?.deliveries.first?.standing)
    }
    let last = Int64(JourneyQuery.keyRowsMax) + 3
    #expect(try await standing(last).ahead?.deliveryID == delivery(1 << 16))
    // The first has ended: what is before the last now is held, but for one that is not reached.
    let first = names.start(1 << 16)
    try await store.started([first])
    try await store.settled([names.end(first)])
    let unsearched = try await standing(last)
    #expect(unsearched.ahead == nil)
    #expect(unsearched.unsearchedKey == "k")
    let reached = try await standing(last - 1)
    #expect(reached.ahead == nil)
    #expect(reached.unsearchedKey == nil)
    #expect(reached.older == BoundedCount(JourneyQuery.olderMax, isCapped: true))
  }
}
