import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// Work that feeds itself stops by rule (events.md 5): counted in rows when events are accepted.
@Suite(.timeLimit(.minutes(1))) struct LoopTests {
  /// An actor that answers each delivery with another event.
  private static let echo = TestActor { _ in
    var outcome = AttemptOutcome(.delivered)
    outcome.followUps = [
      EventDraft(type: .messageReceived, provenance: JSONText(["platform": "test"]))
    ]
    return outcome
  }

  /// `all` takes what comes from outside, `again` what the actor answers.
  private static func module(_ name: String, listeningTo other: String? = nil) -> ModuleDefinition {
    ModuleWorld.module(
      name,
      routes: [
        .test(),
        RouteDefinition(
          name: "again", sources: [SourceReference(module: other, id: "out")],
          actor: ActorReference(id: "out")),
      ])
  }

  private static func ends(_ path: String) throws -> [[String?]] {
    try SQLiteFile(path).rows(
      "SELECT state, reason, count(*) FROM v_deliveries GROUP BY 1, 2 ORDER BY 1, 2")
  }

  private static func followUps(_ path: String) throws -> Int64? {
    try SQLiteFile(path).integer("SELECT count(*) FROM events WHERE trace IS NOT NULL")
  }

  @Test func `an actor that wakes itself stops at the fifth event, and an event tells of it`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld(actor: Self.echo)
    var watcher = ModuleWorld.module("w", routes: [])
    watcher.routes = [
      RouteDefinition(
        name: "watch", sources: [SourceReference(module: "b", id: "orgloop")],
        filter: Filter(), actor: ActorReference(id: "out"))
    ]
    try await withRuntime(path, modules: [Self.module("b"), watcher], catalog: setup.catalog) {
      (runtime, probe) async throws in
      let ids = await runtime.send(to: "b").ids
      await probe.wait(for: .loopCircuitBroken)
      // Four of the loop, and the alarm.
      await probe.wait(for: .deliverSuccess, count: 5)
      #expect(try Self.ends(path) == [["delivered", nil, "5"], ["dropped", "loop", "1"]])
      #expect(probe.entries(.loopDetected).count == 2)
      let alarm = try SQLiteFile(path).rows(
        """
        SELECT json_extract(event, '$.payload.depth'), json_extract(event, '$.payload.scope'),
          json_array_length(event, '$.payload.event_ids'),
          json_extract(event, '$.payload.event_ids[0]')
        FROM v_events WHERE platform_event = 'loop.broken'
        """)
      #expect(alarm == [["5", "module", "5", ids.first]])
      let why = try await runtime.inspector.why(ids[0], route: nil, nowMs: 0)
      #expect(why?["events"]?.array?.count == 1)
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `a trace that goes through two modules stops too`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld(actor: Self.echo)
    let modules = [
      Self.module("a", listeningTo: "b"), Self.module("b", listeningTo: "a"),
    ]
    try await withRuntime(path, modules: modules, catalog: setup.catalog) {
      (runtime, probe) async throws in
      _ = await runtime.send(to: "a")
      await probe.wait(for: .loopCircuitBroken)
      #expect(try Self.ends(path).last == ["dropped", "loop", "1"])
      // In turn, from outside on: the fifth of a is the eighth of the trace.
      #expect(try Self.followUps(path) == 7)
    }
  }

  @Test func `more modules do not make a trace longer than its own bound`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld(actor: Self.echo)
    let names = (0..<6).map { "m\($0)" }
    let modules = names.indices.map {
      Self.module(names[$0], listeningTo: names[($0 + 5) % 6])
    }
    var settings = RuntimeSettings()
    settings.loop.maxTraceDepth = 9
    try await withRuntime(path, modules: modules, catalog: setup.catalog, settings: settings) {
      (runtime, probe) async throws in
      _ = await runtime.send(to: "m0")
      await probe.wait(for: .loopCircuitBroken)
      #expect(try Self.followUps(path) == 8)
      let scope = try SQLiteFile(path).value(
        """
        SELECT json_extract(event, '$.payload.scope') FROM v_events
        WHERE platform_event = 'loop.broken'
        """)
      #expect(scope == "trace")
    }
  }

  @Test func `hops are counted over a restart, and a broken trace stays broken for the window`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld()
    let modules = [ModuleWorld.module("b")]
    @Sendable func send(_ runtime: Runtime) async throws -> String? {
      let body = """
        {"type": "message.received", "source": "in", "provenance": {"platform": "test"},
          "payload": {}, "trace_id": "trc_x"}
        """
      let receipt = try await runtime.inject(Array(body.utf8), module: "b", idempotencyKey: nil)
      return try SQLiteFile(path).value(
        "SELECT coalesce(reason, 'none') FROM v_deliveries WHERE event_id = '\(receipt.eventID)'")
    }
    for run in 0..<2 {
      try await withRuntime(path, modules: modules, catalog: setup.catalog, clock: clock) {
        (runtime, _) async throws in
        for number in 0..<3 {
          clock.advance(ms: 1)
          #expect(try await send(runtime) == (run * 3 + number >= 4 ? "loop" : "none"))
        }
      }
    }
    // Only three of the six are within the window by now, and still it is broken.
    try await withRuntime(path, modules: modules, catalog: setup.catalog, clock: clock) {
      (runtime, _) async throws in
      clock.advance(ms: 299_990)
      #expect(try await send(runtime) == "loop")
      clock.advance(ms: 300_000)
      #expect(try await send(runtime) == "none")
    }
    #expect(
      try SQLiteFile(path).integer(
        "SELECT count(*) FROM v_events WHERE platform_event = 'loop.broken'") == 1)
    #expect(try Invariants.violations(inFile: path) == [])
  }

  @Test func `events from before a clock was set back do not count`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld()
    try await withRuntime(
      path, modules: [ModuleWorld.module("b")], catalog: setup.catalog, clock: clock
    ) { (runtime, _) async throws in
      for number in 0..<8 {
        if number == 4 { clock.jumpWall(ms: -60_000) }
        let body = """
          {"type": "message.received", "source": "in", "provenance": {"platform": "test"},
            "payload": {}, "trace_id": "trc_x"}
          """
        _ = try await runtime.inject(Array(body.utf8), module: "b", idempotencyKey: nil)
      }
      #expect(
        try SQLiteFile(path).integer("SELECT count(*) FROM v_deliveries WHERE reason = 'loop'")
          == 0)
    }
  }

  @Test func `an alarm that wakes a loop does not breed alarms`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld(actor: Self.echo)
    var module = Self.module("b")
    module.routes.append(
      RouteDefinition(
        name: "alarm", sources: [SourceReference(id: "orgloop")], actor: ActorReference(id: "out")))
    try await withRuntime(path, modules: [module], catalog: setup.catalog) {
      (runtime, probe) async throws in
      _ = await runtime.send(to: "b")
      await probe.wait(for: .loopCircuitBroken, count: 2)
    }
    let alarms = try SQLiteFile(path).integer(
      "SELECT count(*) FROM v_events WHERE platform_event = 'loop.broken'")
    #expect(alarms == 1)
  }

  @Test func `an actor's budget holds over routes, modules and restarts, and any window`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld()
    var limited = RouteDefinition.test()
    limited.delivery.starts = StartLimit(count: 3, periodMs: 3_600_000)
    var guest = ModuleWorld.route(toModule: "b")
    guest.delivery.starts = limited.delivery.starts
    let modules = [
      ModuleWorld.module("b", routes: [limited]), ModuleWorld.module("c", routes: [guest]),
    ]
    func reasons() throws -> [String?] {
      try SQLiteFile(path).rows(
        "SELECT coalesce(reason, '') FROM v_deliveries ORDER BY delivery"
      ).map { $0[0] }
    }
    try await withRuntime(path, modules: modules, catalog: setup.catalog, clock: clock) {
      (runtime, _) async throws in
      _ = await runtime.send(to: "b")
      clock.advance(ms: 3_000_000)
      for name in ["b", "c", "b", "c"] { _ = await runtime.send(to: name) }
    }
    #expect(try reasons() == ["", "", "", "budget", "budget"])
    try await withRuntime(path, modules: modules, catalog: setup.catalog, clock: clock) {
      (runtime, _) async throws in
      _ = await runtime.send(to: "c")
      // The first has left the window, the others have not.
      clock.advance(ms: 700_000)
      for _ in 0..<2 { _ = await runtime.send(to: "b") }
    }
    #expect(try reasons().suffix(3) == ["budget", "", "budget"])
    let alarms = try SQLiteFile(path).integer(
      "SELECT count(*) FROM v_events WHERE platform_event = 'budget.exceeded'")
    #expect(alarms == 1)
    #expect(try Invariants.violations(inFile: path) == [])
  }
}
