import Engine

/// Operator maps of config.md 6.3 inside a filter transform: read into a ``Condition``, and
/// evaluated.
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

  /// Whether an operator map holds for the value at a path; nil = the path does not resolve.
  ///
  /// Stands apart so that the engine's own evaluation of ``Condition`` can take its place.
  static func operatorMapHolds(_ condition: Condition, for value: JSONValue?) -> Bool {
    switch condition {
    case .all(let list): return list.allSatisfy { operatorMapHolds($0, for: value) }
    case .exists(let wanted): return (value != nil) == wanted
    case .anythingBut(let list):
      guard let value else { return false }
      return !list.contains { operatorMapHolds($0, for: value) }
    default: break
    }
    guard let value else { return false }
    if case .array(let elements) = value {
      return elements.contains { operatorMapHolds(condition, for: $0) }
    }
    return scalarHolds(condition, value)
  }

  private static func scalarHolds(_ condition: Condition, _ value: JSONValue) -> Bool {
    switch condition {
    case .equals(let wanted): return value == wanted
    case .any(let list): return list.contains { operatorMapHolds($0, for: value) }
    case .numeric(let bounds):
      return value.number.map { number in bounds.allSatisfy { holds($0, number) } } ?? false
    default: return value.string.map { textHolds(condition, $0) } ?? false
    }
  }

  private static func textHolds(_ condition: Condition, _ text: String) -> Bool {
    switch condition {
    case .prefix(let affix, let folds):
      return folds ? folded(text).hasPrefix(folded(affix)) : text.hasPrefix(affix)
    case .suffix(let affix, let folds):
      return folds ? folded(text).hasSuffix(folded(affix)) : text.hasSuffix(affix)
    case .equalsIgnoreCase(let wanted): return folded(text) == folded(wanted)
    case .wildcard(let pattern): return Wildcard(pattern).matches(text)
    case .regex(let pattern): return pattern.match(text) == .yes
    case .cidr(let blocks): return blocks.contains { $0.contains(text) }
    default: return false
    }
  }

  private static func folded(_ text: String) -> String { text.uppercased().lowercased() }

  private static func holds(_ bound: NumericBound, _ number: JSONNumber) -> Bool {
    let order: (less: Bool, equal: Bool)
    if let left = number.int64, let right = bound.number.int64 {
      order = (left < right, left == right)
    } else {
      order = (number.double < bound.number.double, number == bound.number)
    }
    return switch bound.comparison {
    case .equal: order.equal
    case .notEqual: !order.equal
    case .less: order.less
    case .lessOrEqual: order.less || order.equal
    case .greater: !order.less && !order.equal
    case .greaterOrEqual: !order.less
    }
  }
}

/// A text in which `*` stands for any run of characters and `\*` for a star.
struct Wildcard {
  /// The literal pieces between the stars.
  private var pieces: [[Character]] = [[]]

  init(_ pattern: String) {
    var isEscaped = false
    for character in pattern {
      if isEscaped {
        if character != "*" { pieces[pieces.count - 1].append("\\") }
        pieces[pieces.count - 1].append(character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == "*" {
        pieces.append([])
      } else {
        pieces[pieces.count - 1].append(character)
      }
    }
    if isEscaped { pieces[pieces.count - 1].append("\\") }
  }

  /// Finds each piece at its earliest place: never goes back, so its cost is bounded by the product
  /// of the lengths.
  func matches(_ text: String) -> Bool {
    var rest = Array(text)[...]
    guard let first = pieces.first, let last = pieces.last else { return false }
    guard pieces.count > 1 else { return rest.elementsEqual(first) }
    guard rest.starts(with: first) else { return false }
    rest = rest.dropFirst(first.count)
    for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
      guard let found = rest.firstRange(of: piece) else { return false }
      rest = rest[found.upperBound...]
    }
    return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
  }
}
