import Engine
import HTTPTypes

/// Health, the read API and the control API (cli-http.md 3.3 and 3.4).
struct ControlAPI: Sendable {
  let gateway: any RuntimeGateway

  private var modules: ModuleAPI { ModuleAPI(gateway: gateway) }
  private var letters: LetterAPI { LetterAPI(gateway: gateway) }

  /// - Parameter caller: Asked for by orders only, because finding it out takes time.
  /// - Throws: What the gateway throws.
  func answer(
    _ endpoint: Endpoint, _ request: HTTPRequest, query: Substring, body: [UInt8],
    caller: () async -> Caller
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
    case (.trace(let id), _): return try await trace(of: id, query)
    case (.why(let id), _): return try await why(id, query)
    case (.events, .post): return try await inject(request, query: query, body: body)
    case (.events, _): return try await events(query)
    case (.inspect, _): return try await inspect(query)
    case (.letters, _): return try await letters.list(query)
    case (.letter(let id), _): return try await letters.show(id)
    case (.letterOrder(let action), _):
      return try await letters.carryOut(action, body, by: caller())
    case (.replay, _): return try await letters.replay(body, by: caller())
    case (.inboxList, _), (.inboxStatus, _), (.inboxDrain, _), (.inboxRestore, _):
      return try await inbox(endpoint, query, body, by: caller())
    case (.moduleList, _): return try await modules.list(query)
    case (.module(let name), _): return try await modules.status(name)
    case (.order(let order), _): return try await carryOut(order, body, by: caller())
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

  private func trace(of id: String, _ query: Substring) async throws -> Answer {
    guard let parameters = QueryParameters(query) else {
      return .problem(.badRequest, "The query is not properly encoded")
    }
    let limit = parameters["limit"].map { Int($0) ?? 0 } ?? Limits.traceEventsUsual
    guard (1...Limits.traceEventsMax).contains(limit) else {
      return .problem(.badRequest, "limit must be a number from 1 to \(Limits.traceEventsMax)")
    }
    guard let trace = try await gateway.trace(of: id, limit: limit) else {
      return .problem(.notFound, "Event not found")
    }
    return Answer(json: trace)
  }

  private func why(_ id: String, _ query: Substring) async throws -> Answer {
    guard let parameters = QueryParameters(query) else {
      return .problem(.badRequest, "The query is not properly encoded")
    }
    guard let reasons = try await gateway.why(id, route: parameters["route"]) else {
      return .problem(.notFound, "Event not found")
    }
    return Answer(json: reasons)
  }

  private func inspect(_ query: Substring) async throws -> Answer {
    guard let parameters = QueryParameters(query) else {
      return .problem(.badRequest, "The query is not properly encoded")
    }
    guard let kind = parameters["kind"].flatMap(Inspector.ObjectKind.init(rawValue:)),
      let name = parameters["name"], let module = parameters["module"]
    else {
      let kinds = Inspector.ObjectKind.allCases.map(\.rawValue).joined(separator: ", ")
      return .problem(.badRequest, "kind (\(kinds)), name and module must be given")
    }
    return Answer(json: try await gateway.standing(of: kind, name, module: module))
  }

  private func inbox(
    _ endpoint: Endpoint, _ query: Substring, _ bytes: [UInt8], by caller: Caller
  ) async throws -> Answer {
    guard let parameters = QueryParameters(query) else {
      return .problem(.badRequest, "The query is not properly encoded")
    }
    let inbox = InboxAPI(gateway: gateway, caller: caller)
    do {
      switch endpoint {
      case .inboxList: return try await inbox.list(parameters)
      case .inboxStatus: return try await inbox.status(parameters)
      case .inboxDrain: return try await inbox.drain(parameters, try ControlBody(bytes))
      default: return try await inbox.restore(parameters, try ControlBody(bytes))
      }
    } catch let problem as ControlBody.Problem {
      return Answer(problem)
    }
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

  /// Every change goes to the gateway with who ordered it.
  private func carryOut(
    _ order: ControlOrder, _ bytes: [UInt8], by caller: Caller
  ) async throws -> Answer {
    do {
      let body = try ControlBody(bytes)
      let pauses = PauseAPI(gateway: gateway)
      switch order {
      case .load: return try await modules.load(body, by: caller)
      case .loadProject: return try await modules.loadProject(body, by: caller)
      case .unload: return try await modules.unload(body, by: caller)
      case .reload: return try await modules.reload(body, by: caller)
      case .plan: return try await modules.plan(body)
      case .apply: return try await modules.apply(body, by: caller)
      case .rollback: return try await modules.rollback(body, by: caller)
      case .pause: return try await pauses.pause(body, by: caller)
      case .resume: return try await pauses.resume(body, by: caller)
      case .selectWorkspace: return try await modules.selectWorkspace(body, by: caller)
      case .shutdown:
        await gateway.beginShutdown(timeoutMs: try body.durationMs("timeout"), by: caller)
        return Answer(.accepted, json: ["ok": true])
      }
    } catch let problem as ControlBody.Problem {
      return Answer(problem)
    }
  }
}
