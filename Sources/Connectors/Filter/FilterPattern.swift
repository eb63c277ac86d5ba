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
  ///
  /// - Parameter steps: Of the event; the pattern's regular expressions share what one of each may
  ///   take on one value, however many elements a list has.
  func verdict(on value: JSONValue?, _ steps: inout RegexSteps) -> ConditionVerdict {
    if case .operators(let condition) = self {
      return condition.verdict(for: value, &steps)
    }
    return steps.withSteps(count: max(1, regexCount)) { own in
      verdict(on: value, &own)
    }
  }

  private func verdict(on value: JSONValue?, _ steps: inout Int) -> ConditionVerdict {
    if case .array(let list) = value {
      return FilterPattern.first(of: list) { verdict(on: $0, &steps) }
    }
    switch self {
    case .absent: return value == nil || value == .null ? .holds : .fails
    case .equals(let wanted): return value == wanted ? .holds : .fails
    case .regex(let pattern):
      guard let text = JSONValue.scalarText(value) else { return .fails }
      return switch pattern.match(text, steps: &steps) {
      case .yes: .holds
      case .no: .fails
      case .limitReached: .regexLimit
      }
    case .any(let patterns):
      return FilterPattern.first(of: patterns) { $0.verdict(on: value, &steps) }
    case .operators(let condition):
      var own = RegexSteps(atMost: steps)
      defer { steps = own.left }
      return condition.verdict(for: value, &own)
    }
  }

  /// `holds` as soon as one does; else `regexLimit` when one reached it.
  private static func first<Element>(
    of list: [Element], _ verdict: (Element) -> ConditionVerdict
  ) -> ConditionVerdict {
    var result = ConditionVerdict.fails
    for element in list {
      switch verdict(element) {
      case .holds: return .holds
      case .regexLimit: result = .regexLimit
      case .fails: break
      }
    }
    return result
  }

  /// How many regular expressions the pattern may have to try on one value.
  private var regexCount: Int {
    switch self {
    case .regex, .operators: 1
    case .any(let patterns): patterns.reduce(0) { $0 + $1.regexCount }
    case .absent, .equals: 0
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
