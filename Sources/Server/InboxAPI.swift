import Engine
import HTTPTypes

/// Collecting what waits in the inbox (cli-http.md 3.3).
struct InboxAPI: Sendable {
  let gateway: any RuntimeGateway
  let caller: Caller

  /// Parameters may stand in the query or in the body.
  ///
  /// - Throws: What the gateway throws; ``ControlBody/Problem``.
  func drain(_ query: QueryParameters, _ body: ControlBody) async throws -> Answer {
    guard let key = try query["session_key"] ?? body.string("session_key") else {
      return .problem(.badRequest, "session_key is missing")
    }
    let given = try query["limit"] ?? body.number("limit")
    let limit = given.map { Int($0) ?? 0 } ?? InboxDesk.drainUsual
    guard (1...InboxDesk.drainMax).contains(limit) else {
      return .problem(.badRequest, "limit must be a number from 1 to \(InboxDesk.drainMax)")
    }
    return Answer(
      json: try await gateway.drainInbox(
        key, module: try query["module"] ?? body.string("module"), limit: limit,
        by: caller))
  }

  /// - Throws: What the gateway throws; ``ControlBody/Problem``.
  func restore(_ query: QueryParameters, _ body: ControlBody) async throws -> Answer {
    guard let batch = try query["batch"] ?? body.string("batch") else {
      return .problem(.badRequest, "batch is missing")
    }
    return Answer(json: try await gateway.restoreInbox(batch: batch, by: caller))
  }

  func status(_ query: QueryParameters) async throws -> Answer {
    guard let key = query["session_key"] else {
      return .problem(.badRequest, "session_key is missing")
    }
    let keys = try await gateway.inbox(key, module: query["module"])
    return Answer(json: ["pending": InboxAPI.pending(keys)])
  }

  func list(_ query: QueryParameters) async throws -> Answer {
    let keys = try await gateway.inbox(nil, module: query["module"])
    return Answer(json: ["sessions": .array(keys)])
  }

  private static func pending(_ keys: [JSONValue]) -> JSONValue {
    JSONValue(keys.reduce(Int64(0)) { $0 + ($1["pending"]?.int64 ?? 0) })
  }
}
