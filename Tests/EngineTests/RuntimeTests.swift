import Engine
import Store
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct RuntimeTests {
  private func settings(_ bus: RuntimeSettings.Bus) -> RuntimeSettings {
    var settings = RuntimeSettings()
    settings.bus = bus
    return settings
  }

  private func send(_ runtime: Runtime, _ body: String, id: String? = nil) async -> WebhookAnswer {
    await runtime.receiveWebhook(module: nil, source: "in", request: .test(body, id: id))
  }

  @Test(arguments: RuntimeSettings.Bus.allCases)
  func `an accepted event reaches the actor of every matching route`(
    _ bus: RuntimeSettings.Bus
  ) async throws {
    let scratch = try Scratch()
    let actor = TestActor()
    let isUrgent = Filter(entries: [
      Filter.Entry(path: DotPath(keys: ["payload", "kind"]), condition: .equals("urgent"))
    ])
    let module = ModuleDefinition.test(routes: [
      .test("all"), .test("urgent", filter: isUrgent), .test("other", source: "elsewhere"),
    ])
    try await withRuntime(
      scratch.path + "/o.db", modules: [module], catalog: .test(actor: actor),
      settings: settings(bus)
    ) { runtime, probe in
      let first = await send(runtime, #"{"kind":"urgent"}"#)
      let second = await send(runtime, #"{"kind":"calm"}"#)
      await probe.wait(for: .deliverSuccess, count: 3)
      let routes = Dictionary(grouping: actor.requests, by: \.eventID).mapValues {
        Set($0.map(\.route))
      }
      #expect(routes[first.ids[0]] == ["all", "urgent"])
      #expect(routes[second.ids[0]] == ["all"])
    }
  }

  @Test(arguments: RuntimeSettings.Bus.allCases)
  func `the envelope keeps the bytes of the payload and has its keys in order`(
    _ bus: RuntimeSettings.Bus
  ) async throws {
    let scratch = try Scratch()
    let actor = TestActor()
    try await withRuntime(
      scratch.path + "/o.db", modules: [.test(routes: [.test()])], catalog: .test(actor: actor),
      settings: settings(bus)
    ) { runtime, probe in
      let answer = await send(runtime, #"{"z": 1.0, "a": 9007199254740993}"#)
      await probe.wait(for: .deliverSuccess)
      let event = try #require(actor.requests.first).event.description
      let id = try #require(answer.ids.first)
      let trace = "trc_" + id.dropFirst(4)
      #expect(
        event == #"{"id":"\#(id)","timestamp":"2026-03-04T05:06:07.089Z","source":"in","#
          + #""type":"resource.changed","provenance":{"platform":"test"},"#
          + #""payload":{"z": 1.0, "a": 9007199254740993},"trace_id":"\#(trace)","#
          + #""module":"default"}"#)
    }
  }

  @Test(arguments: RuntimeSettings.Bus.allCases)
  func `a repeated dedup key answers with the first id and delivers nothing`(
    _ bus: RuntimeSettings.Bus
  ) async throws {
    let scratch = try Scratch()
    let actor = TestActor()
    try await withRuntime(
      scratch.path + "/o.db", modules: [.test(routes: [.test()])], catalog: .test(actor: actor),
      settings: settings(bus)
    ) { runtime, probe in
      let first = await send(runtime, "{}", id: "msg_1")
      let again = await send(runtime, #"{"changed":true}"#, id: "msg_1")
      let other = await send(runtime, "{}", id: "msg_2")
      await probe.wait(for: .deliverSuccess, count: 2)
      #expect(
        again == .accepted(ids: first.ids, isDuplicate: true, style: .single))
      #expect(other.ids != first.ids)
      #expect(actor.requests.count == 2)
    }
  }

  @Test(arguments: RuntimeSettings.Bus.allCases)
  func `a failed delivery waits its back-off and then succeeds with the same id`(
    _ bus: RuntimeSettings.Bus
  ) async throws {
    let scratch = try Scratch()
    let clock = ManualClock()
    let actor = TestActor { request in
      request.attempt < 3 ? AttemptOutcome(.error, error: "no") : AttemptOutcome(.delivered)
    }
    let retry = RetryPolicy(attemptsMax: 5, backoff: .fixed, initialDelayMs: 1_000, jitter: .off)
    let module = ModuleDefinition.test(routes: [
      .test(delivery: DeliveryPolicy(retry: retry))
    ])
    try await withRuntime(
      scratch.path + "/o.db", modules: [module], catalog: .test(actor: actor), clock: clock,
      settings: settings(bus)
    ) { runtime, probe in
      _ = await send(runtime, "{}")
      await probe.wait(for: .deliverRetry, count: 1)
      await clock.waitForDeadline(ms: 1_000)
      clock.advance(ms: 1_000)
      await probe.wait(for: .deliverRetry, count: 2)
      await clock.waitForDeadline(ms: 1_000)
      clock.advance(ms: 1_000)
      await probe.wait(for: .deliverSuccess)
      #expect(actor.requests.map(\.attempt) == [1, 2, 3])
      #expect(Set(actor.requests.map(\.deliveryID)).count == 1)
    }
  }

  @Test func `an actor that fails for an hour is tried to the end and becomes a dead letter`()
    async throws
  {
    let scratch = try Scratch()
    let clock = ManualClock()
    let actor = TestActor { _ in AttemptOutcome(.error, statusCode: 500, error: "status 500") }
    let retry = RetryPolicy(
      attemptsMax: 60, backoff: .exponential, initialDelayMs: 1_000, maxDelayMs: 60_000,
      jitter: .off)
    let module = ModuleDefinition.test(routes: [
      .test(delivery: DeliveryPolicy(retry: retry, breaker: nil)),
      .test("after", source: "orgloop"),
    ])
    try await withRuntime(
      scratch.path + "/o.db", modules: [module], catalog: .test(actor: actor), clock: clock
    ) { runtime, probe in
      let answer = await send(runtime, "{}")
      var unused = SystemRandomNumberGenerator()
      for attempt in 1..<60 {
        await probe.wait(for: .deliverRetry, count: attempt)
        let delay = retry.delayMs(after: attempt, using: &unused)
        await clock.waitForDeadline(ms: delay)
        clock.advance(ms: delay)
      }
      await probe.wait(for: .deliverDeadLetter)
      let event = try #require(try await runtime.inspector.event(id: answer.ids[0]))
      let delivery = try #require(event["deliveries"]?.array?.first)
      #expect(delivery["state"] == "dead")
      #expect(delivery["reason"] == "attempts")
      #expect(delivery["attempts"]?.array?.count == 60)
      #expect(clock.time.wallMs - 1_772_600_767_089 > 3_000_000)
    }
  }

  @Test(arguments: RuntimeSettings.Bus.allCases)
  func `events of one order key arrive one after another in acceptance order`(
    _ bus: RuntimeSettings.Bus
  ) async throws {
    let scratch = try Scratch()
    let running = Mutex<Set<String>>([])
    let overlaps = Atomic(0)
    let actor = TestActor { request in
      let key = request.event.value(at: DotPath(keys: ["payload", "key"]))?.string ?? ""
      if !running.withLock({ $0.insert(key).inserted }) {
        overlaps.add(1, ordering: .relaxed)
      }
      await Task.yield()
      _ = running.withLock { $0.remove(key) }
      return AttemptOutcome(.delivered)
    }
    let policy = DeliveryPolicy(concurrency: 8, orderKey: DotPath("payload.key"))
    let module = ModuleDefinition.test(routes: [.test(delivery: policy)], concurrency: 8)
    try await withRuntime(
      scratch.path + "/o.db", modules: [module], catalog: .test(actor: actor),
      settings: settings(bus)
    ) { runtime, probe in
      for index in 0..<600 {
        _ = await send(runtime, #"{"key":"k\#(index % 5)","n":\#(index)}"#)
      }
      await probe.wait(for: .deliverSuccess, count: 600)
      #expect(overlaps.load(ordering: .relaxed) == 0)
      for key in 0..<5 {
        let order = actor.requests.compactMap { request -> Int64? in
          let payload = request.event.value(at: DotPath(keys: ["payload"]))
          return payload?["key"]?.string == "k\(key)" ? payload?["n"]?.int64 : nil
        }
        #expect(order == order.sorted())
        #expect(order.count == 120)
      }
    }
  }

  @Test func `follow-up events of an actor are routed by the actor's id and keep the trace`()
    async throws
  {
    let scratch = try Scratch()
    let actor = TestActor { request in
      guard request.route == "first" else { return AttemptOutcome(.delivered) }
      let draft = EventDraft(
        type: .actorStopped, provenance: JSONText(["platform": "exec"]), payload: JSONText(["n": 1])
      )
      return AttemptOutcome(.delivered, followUps: [draft])
    }
    let module = ModuleDefinition.test(routes: [
      .test("first"), .test("second", source: "out"),
    ])
    try await withRuntime(
      scratch.path + "/o.db", modules: [module], catalog: .test(actor: actor)
    ) { runtime, probe in
      _ = await send(runtime, "{}")
      await probe.wait(for: .deliverSuccess, count: 2)
      let requests = actor.requests
      #expect(requests.map(\.route) == ["first", "second"])
      #expect(requests[0].traceID == requests[1].traceID)
      #expect(requests[0].eventID != requests[1].eventID)
    }
  }

  @Test func `a dead letter is an event that a route can match, and never begets another`()
    async throws
  {
    let scratch = try Scratch()
    let actor = TestActor { _ in AttemptOutcome(.rejected, error: "no") }
    let module = ModuleDefinition.test(routes: [
      .test("work"), .test("alarm", source: "orgloop"),
    ])
    try await withRuntime(
      scratch.path + "/o.db", modules: [module], catalog: .test(actor: actor)
    ) { runtime, probe in
      _ = await send(runtime, "{}")
      await probe.wait(for: .deliverDeadLetter, count: 2)
      let requests = actor.requests
      #expect(requests.map(\.route) == ["work", "alarm"])
      let event = requests[1].event.value()
      #expect(event["source"] == "orgloop")
      #expect(event["provenance"]?["platform_event"] == "delivery.dead_lettered")
      #expect(event["payload"]?["route"] == "work")
      let events = try await runtime.inspector.events(EventQuery())
      #expect(events.items.count == 2)
    }
  }

  @Test func `requests are refused with 503 once the runtime is stopping`() async throws {
    let scratch = try Scratch()
    try await withRuntime(
      scratch.path + "/o.db", modules: [.test(routes: [.test()])], catalog: .test()
    ) { runtime, _ in
      runtime.beginStop(timeoutMs: 1_000)
      guard case .unavailable(503, _, _) = await send(runtime, "{}") else {
        Issue.record("a request was taken while stopping")
        return
      }
    }
  }
}
