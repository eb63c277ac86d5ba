import Engine

/// Operator maps of config.md 6.3 inside a filter transform, read into the engine's ``Condition``:
/// they hold exactly when a route's would.
enum OperatorMap {
  /// - Throws: ``EngineError`` `.invalid` naming the operator that is wrong.
  static func condition(_ map: JSONObject) throws(EngineError) -> Condition {
    guard !map.isEmpty else {
      throw EngineError(.invalid, "an operator map must hold an operator")
    }
    var conditions: [Condition] = []
    for member in map.members { conditions.append(try condition(member.key, member.value)) }
    return conditions.count == 1 ? conditions[0] : .all(conditions)
  }

  private static func condition(
    _ name: String, _ value: JSONValue
  ) throws(EngineError) -> Condition {
    func text(_ value: JSONValue) throws(EngineError) -> String {
      guard let text = value.string else { throw EngineError(.invalid, "\(name) takes a string") }
      return text
    }
    switch name {
    case "prefix", "suffix":
      let folded = value["equals-ignore-case"]
      let affix = try text(folded ?? value)
      return name == "prefix"
        ? .prefix(affix, ignoreCase: folded != nil) : .suffix(affix, ignoreCase: folded != nil)
    case "equals-ignore-case": return .equalsIgnoreCase(try text(value))
    case "wildcard": return .wildcard(try text(value))
    case "regex": return .regex(try RegexPattern(try text(value)))
    case "exists":
      guard let flag = value.bool else { throw EngineError(.invalid, "exists takes true or false") }
      return .exists(flag)
    case "anything-but": return .anythingBut(try excluded(value))
    case "numeric": return .numeric(try bounds(value))
    case "cidr":
      var blocks: [CIDRBlock] = []
      for element in value.array ?? [value] {
        guard let block = CIDRBlock(try text(element)) else {
          throw EngineError(.invalid, "cidr takes blocks such as 10.0.0.0/8")
        }
        blocks.append(block)
      }
      return .cidr(blocks)
    default:
      throw EngineError(
        .invalid, "\"\(SafeText.escaped(name, bytesMax: 60))\" is no operator",
        hint: "write the path with dots to reach into a map")
    }
  }

  private static func excluded(_ value: JSONValue) throws(EngineError) -> [Condition] {
    if let map = value.object { return [try condition(map)] }
    return (value.array ?? [value]).map(Condition.equals)
  }

  private static func bounds(_ value: JSONValue) throws(EngineError) -> [NumericBound] {
    let list = value.array ?? []
    var bounds: [NumericBound] = []
    for index in stride(from: 0, to: list.count, by: 2) {
      guard let comparison = list[index].string.flatMap(NumericBound.Comparison.init(rawValue:)),
        index + 1 < list.count, let number = list[index + 1].number
      else { break }
      bounds.append(NumericBound(comparison, number))
    }
    guard !list.isEmpty, bounds.count * 2 == list.count else {
      throw EngineError(.invalid, "numeric takes a list such as [\">\", 0, \"<=\", 5]")
    }
    return bounds
  }
}
