import Engine
import Store
import Testing

/// What an unsettled delivery waits for, in words: pure, so that every reason has a row here.
@Suite struct WaitReasonTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let standing: Standing
    let words: [String]
    let texts: [String]
    let nowMs: Int64

    init(
      _ texts: [String], words: [String], nowMs: Int64 = t - 1, _ change: (inout Standing) -> Void
    ) {
      self.nowMs = nowMs
      var standing = Standing(
        route: RouteStanding(name: "r", actor: "out", module: ModuleStanding(name: "ops")),
        lane: LaneStanding(kind: "actor", name: "out", module: ModuleStanding(name: "ops")))
      change(&standing)
      self.standing = standing
      self.words = words
      self.texts = texts
    }

    var testDescription: String { texts.joined(separator: " | ") }
  }

  /// 2026-03-04T05:06:07.089Z
  private static let t: Int64 = 1_772_600_767_089
  private static let at = "2026-03-04T05:06:07.089Z"

  private static func pause(
    _ kind: String, _ name: String, reason: String? = nil, untilMs: Int64? = nil
  ) -> PauseRow {
    PauseRow(
      kind: kind, module: "ops", name: name, sinceMs: t, by: "dana", reason: reason,
      untilMs: untilMs)
  }

  static let cases = [
    Case(["queued for actor/out: 0 older in its queue, 0 running"], words: ["queued"]) { _ in },
    Case(["queued for actor/out: at least 1000 older in its queue, 4 running"], words: ["queued"]) {
      $0.older = BoundedCount(1_000, isCapped: true)
      $0.runningInLane = 4
    },
    Case(["running since \(at), attempt 2"], words: ["running"]) {
      // What holds its route does not hold what runs already.
      $0.running = .init(number: 2, sinceMs: t)
      $0.route.removedAtMs = t
    },
    Case(["backoff until \(at)"], words: ["backoff"]) {
      $0.dueAtMs = t
      $0.storedReason = "backoff"
    },
    Case(["behind dlv_1 of evt_1 on key k"], words: ["ordered_behind"]) {
      $0.ahead = .init(deliveryID: "dlv_1", eventID: "evt_1", key: "k")
    },
    Case(
      ["backoff until \(at)", "behind dlv_1 of evt_1 on key k"],
      words: ["backoff", "ordered_behind"]
    ) {
      $0.dueAtMs = t
      $0.ahead = .init(deliveryID: "dlv_1", eventID: "evt_1", key: "k")
    },
    Case(["paused by dana since \(at) (out of ink): route/r"], words: ["paused"]) {
      $0.route.pauses = [pause("route", "r", reason: "out of ink")]
    },
    Case(
      [
        "paused by dana since \(at) until \(at): module/ops",
        "paused by dana since \(at): actor/out",
      ],
      words: ["paused", "paused"]
    ) {
      $0.route.pauses = [pause("module", "ops", untilMs: t), pause("actor", "out")]
    },
    Case(["module_unloaded since \(at): module/ops"], words: ["module_unloaded"]) {
      // Named three times, said once.
      let gone = ModuleStanding(name: "ops", isWanted: false, changedAtMs: t)
      $0.route.module = gone
      $0.lane.module = gone
      $0.route.actorModule = gone
    },
    Case(["module_unloaded: module/shared was never loaded"], words: ["module_unloaded"]) {
      $0.route.actorModule = ModuleStanding(name: "shared", isWanted: false)
    },
    Case(
      ["route_removed since \(at): route/r", "actor_disabled since \(at): actor/out"],
      words: ["route_removed", "actor_disabled"]
    ) {
      $0.route.removedAtMs = t
      $0.route.actorDisabledMs = t
    },
    Case(["circuit open until \(at): actor/out"], words: ["circuit_open"]) {
      $0.lane.circuitOpenUntilMs = t
    },
    Case(["circuit open until \(at): route/r"], words: ["circuit_open"]) {
      $0.lane.circuitOpenUntilMs = t - 1_000
      $0.route.circuitOpenUntilMs = t
    },
    Case(
      ["circuit half-open since \(at): route/r, one attempt decides"], words: ["circuit_open"],
      nowMs: t
    ) { $0.route.circuitOpenUntilMs = t },
    // What holds longer is said first.
    Case(
      ["circuit open until \(at): route/r", "backoff until \(ISOTime.text(ms: t - 1))"],
      words: ["circuit_open", "backoff"]
    ) {
      $0.route.circuitOpenUntilMs = t
      $0.dueAtMs = t - 1
    },
    Case(
      ["backoff until \(at)", "circuit open until \(at): route/r"],
      words: ["backoff", "circuit_open"]
    ) {
      $0.route.circuitOpenUntilMs = t
      $0.dueAtMs = t
    },
    Case(["rate_limited until \(at): actor/out"], words: ["rate_limited"]) {
      $0.lane.nextStartMs = t
    },
    Case(["queued for actor/out: 0 older in its queue, 0 running"], words: ["queued"]) {
      // The rate lets it go.
      $0.lane.nextStartMs = t - 1
    },
    Case(
      [
        "perhaps behind another one on key k: the oldest 10000 of it are held up themselves"
      ], words: ["ordered_behind"]
    ) { $0.unsearchedKey = "k" },
    Case(
      ["overflow: the queue of actor/out was full; it moves up when there is room"],
      words: ["overflow"]
    ) { $0.storedReason = "overflow" },
    Case(["delayed until \(at)"], words: ["delayed"]) {
      $0.storedReason = "delayed"
      $0.dueAtMs = t
    },
  ]

  @Test(arguments: cases)
  func `everything that holds a delivery up is said, with its time and its object`(
    _ wanted: Case
  ) {
    let reasons = WaitReason.all(of: wanted.standing, nowMs: wanted.nowMs)
    #expect(reasons.map(\.text) == wanted.texts)
    #expect(reasons.map(\.word) == wanted.words)
    for reason in reasons {
      #expect(reason.json["reason"]?.string == reason.word)
      #expect(reason.json["text"]?.string == reason.text)
      // A time in the words is a time for programs as well.
      #expect(reason.text.contains(" since ") == (reason.json["since"] != nil))
      #expect(reason.text.contains(" until ") == (reason.json["until"] != nil))
    }
  }
}
