/// What a condition says about one value.
package enum ConditionVerdict: Sendable, Hashable {
  case holds, fails
  /// A regular expression reached its step limit; counts as `fails`, and is reported.
  case regexLimit

  /// Whether the condition holds; a limit that was reached does not.
  package var isHolding: Bool { self == .holds }
}

// Values are looked at as the bytes they came in; a string is decoded only when it has escapes, or
// when a condition needs a Swift string. Text is compared by its code points: "é" as one code point
// and as "e" with an accent are two texts, as they are to every JSON tool.
extension Condition {
  /// Whether the condition holds for a value, by config.md 6.3.
  ///
  /// Lists in the event: `exists` and `anything-but` look at the list as a whole, everything else
  /// holds when one element satisfies it, in an operator map all of it the same element. Elements
  /// that are lists themselves are not opened.
  ///
  /// - Parameter slice: The value at the path; nil when the path does not resolve.
  package func verdict(for slice: JSONSlice?) -> ConditionVerdict {
    var steps = RegexSteps()
    return verdict(for: slice, &steps)
  }

  /// As ``verdict(for:)-(JSONSlice?)``, for one of several conditions on an event.
  ///
  /// A regular expression has one limit for all elements of a list.
  package func verdict(for slice: JSONSlice?, _ steps: inout RegexSteps) -> ConditionVerdict {
    guard let slice else { return self.holdsForMissing ? .holds : .fails }
    switch self {
    case .exists(let flag): return flag ? .holds : .fails
    case .any(let list): return Condition.first(of: list) { $0.verdict(for: slice, &steps) }
    case .anythingBut(let list):
      return switch Condition.first(of: list, where: { $0.verdict(for: slice, &steps) }) {
      case .holds: .fails
      case .fails: .holds
      case .regexLimit: .regexLimit
      }
    case .all(let list): return Condition.verdict(ofAll: list, for: slice, &steps)
    case .regex(let pattern):
      return steps.withSteps { steps in
        slice.isList
          ? anyElement(of: slice) { $0.verdict(of: pattern, &steps) }
          : slice.verdict(of: pattern, &steps)
      }
    default: return slice.isList ? anyElement(of: slice) { leafVerdict($0) } : leafVerdict(slice)
    }
  }

  /// Whether the condition holds for a value of a tree, for transforms.
  package func verdict(for value: JSONValue?) -> ConditionVerdict {
    verdict(for: value.map { JSONSlice(whole: JSONText($0)) })
  }

  /// As ``verdict(for:)-(JSONValue?)``, for one of several conditions on an event.
  package func verdict(for value: JSONValue?, _ steps: inout RegexSteps) -> ConditionVerdict {
    verdict(for: value.map { JSONSlice(whole: JSONText($0)) }, &steps)
  }

  /// A missing value satisfies `exists: false`, alone or in a list, and nothing else.
  private var holdsForMissing: Bool {
    switch self {
    case .exists(let flag): !flag
    case .any(let list): list.contains(where: \.holdsForMissing)
    case .all(let list): !list.isEmpty && list.allSatisfy(\.holdsForMissing)
    default: false
    }
  }

  /// Whether the end of a text decides, so that showing its beginning would explain nothing.
  package var isAboutEnd: Bool {
    switch self {
    case .suffix: true
    case .any(let list), .anythingBut(let list): list.allSatisfy(\.isAboutEnd)
    default: false
    }
  }

  /// Whether the condition is about a list as such and not about its elements.
  private var looksAtWholeList: Bool {
    switch self {
    case .exists, .anythingBut, .any, .all: true
    default: false
    }
  }

  private static func verdict(
    ofAll list: [Condition], for slice: JSONSlice, _ steps: inout RegexSteps
  ) -> ConditionVerdict {
    guard slice.isList else { return every(list) { $0.verdict(for: slice, &steps) } }
    let whole = every(list) { $0.looksAtWholeList ? $0.verdict(for: slice, &steps) : .holds }
    let leaves = list.contains { !$0.looksAtWholeList }
    guard whole == .holds, leaves else { return whole }
    return steps.withSteps { steps in
      anyElement(of: slice) { element in
        every(list) { $0.looksAtWholeList ? .holds : $0.leafVerdict(element, &steps) }
      }
    }
  }

  /// `holds` as soon as one does; else `regexLimit` when one reached it.
  private static func first(
    of list: [Condition], where verdict: (Condition) -> ConditionVerdict
  ) -> ConditionVerdict {
    var result = ConditionVerdict.fails
    for condition in list {
      switch verdict(condition) {
      case .holds: return .holds
      case .regexLimit: result = .regexLimit
      case .fails: break
      }
    }
    return result
  }

