import Store

/// Which dead letters (cli-http.md 2.4, `dlq`).
package struct LetterQuery: Sendable, Hashable {
  package var state = State.dead
  package var reason: String?
  /// The other filters. Its `module` is that of the route, `state` is not used.
  package var events = EventQuery()

  /// What an operator can bring back or end.
  package enum State: String, Sendable, CaseIterable {
    case dead, dropped, skipped, parked
  }

  package init() {}

  func filter() -> LetterFilter {
    var filter = LetterFilter(state: state.rawValue)
    filter.reason = reason
    filter.fromMs = events.fromMs
    filter.toMs = events.toMs
    filter.module = events.module
    filter.source = events.source
    filter.route = events.route
    filter.actor = events.actor
    filter.type = events.type?.code
    filter.platformEvent = events.platformEvent
    return filter
  }

  /// Of a page, those that the conditions on fields let through.
  func matching(_ letters: [Letter]) -> [Letter] {
    guard !events.conditions.isEmpty else { return letters }
    return letters.filter { letter in
      guard let row = letter.event else { return false }
      return events.holds(
        for: EventView(row, source: letter.source, module: letter.sourceModule))
    }
  }
}

extension EventQuery {
  /// Whether the conditions on fields hold.
  func holds(for event: EventView) -> Bool { conditions.allSatisfy { $0.holds(for: event) } }

  /// The filters as `/api` takes them, in a body or as parameters.
  package var json: JSONObject {
    var object: JSONObject = [:]
    object["from"] = fromMs.map { .string(ISOTime.text(ms: $0)) }
    object["to"] = toMs.map { .string(ISOTime.text(ms: $0)) }
    object["module"] = module.map(JSONValue.string)
    object["source"] = source.map(JSONValue.string)
    object["route"] = route.map(JSONValue.string)
    object["actor"] = actor.map(JSONValue.string)
    object["type"] = type.map { .string($0.rawValue) }
    object["platform_event"] = platformEvent.map(JSONValue.string)
    object["state"] = state.map(JSONValue.string)
    if !conditions.isEmpty {
      object["where"] = .object(
        JSONObject(
          conditions.map { JSONObject.Member(key: $0.path.description, value: $0.value) }))
    }
    return object
  }

  /// - Throws: ``EngineError`` `.invalid` naming the key that has a wrong value.
  package init(_ filters: JSONObject) throws(EngineError) {
    self.init()
    func text(_ key: String) throws(EngineError) -> String? {
      guard let value = filters[key], !value.isNull else { return nil }
      guard let text = value.string, !text.isEmpty else {
        throw EngineError(.invalid, "\(key) must be a non-empty string")
      }
      return text
    }
    func time(_ key: String) throws(EngineError) -> Int64? {
      guard let value = try text(key) else { return nil }
      guard let ms = ISOTime.ms(value) else {
        throw EngineError(.invalid, "\(key) must be an ISO 8601 date")
      }
      return ms
    }
    fromMs = try time("from")
    toMs = try time("to")
    module = try text("module")
    source = try text("source")
    route = try text("route")
    actor = try text("actor")
    platformEvent = try text("platform_event")
    state = try text("state")
    if let word = try text("type") {
      guard let type = EventType(rawValue: word) else {
        let words = EventType.allCases.map(\.rawValue).joined(separator: ", ")
        throw EngineError(.invalid, "type must be one of \(words)")
      }
      self.type = type
    }
    conditions = try EventQuery.conditions(filters["where"] ?? .null)
  }

  /// A map from path to scalar, or one `path=value`.
  private static func conditions(_ value: JSONValue) throws(EngineError) -> [FieldCondition] {
    let refusal = EngineError(
      .invalid, "where must be a map from paths to strings, numbers, booleans or null")
    switch value {
    case .null: return []
    case .string(let text):
      if text.hasPrefix("{") {
        // What is no JSON is refused below.
        guard let object = try? JSONText(checking: Array(text.utf8)).value().object else {
          throw refusal
        }
        return try conditions(.object(object))
      }
      guard let condition = FieldCondition(text) else { throw refusal }
      return [condition]
    case .object(let object):
      let conditions = object.members.compactMap { FieldCondition(path: $0.key, value: $0.value) }
      guard conditions.count == object.members.count else { throw refusal }
      return conditions
    default: throw refusal
    }
  }
}

extension LetterQuery {
  /// As ``EventQuery/json``, with what only dead letters have.
  package var json: JSONObject {
    var object = events.json
    object["state"] = .string(state.rawValue)
    object["reason"] = reason.map(JSONValue.string)
    return object
  }

  /// - Throws: ``EngineError`` `.invalid` naming the key that has a wrong value.
  package init(_ filters: JSONObject) throws(EngineError) {
    self.init()
    events = try EventQuery(filters)
    if let word = events.state {
      guard let state = State(rawValue: word) else {
        let words = State.allCases.map(\.rawValue).joined(separator: ", ")
        throw EngineError(.invalid, "state must be one of \(words)")
      }
      self.state = state
      events.state = nil
    }
    guard let reason = filters["reason"], !reason.isNull else { return }
    guard let text = reason.string, !text.isEmpty else {
      throw EngineError(.invalid, "reason must be a non-empty string")
    }
    self.reason = text
  }
}

/// What `dlq list --count-by` counts by.
package enum LetterGroup: String, Sendable, CaseIterable {
  case route, actor, error
}
