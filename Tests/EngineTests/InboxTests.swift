import Engine
import Store
import Synchronization
import TestSupport
import Testing

/// Events that are stored for collection, and what tells of them (config.md 8).
@Suite(.timeLimit(.minutes(1))) struct InboxTests {
  static func module(
    ttlMs: Int64 = 3_600_000, batchMax: Int = 100, key: String = "{{ payload.key }}",
    transforms: [TransformStep] = []
  ) -> ModuleDefinition {
    var route = RouteDefinition.test(
      transforms: transforms, config: ["inbox": true, "session_key": .string(key)],
      delivery: DeliveryPolicy(
        retry: RetryPolicy(attemptsMax: 3, backoff: .fixed, initialDelayMs: 1_000),
        breaker: nil))
    route.inbox = InboxPolicy(ttlMs: ttlMs, batchMax: batchMax)
    // One after the other, so that entries come in the order of their events.
    return ModuleWorld.module("b", concurrency: 1, routes: [route])
  }

  static func states(_ path: String) throws -> [[String?]] {
    try SQLiteFile(path).rows(
      "SELECT state, count(*) FROM v_inbox GROUP BY 1 ORDER BY 1")
  }

  @Test func `entries wait, their actor is told once, and a drain gives them oldest first`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    try await withRuntime(path, modules: [Self.module()], catalog: setup.catalog) {
      (runtime, probe) async throws in
      var ids: [String] = []
      for number in 1...3 {
        ids += await runtime.send("{\"key\":\"a\",\"n\":\(number)}", to: "b").ids
      }
      // Three that are stored and the notification.
      await probe.wait(for: .deliverSuccess, count: 4)
      let request = try #require(setup.actor.requests.first)
      #expect(setup.actor.requests.count == 1)
      let event = request.event.value()
      #expect(event["type"] == "message.received")
      #expect(event["source"] == "orgloop")
      #expect(event["payload"]?["kind"] == "inbox.notification")
      #expect(event["payload"]?["session_key"] == "a")
      #expect(request.config["session_key"] == "a")
      #expect(
        event["payload"]?["drain_command"]?.string
          == #"orgloop inbox drain --key "a" --format json --module b"#)
      // It follows from the event that is stored.
      #expect(event["trace_id"] == (try await runtime.inspector.event(id: ids[0]))?["trace_id"])
      let first = try #require(
        try await runtime.inspector.event(id: ids[0])?["deliveries"]?.array?.first)
      #expect(first["state"] == "delivered")
      #expect(first["reason"] == "inbox")
      #expect(Set(probe.entries(.deliverSuccess).map(\.result)) == ["inbox", "delivered"])

      let batch = try await runtime.drainInbox("a", module: nil, limit: 2, requester: "t")
      #expect(batch["events"]?.array?.map { $0["id"]?.string } == Array(ids.prefix(2)))
      #expect(batch["remaining"] == 1)
      #expect(batch["continuation"]?.string?.hasPrefix("orgloop inbox drain --key") == true)
      // Something is left, so the actor is told again.
      await probe.wait(for: .deliverSuccess, count: 5)
      #expect(setup.actor.requests.last?.event.value()["payload"]?["pending_count"] == 1)
      let last = try await runtime.drainInbox("a", module: "b", limit: 100, requester: "t")
      #expect(last["events"]?.array?.map { $0["payload"]?["n"] } == [3])
      #expect(last["continuation"] == .null)
      let none = try await runtime.drainInbox("a", module: nil, limit: 100, requester: "t")
      #expect(none["batch"] == .null)

      let id = try #require(batch["batch"]?.string)
      #expect(try await runtime.restoreInbox(id, requester: "t")["restored"] == 2)
      #expect(try await runtime.restoreInbox(id, requester: "t")["restored"] == 0)
      await probe.wait(for: .deliverSuccess, count: 6)
      #expect(
        try await runtime.inspector.inbox() == [
          ["sessionKey": "a", "module": "b", "pending": 2]
        ])
      #expect(try Invariants.violations(inFile: path) == [])
    }
    // Nothing of it is forgotten at a stop, and it is drained without a runtime too.
    let answer = try await InboxDesk.withDatabase(path, time: ManualClock().time) {
      try await $0.drain("a", module: nil, limit: 1, requester: "t")
    }
    #expect(answer["events"]?.array?.map { $0["payload"]?["n"] } == [1])
    #expect(answer["remaining"] == 1)
    try await withRuntime(path, modules: [Self.module()], catalog: setup.catalog) {
      (runtime, probe) async throws in
      // The notification that the drain has left.
      await probe.wait(for: .inboxNotify)
      #expect(setup.actor.requests.count == 4)
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `a notification that fails is retried by the route's rules, and made anew when dead`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let isUp = Atomic(false)
    let setup = ModuleWorld(
      actor: TestActor { _ in
        isUp.load(ordering: .relaxed)
          ? AttemptOutcome(.delivered) : AttemptOutcome(.error, error: "down")
      })
    try await withRuntime(
      path, modules: [Self.module()], catalog: setup.catalog, clock: clock
    ) { (runtime, probe) async throws in
      _ = await runtime.send(#"{"key":"a"}"#, to: "b")
      for attempt in 1...3 {
        await probe.wait(for: .inboxNotify, count: attempt)
        guard attempt < 3 else { break }
        await clock.waitForDeadline(ms: 1_000)
        clock.advance(ms: 1_000)
      }
      await probe.wait(for: .deliverDeadLetter)
      #expect(
        try SQLiteFile(path).integer(
          "SELECT count(*) FROM v_events WHERE platform_event = 'delivery.dead_lettered'") == 1)
      isUp.store(true, ordering: .relaxed)
      _ = await runtime.send(#"{"key":"a"}"#, to: "b")
      await probe.wait(for: .inboxNotify, count: 4)
      #expect(setup.actor.requests.last?.event.value()["payload"]?["pending_count"] == 2)
    }
  }

  @Test func `what is stored and told of survives the process's end between any two steps`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld(actor: TestActor { _ in AttemptOutcome(.error, error: "down") })
    let module = Self.module()
    try await withRuntime(path, modules: [module], catalog: setup.catalog) { runtime, probe in
      _ = await runtime.send(#"{"key":"a"}"#, to: "b")
      await probe.wait(for: .inboxNotify)
    }
    // One transaction has stored the entry and the notification: there is never the one alone.
    let rows = try SQLiteFile(path).rows(
      """
      SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM queue),
        (SELECT count(*) FROM inbox_keys WHERE notification IN (SELECT delivery FROM queue))
      """)
    #expect(rows == [["1", "1", "1"]])
    let works = ModuleWorld()
    let clock = ManualClock(wallMs: 1_772_600_767_089 + 60_000)
    try await withRuntime(path, modules: [module], catalog: works.catalog, clock: clock) {
      runtime, probe in
      await probe.wait(for: .inboxNotify)
    }
    #expect(works.actor.requests.count == 1)
    #expect(try Invariants.violations(inFile: path) == [])
  }

  @Test func `an entry that nobody collects ends as expired, and says so`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld()
    try await withRuntime(
      path, modules: [Self.module(ttlMs: 30_000)], catalog: setup.catalog, clock: clock
    ) { (runtime, probe) async throws in
      let ids = await runtime.send(#"{"key":"a"}"#, to: "b").ids
      await probe.wait(for: .inboxNotify)
      await clock.waitForDeadline(ms: 30_000)
      clock.advance(ms: 30_000)
      await probe.wait(for: .inboxExpired)
      #expect(probe.entries(.inboxExpired).first?.metadata?["expired"] == 1)
      let delivery = try #require(
        try await runtime.inspector.event(id: ids[0])?["deliveries"]?.array?.first)
      #expect(delivery["state"] == "dropped")
      #expect(delivery["reason"] == "expired")
      let none = try await runtime.drainInbox("a", module: nil, limit: 1, requester: "t")
      #expect(none["events"] == [])
      #expect(try Self.states(path) == [["expired", "1"]])
      #expect(try SQLiteFile(path).integer("SELECT count(*) FROM inbox_keys") == 0)
      #expect(try Invariants.violations(inFile: path) == [])
      // A new one tells the actor again.
      _ = await runtime.send(#"{"key":"a"}"#, to: "b")
      await probe.wait(for: .inboxNotify, count: 2)
    }
  }

  @Test func `a drain gives what the transforms made, and the notification is not transformed`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let actor = TestActor()
    let catalog = ConnectorCatalog.test(
      actor: actor,
      transform: TestTransform { event in
        guard case .object(var object) = event.value() else { return .pass }
        object["payload"] = ["key": "changed"]
        return .replace(JSONText(.object(object)))
      })
    var route = RouteDefinition.test(
      transforms: [TransformStep(name: "t", kind: .package("test"))],
      config: ["inbox": true, "session_key": "{{ payload.key }}"])
    route.inbox = InboxPolicy()
    try await withRuntime(path, modules: [.test(routes: [route])], catalog: catalog) {
      (runtime, probe) async throws in
      _ = await runtime.send(#"{"key":"a"}"#, to: "default")
      await probe.wait(for: .inboxNotify)
      #expect(actor.requests.first?.event.value()["payload"]?["session_key"] == "changed")
      let batch = try await runtime.drainInbox("changed", module: nil, limit: 1, requester: "t")
      #expect(batch["events"]?.array?.first?["payload"] == ["key": "changed"])
    }
  }

  @Test func `an empty key is an error of the delivery, and equal keys of two modules do not meet`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    var other = Self.module(key: "a")
    other.name = "c"
    other.path = "/srv/c/orgloop.yaml"
    try await withRuntime(
      path, modules: [Self.module(key: "{{ payload.text }}"), other], catalog: setup.catalog
    ) { (runtime, probe) async throws in
      _ = await runtime.send(#"{"text":""}"#, to: "b")
      await probe.wait(for: .deliverFailure)
      let error = probe.entries(.deliverFailure).first?.error
      #expect(error?.hasPrefix("session_key is empty") == true)
      _ = await runtime.send(#"{"text":"a"}"#, to: "b")
      _ = await runtime.send("{}", to: "c")
      await probe.wait(for: .inboxNotify, count: 2)
      await #expect(throws: EngineError.self) {
        try await runtime.drainInbox("a", module: nil, limit: 1, requester: "t")
      }
      let batch = try await runtime.drainInbox("a", module: "c", limit: 1, requester: "t")
      #expect(batch["events"]?.array?.first?["module"] == "c")
      #expect(try await runtime.inspector.inbox("a").count == 1)
    }
  }
}
