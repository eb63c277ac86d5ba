package import Engine

/// What the HTTP server needs of a runtime.
///
/// The protocol is the server's, because the server calls it; the command line program puts the
/// real runtime behind it.
package protocol RuntimeGateway: Sendable {
  /// A request to `/webhook/<module>/<source>`, or `/webhook/<source>` with `module` nil. Method
  /// and size have been checked.
  func receiveWebhook(
    module: String?, source: String, request: WebhookRequest
  ) async -> WebhookAnswer
  /// A request to a path that a source has mounted itself at (`config.path`); nil when none has.
  func receiveWebhook(path: String, request: WebhookRequest) async -> WebhookAnswer?
  /// Whether a source has mounted itself at a path, so that another method than POST is answered
  /// 405 there and 404 elsewhere.
  func isWebhookMounted(at path: String) async -> Bool
  /// The database can be written and the configuration is applied.
  func isReady() async -> Bool
  /// The body of `GET /api/status` (cli-http.md 3.3).
  func status() async throws -> JSONValue
  /// One page of `GET /api/events`, newest first, and the cursor of the next.
  func events(_ query: EventQuery) async throws -> EventPage
  /// The body of `GET /api/events/<id>`; nil when there is no such event.
  func event(id: String) async throws -> JSONValue?
  /// Accepts an event from JSON.
  ///
  /// - Throws: ``EngineError`` `.invalid` (422), `.notFound` for the module (404), `.unavailable`
  ///   (503), `.full` (507).
  func inject(
    _ body: [UInt8], module: String?, idempotencyKey: String?
  ) async throws -> InjectionReceipt
  /// Begins a graceful stop and returns; `timeoutMs` nil takes `runtime.shutdown_timeout`.
  func beginShutdown(timeoutMs: Int64?) async
}

extension RuntimeGateway {
  package func isWebhookMounted(at path: String) async -> Bool { false }
}
