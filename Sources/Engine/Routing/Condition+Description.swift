extension Condition: CustomStringConvertible {
  /// The condition as configuration would write it, in JSON's flow style.
  package var description: String { JSONText(json).description }

  private var json: JSONValue {
    switch self {
    case .equals(let value): value
    case .any(let list): .array(list.map(\.json))
    case .all(let list): operators(list.map(\.json))
    case .prefix(let text, let ignoreCase): affix("prefix", text, ignoreCase)
    case .suffix(let text, let ignoreCase): affix("suffix", text, ignoreCase)
    case .equalsIgnoreCase(let text): ["equals-ignore-case": .string(text)]
    case .wildcard(let text): ["wildcard": .string(text)]
    case .regex(let pattern): ["regex": .string(pattern.description)]
    case .anythingBut(let list): ["anything-but": .array(list.map(\.json))]
    case .numeric(let bounds):
      [
        "numeric": .array(
          bounds.flatMap { [.string($0.comparison.rawValue), .number($0.number)] })
      ]
    case .exists(let flag): ["exists": .bool(flag)]
    case .cidr(let blocks): ["cidr": .array(blocks.map { .string($0.description) })]
    }
  }

  /// One map of all operators. What is no operator cannot stand in a map, so that it gets a name of
  /// its own instead of being lost.
  private func operators(_ list: [JSONValue]) -> JSONValue {
    let maps = list.compactMap(\.object)
    guard maps.count == list.count else { return ["all": .array(list)] }
    return .object(JSONObject(maps.flatMap(\.members)))
  }

  private func affix(_ name: String, _ text: String, _ ignoreCase: Bool) -> JSONValue {
    let argument: JSONValue = ignoreCase ? ["equals-ignore-case": .string(text)] : .string(text)
    return .object(JSONObject([JSONObject.Member(key: name, value: argument)]))
  }
}
