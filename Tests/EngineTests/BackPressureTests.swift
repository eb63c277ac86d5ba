import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// Full queues, from the source to the actor and back (config.md 7.2).
@Suite(.timeLimit(.minutes(1))) struct BackPressureTests {
  /// A module with one actor that answers when it is let, and a queue with a bound.
  private final class World: Sendable {
    let scratch: Scratch
    let path: String
    let gate = Gate()
    let clock = ManualClock()
    let module: ModuleDefinition

    init(
      depth: Int, _ overflow: DeliveryPolicy.Overflow, source: String = "push",
      alarm: Bool = false
    ) throws {
      scratch = try Scratch()
      path = scratch.path + "/o.db"
      // Attempts that wait for a gate while the clock moves do not run out of time.
      let route = RouteDefinition.test(delivery: DeliveryPolicy(timeoutMs: 86_400_000))
      var module = ModuleWorld.module("b", source: source, concurrency: 1, routes: [route])
      module.actors[0].delivery.queueDepth = depth
      module.actors[0].delivery.overflow = overflow
      if alarm {
        var route = RouteDefinition.test("alarm", source: "orgloop")
        route.actor = ActorReference(id: "alarm")
        module.routes.append(route)
        module.actors.append(ActorDefinition(id: "alarm", connector: "out"))
      }
      self.module = module
    }

    func run(
      polls: TestPollSource = TestPollSource { PollResult(checkpoint: $0 ?? "0") },
      _ body: (Runtime, LogProbe, TestActor) async throws -> Void
    ) async throws {
      let actor = TestActor { [gate] _ in
        await gate.wait()
        return AttemptOutcome(.delivered)
      }
      let world = ModuleWorld(actor: actor, polls: polls)
      try await withRuntime(
        path, modules: [module], catalog: world.catalog, clock: clock
      ) { runtime, probe in
        try await body(runtime, probe, actor)
      }
      #expect(try Invariants.violations(inFile: path) == [])
    }

    func count(_ state: String) throws -> Int64? {
      try SQLiteFile(path).integer(
        "SELECT count(*) FROM v_deliveries WHERE state = '\(state)'")
    }
  }

  private static func payload(_ request: DeliveryRequest) -> String {
    JSONText(request.event.value()["payload"] ?? .null).description
  }

  /// Holds whoever waits until it is opened.
  private final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>(
      (false, []))

    func wait() async {
      await withCheckedContinuation { continuation in
        let isOpen = state.withLock { state in
          if !state.isOpen { state.waiters.append(continuation) }
          return state.isOpen
        }
        if isOpen { continuation.resume() }
      }
    }

    func open() {
      let waiters = state.withLock { state in
        state.isOpen = true
        defer { state.waiters = [] }
        return state.waiters
      }
      for waiter in waiters { waiter.resume() }
    }
  }

  @Test func `a full queue drops its oldest, logs each, and tells routes of it once`() async throws
  {
    let world = try World(depth: 2, .dropOldest, alarm: true)
    try await world.run { runtime, probe, actor in
      _ = await runtime.send("0", to: "b")
      await probe.wait(for: .deliverAttempt)
      for number in 1..<6 { _ = await runtime.send("\(number)", to: "b") }
      await probe.wait(for: .pipelineBackpressure, count: 3)
      world.gate.open()
      await probe.wait(for: .deliverSuccess, count: 4)
      let payloads = actor.requests.map(Self.payload)
      #expect(payloads.filter { $0.count == 1 } == ["0", "4", "5"])
      let alarm = try #require(payloads.first { $0.count > 1 })
      #expect(alarm.contains(#""policy":"drop_oldest""#))
      #expect(alarm.contains(#""route":"all""#) && alarm.contains(#""actor":"out""#))
      let entry = try #require(probe.entries.first { $0.phase == .pipelineBackpressure })
      #expect(entry.queueDepth == 2)
      #expect(entry.target == "out")
      #expect(entry.metadata?["policy"] == "drop_oldest")
      #expect(entry.metadata?["delivery_id"]?.string?.hasPrefix("dlv_") == true)
    }
    #expect(try world.count("dropped") == 3)
  }

  @Test func `a queue that parks delivers everything in the order of acceptance`() async throws {
    let world = try World(depth: 2, .park)
    try await world.run { runtime, probe, actor in
      for number in 0..<50 { _ = await runtime.send("\(number)", to: "b") }
      let parked = try world.count("parked")
      #expect(parked == 47)
      world.gate.open()
      await probe.wait(for: .deliverSuccess, count: 50)
      #expect(actor.requests.map(Self.payload) == (0..<50).map(String.init))
    }
  }

  @Test func `what was parked goes on after a restart`() async throws {
    let world = try World(depth: 1, .park)
    try await world.run { runtime, probe, _ in
      for number in 0..<10 { _ = await runtime.send("\(number)", to: "b") }
      await probe.wait(for: .pipelineBackpressure, count: 7)
      runtime.beginStop(timeoutMs: 0)
      world.gate.open()
    }
    try await world.run { _, probe, _ in
      let before = try #require(try world.count("delivered"))
      try await world.clock.running {
        await probe.wait(for: .deliverSuccess, count: 10 - Int(before))
      }
    }
    #expect(try world.count("delivered") == 10)
  }

  @Test func `a queue that blocks refuses requests with Retry-After until there is room`()
    async throws
  {
    let world = try World(depth: 1, .block)
    try await world.run { runtime, probe, _ in
      // One in flight, one queued.
      #expect(await runtime.send("0", to: "b").ids.count == 1)
      await probe.wait(for: .deliverAttempt)
      #expect(await runtime.send("1", to: "b").ids.count == 1)
      guard case .unavailable(let status, let seconds, let text) = await runtime.send("2", to: "b")
      else {
        Issue.record("it was accepted")
        return
      }
      #expect(status == 503)
      #expect(seconds > 0)
      #expect(text == "the queue of actor/out is full: 1 deliveries")
      await probe.wait(for: .pipelineBackpressure)
      #expect(probe.entries(.pipelineBackpressure).map(\.source) == ["in"])
      world.gate.open()
      await probe.wait(for: .deliverSuccess, count: 2)
      #expect(await runtime.send("2", to: "b").ids.count == 1)
      await probe.wait(for: .deliverSuccess, count: 3)
    }
    #expect(try world.count("delivered") == 3)
  }

  @Test func `a queue that blocks keeps its source from being polled, and nothing is lost`()
    async throws
  {
    let world = try World(depth: 2, .block, source: "poll")
    let polls = TestPollSource { checkpoint in
      let number = checkpoint.flatMap { Int($0) } ?? 0
      guard number < 12 else { return PollResult(checkpoint: checkpoint) }
      let drafts = (number..<number + 3).map { number in
        EventDraft(
          provenance: JSONText(["platform": "test"]), payload: JSONText(JSONValue(number)))
      }
      return PollResult(events: drafts, checkpoint: "\(number + 3)")
    }
    try await world.run(polls: polls) { runtime, probe, actor in
      await probe.wait(for: .deliverAttempt)
      await world.clock.waitForDeadline(ms: 60_000)
      world.clock.advance(ms: 60_000)
      await probe.wait(for: .pipelineBackpressure)
      for _ in 0..<120 {
        await world.clock.waitForDeadline(ms: 1_000)
        world.clock.advance(ms: 1_000)
      }
      // Two intervals later it has not been polled again, and that was said once.
      #expect(polls.checkpoints == [nil])
      #expect(probe.entries(.pipelineBackpressure).count == 1)
      world.gate.open()
      try await world.clock.running { await probe.wait(for: .deliverSuccess, count: 12) }
      #expect(
        actor.requests.map(Self.payload) == (0..<12).map(String.init))
    }
  }
}
