import Engine
import HTTPTypes
import HummingbirdCore
import Synchronization

/// Takes webhook requests: size, then the gateway, then the answer (connectors.md 1.3).
///
/// This is the hot path: one pass over the headers, one copy of the body, no logging, and an
/// answer built as bytes.
final class WebhookIntake: Sendable {
  private let gateway: any RuntimeGateway
  private let bodies: BodyReader
  private let openMax: Int
  private let openCount = Atomic<Int>(0)

  init(gateway: any RuntimeGateway, bodies: BodyReader, openMax: Int) {
    self.gateway = gateway
    self.bodies = bodies
    self.openMax = openMax
  }

  func answer(
    module: String?, source: String, path: String, _ request: Request,
    _ writer: borrowing ResponseWriter
  ) async throws -> Answer {
    guard enter() else { return WebhookIntake.tooMany }
    defer { leave() }
    switch try await bodies.read(request, writer) {
    case .refused(let answer):
      return answer
    case .bytes(let body):
      let request = WebhookIntake.webhookRequest(request.head, path: path, body: body)
      return Answer(
        await gateway.receiveWebhook(module: module, source: source, request: request),
        source: source)
    }
  }

  func answer(
    mountedAt path: String, _ request: Request, _ writer: borrowing ResponseWriter
  ) async throws -> Answer {
    guard enter() else { return WebhookIntake.tooMany }
    defer { leave() }
    switch try await bodies.read(request, writer) {
    case .refused(let answer):
      return answer
    case .bytes(let body):
      let request = WebhookIntake.webhookRequest(request.head, path: path, body: body)
      guard let answer = await gateway.receiveWebhook(path: path, request: request) else {
        return .notFound
      }
      return Answer(answer, source: nil)
    }
  }

  private static let tooMany = Answer.retryLater(
    .serviceUnavailable, afterSeconds: 1, "Too many open requests")

  private func enter() -> Bool {
    let count = openCount.add(1, ordering: .relaxed).newValue
    if count > openMax { leave() }
    return count <= openMax
  }

  private func leave() { openCount.subtract(1, ordering: .relaxed) }

  /// `Host` is put first, because HTTPTypes keeps it apart from the other headers.
  private static func webhookRequest(
    _ head: HTTPRequest, path: String, body: [UInt8]
  ) -> WebhookRequest {
    var headers: [(name: String, value: String)] = []
    headers.reserveCapacity(head.headerFields.count + 1)
    if let authority = head.authority { headers.append(("host", authority)) }
    for field in head.headerFields { headers.append((field.name.canonicalName, field.value)) }
    return WebhookRequest(method: "POST", path: path, headers: headers, body: body)
  }
}
