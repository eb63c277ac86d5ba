import Store

/// A small module: two sources, three routes to two actors, and their numbers.
struct Names: Sendable {
  let keys: ModuleKeys
  let generation: Int64
  let github: Int64
  let agent: Int64
  /// `triage` and `review` go to lane `claude`, `notify` to lane `slack`.
  let triage: Int64
  let review: Int64
  let notify: Int64
  let claude: Int64
  let slack: Int64

  static let nowMs: Int64 = 1_772_600_767_089

  static func record(
    name: String = "engineering", content: String = "v1", connector: String = "github",
    without: Set<String> = []
  ) -> ModuleRecord {
    ModuleRecord(
      name: name, alias: "eng", path: "/srv/\(name)", contentHash: "sha256:\(content)",
      documents: Array(#"{"version":"\#(content)"}"#.utf8), loadedBy: "boot", nowMs: nowMs,
      sources: [("github", connector), ("agent", "exec")],
      routes: [
        route("triage", to: "claude"), route("review", to: "claude"), route("notify", to: "slack"),
      ].filter { !without.contains($0.name) },
      actors: [.init(id: "claude", isEnabled: true), .init(id: "slack", isEnabled: true)],
      conditions: [
        .init(route: "review", path: "payload.kind", expected: #""pull""#),
        .init(route: "notify", path: "payload.size", expected: "> 3"),
      ])
  }

  /// - Parameter hasOwnLane: It has limits of its own, and so a queue of its own.
  static func route(
    _ name: String, to actor: String, hasOwnLane: Bool = false
  ) -> ModuleRecord.Route {
    let actorLane = ModuleRecord.LaneName(kind: "actor", name: actor)
    return ModuleRecord.Route(
      name: name, actor: actor,
      lane: hasOwnLane ? .init(kind: "route", name: name) : actorLane, actorLane: actorLane)
  }

  init(_ keys: ModuleKeys) throws {
    func known(_ key: Int64?) throws -> Int64 {
      guard let key else { throw Missing() }
      return key
    }
    self.keys = keys
    generation = keys.generation
    github = try known(keys.sources["github"]?.key)
    agent = try known(keys.sources["agent"]?.key)
    triage = try known(keys.routes["triage"])
    review = try known(keys.routes["review"])
    notify = try known(keys.routes["notify"])
    claude = try known(keys.lanes[.init(kind: "actor", name: "claude")])
    slack = try known(keys.lanes[.init(kind: "actor", name: "slack")])
  }

  struct Missing: Error {}

  static func register(in store: EventStore) async throws -> Names {
    try Names(try await store.register(record()))
  }

  // MARK: Records

  func event(
    _ text: String = "hello", key: String? = nil, id: String? = nil, atMs: Int64 = nowMs,
    trace: String? = nil, cause: Int64? = nil, to deliveries: [DeliveryRecord] = []
  ) -> AcceptRecord {
    AcceptRecord(
      source: cause == nil ? github : agent, acceptedAtMs: atMs, type: 0, generation: generation,
      provenance: Array(#"{"platform":"github","platform_event":"push"}"#.utf8),
      payload: Array(#"{"text":"\#(text)"}"#.utf8), externalID: id, traceID: trace,
      dedupKey: key, cause: cause, deliveries: deliveries)
  }

  func toClaude(order: DeliveryRecord.OrderKeyValue = .none) -> DeliveryRecord {
    DeliveryRecord(lane: claude, route: triage, orderKey: order, generation: generation)
  }

  var toSlack: DeliveryRecord {
    DeliveryRecord(lane: slack, route: notify, generation: generation)
  }

  func start(_ delivery: Int64, number: Int = 1, lane: Int64? = nil) -> StartRecord {
    StartRecord(
      delivery: delivery, lane: lane ?? claude, number: number, startedAtMs: Names.nowMs + 10,
      generation: generation)
  }

  func end(
    _ start: StartRecord, _ outcome: String = "delivered",
    _ disposition: SettleRecord.Disposition = .settled(state: "delivered", reason: nil),
    followUps: [AcceptRecord] = []
  ) -> SettleRecord {
    SettleRecord(
      start: start, route: start.lane == slack ? notify : triage,
      endedAtMs: start.startedAtMs + 250, outcome: outcome, disposition: disposition,
      followUps: followUps)
  }
}

extension EventStore {
  // The same calls for tests that wait.

  @discardableResult
  func accepted(
    _ records: [AcceptRecord], _ progress: SourceProgress? = nil, canBeHeldBack: Bool = false
  ) async throws -> [AcceptReceipt] {
    var batch = AcceptBatch(records: records, progress: progress)
    batch.canBeHeldBack = canBeHeldBack
    return try await withCheckedContinuation { [batch] continuation in
      accept(batch) {
        continuation.resume(returning: $0)
      }
    }.get()
  }

  /// - Returns: Those that are gone.
  @discardableResult
  func started(_ records: [StartRecord]) async throws -> [Int64] {
    try await withCheckedContinuation { continuation in
      start(records) { continuation.resume(returning: $0) }
    }.get()
  }

  @discardableResult
  func settled(_ records: [SettleRecord]) async throws -> [[AcceptReceipt]] {
    try await withCheckedContinuation { continuation in
      settle(records) { continuation.resume(returning: $0) }
    }.get()
  }
}
