import Engine
import Store
import TestSupport

/// The modules that the proof runs, and the world around them: a push source, a polled source,
/// actors that do what an event's payload says.
///
/// What an event asks for with `payload.do`: `retry` fails once, `exhaust` always, `reject` is
/// refused for good, `answer` begets two events; everything else is delivered at once.
struct ProofWorld: Sendable {
  /// Told of every call of an actor before it is answered.
  var onCall: @Sendable (DeliveryRequest) -> Void = { _ in }
  /// Told of every poll with the number of events that its checkpoint covers, before it reads on.
  var onPoll: @Sendable (_ covered: Int) async throws -> Void = { _ in }

  /// The polled source has twelve events, three at a time.
  static let polledCount = 12
  static let polledAtOnce = 3
  static let pollIntervalMs: Int64 = 10_000
  static let retryDelayMs: Int64 = 200

  var catalog: ConnectorCatalog {
    let (onCall, onPoll) = (onCall, onPoll)
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
            make: { _, _ in
              .poll(
                TestPollSource { checkpoint in
                  let covered = checkpoint.flatMap { Int($0) } ?? 0
                  try await onPoll(covered)
                  return ProofWorld.poll(from: covered)
                })
            })),
        ConnectorDescriptor(
          name: "act",
          actor: .init(
            fields: [],
            make: { _, _ in
              TestActor { request in
                onCall(request)
                return ProofWorld.answer(request)
              }
            })),
      ],
      transforms: [TransformDescriptor(name: "mark") { _ in TestTransform(ProofWorld.mark) }])
  }

  private static func poll(from covered: Int) -> PollResult {
    let numbers = covered..<min(covered + polledAtOnce, polledCount)
    return PollResult(
      events: numbers.map { number in
        EventDraft(
          provenance: JSONText(["platform": "test"]), payload: JSONText(["n": JSONValue(number)]),
          dedupKey: String(number))
      }, checkpoint: String(numbers.upperBound))
  }

  private static func answer(_ request: DeliveryRequest) -> AttemptOutcome {
    let wish = request.event.value(at: DotPath(keys: ["payload", "do"]))?.string
    switch wish {
    case "retry" where request.attempt == 1: return AttemptOutcome(.error, error: "not yet")
    case "exhaust": return AttemptOutcome(.error, error: "never")
    case "reject": return AttemptOutcome(.rejected, error: "no")
    case "answer" where request.route == "pushed":
      let drafts = ["done", "started"].map { word in
        EventDraft(
          type: .actorStopped, provenance: JSONText(["platform": "test"]),
          payload: JSONText(["word": .string(word)]), dedupKey: "\(request.deliveryID) \(word)")
      }
      return AttemptOutcome(.delivered, followUps: drafts)
    default: return AttemptOutcome(.delivered)
    }
  }

  @Sendable private static func mark(_ event: JSONText) -> TransformResult {
    guard case .object(var object) = event.value() else { return .pass }
    object["marked"] = true
    return .replace(JSONText(.object(object)))
  }
}

extension ProofWorld {
  // Modules.

  private static let retry = RetryPolicy(
    attemptsMax: 3, backoff: .fixed, initialDelayMs: retryDelayMs, jitter: .off)

  private static func route(
    _ name: String, from source: String, to actor: String, transforms: [TransformStep] = [],
    orderKey: DotPath? = nil, hasOwnLane: Bool = false
  ) -> RouteDefinition {
    RouteDefinition(
      name: name, sources: [SourceReference(id: source)], transforms: transforms,
      actor: ActorReference(id: actor), delivery: DeliveryPolicy(orderKey: orderKey, retry: retry),
      hasOwnLane: hasOwnLane)
  }

  /// The project: an event in order per key and copied, polls, answers, and alarms for dead
  /// letters.
  static var main: ModuleDefinition {
    var definition = ModuleDefinition(name: "default")
    definition.contentHash = "main"
    definition.sources = [
      SourceDefinition(id: "in", connector: "push"),
      SourceDefinition(id: "polled", connector: "poll", pollIntervalMs: pollIntervalMs),
    ]
    definition.actors = ["out", "sink"].map { ActorDefinition(id: $0, connector: "act") }
    let mark = TransformStep(name: "mark", kind: .package("mark"))
    definition.routes = [
      route(
        "pushed", from: "in", to: "out", transforms: [mark], orderKey: DotPath("payload.key")),
      route("copied", from: "in", to: "sink"),
      route("polled", from: "polled", to: "out"),
      route("answers", from: "out", to: "sink"),
      route("alarms", from: "orgloop", to: "sink"),
    ]
    return definition
  }

  /// Everything that events were ever routed by: what a start after a crash loads.
  static var everything: [ModuleDefinition] { [main, guest(["kept", "other"])] }

  /// A moment long after the recorded run: everything that waits is due.
  static let laterMs: Int64 = 1_772_700_000_000

  /// A module that comes and goes.
  static func guest(_ routes: [String], ownLanes: Bool = false) -> ModuleDefinition {
    var definition = ModuleDefinition(name: "guest", path: "/srv/guest/orgloop.yaml")
    definition.contentHash = "guest \(routes) \(ownLanes)"
    definition.sources = [SourceDefinition(id: "in", connector: "push")]
    // What it has sent while it is paused fills the queue.
    definition.actors = [
      ActorDefinition(
        id: "out", connector: "act", delivery: DeliveryPolicy(queueDepth: 2, overflow: .park))
    ]
    definition.routes = routes.map {
      route($0, from: "in", to: "out", hasOwnLane: ownLanes)
    }
    return definition
  }
}