  /// The first verdict that is not `holds`.
  private static func every(
    _ list: [Condition], _ verdict: (Condition) -> ConditionVerdict
  ) -> ConditionVerdict {
    for condition in list {
      let result = verdict(condition)
      if result != .holds { return result }
    }
    return .holds
  }

  private static func anyElement(
    of slice: JSONSlice, _ verdict: (JSONSlice) -> ConditionVerdict
  ) -> ConditionVerdict {
    var result = ConditionVerdict.fails
    slice.forEachElement { element in
      let one = verdict(element)
      if one != .fails { result = one }
      return one != .holds
    }
    return result
  }

  private func anyElement(
    of slice: JSONSlice, _ verdict: (JSONSlice) -> ConditionVerdict
  ) -> ConditionVerdict { Condition.anyElement(of: slice, verdict) }

  /// The verdict on one value that is not opened further.
  private func leafVerdict(_ slice: JSONSlice, _ steps: inout Int) -> ConditionVerdict {
    if case .regex(let pattern) = self { return slice.verdict(of: pattern, &steps) }
    return leafVerdict(slice)
  }

  private func leafVerdict(_ slice: JSONSlice) -> ConditionVerdict {
    let holds: Bool =
      switch self {
      case .equals(let value): slice.equals(value)
      case .prefix(let text, let ignoreCase):
        slice.hasAffix(text, ignoreCase: ignoreCase, atEnd: false)
      case .suffix(let text, let ignoreCase):
        slice.hasAffix(text, ignoreCase: ignoreCase, atEnd: true)
      case .equalsIgnoreCase(let text): slice.equalsIgnoringCase(text)
      case .wildcard(let pattern): slice.matches(wildcard: pattern)
      case .numeric(let bounds): slice.isWithin(bounds)
      case .cidr(let blocks): slice.isAddress(in: blocks)
      case .regex, .exists, .anythingBut, .any, .all: verdict(for: slice).isHolding
      }
    return holds ? .holds : .fails
  }
}

extension JSONSlice {
  /// Equal and of the same type; `5` is `5.0`.
  func equals(_ value: JSONValue) -> Bool {
    switch value {
    case .null: isNull
    case .bool(let flag): firstByte == (flag ? UInt8(ascii: "t") : UInt8(ascii: "f"))
    case .string(let text): equals(text)
    case .number(let number): isNumber && self.number == number
    case .array, .object: self.value == value
    }
  }

  fileprivate func equals(_ text: String) -> Bool {
    guard isString else { return false }
    return withText { bytes in
      bytes.count == text.utf8.count && bytes.elementsEqual(text.utf8)
    }
  }

  fileprivate func hasAffix(_ affix: String, ignoreCase: Bool, atEnd: Bool) -> Bool {
    guard isString else { return false }
    return withText { bytes in
      if ignoreCase {
        let folded = CaseFolding.fold(bytes)
        let wanted = CaseFolding.fold(affix)
        return atEnd
          ? folded.suffix(wanted.count).elementsEqual(wanted) : folded.starts(with: wanted)
      }
      return atEnd
        ? bytes.suffix(affix.utf8.count).elementsEqual(affix.utf8)
        : bytes.starts(with: affix.utf8)
    }
  }

  fileprivate func equalsIgnoringCase(_ text: String) -> Bool {
    guard isString else { return false }
    return withText { CaseFolding.areEqual($0, text) }
  }

  fileprivate func matches(wildcard pattern: String) -> Bool {
    guard isString else { return false }
    return withText { bytes in Wildcard.matches(pattern, bytes) }
  }

  fileprivate func isWithin(_ bounds: [NumericBound]) -> Bool {
    guard let number else { return false }
    return bounds.allSatisfy { bound in
      switch bound.comparison {
      case .equal: number == bound.number
      case .notEqual: number != bound.number
      case .less: number < bound.number
      case .lessOrEqual: number <= bound.number
      case .greater: number > bound.number
      case .greaterOrEqual: number >= bound.number
      }
    }
  }

  fileprivate func isAddress(in blocks: [CIDRBlock]) -> Bool {
    guard let string else { return false }
    return blocks.contains { $0.contains(string) }
  }

  fileprivate func verdict(of pattern: RegexPattern, _ steps: inout Int) -> ConditionVerdict {
    guard let string else { return .fails }
    return switch pattern.match(string, steps: &steps) {
    case .yes: .holds
    case .no: .fails
    case .limitReached: .regexLimit
    }
  }

  /// Lends the UTF-8 of a string, decoded if it has escapes.
  private func withText(_ body: (UnsafeBufferPointer<UInt8>) -> Bool) -> Bool {
    withStringBytes { raw in
      guard raw.contains(UInt8(ascii: "\\")) else { return body(raw) }
      var decoded = JSONText.decodeString(raw)
      return decoded.withUTF8(body)
    }
  }
}
