import Engine
import Server
import Synchronization

/// A runtime that answers what a test tells it to, and remembers what it was asked.
final class FakeGateway: RuntimeGateway {
  struct WebhookCall {
    var module: String?
    var source: String?
    var request: WebhookRequest
  }

  struct Injection: Equatable {
    var body: String
    var module: String?
    var idempotencyKey: String?
  }

  struct State {
    var webhookAnswer = WebhookAnswer.accepted(ids: ["evt_1"], isDuplicate: false, style: .single)
    var mountedPath: String?
    var isReady = true
    var failure: (any Error)?
    var page = EventPage(items: [], next: nil)
    /// What a webhook waits for before it is answered.
    var gate: Gate?
    var webhooks: [WebhookCall] = []
    var queries: [EventQuery] = []
    var letterQueries: [LetterQuery] = []
    var injections: [Injection] = []
    var shutdowns: [Int64?] = []
    var orders: [Order] = []
    /// Who gave each order, the stop included.
    var callers: [String] = []
  }

  /// What an operator asked for, as it reached the gateway.
  enum Order: Equatable {
    case load(ModuleLoadRequest)
    case loadProject(String)
    case unload(String, drainMs: Int64?, RemovedPolicy)
    case reload(String, RemovedPolicy)
    case plan(RemovedPolicy)
    case apply(RemovedPolicy, plan: String?)
    case selectWorkspace(String, root: String)
    case rollback(RollbackRequest)
    case pause(PauseSelection, reason: String?, durationMs: Int64?)
    case resume(PauseSelection)
    case letters(LetterOrder, perSecond: Double?)
    case replay(ReplayRequest)
  }

  private let state: Mutex<State>

  init(_ configure: (inout State) -> Void = { _ in }) {
    var state = State()
    configure(&state)
    self.state = Mutex(state)
  }

  func read<T: Sendable>(_ body: (State) -> T) -> T { state.withLock { body($0) } }

  func receiveWebhook(
    module: String?, source: String, request: WebhookRequest
  ) async -> WebhookAnswer {
    let (gate, answer) = state.withLock { state in
      state.webhooks.append(WebhookCall(module: module, source: source, request: request))
      return (state.gate, state.webhookAnswer)
    }
    await gate?.pass()
    return answer
  }

  func receiveWebhook(path: String, request: WebhookRequest) async -> WebhookAnswer? {
    state.withLock { state in
      guard path == state.mountedPath else { return nil }
      state.webhooks.append(WebhookCall(module: nil, source: nil, request: request))
      return state.webhookAnswer
    }
  }

  func isWebhookMounted(at path: String) async -> Bool {
    state.withLock { $0.mountedPath == path }
  }

  func isReady() async -> Bool { state.withLock(\.isReady) }

  func status() async throws -> JSONValue {
    try fail()
    return ["running": true]
  }

  func events(_ query: EventQuery) async throws -> EventPage {
    try fail()
    return state.withLock { state in
      state.queries.append(query)
      return state.page
    }
  }

  func event(id: String) async throws -> JSONValue? {
    try fail()
    return id == "evt_1" ? ["id": "evt_1"] : nil
  }

  func trace(of id: String, limit: Int) async throws -> JSONValue? {
    try fail()
    return id == "evt_1" ? ["id": "evt_1", "limit": JSONValue(limit)] : nil
  }

  func why(_ id: String, route: String?) async throws -> JSONValue? {
    try fail()
    return id == "evt_1" ? ["id": "evt_1", "route": JSONValue(route)] : nil
  }

  func standing(
    of kind: Inspector.ObjectKind, _ name: String, module: String
  ) async throws -> JSONValue {
    ["kind": .string(kind.rawValue), "name": .string(name), "module": .string(module)]
  }

  func inject(
    _ body: [UInt8], module: String?, idempotencyKey: String?
  ) async throws -> InjectionReceipt {
    try fail()
    return state.withLock { state in
      state.injections.append(
        Injection(
          body: String(decoding: body, as: UTF8.self), module: module,
          idempotencyKey: idempotencyKey))
      return InjectionReceipt(eventID: "evt_9", isDuplicate: idempotencyKey != nil)
    }
  }

  func beginShutdown(timeoutMs: Int64?, by caller: Caller) async {
    state.withLock { state in
      state.shutdowns.append(timeoutMs)
      state.callers.append(caller.name)
    }
  }

  func modules(includesUnloaded: Bool) async throws -> [JSONValue] {
    try fail()
    return [["name": "ops"]] + (includesUnloaded ? [["name": "old", "state": "removed"]] : [])
  }

  func module(_ name: String) async throws -> JSONValue {
    try fail()
    guard name == "ops" else { throw EngineError(.notFound, "Module not found: \(name)") }
    return ["name": "ops"]
  }

  func loadModule(_ request: ModuleLoadRequest, by caller: Caller) async throws -> JSONValue {
    try note(.load(request), caller)
    return ["name": "ops", "state": "active"]
  }

