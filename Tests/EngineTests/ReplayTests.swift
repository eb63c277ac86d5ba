import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// New deliveries for stored events while a runtime works, and while none does.
@Suite(.timeLimit(.minutes(1))) struct ReplayTests {
  private static func order(
    _ configure: (inout ReplayOrder) -> Void = { _ in }
  ) -> ReplayOrder {
    var order = ReplayOrder(.filter(EventQuery()))
    configure(&order)
    return order
  }

  private static let id = "rpl_" + String(repeating: "1", count: 32)

  private func replay(
    _ runtime: Runtime, _ order: ReplayOrder, id: String = ReplayTests.id, limit: Int = 500
  ) async throws -> ReplayReport {
    var report = try await runtime.replay(order, id: id, limit: limit, requester: "alice")
    while !report.isDone {
      report = try await runtime.replay(nil, id: id, limit: limit, requester: "alice")
    }
    return report
  }

  @Test func `events are delivered again, oldest first, and are no new events`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    let module = LetterTests.module(LetterTests.policy(order: DotPath("payload.key")))
    try await withRuntime(path, modules: [module], catalog: setup.catalog) {
      (runtime, probe) async throws in
      for number in 0..<20 { _ = await runtime.send(#"{"key":"k","n":\#(number)}"#, to: "b") }
      await probe.wait(for: .deliverSuccess, count: 20)
      let dry = try await runtime.dryRun(Self.order())
      #expect((dry.events, dry.deliveries) == (20, 20))
      #expect(dry.routes.map(\.name.name) == ["all"])
      let report = try await replay(runtime, Self.order(), limit: 3)
      #expect((report.events, report.deliveries) == (20, 20))
      await probe.wait(for: .deliverSuccess, count: 40)
      let again = setup.actor.requests.suffix(20)
      #expect(again.map { $0.event.value()["payload"]?["n"]?.int64 } == (0..<20).map { $0 })
      #expect(again.allSatisfy { $0.attempt == 1 })
      #expect(Set(setup.actor.requests.map(\.deliveryID)).count == 40)
      let sql = try SQLiteFile(path)
      #expect(try sql.integer("SELECT count(*) FROM events") == 20)
      #expect(try sql.integer("SELECT event_count FROM v_sources WHERE source = 'in'") == 20)
      #expect(
        try sql.integer("SELECT count(*) FROM v_deliveries WHERE replay_id = '\(Self.id)'") == 20)
      #expect(probe.entries(.replayStart).count == 1)
      await probe.wait(for: .replayDone)
      #expect(probe.entries(.replayDone).first?.metadata?["events"] == 20)
      // Done, it stays done.
      #expect(try await replay(runtime, Self.order()).deliveries == 20)
      #expect(try sql.integer("SELECT count(*) FROM v_deliveries") == 40)
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `only failed ones, and only of a route`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld(
      actor: TestActor { request in
        request.route == "bad" && request.event.value()["payload"]?["n"]?.int64 == 1
          ? AttemptOutcome(.rejected, error: "no") : AttemptOutcome(.delivered)
      })
    let module = ModuleWorld.module("b", routes: [.test("good"), .test("bad")])
    try await withRuntime(path, modules: [module], catalog: setup.catalog) {
      (runtime, probe) async throws in
      for number in 0..<3 { _ = await runtime.send(#"{"n":\#(number)}"#, to: "b") }
      await probe.wait(for: .deliverSuccess, count: 5)
      await probe.wait(for: .deliverDeadLetter)
      var counts: [Int] = []
      for order in [
        Self.order { $0.onlyFailed = true }, Self.order { $0.route = "good" },
        Self.order { order in
          order.route = "good"
          order.onlyFailed = true
        }, Self.order { $0.actor = "nobody" },
        Self.order { order in
          order.mode = .rematch
          order.onlyFailed = true
        },
        Self.order { order in
          var query = EventQuery()
          query.conditions = FieldCondition("payload.n=2").map { [$0] } ?? []
          order.selection = .filter(query)
        },
      ] { counts.append(try await runtime.dryRun(order).deliveries) }
      #expect(counts == [1, 3, 0, 0, 1, 2])
      #expect(try SQLiteFile(path).integer("SELECT count(*) FROM replays") == 0)
    }
  }

  @Test func `a rematch goes where events would go now`() async throws {
    let scratch = try Scratch()
    let setup = ModuleWorld()
    try await withRuntime(scratch.path + "/o.db", modules: [], catalog: setup.catalog) {
      (runtime, probe) async throws in
      let two = FilterEntries.equals("payload.n", 2)
      _ = try await runtime.load(ModuleWorld.module("b", routes: [.test("old")]))
      for number in 0..<4 { _ = await runtime.send(#"{"n":\#(number)}"#, to: "b") }
      await probe.wait(for: .deliverSuccess, count: 4)
      _ = try await runtime.reload(
        ModuleWorld.module("b", routes: [.test("new", filter: two)]))
      let dry = try await runtime.dryRun(Self.order { $0.mode = .rematch })
      #expect(dry.routes.map(\.name.name) == ["new"])
      _ = try await replay(runtime, Self.order { $0.mode = .rematch })
      await probe.wait(for: .deliverSuccess, count: 5)
      let last = try #require(setup.actor.requests.last)
      #expect(last.route == "new")
      #expect(last.event.value()["payload"]?["n"] == 2)
      // The old route is gone: what it gets waits for it.
      let same = try await replay(
        runtime, Self.order { $0.route = "old" }, id: "rpl_" + String(repeating: "2", count: 32))
      #expect(same.deliveries == 4)
      let page = try await runtime.inspector.event(id: last.eventID)
      #expect(page?["deliveries"]?.array?.count == 3)
    }
  }

  @Test func `one that is cut off goes on where it was, with or without a runtime`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    try await withRuntime(path, modules: [LetterTests.module()], catalog: setup.catalog) {
      (runtime, probe) async throws in
      for _ in 0..<10 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .deliverSuccess, count: 10)
      let first = try await runtime.replay(
        Self.order(), id: Self.id, limit: 3, requester: "alice")
      #expect((first.deliveries, first.isDone) == (3, false))
      // Events of now are no part of it.
      _ = await runtime.send(to: "b")
      await probe.wait(for: .deliverSuccess, count: 14)
    }
    let database = try StoppedDatabase(path: path)
    let second = try await database.replay(nil, id: Self.id, limit: 4, requester: "bob")
    #expect((second.deliveries, second.isDone) == (7, false))
    await #expect(throws: EngineError.self) {
      try await database.replay(
        Self.order { $0.onlyFailed = true }, id: Self.id, limit: 4, requester: "bob")
    }
    await #expect(throws: EngineError.self) {
      try await database.replay(
        nil, id: "rpl_" + String(repeating: "9", count: 32), limit: 4,
        requester: "bob")
    }
    await #expect(throws: EngineError.self) {
      try await database.dryRun(Self.order { $0.mode = .rematch })
    }
    database.close()
    try await withRuntime(path, modules: [LetterTests.module()], catalog: setup.catalog) {
      (runtime, probe) async throws in
      await probe.wait(for: .deliverSuccess, count: 4)
      let end = try await runtime.beginReplay(
        nil, id: Self.id, perSecond: nil, requester: "alice")
      #expect((end.deliveries, end.isDone) == (10, true))
      await probe.wait(for: .deliverSuccess, count: 7)
      #expect(setup.actor.requests.count == 21)
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }
}

/// Filters with one entry.
private enum FilterEntries {
  static func equals(_ path: String, _ value: JSONValue) -> Filter {
    guard let path = DotPath(path) else { return Filter() }
    return Filter(entries: [.init(path: path, condition: .equals(value))])
  }
}
