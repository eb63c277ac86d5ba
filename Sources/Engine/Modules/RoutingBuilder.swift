import Store

/// Keeps the routing of all loaded modules, and compiles only what a change touches.
struct RoutingBuilder {
  /// What one module brings in.
  struct Part: Sendable {
    let name: String
    let alias: String?
    let keys: ModuleKeys
    /// Enabled routes, in the order of the configuration.
    let routes: [RouteDefinition]
    /// Positions in ``routes`` by the sources that they name; the module itself where they name
    /// none.
    fileprivate let listening: [SourceReference: [Int]]

    init(_ definition: ModuleDefinition, _ keys: ModuleKeys) {
      name = definition.name
      alias = definition.alias
      self.keys = keys
      // The same array where it can be: it is most of what a large project takes.
      let all = definition.routes
      routes = all.allSatisfy(\.isEnabled) ? all : all.filter(\.isEnabled)
      var listening: [SourceReference: [Int]] = [:]
      for (index, route) in routes.enumerated() {
        for source in Set(route.sources.map { $0.resolved(in: definition.name) }) {
          listening[source, default: []].append(index)
        }
      }
      self.listening = listening
    }

    fileprivate var labels: [Int64: Routing.RouteLabel] {
      var labels: [Int64: Routing.RouteLabel] = [:]
      for route in routes {
        guard let key = keys.routes[route.name] else { continue }
        labels[key] = Routing.RouteLabel(
          module: name, route: route.name, actor: route.actor.id,
          inboxBudget: route.inbox == nil ? nil : RoutingBuilder.budget(of: route, in: self),
          startsText: route.delivery.starts?.text)
      }
      return labels
    }
  }

  private var parts: [String: Part] = [:]
  /// Which modules listen to a source, by the name of its module or its alias.
  private var listeners: [SourceReference: Set<String>] = [:]
  private var bindings: [SourceReference: Routing.SourceBinding] = [:]

  /// By module, then by number.
  private var labels: [String: [Int64: Routing.RouteLabel]] = [:]

  var routing: Routing { Routing(sources: bindings, routes: labels) }

  /// Puts modules in, each in place of what it brought in before.
  mutating func set(_ parts: [Part]) {
    var touched: Set<SourceReference> = []
    for part in parts {
      touched.formUnion(take(part.name))
      self.parts[part.name] = part
      labels[part.name] = part.labels
      for source in part.listening.keys {
        listeners[source, default: []].insert(part.name)
        touched.insert(source)
      }
      for id in part.keys.sources.keys {
        touched.insert(SourceReference(module: part.name, id: id))
      }
    }
    compile(touched)
  }

  mutating func remove(_ name: String) { compile(take(name)) }

  /// Takes a module out.
  ///
  /// - Returns: The sources that have to be compiled again.
  private mutating func take(_ name: String) -> Set<SourceReference> {
    guard let part = parts.removeValue(forKey: name) else { return [] }
    labels[name] = nil
    for source in part.listening.keys {
      listeners[source]?.remove(name)
      if listeners[source]?.isEmpty ?? false { listeners[source] = nil }
    }
    return Set(part.listening.keys)
      .union(part.keys.sources.keys.map { SourceReference(module: name, id: $0) })
  }

  private mutating func compile(_ touched: Set<SourceReference>) {
    let aliases = Dictionary(
      parts.values.compactMap { part in part.alias.map { ($0, part.name) } },
      uniquingKeysWith: { first, _ in first })
    for reference in touched {
      let owner = reference.module.flatMap { parts[$0] ?? aliases[$0].flatMap { parts[$0] } }
      let source = SourceReference(module: owner?.name ?? reference.module, id: reference.id)
      bindings[source] = owner.flatMap { binding(of: source, in: $0) }
    }
  }

  private func binding(of source: SourceReference, in owner: Part) -> Routing.SourceBinding? {
    guard let row = owner.keys.sources[source.id] else { return nil }
    var names = [source]
    if let alias = owner.alias { names.append(SourceReference(module: alias, id: source.id)) }
    // By name: the same modules give the same order, whenever each was loaded.
    let modules = Set(names.flatMap { listeners[$0] ?? [] }).sorted().compactMap { parts[$0] }
    var members: [RouteTable.Member] = []
    var routes: [Routing.RouteBinding] = []
    for part in modules {
      for index in Set(names.flatMap { part.listening[$0] ?? [] }).sorted() {
        let route = part.routes[index]
        members.append(.init(module: part.name, route: route, sources: [source]))
        routes.append(RoutingBuilder.binding(of: route, in: part))
      }
    }
    let table = RouteTable(members)
    let conditions = table.conditions.map { condition in
      let entry = table.entries[condition.route]
      let text = ModuleRecord.ConditionText(
        route: entry.route.name, path: condition.path, expected: condition.expected)
      return parts[entry.module]?.keys.conditions[text] ?? 0
    }
    return Routing.SourceBinding(
      key: row.key, generation: owner.keys.generation, table: table, routes: routes,
      conditions: conditions)
  }

  private static func binding(
    of route: RouteDefinition, in part: Part
  ) -> Routing.RouteBinding {
    Routing.RouteBinding(
      key: part.keys.routes[route.name] ?? 0, lane: part.keys.lanes[route.laneName] ?? 0,
      generation: part.keys.generation, orderKey: route.delivery.orderKey,
      // What is stored for collection starts nothing; telling of it does.
      budget: route.inbox == nil ? budget(of: route, in: part) : nil)
  }

  private static func budget(of route: RouteDefinition, in part: Part) -> StartBudget? {
    route.delivery.starts.flatMap { limit in
      part.keys.lanes[route.actorLaneName].map {
        StartBudget(actorLane: $0, count: limit.count, periodMs: limit.periodMs)
      }
    }
  }
}

extension SourceReference {
  /// With the module of the route that names it, where it names none.
  func resolved(in module: String) -> SourceReference {
    self.module == nil ? SourceReference(module: module, id: id) : self
  }
}

extension RouteDefinition {
  /// The lane of the route's deliveries: its own, or its actor's.
  var laneName: ModuleRecord.LaneName {
    hasOwnLane ? ModuleRecord.LaneName(kind: "route", name: name) : actorLaneName
  }

  /// The lane of its actor, which belongs to the actor's module: all routes to an actor share its
  /// limits and its order keys, whatever module they are in (config.md 7, Shared limits).
  var actorLaneName: ModuleRecord.LaneName {
    ModuleRecord.LaneName(kind: "actor", name: actor.id, module: actor.module)
  }
}