  func loadProject(_ configPath: String, by caller: Caller) async throws -> [JSONValue] {
    try note(.loadProject(configPath), caller)
    return [["name": "one"], ["name": "two"]]
  }

  func unloadModule(
    _ name: String, drainMs: Int64?, onRemoved: RemovedPolicy, by caller: Caller
  ) async throws -> JSONValue {
    try note(.unload(name, drainMs: drainMs, onRemoved), caller)
    return ["ok": true, "name": .string(name), "parked": 12, "dropped": 0]
  }

  func reloadModule(
    _ name: String, onRemoved: RemovedPolicy, by caller: Caller
  ) async throws -> JSONValue {
    try note(.reload(name, onRemoved), caller)
    return ["ok": true, "name": .string(name)]
  }

  func plan(onRemoved: RemovedPolicy) async throws -> JSONValue {
    state.withLock { $0.orders.append(.plan(onRemoved)) }
    try fail()
    return ["plan_id": "pln_1", "modules": []]
  }

  func apply(
    plan: String?, onRemoved: RemovedPolicy, by caller: Caller
  ) async throws -> JSONValue {
    try note(.apply(onRemoved, plan: plan), caller)
    return ["applied": true]
  }

  func selectWorkspace(_ name: String, root: String, by caller: Caller) async throws {
    try note(.selectWorkspace(name, root: root), caller)
  }

  func rollback(_ request: RollbackRequest, by caller: Caller) async throws -> JSONValue {
    try note(.rollback(request), caller)
    return ["applied": true]
  }

  func pause(
    _ selection: PauseSelection, reason: String?, durationMs: Int64?, by caller: Caller
  ) async throws -> [JSONValue] {
    try note(.pause(selection, reason: reason, durationMs: durationMs), caller)
    return [["target": "route/pager"]]
  }

  func resume(_ selection: PauseSelection, by caller: Caller) async throws -> [JSONValue] {
    try note(.resume(selection), caller)
    return [["target": "route/pager"]]
  }

  func letters(_ query: LetterQuery) async throws -> EventPage {
    try fail()
    return state.withLock { state in
      state.letterQueries.append(query)
      return state.page
    }
  }

  func letterCounts(_ query: LetterQuery, by group: LetterGroup) async throws -> [JSONValue] {
    try fail()
    return [[group.rawValue: "x", "count": 2]]
  }

  func letter(id: String) async throws -> JSONValue? {
    try fail()
    return id == "dlv_1" ? ["id": "dlv_1"] : nil
  }

  func carryOut(_ order: LetterOrder, by caller: Caller) async throws -> JSONValue {
    try note(.letters(order, perSecond: nil), caller)
    return ["matched": 1, "requeued": 1]
  }

  func begin(
    _ order: LetterOrder, perSecond: Double?, by caller: Caller
  ) async throws -> Int {
    try note(.letters(order, perSecond: perSecond), caller)
    return 41
  }

  func replay(_ request: ReplayRequest, by caller: Caller) async throws -> JSONValue {
    try note(.replay(request), caller)
    return ["replay_id": "rpl_1", "matched": 3]
  }

  func drainInbox(
    _ sessionKey: String, module: String?, limit: Int, by caller: Caller
  ) async throws -> JSONValue {
    state.withLock { $0.callers.append(caller.name) }
    try fail()
    return [
      "events": [], "remaining": 0, "continuation": .null, "batch": .null,
      "asked": [.string(sessionKey), JSONValue(module), JSONValue(limit)],
    ]
  }

  func restoreInbox(batch: String, by caller: Caller) async throws -> JSONValue {
    state.withLock { $0.callers.append(caller.name) }
    try fail()
    return ["restored": 1, "asked": .string(batch)]
  }

  func inbox(_ sessionKey: String?, module: String?) async throws -> [JSONValue] {
    try fail()
    return [["sessionKey": .string(sessionKey ?? "pr-1"), "module": "m", "pending": 2]]
  }

  private func note(_ order: Order, _ caller: Caller) throws {
    state.withLock { state in
      state.orders.append(order)
      state.callers.append(caller.name)
    }
    try fail()
  }

  private func fail() throws {
    if let failure = state.withLock(\.failure) { throw failure }
  }
}

/// A door that requests wait at, and that tells a test how many do.
actor Gate {
  private var isOpen = false
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var arrivals: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

  func pass() async {
    guard !isOpen else { return }
    await withCheckedContinuation { continuation in
      waiting.append(continuation)
      let ready = arrivals.filter { $0.count <= waiting.count }
      arrivals.removeAll { $0.count <= waiting.count }
      for arrival in ready { arrival.continuation.resume() }
    }
  }

  /// Returns when that many wait.
  func arrived(_ count: Int) async {
    guard waiting.count < count else { return }
    await withCheckedContinuation { arrivals.append((count, $0)) }
  }

  func open() {
    isOpen = true
    for continuation in waiting { continuation.resume() }
    waiting = []
  }
}
