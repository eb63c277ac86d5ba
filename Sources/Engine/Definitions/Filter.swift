/// What an event must be for a route to fire (config.md 6.3), as data.
///
/// Built by configuration, compiled by the router. All entries must hold; of `anyOf` (the `$or` of
/// the file) one must, in addition.
package struct Filter: Sendable, Hashable {
  package var entries: [Entry]
  package var anyOf: [Filter]

  /// One path and what must hold for its value.
  package struct Entry: Sendable, Hashable {
    package var path: DotPath
    package var condition: Condition
    /// The condition as the user wrote it, before variables were replaced: what decision records
    /// and `why` show, so that no secret gets there.
    package var shown: String

    package init(path: DotPath, condition: Condition, shown: String? = nil) {
      self.path = path
      self.condition = condition
      self.shown = shown ?? condition.description
    }
  }

  package init(entries: [Entry] = [], anyOf: [Filter] = []) {
    self.entries = entries
    self.anyOf = anyOf
  }

  package var isEmpty: Bool { entries.isEmpty && anyOf.isEmpty }
}

/// What must hold for one value.
package indirect enum Condition: Sendable, Hashable {
  /// Equal and of the same type; null = present and null.
  case equals(JSONValue)
  /// Any of these holds.
  case any([Condition])
  /// Every one holds: an operator map.
  case all([Condition])
  case prefix(String, ignoreCase: Bool)
  case suffix(String, ignoreCase: Bool)
  case equalsIgnoreCase(String)
  /// `*` = any run of characters, `\*` = a star; the whole value.
  case wildcard(String)
  case regex(RegexPattern)
  /// Present, and none of these holds.
  case anythingBut([Condition])
  case numeric([NumericBound])
  case exists(Bool)
  case cidr([CIDRBlock])
}

/// One bound of `numeric`, such as `> 0`.
package struct NumericBound: Sendable, Hashable {
  package var comparison: Comparison
  package var number: JSONNumber

  package enum Comparison: String, Sendable, CaseIterable {
    case equal = "="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
  }

  package init(_ comparison: Comparison, _ number: JSONNumber) {
    self.comparison = comparison
    self.number = number
  }
}
