package import AsyncHTTPClient
package import Engine
import Foundation
import NIOCore
import NIOHTTP1

/// An actor that is an HTTP endpoint (connectors.md 3.2).
package struct WebhookActor: ActorConnector {
  private let settings: WebhookActorSettings
  private let client: HTTPClient
  private let userAgent: String
  private let time: TimeSource
  private let makeSpanID: @Sendable () -> UInt64

  /// - Parameters:
  ///   - client: Made by ``HTTPClients/makeForActors()``: it follows no redirects.
  ///   - version: Of the program, for `User-Agent`.
  package init(
    _ config: JSONObject, context: ActorContext, client: HTTPClient, version: String,
    makeSpanID: @escaping @Sendable () -> UInt64 = { .random(in: 1...(.max)) }
  ) throws {
    settings = try WebhookActorSettings(config)
    self.client = client
    userAgent = "orgloop/\(version)"
    time = context.time
    self.makeSpanID = makeSpanID
  }

  /// The client is shared and not closed here.
  package func close() async {}

  /// Makes one request; see connectors.md 3.1 for what its answer means.
  package func deliver(_ delivery: DeliveryRequest) async -> AttemptOutcome {
    let request: HTTPClientRequest
    switch makeRequest(delivery) {
    case .success(let made): request = made
    case .failure(let refusal): return AttemptOutcome(.rejected, error: refusal.message)
    }
    let timeoutMs = min(settings.timeoutMs ?? delivery.timeoutMs, delivery.timeoutMs)
    do {
      return try await withTimeout(ms: timeoutMs, time) { try await exchange(request) }
        ?? AttemptOutcome(.timeout, error: "no complete answer within \(timeoutMs) ms")
    } catch {
      if Task.isCancelled {
        return AttemptOutcome(.timeout, error: "stopped before the answer was complete")
      }
      return AttemptOutcome(.error, error: HTTPFailure.text(error, host: settings.host))
    }
  }

  /// Sends, and reads the answer as far as it is wanted.
  private func exchange(_ request: HTTPClientRequest) async throws -> AttemptOutcome {
    let response = try await client.execute(request, deadline: .distantFuture)
    var excerpt: [UInt8] = []
    var count = 0
    for try await chunk in response.body {
      if excerpt.count < Limits.responseExcerptBytesMax {
        let room = Limits.responseExcerptBytesMax - excerpt.count
        excerpt.append(contentsOf: chunk.readableBytesView.prefix(room))
      }
      count += chunk.readableBytes
      // Leaving the loop gives the connection up; an answer this long is not worth keeping it.
      if count >= ConnectorLimits.responseBytesMax { break }
    }
    return HTTPResult.outcome(
      status: Int(response.status.code),
      excerpt: SafeText.prefix(excerpt, bytesMax: Limits.responseExcerptBytesMax),
      retryAfter: response.headers.first(name: "retry-after"), nowMs: time.wallMs)
  }

  /// Why a request is not sent at all.
  private struct Refusal: Error { let message: String }

  private func makeRequest(_ delivery: DeliveryRequest) -> Result<HTTPClientRequest, Refusal> {
    let nowMs = time.wallMs
    let body = WebhookBody.bytes(delivery, settings: settings, nowMs: nowMs)
    let timestamp = String(nowMs / 1_000)
    var headers = HTTPHeaders()
    headers.add(name: "Content-Type", value: "application/json")
    headers.add(name: "User-Agent", value: userAgent)
    for (name, value) in settings.headers { headers.replaceOrAdd(name: name, value: value) }
    if let authorization = settings.authorization {
      headers.replaceOrAdd(name: "Authorization", value: authorization)
    }
    headers.add(name: "webhook-id", value: delivery.deliveryID)
    headers.add(name: "webhook-timestamp", value: timestamp)
    headers.add(
      name: "traceparent",
      value: TraceParent.header(traceID: delivery.traceID, spanID: makeSpanID()))
    if !settings.secrets.isEmpty {
      let content = WebhookSecret.signedContent(
        id: delivery.deliveryID, timestamp: timestamp, body: body)
      let signatures = settings.secrets.map { "v1," + Data($0.code(content)).base64EncodedString() }
      headers.add(name: "webhook-signature", value: signatures.joined(separator: " "))
    }
    if let unsafe = headers.first(where: { !HeaderCheck.isSafe($0.value) }) {
      return .failure(
        Refusal(message: "not sent: header \(unsafe.name) would hold a line break or NUL"))
    }
    var request = HTTPClientRequest(url: settings.url)
    request.method = HTTPMethod(rawValue: settings.method)
    request.headers = headers
    request.body = .bytes(body)
    return .success(request)
  }
}
