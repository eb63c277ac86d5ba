/// Routes, compiled so that deciding costs no more with many routes
/// than with few.
///
/// A source's routes are indexed by event type, and then by the values of one equality condition
/// of each route (``SourceRoutes``); equal conditions of different routes are evaluated once per
/// event. Immutable: a changed configuration makes a new table. The same event and the same table give
/// the same decision (design.md 5, invariant 10).
package struct RouteTable: Sendable {
  /// In route order: modules as given, then routes as defined; disabled routes are left out.
  package let entries: [Entry]
  /// Every condition of every route; ``ConditionText/index`` is the position here.
  package let conditions: [ConditionText]
  let sources: [SourceReference: SourceRoutes]
  let routes: [CompiledRoute]
  /// Every path that a condition looks at.
  let paths: [DotPath]

  /// One route of the table.
  package struct Entry: Sendable {
    /// The position in ``RouteTable/entries``.
    package let index: Int
    /// The module the route belongs to, which need not be the source's.
    package let module: String
    /// The route as it was configured.
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

  /// A route with the sources that it listens to, each with its module.
  package struct Member: Sendable {
    package let module: String
    package let route: RouteDefinition
    package let sources: Set<SourceReference>

    package init(module: String, route: RouteDefinition, sources: Set<SourceReference>) {
      self.module = module
      self.route = route
      self.sources = sources
    }
  }

  /// A table that sends every event nowhere.
  package static let empty = RouteTable([])

  /// Compiles all routes of several modules.
  ///
  /// - Parameter modules: In the order that decides between routes of different modules; a source
  ///   may be named by a module's alias too.
  package init(modules: [ModuleDefinition]) {
    let names = RouteTable.names(modules)
    self.init(
      modules.flatMap { module in
        module.routes.filter(\.isEnabled).map { route in
          Member(
            module: module.name, route: route,
            sources: Set(
              route.sources.map { source in
                SourceReference(
                  module: source.module.map { names[$0] ?? $0 } ?? module.name, id: source.id)
              }))
        }
      })
  }

  /// Compiles routes, in the order that decides between them.
  ///
  /// - Complexity: Linear in the number of conditions; 10,000 routes take well below a second.
  package init(_ members: [Member]) {
    var entries: [Entry] = []
    var conditions: [ConditionText] = []
    var routes: [CompiledRoute] = []
    var vocabulary = FilterVocabulary()
    var sources: [SourceReference: [Int]] = [:]
    for member in members {
      let (index, route) = (entries.count, member.route)
      let texts = RouteTable.texts(of: route, index: index, from: conditions.count)
      conditions.append(contentsOf: texts)
      let range = conditions.count - texts.count..<conditions.count
      entries.append(Entry(index: index, module: member.module, route: route, conditions: range))
      let filter = vocabulary.compile(route.filter)
      routes.append(CompiledRoute(filter: filter, types: route.types))
      for source in member.sources { sources[source, default: []].append(index) }
    }
    self.entries = entries
    self.conditions = conditions
    self.routes = routes
    paths = vocabulary.paths
    self.sources = sources.mapValues { SourceRoutes($0, of: routes) }
  }

  /// The texts of a route's conditions, as ``conditions`` would have them.
  package static func conditions(of route: RouteDefinition) -> [(path: String, expected: String)] {
    texts(of: route, index: 0, from: 0).map { ($0.path, $0.expected) }
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
    let whole = "[" + filters.joined(separator: ", ") + "]"
    return whole.count > 256 ? whole.prefix(255) + "…" : whole
  }
}
