import Engine
import Server

/// Answers webhooks with a runtime, or always the same without one.
struct BenchGateway: RuntimeGateway {
  /// Nil answers every request as if its event had been stored.
  let runtime: Runtime?

  func receiveWebhook(
    module: String?, source: String, request: WebhookRequest
  ) async -> WebhookAnswer {
    guard let runtime else { return BenchGateway.fixed }
    return await runtime.receiveWebhook(module: module, source: source, request: request)
  }

  /// As long as a real one.
  static let eventID = "evt_0199f3b5c1a07d0e8a3b5c7d9e1f2a3b"
  private static let fixed = WebhookAnswer.accepted(
    ids: [eventID], isDuplicate: false, style: .single)

  // What the load does not ask for.
  func receiveWebhook(path: String, request: WebhookRequest) async -> WebhookAnswer? { nil }
  func isReady() async -> Bool { true }
  func status() async throws -> JSONValue { .null }
  func events(_ query: EventQuery) async throws -> EventPage { EventPage(items: [], next: nil) }
  func event(id: String) async throws -> JSONValue? { nil }
  func trace(of id: String, limit: Int) async throws -> JSONValue? { nil }
  func why(_ id: String, route: String?) async throws -> JSONValue? { nil }
  func drainInbox(
    _ sessionKey: String, module: String?, limit: Int, by caller: Caller
  ) async throws -> JSONValue {
    .null
  }
  func restoreInbox(batch: String, by caller: Caller) async throws -> JSONValue { .null }
  func inbox(_ sessionKey: String?, module: String?) async throws -> [JSONValue] { [] }
  func standing(
    of kind: Inspector.ObjectKind, _ name: String, module: String
  ) async throws -> JSONValue {
    ["kind": .string(kind.rawValue), "name": .string(name), "module": .string(module)]
  }

  func inject(
    _ body: [UInt8], module: String?, idempotencyKey: String?
  ) async throws -> InjectionReceipt {
    throw EngineError(.invalid, "not part of the measurement")
  }
  func beginShutdown(timeoutMs: Int64?, by caller: Caller) async {}
  func modules(includesUnloaded: Bool) async throws -> [JSONValue] { [] }
  func module(_ name: String) async throws -> JSONValue { .null }
  func loadModule(_ request: ModuleLoadRequest, by caller: Caller) async throws -> JSONValue {
    .null
  }
  func loadProject(_ configPath: String, by caller: Caller) async throws -> [JSONValue] { [] }
  func unloadModule(
    _ name: String, drainMs: Int64?, onRemoved: RemovedPolicy, by caller: Caller
  ) async throws -> JSONValue { .null }
  func reloadModule(
    _ name: String, onRemoved: RemovedPolicy, by caller: Caller
  ) async throws -> JSONValue { .null }
  func plan(onRemoved: RemovedPolicy) async throws -> JSONValue { .null }
  func apply(
    plan: String?, onRemoved: RemovedPolicy, by caller: Caller
  ) async throws -> JSONValue { .null }
  func selectWorkspace(_ name: String, root: String, by caller: Caller) async throws {}
  func rollback(_ request: RollbackRequest, by caller: Caller) async throws -> JSONValue { .null }
  func pause(
    _ selection: PauseSelection, reason: String?, durationMs: Int64?, by caller: Caller
  ) async throws -> [JSONValue] { [] }
  func resume(_ selection: PauseSelection, by caller: Caller) async throws -> [JSONValue] { [] }
  func letters(_ query: LetterQuery) async throws -> EventPage { EventPage(items: [], next: nil) }
  func letterCounts(
    _ query: LetterQuery, by group: LetterGroup
  ) async throws -> [JSONValue] { [] }
  func letter(id: String) async throws -> JSONValue? { nil }
  func carryOut(_ order: LetterOrder, by caller: Caller) async throws -> JSONValue { .null }
  func begin(_ order: LetterOrder, perSecond: Double?, by caller: Caller) async throws -> Int { 0 }
  func replay(_ request: ReplayRequest, by caller: Caller) async throws -> JSONValue { .null }
}
