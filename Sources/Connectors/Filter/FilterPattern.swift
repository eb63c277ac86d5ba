import Engine

/// What a filter transform wants of one value (connectors.md 4.1). Looser than a route's filter:
/// a string may be a list or a regular expression.
indirect enum FilterPattern: Sendable {
  /// Missing or null.
  case absent
  /// Equal, and of the same type.
  case equals(JSONValue)
  case regex(RegexPattern)
  case any([FilterPattern])
  case operators(Condition)

  /// - Throws: ``EngineError`` `.invalid` for a regular expression or an operator that is none.
  init(_ value: JSONValue) throws(EngineError) {
    switch value {
    case .null:
      self = .absent
    case .string(let text):
      var patterns: [FilterPattern] = []
      for part in FilterPattern.split(text) { patterns.append(try FilterPattern(text: part)) }
      self = patterns.count == 1 ? patterns[0] : .any(patterns)
    case .array(let list):
      var patterns: [FilterPattern] = []
      for element in list {
        // Elements are not split at commas.
        if case .string(let text) = element {
          patterns.append(try FilterPattern(text: text))
        } else {
          patterns.append(try FilterPattern(element))
        }
      }
      self = .any(patterns)
    case .object(let map):
      self = .operators(try OperatorMap.condition(map))
    case .number, .bool:
      self = .equals(value)
    }
  }

  private init(text: String) throws(EngineError) {
    self = FilterPattern.isRegex(text) ? .regex(try RegexPattern(text)) : .equals(.string(text))
  }

  /// Whether the value matches. A list matches when any of its elements does.
  func matches(_ value: JSONValue?) -> Bool {
    if case .operators(let condition) = self {
      return condition.verdict(for: value).isHolding
    }
    if case .array(let list) = value { return list.contains { matches($0) } }
    switch self {
    case .absent: return value == nil || value == .null
    case .equals(let wanted): return value == wanted
    case .regex(let pattern):
      return JSONValue.scalarText(value).map { pattern.match($0) == .yes } ?? false
    case .any(let patterns): return patterns.contains { $0.matches(value) }
    case .operators: return false  // answered above
    }
  }

  /// `/body/flags`, where flags are none or known: `/usr/bin` is a text.
  private static func isRegex(_ text: String) -> Bool {
    guard text.hasPrefix("/"), let end = text.lastIndex(of: "/"), end > text.startIndex else {
      return false
    }
    return text[text.index(after: end)...].allSatisfy { "imsugy".contains($0) }
  }

  /// The parts between commas, trimmed. A comma inside `/…/` and one after a backslash belong to
  /// the part.
  private static func split(_ text: String) -> [String] {
    guard text.contains(",") else { return [text] }
    var parts: [String] = []
    var current = ""
    var isInRegex = false
    var isEscaped = false
    for character in text {
      switch character {
      case _ where isEscaped:
        current += character == "," && !isInRegex ? "," : "\\\(character)"
        isEscaped = false
        continue
      case "\\":
        isEscaped = true
        continue
      case "," where !isInRegex:
        parts.append(trimmed(current))
        current = ""
        continue
      case "/":
        let isStart = !isInRegex && current.allSatisfy(\.isWhitespace)
        isInRegex = isStart
      default: break
      }
      current.append(character)
    }
    if isEscaped { current.append("\\") }
    parts.append(trimmed(current))
    return parts.filter { !$0.isEmpty }
  }

  private static func trimmed(_ text: String) -> String {
    let start = text.drop(while: \.isWhitespace)
    return String(start.reversed().drop(while: \.isWhitespace).reversed())
  }
}
