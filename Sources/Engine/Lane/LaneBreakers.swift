import Store

/// The circuit breakers of a lane: one for each route, or one for all routes that share the actor's
/// (config.md 7, Shared limits). A pure value.
struct LaneBreakers: Sendable {
  /// What an outcome has changed.
  struct Judgement: Sendable {
    let row: BreakerRow
    let change: CircuitBreaker.Change
    let policy: BreakerPolicy
  }

  private let lane: Int64
  private var breakers: [BreakerRow.Scope: CircuitBreaker] = [:]
  /// The breaker of each route that has one.
  private var scopes: [Int64: BreakerRow.Scope] = [:]
  private var concurrencyMax = 1
  /// Those that are not closed, and whether the lane has to be told.
  private var tripped: Set<BreakerRow.Scope> = []
  private var isToldOfTripped = false

  /// What an earlier life of the lane knew.
  private var remembered: [BreakerRow.Scope: BreakerRow]

  init(lane: Int64, remembered: [BreakerRow.Scope: BreakerRow]) {
    self.lane = lane
    self.remembered = remembered
  }

  /// Every breaker as its row would have it.
  var rows: [BreakerRow.Scope: BreakerRow] {
    var rows = remembered
    for (scope, breaker) in breakers {
      rows[scope] = BreakerRow(
        scope, failures: breaker.failures, openUntilMs: breaker.openUntilMs)
    }
    return rows
  }

  /// Takes other routes into use. A breaker that is known goes on as it is.
  mutating func use(_ plan: Lane.Plan) {
    concurrencyMax = plan.concurrencyMax
    scopes = [:]
    for (key, worker) in plan.workers {
      guard let (scope, policy) = breaker(of: worker, key) else { continue }
      scopes[key] = scope
      if breakers[scope] != nil {
        breakers[scope]?.policy = policy
        continue
      }
      let row = remembered[scope] ?? worker.breakers.first { $0.scope == scope }
      let breaker = CircuitBreaker(
        policy, failures: row?.failures ?? 0, openUntilMs: row?.openUntilMs)
      breakers[scope] = breaker
      if breaker.openUntilMs != nil { tripped.insert(scope) }
    }
    let used = Set(scopes.values)
    breakers = breakers.filter { used.contains($0.key) }
    tripped.formIntersection(used)
  }

  private func breaker(
    of worker: RouteWorker, _ key: Int64
  ) -> (BreakerRow.Scope, BreakerPolicy)? {
    if !worker.route.hasOwnLane, let actor = worker.actor.definition, actor.sharesBreaker {
      return actor.delivery.breaker.map { (.lane(lane), $0) }
    }
    return worker.route.delivery.breaker.map { (.route(key), $0) }
  }

  /// Takes note of an outcome; nil when it changes nothing that is kept.
  mutating func note(_ report: Attempt.Report, nowMs: Int64) -> Judgement? {
    guard let scope = scopes[report.delivery.route] else { return nil }
    return note(CircuitBreaker.Sign(report.verdict), of: scope, nowMs: nowMs)
  }

  private mutating func note(
    _ sign: CircuitBreaker.Sign, of scope: BreakerRow.Scope, nowMs: Int64
  ) -> Judgement? {
    guard var breaker = breakers[scope] else { return nil }
    let change = breaker.note(sign, nowMs: nowMs, concurrencyMax: concurrencyMax)
    breakers[scope] = breaker
    if breaker.limit(nowMs: nowMs) == nil {
      tripped.remove(scope)
    } else {
      tripped.insert(scope)
    }
    guard let change else { return nil }
    let row = BreakerRow(scope, failures: breaker.failures, openUntilMs: breaker.openUntilMs)
    return Judgement(row: row, change: change, policy: breaker.policy)
  }

  /// An operator says that all is well.
  mutating func close(of routes: Set<Int64>) {
    for scope in routes.compactMap({ scopes[$0] }) {
      guard let policy = breakers[scope]?.policy else { continue }
      breakers[scope] = CircuitBreaker(policy)
      tripped.remove(scope)
    }
  }

  /// What may be in hand now; nil as long as that is everything and the lane knows it.
  mutating func gates(nowMs: Int64) -> LaneState.Gates? {
    guard !tripped.isEmpty || isToldOfTripped else { return nil }
    isToldOfTripped = !tripped.isEmpty
    var gates = LaneState.Gates()
    for (route, scope) in scopes where tripped.contains(scope) {
      let group = scope.group
      gates.groups[route] = group
      gates.limits[group] = breakers[scope]?.limit(nowMs: nowMs)
    }
    return gates
  }

  /// Whether an attempt of the route that begins now decides what its breaker does.
  func isHalfOpen(_ route: Int64, nowMs: Int64) -> Bool {
    guard !tripped.isEmpty, let scope = scopes[route] else { return false }
    return breakers[scope]?.openUntilMs.map { $0 <= nowMs } ?? false
  }

  /// When the next breaker lets an attempt through; nil when none waits for its time.
  func wakeAtMs(nowMs: Int64) -> Int64? {
    guard !tripped.isEmpty else { return nil }
    return tripped.compactMap { breakers[$0]?.openUntilMs }.filter { $0 > nowMs }.min()
  }
}

extension BreakerRow.Scope {
  /// A number that no other breaker of the lane has.
  fileprivate var group: Int64 {
    switch self {
    case .route(let key): key
    case .lane(let key): -key
    }
  }
}

extension LaneBreakers.Judgement {
  /// The system event that tells of it (events.md 7.1).
  var event: String? {
    switch change {
    case .opened: "route.circuit_opened"
    case .closed: "route.circuit_closed"
    case .counted, .reopened: nil
    }
  }

  var phase: LogPhase? {
    switch change {
    case .opened, .reopened: .routeCircuitOpen
    case .closed: .routeCircuitClose
    case .counted: nil
    }
  }

  func payload(of route: RouteDefinition) -> JSONObject {
    [
      "route": .string(route.name), "actor": .string(route.actor.id),
      "failures": JSONValue(row.failures), "cooldown_ms": JSONValue(policy.cooldownMs),
    ]
  }
}
