import Engine

/// A parameter that breaks its rule; the text names the rule and never the value.
struct ParameterError: Error {
  let message: String
}

extension EventQuery {
  /// The filters of `GET /api/events` (cli-http.md 3.3). Unknown parameters are ignored.
  init(_ parameters: QueryParameters) throws(ParameterError) {
    self.init()
    fromMs = try EventQuery.date("from", parameters)
    toMs = try EventQuery.date("to", parameters)
    module = parameters["module"]
    source = parameters["source"]
    route = parameters["route"]
    actor = parameters["actor"]
    platformEvent = parameters["platform_event"]
    after = parameters["after"]
    if let text = parameters["type"] {
      guard let value = EventType(rawValue: text) else {
        let names = EventType.allCases.map(\.rawValue).joined(separator: ", ")
        throw ParameterError(message: "type must be one of \(names)")
      }
      type = value
    }
    if let text = parameters["state"] {
      guard EventQuery.states.contains(text) else {
        let names = EventQuery.states.joined(separator: ", ")
        throw ParameterError(message: "state must be one of \(names)")
      }
      state = text
    }
    if let text = parameters["where"] {
      do throws(EngineError) {
        conditions = try EventQuery(["where": .string(text)]).conditions
      } catch {
        throw ParameterError(message: error.message)
      }
    }
    if let text = parameters["limit"] {
      guard let value = Int(text), (1...1_000).contains(value) else {
        throw ParameterError(message: "limit must be a number from 1 to 1000")
      }
      limit = value
    }
  }

  /// The target of the next page: the same filters, another cursor.
  static func link(_ parameters: QueryParameters, after: String) -> String {
    var pairs: [String] = []
    let names = [
      "from", "to", "module", "source", "route", "actor", "type", "platform_event", "state",
      "where", "limit",
    ]
    for name in names {
      guard let value = parameters[name] else { continue }
      pairs.append("\(name)=\(QueryParameters.encode(value))")
    }
    pairs.append("after=\(QueryParameters.encode(after))")
    return "/api/events?" + pairs.joined(separator: "&")
  }

  private static func date(
    _ name: String, _ parameters: QueryParameters
  ) throws(ParameterError) -> Int64? {
    guard let text = parameters[name] else { return nil }
    guard let ms = ISOTime.ms(text) else {
      throw ParameterError(message: "\(name) must be an ISO 8601 date")
    }
    return ms
  }
}
