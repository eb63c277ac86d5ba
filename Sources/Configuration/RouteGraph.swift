package import Engine

/// Which source leads by which route to which actor: what `orgloop routes` shows (cli-http.md 2.1).
///
/// It is made of names and of what stands in the files before variables are replaced, so there is
/// no secret in it.
package struct RouteGraph: Sendable, Hashable {
  /// One route from one of its sources.
  package struct Edge: Sendable, Hashable {
    /// Of the route.
    package var module: String
    package var route: String
    package var description: String?
    package var isEnabled: Bool
    package var source: SourceReference
    package var actor: ActorReference
    /// Nil = every type.
    package var types: [EventType]?
    /// As it is written; nil when everything matches.
    package var filter: JSONValue?
    package var transforms: [String]

    /// The route listens to another module, or sends to one.
    package var isCrossModule: Bool { source.module != nil || actor.module != nil }
  }

  /// A source, an actor or a transform.
  package struct Object: Sendable, Hashable {
    package var module: String
    package var id: String
    /// The connector, or the type of a transform.
    package var connector: String
    package var description: String?
    package var isEnabled: Bool
  }

  /// Something that no route uses.
  package struct Warning: Sendable, Hashable {
    /// `unrouted-source`, `unreachable-actor` or `orphan-transform`.
    package var kind: String
    package var id: String
    package var message: String
  }

  package struct Module: Sendable, Hashable {
    package var name: String
    package var alias: String?
  }

  /// The name of the project.
  package var project: String
  /// The project's own first.
  package var modules: [Module]
  package var sources: [Object]
  package var actors: [Object]
  package var transforms: [Object]
  package var edges: [Edge]
  package var warnings: [Warning]

  /// The graph of the modules without an error.
  package init(_ project: LoadedProject) {
    self.project = project.name
    modules = project.modules.map { Module(name: $0.name, alias: $0.alias) }
    sources = project.modules.flatMap { module in
      let descriptions = RouteGraph.descriptions("sources", "id", of: module.name, project)
      return module.sources.map {
        Object(
          module: module.name, id: $0.id, connector: $0.connector,
          description: descriptions[$0.id], isEnabled: $0.isEnabled)
      }
    }
    actors = project.modules.flatMap { module in
      let descriptions = RouteGraph.descriptions("actors", "id", of: module.name, project)
      return module.actors.map {
        Object(
          module: module.name, id: $0.id, connector: $0.connector,
          description: descriptions[$0.id], isEnabled: $0.isEnabled)
      }
    }
    transforms = project.modules.flatMap { RouteGraph.transforms(of: $0.name, project) }
    edges = project.modules.flatMap { RouteGraph.edges(of: $0, project) }
    warnings = project.diagnostics.compactMap(RouteGraph.warning)
  }

  /// Descriptions with `***` for what variables brought in, by id or name.
  private static func descriptions(
    _ kind: String, _ key: String, of module: String, _ project: LoadedProject
  ) -> [String: String] {
    var found: [String: String] = [:]
    for node in project.shown[module]?[kind]?.array ?? [] {
      if let id = node[key]?.string { found[id] = node["description"]?.string }
    }
    return found
  }

  private static func edges(of module: ModuleDefinition, _ project: LoadedProject) -> [Edge] {
    let descriptions = descriptions("routes", "name", of: module.name, project)
    let redactor = Redactor(project.secrets)
    return module.routes.flatMap { route in
      route.sources.map { source in
        Edge(
          module: module.name, route: redactor.apply(route.name),
          description: descriptions[route.name], isEnabled: route.isEnabled,
          source: source, actor: route.actor,
          types: route.types.map { $0.sorted { $0.code < $1.code } },
          filter: shown(route.filter, redactor),
          transforms: route.transforms.map(\.name))
      }
    }
  }

  /// Transforms that no route uses are in no definition, so they come from what was understood of
  /// the files.
  private static func transforms(of module: String, _ project: LoadedProject) -> [Object] {
    (project.shown[module]?["transforms"]?.array ?? []).compactMap { node in
      guard let name = node["name"]?.string else { return nil }
      return Object(
        module: module, id: name, connector: node["type"]?.string ?? "", isEnabled: true)
    }
  }

  private static func shown(_ filter: Filter, _ redactor: Redactor) -> JSONValue? {
    guard !filter.isEmpty else { return nil }
    return Redaction.redacting(json(filter), redactor)
  }

  private static func json(_ filter: Filter) -> JSONValue {
    var members = filter.entries.map { entry in
      // What is shown is JSON whenever it comes from a file; anything else is text.
      let shown = (try? JSONText(checking: Array(entry.shown.utf8)))?.value()
      return JSONObject.Member(key: entry.path.description, value: shown ?? .string(entry.shown))
    }
    if !filter.anyOf.isEmpty {
      members.append(JSONObject.Member(key: "$or", value: .array(filter.anyOf.map(json))))
    }
    return .object(JSONObject(members))
  }

  private static func warning(_ each: Diagnostic) -> Warning? {
    let kinds = [
      "graph.dead-source": "unrouted-source", "graph.unreachable-actor": "unreachable-actor",
      "graph.orphan-transform": "orphan-transform",
    ]
    guard let kind = kinds[each.code], let id = each.subject else { return nil }
    return Warning(kind: kind, id: id, message: each.message)
  }
}

extension RouteGraph.Edge {
  /// `github`, or `engineering:github` for another module's.
  package var sourceText: String { text(source.module, source.id) }
  package var actorText: String { text(actor.module, actor.id) }

  private func text(_ module: String?, _ id: String) -> String {
    module.map { "\($0):\(id)" } ?? id
  }
}
