extension ModulePlan {
  /// The document of cli-http.md 2.2, without `needs_restart`, of which only the process knows.
  package var json: JSONObject {
    var object: JSONObject = [
      "plan_id": .string(id), "base_generation": baseGeneration.map { JSONValue($0) } ?? .null,
      "on_removed": .string(onRemoved.rawValue),
    ]
    for kind in Kind.allCases {
      object[kind.rawValue] = .array((items[kind] ?? []).map(\.json))
    }
    object["impact"] = .array(
      impact.map { impact in
        [
          "route": .string(impact.route), "module": .string(impact.module),
          "unsettled": JSONValue(impact.unsettled), "fate": .string(impact.fate.rawValue),
        ]
      })
    object["summary"] = [
      "add": JSONValue(summary.add), "change": JSONValue(summary.change),
      "remove": JSONValue(summary.remove),
    ]
    return object
  }
}

extension ModulePlan.Item {
  fileprivate var json: JSONValue {
    [
      "name": .string(name), "module": .string(module), "action": .string(action.rawValue),
      "detail": .string(detail), "changes": .array(changes.map(\.json)),
    ]
  }
}

extension FieldChange {
  package var json: JSONValue {
    var object: JSONObject = ["path": .string(path), "from": from ?? .null, "to": to ?? .null]
    object["diff"] = lines.map { .array($0.map(JSONValue.string)) }
    return .object(object)
  }
}
