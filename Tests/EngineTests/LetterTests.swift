import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// Dead letters while a runtime works (cli-http.md 2.4).
@Suite(.timeLimit(.minutes(1))) struct LetterTests {
  static func policy(attempts: Int = 1, order: DotPath? = nil) -> DeliveryPolicy {
    DeliveryPolicy(
      concurrency: 2, orderKey: order,
      retry: RetryPolicy(attemptsMax: attempts, backoff: .fixed, initialDelayMs: 10, jitter: .off),
      breaker: nil)
  }

  /// An actor that fails until it is told otherwise.
  final class Patient: Sendable {
    let isUp = Atomic(false)
    var actor: TestActor {
      TestActor { _ in
        self.isUp.load(ordering: .relaxed)
          ? AttemptOutcome(.delivered) : AttemptOutcome(.error, error: "down")
      }
    }
  }

  static func module(
    _ policy: DeliveryPolicy = LetterTests.policy(), transforms: [TransformStep] = []
  ) -> ModuleDefinition {
    ModuleWorld.module(
      "b", concurrency: 2, routes: [.test(transforms: transforms, delivery: policy)])
  }

  private static func all(_ action: LetterOrder.Action, limit: Int = 500) -> LetterOrder {
    LetterOrder(action, .all(LetterQuery()), limit: limit)
  }

  @Test func `requeued deliveries are delivered by the lane that works, under their own ids`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let patient = Patient()
    let setup = ModuleWorld(actor: patient.actor)
    try await withRuntime(path, modules: [Self.module()], catalog: setup.catalog) {
      (runtime, probe) async throws in
      for _ in 0..<30 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .deliverDeadLetter, count: 30)
      let before = Set(setup.actor.requests.map(\.deliveryID))
      patient.isUp.store(true, ordering: .relaxed)
      let report = try await runtime.carryOut(Self.all(.requeue), requester: "alice")
      #expect((report.total, report.matched, report.done, report.next) == (30, 30, 30, nil))
      await probe.wait(for: .deliverSuccess, count: 30)
      #expect(Set(setup.actor.requests.suffix(30).map(\.deliveryID)) == before)
      #expect(setup.actor.requests.suffix(30).allSatisfy { $0.attempt == 2 })
      // Once more, it has nothing to do.
      let again = try await runtime.carryOut(Self.all(.requeue), requester: "alice")
      #expect((again.total, again.done) == (0, 0))
      let id = try #require(before.first)
      let refused = try await runtime.carryOut(
        LetterOrder(.requeue, .ids([id, "dlv_x"])), requester: "alice")
      #expect(refused.done == 0)
      #expect(
        refused.refused.map(\.reason).sorted() == [
          "it is not dead any more: delivered", "there is no such delivery",
        ])
      await probe.wait(for: .operatorAction)
      let entry = try #require(probe.entries(.operatorAction).first)
      #expect(entry.metadata?["by"] == "alice")
      #expect(entry.metadata?["action"] == "dlq requeue")
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `a requeued delivery has a new budget, and dies again when that is used up`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld(actor: Patient().actor)
    try await withRuntime(
      path, modules: [Self.module(Self.policy(attempts: 3))], catalog: setup.catalog, clock: clock
    ) { (runtime, probe) async throws in
      _ = await runtime.send(to: "b")
      for round in 1...3 {
        try await clock.running { await probe.wait(for: .deliverDeadLetter, count: round) }
        #expect(setup.actor.requests.count == 3 * round)
        guard round < 3 else { break }
        _ = try await runtime.carryOut(Self.all(.requeue), requester: "alice")
      }
      let rows = try SQLiteFile(path).rows(
        "SELECT state, attempts FROM v_deliveries WHERE route = 'all'")
      #expect(rows == [["dead", "9"]])
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `an older delivery of an order key goes before the younger that wait`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let gate = Gate()
    let isUp = Atomic(false)
    let setup = ModuleWorld(
      actor: TestActor { request in
        let number = request.event.value()["payload"]?["n"]?.int64
        if number == 0, !isUp.load(ordering: .relaxed) {
          return AttemptOutcome(.rejected, error: "no")
        }
        if number == 1 { await gate.pass() }
        return AttemptOutcome(.delivered)
      })
    let module = Self.module(Self.policy(order: DotPath("payload.key")))
    try await withRuntime(path, modules: [module], catalog: setup.catalog, clock: clock) {
      (runtime, probe) async throws in
      for number in 0..<300 {
        _ = await runtime.send(#"{"key":"k","n":\#(number)}"#, to: "b")
      }
      await probe.wait(for: .deliverDeadLetter)
      await gate.arrival()
      isUp.store(true, ordering: .relaxed)
      // The second is being attempted; 298 are behind it.
      _ = try await runtime.carryOut(Self.all(.requeue), requester: "alice")
      gate.open()
      await probe.wait(for: .deliverSuccess, count: 300)
      let order = setup.actor.requests.map { $0.event.value()["payload"]?["n"]?.int64 ?? -1 }
      #expect(order == [0, 1, 0] + (2..<300))
    }
  }

  @Test func `what the transforms made is used again, unless they are to run again`() async throws {
    let scratch = try Scratch()
    let runs = Atomic(0)
    let patient = Patient()
    let actor = patient.actor
    let catalog = ConnectorCatalog(
      connectors: [
        ConnectorDescriptor(
          name: "push",
          source: .init(
            mode: { _ in .push }, fields: [], make: { _, _ in .push(TestPushSource()) })),
        ConnectorDescriptor(name: "out", actor: .init(fields: [], make: { _, _ in actor })),
      ],
      transforms: [
        TransformDescriptor(name: "count") { _ in
          TestTransform { event in
            guard case .object(var object) = event.value() else { return .pass }
            object["run"] = JSONValue(runs.add(1, ordering: .relaxed).newValue)
            return .replace(JSONText(.object(object)))
          }
        }
      ])
    let step = TransformStep(name: "count", kind: .package("count"))
    try await withRuntime(
      scratch.path + "/o.db", modules: [Self.module(transforms: [step])], catalog: catalog
    ) { (runtime, probe) async throws in
      _ = await runtime.send(to: "b")
      await probe.wait(for: .deliverDeadLetter)
      var order = Self.all(.requeue)
      _ = try await runtime.carryOut(order, requester: "alice")
      await probe.wait(for: .deliverDeadLetter, count: 2)
      order.retransform = true
      _ = try await runtime.carryOut(order, requester: "alice")
      await probe.wait(for: .deliverDeadLetter, count: 3)
      #expect(actor.requests.map { $0.event.value()["run"]?.int64 } == [1, 1, 2])
    }
  }

  @Test func `of a removed route it stays queued, says why, and can be dropped`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld(actor: Patient().actor)
    try await withRuntime(path, modules: [], catalog: setup.catalog) {
      (runtime, probe) async throws in
      _ = try await runtime.load(Self.module())
      for _ in 0..<2 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .deliverDeadLetter, count: 2)
      _ = try await runtime.reload(ModuleWorld.module("b", routes: []))
      _ = try await runtime.carryOut(Self.all(.requeue), requester: "alice")
      let rows = try SQLiteFile(path).rows("SELECT state, wait_reason FROM v_deliveries")
      #expect(rows == [["parked", "route_removed"], ["parked", "route_removed"]])
      var query = LetterQuery()
      query.state = .parked
      let page = try await runtime.inspector.letters(query)
      #expect(page.items.map { $0["reason"] } == ["route_removed", "route_removed"])
      let requeue = try await runtime.carryOut(
        LetterOrder(.requeue, .all(query)), requester: "alice")
      #expect(requeue.done == 0)
      #expect(requeue.refused.first?.reason.hasPrefix("it is parked") == true)
      let one = try #require(page.items.first?["id"]?.string)
      for selection in [LetterOrder.Selection.ids([one]), .all(query)] {
        let dropped = try await runtime.carryOut(
          LetterOrder(.drop, selection), requester: "alice")
        #expect(dropped.done == 1)
      }
      #expect(
        try SQLiteFile(path).rows("SELECT DISTINCT state, reason FROM v_deliveries")
          == [["dropped", "operator"]])
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `an order that is cut off anywhere is finished by the same order`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let patient = Patient()
    let setup = ModuleWorld(actor: patient.actor)
    try await withRuntime(path, modules: [Self.module()], catalog: setup.catalog) {
      (runtime, probe) async throws in
      for _ in 0..<40 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .deliverDeadLetter, count: 40)
      patient.isUp.store(true, ordering: .relaxed)
      var order = Self.all(.requeue, limit: 7)
      let first = try await runtime.carryOut(order, requester: "alice")
      order.after = first.next
      _ = try await runtime.carryOut(order, requester: "alice")
      // Nobody goes on. The runtime ends with what it has.
      await probe.wait(for: .deliverSuccess, count: 14)
    }
    // Without a runtime.
    let database = try StoppedDatabase(path: path, time: ManualClock().time)
    var order = Self.all(.requeue, limit: 7)
    let rest = try await database.carryOut(order, requester: "bob")
    #expect((rest.total, rest.done) == (26, 7))
    database.close()
    try await withRuntime(path, modules: [Self.module()], catalog: setup.catalog) {
      (runtime, probe) async throws in
      await probe.wait(for: .deliverSuccess, count: 7)
      // Beside one, in the background.
      order = Self.all(.requeue)
      #expect(try await runtime.beginLetters(order, perSecond: nil, requester: "alice") == 19)
      await probe.wait(for: .deliverSuccess, count: 26)
      #expect(setup.actor.requests.count == 80)
      #expect(try Invariants.violations(inFile: path) == [])
    }
    let entries = try SQLiteFile(path).rows(
      """
      SELECT json_extract(fields, '$.metadata.by') FROM v_logs WHERE phase = 'operator.action'
      """)
    #expect(entries == [["alice"], ["bob"], ["alice"]])
  }

  @Test func `a rate is kept, part by part`() async throws {
    let scratch = try Scratch()
    let clock = ManualClock()
    let patient = Patient()
    let setup = ModuleWorld(actor: patient.actor)
    try await withRuntime(
      scratch.path + "/o.db", modules: [Self.module()], catalog: setup.catalog, clock: clock
    ) { (runtime, probe) async throws in
      for _ in 0..<10 { _ = await runtime.send(to: "b") }
      await probe.wait(for: .deliverDeadLetter, count: 10)
      patient.isUp.store(true, ordering: .relaxed)
      _ = try await runtime.beginLetters(
        Self.all(.requeue), perSecond: 4, requester: "alice")
      await probe.wait(for: .deliverSuccess, count: 4)
      for done in [8, 10] {
        await clock.waitForDeadline(ms: 1_000)
        #expect(probe.entries(.deliverSuccess).count == done - (done == 8 ? 4 : 2))
        clock.advance(ms: 1_000)
        await probe.wait(for: .deliverSuccess, count: done)
      }
    }
  }
}

@Suite struct PartPaceTests {
  @Test(arguments: [1e-300, 1e-17, 0.5, 1e300])
  func `a rate beyond all measure paces something and ends nothing`(_ perSecond: Double) {
    var pace = PartPace(perSecond: perSecond)
    #expect(pace.note(100_000) >= 0)
    #expect(pace.note(100_000) <= 315_360_000_000)
  }
}
