import Engine
import Foundation
import Store
import Synchronization
import TestSupport

/// A short life of a runtime that touches every crash point: webhooks with a transform, an order
/// key and a first attempt that fails, a poll source, a graceful stop.
///
/// What the outside world saw is appended to files, because the process may not live to tell.
struct CrashScenario: Sendable {
  let directory: String

  var database: String { directory + "/orgloop.db" }
  var accepted: Set<String> { lines("accepted") }
  var delivered: Set<String> { lines("delivered") }
  /// The numbers that the poll source has handed over.
  static let pollCount = 4
  static let eventsPerPoll = 3

  /// Runs the whole scenario; in a child that is told to crash it does not get to the end.
  func run() async throws {
    let clock = ManualClock()
    try await withRuntime(
      database, modules: [module], catalog: catalog, clock: clock
    ) { runtime, probe in
      for number in 0..<4 {
        let answer = await runtime.receiveWebhook(
          module: nil, source: "in",
          request: .test(#"{"n":\#(number),"key":"k\#(number % 2)"}"#, id: "msg_\(number)"))
        for id in answer.ids { append(id, to: "accepted") }
      }
      await probe.wait(for: .deliverSuccess, count: 4)
      let pollEvents = CrashScenario.pollCount * CrashScenario.eventsPerPoll
      for _ in 1..<CrashScenario.pollCount {
        await clock.waitForDeadline(ms: 1_000)
        clock.advance(ms: 1_000)
      }
      await probe.wait(for: .sourceEmit, count: 4 + pollEvents)
      await probe.wait(for: .deliverSuccess, count: 4 + pollEvents)
      for round in 0..<4 { try await comeAndGo(round, runtime) }
    }
  }

  /// A module that is loaded, changed and unloaded with work in its queue.
  private func comeAndGo(_ round: Int, _ runtime: Runtime) async throws {
    func order(_ route: String) -> ModuleOrder {
      ModuleOrder(guest(route), isFromBoot: false, requester: "test")
    }
    func send(_ number: Int) async {
      let answer = await runtime.receiveWebhook(
        module: "guest", source: "in",
        request: .test(#"{"n":\#(number)}"#, id: "guest_\(round)_\(number)"))
      for id in answer.ids { append(id, to: "accepted") }
    }
    _ = try await runtime.loadModule(order("kept"))
    await send(0)
    _ = try await runtime.reloadModule(
      order(round % 2 == 0 ? "kept" : "other"), onRemoved: .park, drainMs: nil)
    await send(1)
    var changed = order("kept")
    changed.definition.routes[0].hasOwnLane = round % 2 == 0
    _ = try await runtime.reloadModule(changed, onRemoved: .park, drainMs: nil)
    await send(2)
    try await bringBack(runtime)
    _ = try await runtime.unloadModule(
      "guest", drainMs: nil, onRemoved: .park, requester: "test")
  }

  /// What was given up is brought back, and what was delivered is delivered again.
  private func bringBack(_ runtime: Runtime) async throws {
    var dropped = LetterQuery()
    dropped.state = .dropped
    _ = try await runtime.carryOut(
      LetterOrder(.requeue, .all(dropped), limit: 2), requester: "test")
    var query = EventQuery()
    query.module = "guest"
    var report = try await runtime.replay(
      ReplayOrder(.filter(query)), id: nil, limit: 2, requester: "test")
    while !report.isDone {
      report = try await runtime.replay(
        nil, id: report.replayID, limit: 2, requester: "test")
    }
  }

  /// Opens and closes again and again, without waiting for the clock.
  private static let breaker = BreakerPolicy(failureThreshold: 3, cooldownMs: 0)

  private func guest(_ route: String) -> ModuleDefinition {
    var definition = ModuleDefinition(name: "guest", path: "/srv/guest")
    definition.contentHash = "guest"
    definition.sources = [SourceDefinition(id: "in", connector: "push")]
    definition.actors = [ActorDefinition(id: "out", connector: "out")]
    let retry = RetryPolicy(attemptsMax: 20, backoff: .fixed, initialDelayMs: 0, jitter: .off)
    definition.routes = [
      .test(route, delivery: DeliveryPolicy(retry: retry, breaker: Self.breaker))
    ]
    return definition
  }

  /// Starts again after the crash, and works until nothing is unsettled.
  func recover() async throws {
    let clock = ManualClock()
    var last = guest("kept")
    last.routes.append(contentsOf: guest("other").routes)
    try await withRuntime(
      database, modules: [module, last], catalog: catalog, clock: clock
    ) { runtime, _ in
      while try await !runtime.inspector.queues(nowMs: 0).isEmpty {
        clock.advance(ms: 1_000)
        await Task.yield()
      }
    }
  }

  private var module: ModuleDefinition {
    var definition = ModuleDefinition(name: "default")
    definition.contentHash = "crash"
    definition.sources = [
      SourceDefinition(id: "in", connector: "push"),
      SourceDefinition(id: "polled", connector: "poll", pollIntervalMs: 1_000),
    ]
    definition.actors = [ActorDefinition(id: "out", connector: "out")]
    let retry = RetryPolicy(attemptsMax: 20, backoff: .fixed, initialDelayMs: 0, jitter: .off)
    let ordered = DeliveryPolicy(
      orderKey: DotPath("payload.key"), retry: retry, breaker: Self.breaker)
    let step = TransformStep(name: "mark", kind: .package("mark"))
    definition.routes = [
      .test("pushed", transforms: [step], delivery: ordered),
      .test(
        "polled", delivery: DeliveryPolicy(retry: retry, breaker: Self.breaker),
        source: "polled"),
    ]
    return definition
  }

  private var catalog: ConnectorCatalog {
    let directory = directory
    return ConnectorCatalog(
      connectors: [
        ConnectorDescriptor(
          name: "push",
          source: .init(
            mode: { _ in .push }, fields: [], make: { _, _ in .push(TestPushSource()) })),
        ConnectorDescriptor(
          name: "poll",
          source: .init(
            mode: { _ in .poll }, fields: [],
            make: { _, _ in .poll(TestPollSource(CrashScenario.poll)) })),
        ConnectorDescriptor(
          name: "out",
          actor: .init(
            fields: [],
            make: { _, _ in
              TestActor { request in
                if request.attempt == 1 { return AttemptOutcome(.error, error: "not yet") }
                appendLine(request.eventID, directory + "/delivered")
                return AttemptOutcome(.delivered)
              }
            })),
      ],
      transforms: [
        TransformDescriptor(name: "mark") { _ in
          TestTransform { event in
            guard case .object(var object) = event.value() else { return .pass }
            object["marked"] = true
            return .replace(JSONText(.object(object)))
          }
        }
      ])
  }

  /// Events numbered from the checkpoint on; a few, then nothing more.
  @Sendable private static func poll(_ checkpoint: String?) async throws -> PollResult {
    let first = checkpoint.flatMap { Int($0) } ?? 0
    guard first < pollCount * eventsPerPoll else { return PollResult(checkpoint: checkpoint) }
    let numbers = first..<first + eventsPerPoll
    return PollResult(
      events: numbers.map { number in
        EventDraft(
          provenance: JSONText(["platform": "test"]), payload: JSONText(["n": JSONValue(number)]),
          dedupKey: "n\(number)")
      }, checkpoint: String(numbers.upperBound))
  }

  private func lines(_ name: String) -> Set<String> {
    // A file that was never written says that nothing happened.
    let text = (try? String(contentsOfFile: directory + "/" + name, encoding: .utf8)) ?? ""
    return Set(text.split(separator: "\n").map(String.init))
  }

  private func append(_ line: String, to name: String) {
    appendLine(line, directory + "/" + name)
  }
}

/// One write call per line, so that a line is whole or not there.
private func appendLine(_ line: String, _ path: String) {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
  guard descriptor >= 0 else { return }
  var bytes = Array((line + "\n").utf8)
  _ = write(descriptor, &bytes, bytes.count)
  close(descriptor)
}
