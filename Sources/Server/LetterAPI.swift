package import Engine
import HTTPTypes

/// Dead letters and replay (cli-http.md 2.4 and 3.3).
struct LetterAPI: Sendable {
  let gateway: any RuntimeGateway

  private static let filters = [
    "from", "to", "module", "source", "route", "actor", "type", "platform_event", "state",
    "reason", "where",
  ]

  /// - Throws: What the gateway throws; ``EngineError`` `.invalid` for a wrong filter.
  func list(_ query: Substring) async throws -> Answer {
    guard let parameters = QueryParameters(query) else {
      return .problem(.badRequest, "The query is not properly encoded")
    }
    var given: [JSONObject.Member] = []
    for name in LetterAPI.filters {
      guard let text = parameters[name] else { continue }
      given.append(.init(key: name, value: .string(text)))
    }
    var letters: LetterQuery
    do {
      letters = try LetterQuery(JSONObject(given))
    } catch {
      return .problem(.badRequest, error.message)
    }
    if let text = parameters["count_by"] {
      guard let group = LetterGroup(rawValue: text) else {
        return .problem(.badRequest, "count_by must be route, actor or error")
      }
      return Answer(json: .array(try await gateway.letterCounts(letters, by: group)))
    }
    guard let limit = Int(parameters["limit"] ?? "100"), (1...1_000).contains(limit) else {
      return .problem(.badRequest, "limit must be a number from 1 to 1000")
    }
    letters.events.limit = limit
    letters.events.after = parameters["after"]
    let page = try await gateway.letters(letters)
    var answer = Answer(json: .array(page.items))
    if let next = page.next {
      given.append(.init(key: "limit", value: .string(String(limit))))
      let pairs = given.map { "\($0.key)=\(QueryParameters.encode($0.value.string ?? ""))" }
      let target = (pairs + ["after=\(QueryParameters.encode(next))"]).joined(separator: "&")
      answer.fields[.link] = "</api/dlq?\(target)>; rel=\"next\""
    }
    return answer
  }

  func show(_ id: String) async throws -> Answer {
    guard let letter = try await gateway.letter(id: id) else {
      return .problem(.notFound, "Delivery not found")
    }
    return Answer(json: letter)
  }

  /// `{ids[]}` or `{filter, rate?}`; with `limit` only that many, and the answer says where to go
  /// on. Without, the rest is done in the background.
  func carryOut(
    _ action: LetterOrder.Action, _ bytes: [UInt8], by caller: Caller
  ) async throws -> Answer {
    do {
      let body = try ControlBody(bytes)
      var order = LetterOrder(action, try LetterAPI.selection(body))
      order.retransform = try body.flag("retransform")
      order.after = try body.string("after")
      if let limit = try body.count("limit", max: Limits.queuePageMax) {
        order.limit = limit
        return Answer(json: try await gateway.carryOut(order, by: caller))
      }
      let matched = try await gateway.begin(
        order, perSecond: try body.rate("rate"), by: caller)
      return Answer(.accepted, json: ["matched": JSONValue(matched)])
    } catch let problem as ControlBody.Problem {
      return Answer(problem)
    }
  }

  /// `{ids[]|filter, mode, only_failed, route, rate, dry_run, replay_id, limit}`.
  func replay(_ bytes: [UInt8], by caller: Caller) async throws -> Answer {
    do {
      let body = try ControlBody(bytes)
      var request = ReplayRequest()
      request.id = try body.string("replay_id")
      if body.has("ids") || body.has("filter") || request.id == nil {
        request.order = try ReplayOrder(body.members)
      }
      request.isDryRun = try body.flag("dry_run")
      request.perSecond = try body.rate("rate")
      request.limit = try body.count("limit", max: Limits.queuePageMax)
      let answer = try await gateway.replay(request, by: caller)
      let isWhole = request.limit == nil && !request.isDryRun
      return isWhole ? Answer(.accepted, json: answer) : Answer(json: answer)
    } catch let problem as ControlBody.Problem {
      return Answer(problem)
    }
  }

  private static func selection(_ body: ControlBody) throws -> LetterOrder.Selection {
    let ids = try body.strings("ids")
    guard body.has("filter") else {
      guard (1...Limits.orderIDsMax).contains(ids.count) else {
        throw ControlBody.Problem.invalid(
          "one of ids, a list of 1 to \(Limits.orderIDsMax), and filter must be given")
      }
      return .ids(ids)
    }
    guard ids.isEmpty, let filter = body.members["filter"]?.object else {
      throw ControlBody.Problem.invalid("filter must be a map, without ids beside it")
    }
    return .all(try LetterQuery(filter))
  }
}

/// What a client wants replayed, and how.
package struct ReplayRequest: Sendable, Hashable {
  /// Nil goes on with a replay that has begun.
  package var order: ReplayOrder?
  package var id: String?
  package var isDryRun = false
  package var perSecond: Double?
  /// Only one step of about so many deliveries; nil does all of it in the background.
  package var limit: Int?

  package init() {}
}
