import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// What a reload leaves alone and what it changes (config.md 10.6).
@Suite(.timeLimit(.minutes(1))) struct ReloadTests {
  private func world<Value: Sendable>(
    _ world: ModuleWorld, clock: ManualClock = ManualClock(),
    boot: [ModuleDefinition] = [],
    _ body: @Sendable (Runtime, LogProbe, String) async throws -> Value
  ) async throws -> Value {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    return try await withRuntime(path, modules: boot, catalog: world.catalog, clock: clock) {
      try await body($0, $1, path)
    }
  }

  @Test func `an unchanged source keeps polling without a gap or a second poll`() async throws {
    let clock = ManualClock()
    let setup = ModuleWorld(polls: TestPollSource { PollResult(checkpoint: ($0 ?? "") + "x") })
    try await world(setup, clock: clock) { (runtime, _, _) async throws in
      _ = try await runtime.load(ModuleWorld.module("b", source: "poll"))
      await clock.waitForDeadline(ms: 60_000)
      clock.advance(ms: 59_000)
      for number in 0..<5 {
        let routes = [RouteDefinition.test("r\(number)")]
        let report = try await runtime.reload(
          ModuleWorld.module("b", source: "poll", routes: routes))
        #expect(report.changes.sources.unchanged == ["in"])
      }
      #expect(setup.polls.checkpoints == [nil])
      clock.advance(ms: 1_000)
      await clock.waitForDeadline(ms: 60_000)
      #expect(setup.polls.checkpoints == [nil, "x"])
    }
  }

  @Test func `a changed source finishes its poll and goes on from its checkpoint`() async throws {
    let clock = ManualClock()
    let gate = Gate()
    let running = Atomic(0)
    let setup = ModuleWorld(
      polls: TestPollSource { checkpoint in
        #expect(running.add(1, ordering: .relaxed).oldValue == 0)
        if checkpoint == nil { await gate.pass() }
        running.subtract(1, ordering: .relaxed)
        return PollResult(checkpoint: (checkpoint ?? "") + "x")
      })
    try await world(setup, clock: clock) { (runtime, _, _) async throws in
      var definition = ModuleWorld.module("b", source: "poll")
      _ = try await runtime.load(definition)
      await gate.arrival()
      definition.sources[0].pollIntervalMs = 5_000
      let report = try await runtime.reload(definition)
      #expect(report.changes.sources.changed == ["in"])
      #expect(setup.polls.checkpoints == [nil])
      gate.open()
      await clock.waitForDeadline(ms: 5_000)
      #expect(setup.polls.checkpoints == [nil, "x"])
    }
  }

  @Test func `a source with another connector begins without the old checkpoint`() async throws {
    let clock = ManualClock()
    let other = TestPollSource { PollResult(checkpoint: ($0 ?? "") + "y") }
    let setup = ModuleWorld(polls: TestPollSource { PollResult(checkpoint: ($0 ?? "") + "x") })
    let catalog = ConnectorCatalog(
      connectors: Array(setup.catalog.connectors.values) + [
        ConnectorDescriptor(
          name: "other",
          source: .init(mode: { _ in .poll }, fields: [], make: { _, _ in .poll(other) }))
      ])
    let scratch = try Scratch()
    try await withRuntime(
      scratch.path + "/o.db", modules: [], catalog: catalog, clock: clock
    ) { runtime, _ in
      _ = try await runtime.load(ModuleWorld.module("b", source: "poll"))
      await clock.waitForDeadline(ms: 60_000)
      _ = try await runtime.reload(ModuleWorld.module("b", source: "other"))
      await clock.waitForSleepers(1)
      while other.checkpoints.isEmpty { await Task.yield() }
      #expect(other.checkpoints == [nil])
    }
  }

  @Test func `an invalid definition leaves the old one running`() async throws {
    let setup = ModuleWorld()
    try await world(setup) { (runtime, probe, path) async throws in
      _ = try await runtime.load(ModuleWorld.module("b"))
      let error = await #expect(throws: EngineError.self) {
        try await runtime.reload(ModuleWorld.module("b", actor: "broken"))
      }
      #expect(error?.code == .invalid)
      _ = await runtime.send(to: "b")
      await probe.wait(for: .deliverSuccess)
      #expect(try SQLiteFile(path).rows("SELECT count(*) FROM v_generations") == [["1"]])
      #expect(try await runtime.states() == ["b active"])
    }
  }

  @Test func `unsettled deliveries of a changed route use its new definition`() async throws {
    let clock = ManualClock()
    let setup = ModuleWorld(
      actor: TestActor { request in
        AttemptOutcome(request.config["v"] == 2 ? .delivered : .error, error: "old")
      })
    try await world(setup, clock: clock) { (runtime, probe, _) async throws in
      _ = try await runtime.load(ModuleWorld.module("b", routes: [.test(config: ["v": 1])]))
      _ = await runtime.send(to: "b")
      await probe.wait(for: .deliverRetry)
      let changed = ModuleWorld.module("b", routes: [.test(config: ["v": 2])])
      #expect(try await runtime.reload(changed).changes.routes.changed == ["all"])
      clock.advance(ms: 60_000)
      await probe.wait(for: .deliverSuccess)
      #expect(setup.actor.requests.map(\.attempt) == [1, 2])
    }
  }

  @Test(arguments: RemovedPolicy.allCases)
  func `deliveries of a removed route are parked, drained or dropped as asked`(
    _ policy: RemovedPolicy
  ) async throws {
    let clock = ManualClock()
    let isUp = Atomic(false)
    let setup = ModuleWorld(
      actor: TestActor { _ in
        isUp.load(ordering: .relaxed)
          ? AttemptOutcome(.delivered) : AttemptOutcome(.error, error: "down")
      })
    let both = ModuleWorld.module("b", routes: [.test("stays"), .test("goes")])
    try await world(setup, clock: clock) { (runtime, probe, path) async throws in
      _ = try await runtime.load(both)
      _ = await runtime.send(to: "b")
      await probe.wait(for: .deliverRetry, count: 2)
      isUp.store(true, ordering: .relaxed)
      let one = ModuleWorld.module("b", routes: [.test("stays")])
      let order = ModuleWorld.order(one)
      // A day: time must not run out for a machine that is busy.
      let reload = { @Sendable () async throws in
        try await runtime.reloadModule(order, onRemoved: policy, drainMs: 86_400_000)
      }
      // Nothing but a drain waits for what is due.
      let report = policy == .drain ? try await clock.running(reload) : try await reload()
      #expect(report.changes.routes.removed == ["goes"])
      let rows = try SQLiteFile(path).rows(
        "SELECT state, coalesce(reason, wait_reason) FROM v_deliveries WHERE route = 'goes'")
      let expected: [RemovedPolicy: [String?]] = [
        .park: ["parked", "route_removed"], .drain: ["delivered", nil],
        .drop: ["dropped", "operator"],
      ]
      #expect(rows == [expected[policy] ?? []])
      #expect(try Invariants.violations(inFile: path) == [])
      guard policy == .park else { return }
      _ = try await runtime.reload(both)
      clock.advance(ms: 60_000)
      await probe.wait(for: .deliverSuccess, count: 2)
    }
  }

  @Test func `a route that is sent to another queue takes its deliveries along, in order`()
    async throws
  {
    let clock = ManualClock()
    let gate = Gate()
    let setup = ModuleWorld(
      actor: TestActor { request in
        if request.event.description.contains(#""n":0"#) { await gate.pass() }
        return AttemptOutcome(.delivered)
      })
    let policy = DeliveryPolicy(concurrency: 4, orderKey: DotPath("payload.key"))
    let before = ModuleWorld.module("b", routes: [.test(delivery: policy)])
    let after = ModuleWorld.module("b", routes: [.test(delivery: policy, hasOwnLane: true)])
    try await world(setup, clock: clock) { (runtime, probe, path) async throws in
      _ = try await runtime.load(before)
      for number in 0..<5 { _ = await runtime.send(#"{"n":\#(number),"key":"k"}"#, to: "b") }
      await gate.arrival()
      _ = try await runtime.reload(after)
      for number in 5..<10 { _ = await runtime.send(#"{"n":\#(number),"key":"k"}"#, to: "b") }
      #expect(setup.actor.requests.count == 1)
      gate.open()
      await probe.wait(for: .deliverSuccess, count: 10)
      let numbers = setup.actor.requests.map { $0.event.value()["payload"]?["n"]?.int64 ?? -1 }
      #expect(numbers == Array(0..<10))
      let lanes = try SQLiteFile(path).rows(
        "SELECT l.kind FROM routes AS r JOIN lanes AS l ON l.key = r.lane")
      #expect(lanes == [["route"]])
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `a changed actor is opened again, and the old one closed when its last attempt ends`()
    async throws
  {
    let gate = Gate()
    let log = Journal()
    let catalog = ConnectorCatalog(
      connectors: Array(ModuleWorld().catalog.connectors.values) + [
        ConnectorDescriptor(
          name: "named",
          actor: .init(
            fields: [],
            make: { config, _ in
              NamedActor(name: config["name"]?.string ?? "", gate: gate, log: log)
            }))
      ])
    let scratch = try Scratch()
    try await withRuntime(scratch.path + "/o.db", modules: [], catalog: catalog) { runtime, probe in
      var definition = ModuleWorld.module("b", actor: "named")
      definition.actors[0].config = ["name": "first"]
      _ = try await runtime.load(definition)
      _ = await runtime.send(to: "b")
      await gate.arrival()
      definition.actors[0].config = ["name": "second"]
      #expect(try await runtime.reload(definition).changes.actors.changed == ["out"])
      _ = await runtime.send(to: "b")
      await gate.arrival()
      #expect(log.all == ["first delivers", "second delivers"])
      gate.open()
      await probe.wait(for: .deliverSuccess, count: 2)
      while log.all.count < 3 { await Task.yield() }
      #expect(log.all.last == "first closes")
    }
  }
}

/// An actor that writes down what becomes of it.
private struct NamedActor: ActorConnector {
  let name: String
  let gate: Gate
  let log: Journal

  func deliver(_ delivery: DeliveryRequest) async -> AttemptOutcome {
    log.add("\(name) delivers")
    await gate.pass()
    return AttemptOutcome(.delivered)
  }

  func close() async { log.add("\(name) closes") }
}

private final class Journal: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }

  func add(_ line: String) { lines.withLock { $0.append(line) } }
}
