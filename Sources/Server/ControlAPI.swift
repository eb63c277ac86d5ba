import Engine
import HTTPTypes
import Logging

/// Health, the read API and the control API (cli-http.md 3.3 and 3.4).
struct ControlAPI: Sendable {
  let gateway: any RuntimeGateway
  let logger: Logger

  /// - Throws: What the gateway throws, and ``EngineError`` `.invalid` for a bad body.
  func answer(
    _ endpoint: Endpoint, _ request: HTTPRequest, query: Substring, body: [UInt8],
    caller: Responder.Listener
  ) async throws -> Answer {
    switch (endpoint, request.method) {
    case (.live, _): return Answer(json: ["ok": true])
    case (.ready, _): return await ready()
    case (.status, _): return Answer(json: try await gateway.status())
    case (.event(let id), _):
      guard let event = try await gateway.event(id: id) else {
        return .problem(.notFound, "Event not found")
      }
      return Answer(json: event)
    case (.events, .post): return try await inject(request, query: query, body: body)
    case (.events, _): return try await events(query)
    case (.shutdown, _): return await shutdown(body, caller: caller)
    default: return .notFound
    }
  }

  private func ready() async -> Answer {
    guard await gateway.isReady() else {
      return .retryLater(.serviceUnavailable, afterSeconds: 1, "The runtime is not ready")
    }
    return Answer(json: ["ok": true])
  }

  private func events(_ query: Substring) async throws -> Answer {
    guard let parameters = QueryParameters(query) else {
      return .problem(.badRequest, "The query is not properly encoded")
    }
    let eventQuery: EventQuery
    do {
      eventQuery = try EventQuery(parameters)
    } catch {
      return .problem(.badRequest, error.message)
    }
    let page = try await gateway.events(eventQuery)
    var answer = Answer(json: .array(page.items))
    if let next = page.next {
      answer.fields[.link] = "<\(EventQuery.link(parameters, after: next))>; rel=\"next\""
    }
    return answer
  }

  private func inject(
    _ request: HTTPRequest, query: Substring, body: [UInt8]
  ) async throws -> Answer {
    guard let parameters = QueryParameters(query) else {
      return .problem(.badRequest, "The query is not properly encoded")
    }
    let receipt = try await gateway.inject(
      body, module: parameters["module"],
      idempotencyKey: request.headerFields[.idempotencyKey])
    var answer = Answer(
      .accepted,
      json: [
        "event_id": .string(receipt.eventID), "duplicate": .bool(receipt.isDuplicate),
      ])
    answer.fields[.location] = "/api/events/" + QueryParameters.encode(receipt.eventID)
    return answer
  }

  private func shutdown(_ body: [UInt8], caller: Responder.Listener) async -> Answer {
    let timeoutMs: Int64?
    switch ShutdownBody(body) {
    case .timeout(let ms): timeoutMs = ms
    case .notJSON: return .problem(.badRequest, "The body is not JSON")
    case .invalid: return .problem(.unprocessableContent, ShutdownBody.rule)
    }
    logger.notice(
      "operator.action",
      metadata: ["action": "shutdown", "caller": caller == .tcp ? "token" : "socket"])
    await gateway.beginShutdown(timeoutMs: timeoutMs)
    return Answer(.accepted, json: ["ok": true])
  }
}

/// The optional body of `POST /control/shutdown`: `{"timeout": 5000}` or `{"timeout": "5s"}`.
enum ShutdownBody: Equatable {
  case timeout(Int64?)
  case notJSON
  case invalid

  static let rule = "timeout must be milliseconds or a duration such as 30s"

  init(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else {
      self = .timeout(nil)
      return
    }
    // Where it is wrong does not matter to somebody who sends a body of one key.
    guard let text = try? JSONText(checking: bytes) else {
      // What is wrong with the text does not matter to the caller: nothing was done.
      self = .notJSON
      return
    }
    guard case .object(let members) = text.value() else {
      self = .invalid
      return
    }
    switch members["timeout"] {
    case nil, .null?: self = .timeout(nil)
    case .number(let number)?:
      let ms = number.int64 ?? -1
      self = ms >= 0 ? .timeout(ms) : .invalid
    case .string(let text)?:
      self = DurationText.ms(text).map(ShutdownBody.timeout) ?? .invalid
    default: self = .invalid
    }
  }
}
