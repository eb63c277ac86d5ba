import Engine
import Server

/// Puts the runtime behind the server.
struct Gateway: RuntimeGateway {
  let runtime: Runtime
  let keeper: RecordKeeper
  let stop: StopRequests

  func receiveWebhook(
    module: String?, source: String, request: WebhookRequest
  ) async -> WebhookAnswer {
    await runtime.receiveWebhook(module: module, source: source, request: request)
  }

  func receiveWebhook(path: String, request: WebhookRequest) async -> WebhookAnswer? {
    await runtime.receiveWebhook(path: path, request: request)
  }

  func isReady() async -> Bool {
    let record = keeper.record
    guard record.phase == .ready else { return false }
    return await runtime.canWrite(record)
  }

  func status() async throws -> JSONValue { try await runtime.status(keeper.record) }

  func events(_ query: EventQuery) async throws -> EventPage {
    try await runtime.inspector.events(query)
  }

  func event(id: String) async throws -> JSONValue? { try await runtime.inspector.event(id: id) }

  func inject(
    _ body: [UInt8], module: String?, idempotencyKey: String?
  ) async throws -> InjectionReceipt {
    try await runtime.inject(body, module: module, idempotencyKey: idempotencyKey)
  }

  func beginShutdown(timeoutMs: Int64?) async { stop.request(timeoutMs: timeoutMs) }
}
