package import Store

/// What an unsettled delivery waits for, with its time and its object (events.md 4.1): a pure value.
package enum WaitReason: Sendable, Hashable {
  case running(attempt: Int, sinceMs: Int64)
  case moduleUnloaded(module: String, sinceMs: Int64?)
  case routeRemoved(route: String, sinceMs: Int64)
  case actorDisabled(actor: String, sinceMs: Int64)
  case paused(target: String, by: String, sinceMs: Int64, untilMs: Int64?, reason: String?)
  /// `isHalfOpen`: it has cooled down, and one attempt decides.
  case circuitOpen(target: String, untilMs: Int64, isHalfOpen: Bool)
  case overflow(target: String)
  case rateLimited(target: String, untilMs: Int64)
  case backoff(untilMs: Int64)
  case behind(delivery: String, event: String, key: String)
  /// So many older deliveries of its key are held up that nobody looked at all of them.
  case perhapsBehind(key: String)
  /// Another delivery of its route with the same dedup key is not settled.
  case behindDuplicate(lookAtMs: Int64)
  /// A word that the queue's row has and that needs no more words than itself.
  case other(String, untilMs: Int64?)
  case queued(target: String, older: BoundedCount, running: Int)

  /// Everything that holds a delivery up, what holds most first; never empty. The first has the word
  /// that `v_deliveries.wait_reason` has, except `ordered_behind`, which is `queued` there.
  package static func all(of standing: Standing, nowMs: Int64) -> [WaitReason] {
    if let running = standing.running {
      return [.running(attempt: running.number, sinceMs: running.sinceMs)]
    }
    var reasons = held(standing)
    let target = standing.lane.target
    let dueAtMs = standing.dueAtMs
    let circuit = openCircuit(standing, nowMs: nowMs)
    if let circuit, (circuit.untilMs ?? 0) > (dueAtMs ?? 0) { reasons.append(circuit) }
    switch (standing.storedReason, dueAtMs) {
    case (nil, nil), ("queued", nil): break
    case (nil, let due?), ("backoff", let due?): reasons.append(.backoff(untilMs: due))
    case ("overflow", _): reasons.append(.overflow(target: target))
    case ("ordered_behind", let due?): reasons.append(.behindDuplicate(lookAtMs: due))
    case (let word?, let due): reasons.append(.other(word, untilMs: due))
    }
    if let circuit, !reasons.contains(circuit) { reasons.append(circuit) }
    if let nextMs = standing.lane.nextStartMs, nextMs > nowMs, nextMs > dueAtMs ?? 0 {
      reasons.append(.rateLimited(target: target, untilMs: nextMs))
    }
    if let ahead = standing.ahead {
      reasons.append(
        .behind(delivery: ahead.deliveryID, event: ahead.eventID, key: ahead.key))
    }
    if let key = standing.unsearchedKey { reasons.append(.perhapsBehind(key: key)) }
    guard reasons.isEmpty else { return reasons }
    return [.queued(target: target, older: standing.older, running: standing.runningInLane)]
  }

  /// What keeps the whole route from being delivered, in the order of the view `unsettled`.
  private static func held(_ standing: Standing) -> [WaitReason] {
    var reasons: [WaitReason] = []
    var modules: [String] = []
    for module in [standing.route.module, standing.lane.module, standing.route.actorModule] {
      guard let module, !module.isWanted, !modules.contains(module.name) else { continue }
      modules.append(module.name)
      reasons.append(.moduleUnloaded(module: module.name, sinceMs: module.changedAtMs))
    }
    if let sinceMs = standing.route.removedAtMs {
      reasons.append(.routeRemoved(route: standing.route.name, sinceMs: sinceMs))
    }
    if let sinceMs = standing.route.actorDisabledMs {
      reasons.append(.actorDisabled(actor: standing.route.actor, sinceMs: sinceMs))
    }
    return reasons
      + standing.route.pauses.map { pause in
        .paused(
          target: "\(pause.kind)/\(pause.name)", by: pause.by, sinceMs: pause.sinceMs,
          untilMs: pause.untilMs, reason: pause.reason)
      }
  }

  /// The breaker of the route or of the queue, whichever is open longer.
  private static func openCircuit(_ standing: Standing, nowMs: Int64) -> WaitReason? {
    let own = (target: "route/\(standing.route.name)", untilMs: standing.route.circuitOpenUntilMs)
    let shared = (target: standing.lane.target, untilMs: standing.lane.circuitOpenUntilMs)
    let longest = (own.untilMs ?? .min) >= (shared.untilMs ?? .min) ? own : shared
    return longest.untilMs.map {
      .circuitOpen(target: longest.target, untilMs: $0, isHalfOpen: $0 <= nowMs)
    }
  }

  /// The word of events.md 4.1; `running` for an attempt in flight.
  package var word: String {
    switch self {
    case .running: "running"
    case .moduleUnloaded: "module_unloaded"
    case .routeRemoved: "route_removed"
    case .actorDisabled: "actor_disabled"
    case .paused: "paused"
    case .circuitOpen: "circuit_open"
    case .overflow: "overflow"
    case .rateLimited: "rate_limited"
    case .backoff: "backoff"
    case .behind, .perhapsBehind, .behindDuplicate: "ordered_behind"
    case .other(let word, _): word
    case .queued: "queued"
    }
  }

  /// One line for people.
  package var text: String {
    switch self {
    case .running(let attempt, let sinceMs):
      "running since \(ISOTime.text(ms: sinceMs)), attempt \(attempt)"
    case .moduleUnloaded(let module, let sinceMs):
      sinceMs.map { "module_unloaded since \(ISOTime.text(ms: $0)): module/\(module)" }
        ?? "module_unloaded: module/\(module) was never loaded"
    case .routeRemoved(let route, let sinceMs):
      "route_removed since \(ISOTime.text(ms: sinceMs)): route/\(route)"
    case .actorDisabled(let actor, let sinceMs):
      "actor_disabled since \(ISOTime.text(ms: sinceMs)): actor/\(actor)"
    case .paused(let target, let by, let sinceMs, let untilMs, let reason):
      "paused by \(by) since \(ISOTime.text(ms: sinceMs))" + WaitReason.until(untilMs)
        + (reason.map { " (\($0))" } ?? "") + ": \(target)"
    case .circuitOpen(let target, let untilMs, isHalfOpen: true):
      "circuit half-open since \(ISOTime.text(ms: untilMs)): \(target), one attempt decides"
    case .circuitOpen(let target, let untilMs, isHalfOpen: false):
      "circuit open\(WaitReason.until(untilMs)): \(target)"
    case .overflow(let target):
      "overflow: the queue of \(target) was full; it moves up when there is room"
    case .rateLimited(let target, let untilMs):
      "rate_limited\(WaitReason.until(untilMs)): \(target)"
    case .backoff(let untilMs): "backoff\(WaitReason.until(untilMs))"
    case .behind(let delivery, let event, let key):
      "behind \(delivery) of \(event) on key \(key)"
    case .perhapsBehind(let key):
      "perhaps behind another one on key \(key): the oldest \(JourneyQuery.keyRowsMax) of it are "
        + "held up themselves"
    case .behindDuplicate(let lookAtMs):
      "behind another one with the same dedup key that is not settled; looks again at "
        + "\(ISOTime.text(ms: lookAtMs)), or as soon as that one is"
    case .other(let word, let untilMs): word + WaitReason.until(untilMs)
    case .queued(let target, let older, let running): WaitReason.queue(target, older, running)
    }
  }

  private static func until(_ ms: Int64?) -> String {
    ms.map { " until \(ISOTime.text(ms: $0))" } ?? ""
  }

  private static func queue(_ target: String, _ older: BoundedCount, _ running: Int) -> String {
    let count = older.isCapped ? "at least \(older.value)" : "\(older.value)"
    return "queued for \(target): \(count) older in its queue, \(running) running"
  }

  /// `{reason, text, since?, until?, …}` with what the reason is about.
  package var json: JSONValue {
    var object: JSONObject = ["reason": .string(word), "text": .string(text)]
    switch self {
    case .running(let attempt, _): object["attempt"] = JSONValue(attempt)
    case .moduleUnloaded(let module, _): object["target"] = .string("module/\(module)")
    case .routeRemoved(let route, _): object["target"] = .string("route/\(route)")
    case .actorDisabled(let actor, _): object["target"] = .string("actor/\(actor)")
    case .paused(let target, let by, _, _, let reason):
      object["target"] = .string(target)
      object["by"] = .string(by)
      object["comment"] = JSONValue(reason)
    case .circuitOpen(let target, _, _), .rateLimited(let target, _), .overflow(let target):
      object["target"] = .string(target)
    case .behind(let delivery, let event, let key):
      object["delivery_id"] = .string(delivery)
      object["event_id"] = .string(event)
      object["order_key"] = .string(key)
    case .perhapsBehind(let key): object["order_key"] = .string(key)
    case .queued(let target, let older, let running):
      object["target"] = .string(target)
      object["older"] = JSONValue(older.value)
      object["running"] = JSONValue(running)
    case .backoff, .behindDuplicate, .other: break
    }
    object["since"] = sinceMs.map { .string(ISOTime.text(ms: $0)) }
    object["until"] = untilMs.map { .string(ISOTime.text(ms: $0)) }
    return .object(object)
  }

  private var sinceMs: Int64? {
    switch self {
    case .running(_, let sinceMs), .routeRemoved(_, let sinceMs), .actorDisabled(_, let sinceMs),
      .paused(_, _, let sinceMs, _, _):
      sinceMs
    case .moduleUnloaded(_, let sinceMs): sinceMs
    case .circuitOpen(_, let sinceMs, isHalfOpen: true): sinceMs
    default: nil
    }
  }

  private var untilMs: Int64? {
    switch self {
    case .backoff(let untilMs), .rateLimited(_, let untilMs), .behindDuplicate(let untilMs),
      .circuitOpen(_, let untilMs, isHalfOpen: false):
      untilMs
    case .paused(_, _, _, let untilMs, _), .other(_, let untilMs): untilMs
    default: nil
    }
  }
}
