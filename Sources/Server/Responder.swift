import Engine
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore

/// Answers the requests of one listener: find the endpoint, check who asks, check the method,
/// then hand over.
struct Responder: Sendable {
  /// The two ways in, which differ in what they serve and whom they trust.
  enum Listener: Sendable { case tcp, unixSocket }

  let listener: Listener
  let servesControl: Bool
  let gateway: any RuntimeGateway
  let access: AccessCheck
  let webhooks: WebhookIntake
  let control: ControlAPI
  let bodies: BodyReader
  let peers: PeerIdentity
  let logger: Logger

  /// - Throws: Only when the connection fails; the connection is then closed.
  func respond(
    to request: Request, _ writer: consuming ResponseWriter, from channel: any Channel
  ) async throws {
    let answer = try await answer(to: request, writer, from: channel)
    var head = HTTPResponse(status: answer.status, headerFields: answer.fields)
    head.headerFields[.contentLength] = String(answer.body.count)
    // RFC 9110 section 9.3.2: the answer to HEAD has the fields of GET and no body.
    let body: ResponseBody =
      request.method == .head
      ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body))
    try await writer.write(response: head, body: body)
  }

  private func answer(
    to request: Request, _ writer: borrowing ResponseWriter, from channel: any Channel
  ) async throws -> Answer {
    guard let target = RequestTarget(request.head.path ?? "") else {
      return .problem(.badRequest, "Bad path")
    }
    let endpoint = Endpoint(target)
    if let refusal = refusal(of: request, endpoint, from: channel) { return refusal }
    switch endpoint {
    case .webhook(let module, let source):
      guard request.method == .post else { return .methodNotAllowed(allowed: [.post]) }
      return try await webhooks.answer(
        module: module, source: source, path: target.path, request, writer)
    case .mounted(let path):
      guard request.method == .post else {
        let isMounted = await gateway.isWebhookMounted(at: path)
        return isMounted ? .methodNotAllowed(allowed: [.post]) : .notFound
      }
      return try await webhooks.answer(mountedAt: path, request, writer)
    case .unknown:
      return .notFound
    default:
      return try await answerOther(endpoint, target, request, writer, from: channel)
    }
  }

  private func refusal(
    of request: Request, _ endpoint: Endpoint, from channel: any Channel
  ) -> Answer? {
    let area = endpoint.area
    guard listener == .tcp, area != .webhooks else { return nil }
    // Without the switch these paths do not exist on TCP, whatever the request carries.
    if area == .control, !servesControl { return .notFound }
    return access.refusal(of: request.head, area: area, from: channel)
  }

  /// Health and the API, where a question may be asked with GET and a change needs a body.
  private func answerOther(
    _ endpoint: Endpoint, _ target: RequestTarget, _ request: Request,
    _ writer: borrowing ResponseWriter, from channel: any Channel
  ) async throws -> Answer {
    guard endpoint.methods.contains(request.method) else {
      return .methodNotAllowed(allowed: endpoint.methods)
    }
    var body: [UInt8] = []
    if request.method == .post {
      if listener == .tcp, !isJSON(request.headers[.contentType]) {
        return .problem(.unsupportedMediaType, "Content-Type must be application/json")
      }
      switch try await bodies.read(request, writer) {
      case .bytes(let bytes): body = bytes
      case .refused(let answer): return answer
      }
    }
    do {
      return try await control.answer(
        endpoint, request.head, query: target.query, body: body
      ) {
        // On TCP nothing is known of a caller but the token.
        listener == .tcp ? Caller(name: "token") : await peers.caller(at: channel)
      }
    } catch let refusal as ConfigurationRefusal {
      return Answer(refusal)
    } catch let error as EngineError {
      if let refusal = Answer.refusal(for: error) { return refusal }
      logger.error("a request failed", metadata: ["error": "\(error)"])
      return .internalFault
    } catch {
      logger.error("a request failed", metadata: ["error": "\(error)"])
      return .internalFault
    }
  }

  private func isJSON(_ contentType: String?) -> Bool {
    let type = contentType?.prefix { $0 != ";" }.lowercased() ?? ""
    return type.split(separator: " ").first == "application/json"
  }
}
