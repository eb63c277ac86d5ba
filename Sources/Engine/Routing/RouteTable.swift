/// Every route of the active modules, compiled so that deciding costs no more with many routes
/// than with few.
///
/// Immutable: a changed configuration makes a new table. The same event and the same table give
/// the same decision (design.md 5, invariant 10).
package struct RouteTable: Sendable {
  /// In route order: modules as given, then routes as defined; disabled routes are left out.
  package let entries: [Entry]
  /// Every condition of every route; ``ConditionText/index`` is the position here.
  package let conditions: [ConditionText]
  private let sources: [SourceReference: [Int]]

  /// One route of the table.
  package struct Entry: Sendable {
    /// The position in ``RouteTable/entries``.
    package let index: Int
    package let module: String
    package let route: RouteDefinition
    /// The route's conditions in ``RouteTable/conditions``: its types if it names any, then its
    /// filter entries in order, then its `$or` if it has one.
    package let conditions: Range<Int>
  }

  /// One condition of one route, as decision records show it.
  package struct ConditionText: Sendable, Hashable {
    /// Unique in the table for (route, condition), so that texts can be stored once.
    package let index: Int
    /// The position in ``RouteTable/entries``.
    package let route: Int
    /// A dot path, `type`, or `$or`.
    package let path: String
    /// The condition as the user wrote it; never a secret.
    package let expected: String
  }

  package static let empty = RouteTable(modules: [])

  package init(modules: [ModuleDefinition]) {
    let names = RouteTable.names(modules)
    var entries: [Entry] = []
    var conditions: [ConditionText] = []
    var sources: [SourceReference: [Int]] = [:]
    for module in modules {
      for route in module.routes where route.isEnabled {
        let index = entries.count
        let texts = RouteTable.texts(of: route, index: index, from: conditions.count)
        conditions.append(contentsOf: texts)
        let range = conditions.count - texts.count..<conditions.count
        entries.append(
          Entry(index: index, module: module.name, route: route, conditions: range))
        let keys = route.sources.map { source in
          SourceReference(
            module: source.module.map { names[$0] ?? $0 } ?? module.name, id: source.id)
        }
        for key in Set(keys) { sources[key, default: []].append(index) }
      }
    }
    self.entries = entries
    self.conditions = conditions
    self.sources = sources
  }

  /// Decides where an event goes.
  package func route(_ event: EventView) -> RoutingDecision {
    var decision = RoutingDecision()
    for index in sources[SourceReference(module: event.module, id: event.source)] ?? [] {
      let entry = entries[index]
      var failure: RoutingDecision.NonMatch?
      var place = entry.conditions.lowerBound
      if let types = entry.route.types {
        if !types.contains(event.type) {
          failure = .init(route: index, condition: place, actual: event.type.rawValue)
        }
        place += 1
      }
      for condition in entry.route.filter.entries where failure == nil {
        let slice = event.slice(at: condition.path)
        let verdict = condition.condition.verdict(for: slice)
        if verdict == .regexLimit { decision.regexLimits.append(place) }
        if verdict != .holds {
          failure = .init(route: index, condition: place, actual: slice?.plainText)
        }
        place += 1
      }
      if let failure { decision.nonMatches.append(failure) } else { decision.matches.append(index) }
    }
    return decision
  }

  /// Every name a module answers to, and its own.
  private static func names(_ modules: [ModuleDefinition]) -> [String: String] {
    var names: [String: String] = [:]
    for module in modules { if let alias = module.alias { names[alias] = module.name } }
    for module in modules { names[module.name] = module.name }
    return names
  }

  private static func texts(
    of route: RouteDefinition, index: Int, from first: Int
  ) -> [ConditionText] {
    var shown: [(path: String, expected: String)] = []
    if let types = route.types {
      let names = EventType.allCases.filter(types.contains).map { JSONValue($0.rawValue) }
      shown.append(("type", JSONText(.array(names)).description))
    }
    shown += route.filter.entries.map { ($0.path.description, $0.shown) }
    if !route.filter.anyOf.isEmpty { shown.append(("$or", route.filter.anyOf.shown)) }
    return shown.enumerated().map { place, text in
      ConditionText(
        index: first + place, route: index, path: text.path, expected: text.expected)
    }
  }
}

extension [Filter] {
  /// The alternatives of a `$or` in one line, at most 256 characters.
  fileprivate var shown: String {
    let filters = map { filter in
      "{" + filter.entries.map { "\($0.path): \($0.shown)" }.joined(separator: ", ") + "}"
    }
    return String(("[" + filters.joined(separator: ", ") + "]").prefix(256))
  }
}
