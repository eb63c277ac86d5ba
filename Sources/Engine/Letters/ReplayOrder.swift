package import Store

/// What is to be delivered again (cli-http.md 2.4, `replay`).
package struct ReplayOrder: Sendable, Hashable {
  package enum Selection: Sendable, Hashable {
    case ids([String])
    /// Its `route` and `actor` name the deliveries that are made.
    case filter(EventQuery)
  }

  package enum Mode: String, Sendable, CaseIterable {
    /// The routes that the event had deliveries for.
    case sameTargets = "same-targets"
    /// The routes that match it now.
    case rematch
  }

  package var selection: Selection
  package var mode = Mode.sameTargets
  /// Only routes whose newest delivery of the event is dead.
  package var onlyFailed = false
  package var route: String?
  package var actor: String?

  package init(_ selection: Selection) { self.selection = selection }

  /// As `/api/replay` takes it, and as the file keeps it.
  package var json: JSONObject {
    var object: JSONObject = [:]
    switch selection {
    case .ids(let ids): object["ids"] = .array(ids.map(JSONValue.string))
    case .filter(let query): object["filter"] = .object(query.json)
    }
    object["mode"] = .string(mode.rawValue)
    object["only_failed"] = .bool(onlyFailed)
    object["route"] = route.map(JSONValue.string)
    object["actor"] = actor.map(JSONValue.string)
    return object
  }

  /// - Throws: ``EngineError`` `.invalid` naming the key that has a wrong value.
  package init(_ body: JSONObject) throws(EngineError) {
    switch (body["ids"] ?? .null, body["filter"] ?? .null) {
    case (.array(let values), .null):
      let ids = values.compactMap(\.string)
      guard ids.count == values.count, (1...Limits.orderIDsMax).contains(ids.count) else {
        throw EngineError(.invalid, "ids must be a list of 1 to \(Limits.orderIDsMax) strings")
      }
      selection = .ids(ids)
    case (.null, .object(let filter)): selection = .filter(try EventQuery(filter))
    default: throw EngineError(.invalid, "one of ids and filter must be given")
    }
    if let word = body["mode"], !word.isNull {
      guard let mode = word.string.flatMap(Mode.init(rawValue:)) else {
        let words = Mode.allCases.map(\.rawValue).joined(separator: " or ")
        throw EngineError(.invalid, "mode must be \(words)")
      }
      self.mode = mode
    }
    onlyFailed = body["only_failed"]?.bool ?? false
    route = body["route"]?.string
    actor = body["actor"]?.string
    // A filter names the same two; what is delivered is what they are about.
    if case .filter(var query) = selection {
      try query.checkState()
      route = route ?? query.route
      actor = actor ?? query.actor
      (query.route, query.actor) = (nil, nil)
      selection = .filter(query)
    }
  }
}

/// What a replay would do, or what one step of it has done.
package struct ReplayReport: Sendable {
  package var replayID: String?
  /// Of the whole replay so far.
  package var events = 0
  package var deliveries = 0
  /// Of this step.
  package var stepDeliveries = 0
  package var isDone = false
  /// By route; of a dry run.
  package var routes: [(name: RouteName, deliveries: Int)] = []
  /// Ids that lead to no event.
  package var refused: [(id: String, reason: String)] = []
  /// Events that cannot get so many deliveries more.
  package var full = 0

  package var json: JSONValue {
    var object: JSONObject = [:]
    object["replay_id"] = replayID.map(JSONValue.string)
    object["matched"] = JSONValue(events)
    object["deliveries"] = JSONValue(deliveries)
    if replayID == nil {
      object["dry_run"] = true
      object["routes"] = .array(
        routes.map { route in
          [
            "module": .string(route.name.module), "route": .string(route.name.name),
            "actor": .string(route.name.actor), "deliveries": JSONValue(route.deliveries),
          ]
        })
    } else {
      object["step"] = JSONValue(stepDeliveries)
      object["done"] = .bool(isDone)
    }
    object["refused"] = .array(
      refused.map { ["id": .string($0.id), "reason": .string($0.reason)] })
    if full > 0 { object["full"] = JSONValue(full) }
    return .object(object)
  }
}
