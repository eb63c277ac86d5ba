/// The routes of one source, arranged so that an event finds those that can match without asking
/// the others.
///
/// For each route one of its equality conditions is chosen, the one that the fewest other routes
/// share; the routes then hang on the values of that condition's path. An event looks its value up
/// once per path. Routes without an equality are candidates for every event.
struct SourceRoutes: Sendable {
  /// In route order.
  let routes: [Member]
  /// By the code of the event type.
  private let candidates: [CandidateIndex]

  /// One route of the source.
  struct Member: Sendable {
    /// Position in ``RouteTable/entries``.
    let route: Int
    /// The entry of the route's filter that decides whether it is a candidate; the number of
    /// entries means its `$or`. Nil when it always is one.
    let decidingEntry: Int?
  }

  /// - Parameters:
  ///   - routes: Positions in `compiled`, ascending.
  ///   - compiled: Every route of the table.
  init(_ routes: [Int], of compiled: [CompiledRoute]) {
    let planner = IndexPlanner(routes.map { compiled[$0].filter })
    let plans = routes.map { planner.plan(for: compiled[$0].filter) }
    self.routes = zip(routes, plans).map { Member(route: $0, decidingEntry: $1?.entry) }
    candidates = EventType.allCases.sorted { $0.code < $1.code }.map { type in
      CandidateIndex(zip(routes, plans).filter { compiled[$0.0].accepts(type) })
    }
  }

  /// The routes that can match, ascending.
  func candidates(for type: EventType, _ reader: inout EventReader) -> [Int] {
    candidates[type.code].find(&reader)
  }
}

/// A route as the table evaluates it.
struct CompiledRoute: Sendable {
  let filter: CompiledFilter
  /// Nil = every type.
  let types: Set<EventType>?

  func accepts(_ type: EventType) -> Bool { types?.contains(type) ?? true }
}

/// Routes by the values that their deciding conditions ask for.
private struct CandidateIndex: Sendable {
  private let paths: [(path: Int, routes: [EqualityKey: [Int]])]
  /// Routes that no equality rules out, ascending.
  private let always: [Int]

  init(_ members: some Sequence<(Int, IndexPlanner.Plan?)>) {
    var paths: [Int: [EqualityKey: [Int]]] = [:]
    var always: [Int] = []
    for (route, plan) in members {
      if let plan {
        for place in plan.places {
          paths[place.path, default: [:]][place.key, default: []].append(route)
        }
      } else {
        always.append(route)
      }
    }
    self.paths = paths.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    self.always = always
  }

  func find(_ reader: inout EventReader) -> [Int] {
    var found = always
    for (path, routes) in paths {
      guard let slice = reader.slice(at: path) else { continue }
      if slice.isList {
        slice.forEachElement { element in
          if let key = EqualityKey(element), let more = routes[key] { found += more }
          return true
        }
      } else if let key = EqualityKey(slice), let more = routes[key] {
        found += more
      }
    }
    guard found.count > always.count else { return found }
    found.sort()
    var unique: [Int] = []
    unique.reserveCapacity(found.count)
    for route in found where route != unique.last { unique.append(route) }
    return unique
  }
}

/// Chooses the condition that each route of a source is indexed by.
private struct IndexPlanner {
  private var routesOnPath: [Int: Int] = [:]
  private var routesAtPlace: [Place: Int] = [:]

  /// A value at a path.
  struct Place: Hashable {
    let path: Int
    let key: EqualityKey
  }

  /// Places of which an event must have one for the route to match.
  struct Plan {
    /// As in ``SourceRoutes/Member/decidingEntry``.
    let entry: Int
    let places: Set<Place>
    let cost: Double
  }

  /// What looking a value up costs, in evaluated routes, shared by the routes on that path: high
  /// enough that a path of one's own is chosen only against a crowded value.
  private static let lookUpCost = 16.0

  init(_ filters: [CompiledFilter]) {
    for filter in filters { count(filter) }
  }

  private mutating func count(_ filter: CompiledFilter) {
    for entry in filter.entries {
      guard let keys = entry.condition.equalityKeys else { continue }
      routesOnPath[entry.path, default: 0] += 1
      for key in keys { routesAtPlace[Place(path: entry.path, key: key), default: 0] += 1 }
    }
    for alternative in filter.anyOf { count(alternative) }
  }

  /// The cheapest plan, the first of several; nil when the route must always be evaluated.
  func plan(for filter: CompiledFilter) -> Plan? {
    var best: Plan?
    for (index, entry) in filter.entries.enumerated() {
      guard let keys = entry.condition.equalityKeys else { continue }
      let places = Set(keys.map { Place(path: entry.path, key: $0) })
      let crowd = places.map { routesAtPlace[$0] ?? 0 }.max() ?? 0
      let lookUp = IndexPlanner.lookUpCost / Double(max(routesOnPath[entry.path] ?? 1, 1))
      let cost = Double(crowd) + lookUp
      if cost < best?.cost ?? .infinity { best = Plan(entry: index, places: places, cost: cost) }
    }
    guard let alternatives = plan(forAny: filter.anyOf, entry: filter.entries.count),
      alternatives.cost < best?.cost ?? .infinity
    else { return best }
    return alternatives
  }

  /// A plan over a `$or`: every alternative must have one.
  private func plan(forAny filters: [CompiledFilter], entry: Int) -> Plan? {
    guard !filters.isEmpty else { return nil }
    var places: Set<Place> = []
    var cost = 0.0
    for filter in filters {
      guard let plan = plan(for: filter) else { return nil }
      places.formUnion(plan.places)
      cost += plan.cost
    }
    return Plan(entry: entry, places: places, cost: cost)
  }
}
