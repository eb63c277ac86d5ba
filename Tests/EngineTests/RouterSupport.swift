import Engine

/// A path that a test knows to be right.
func path(_ text: String) -> DotPath { DotPath(text) ?? DotPath(keys: [text]) }

/// An entry of a filter.
func entry(_ text: String, _ condition: Condition) -> Filter.Entry {
  Filter.Entry(path: path(text), condition: condition)
}

/// A route from source `src` of its own module unless told otherwise.
func route(
  _ name: String, from sources: [SourceReference] = [SourceReference(id: "src")],
  types: Set<EventType>? = nil, _ entries: [Filter.Entry] = [], anyOf: [Filter] = [],
  isEnabled: Bool = true
) -> RouteDefinition {
  RouteDefinition(
    name: name, isEnabled: isEnabled, sources: sources, types: types,
    filter: Filter(entries: entries, anyOf: anyOf), actor: ActorReference(id: "a"))
}

/// A table of one module `m`.
func table(_ routes: [RouteDefinition]) -> RouteTable {
  RouteTable(modules: [ModuleDefinition(name: "m", routes: routes)])
}

/// An event of source `src` of module `m` unless told otherwise.
func event(
  _ payload: JSONValue = [:], provenance: JSONValue = ["platform": "test"],
  source: String = "src", module: String = "m", type: EventType = .resourceChanged,
  extra: JSONText? = nil, traceID: String? = nil
) -> EventView {
  EventView(
    source: source, module: module, type: type, timestampMs: 1_772_600_767_089,
    provenance: JSONText(provenance), payload: JSONText(payload), extra: extra, traceID: traceID)
}

extension RouteTable {
  /// The names of the routes an event goes to, in route order.
  func names(_ event: EventView) -> [String] {
    route(event).matches.map { entries[$0].route.name }
  }

  /// Why routes did not match: "route: path expected, was actual".
  func reasons(_ event: EventView) -> [String] {
    route(event).nonMatches.map { nonMatch in
      let text = conditions[nonMatch.condition]
      let name = entries[nonMatch.route].route.name
      return "\(name): \(text.path) \(text.expected), was \(nonMatch.actual ?? "absent")"
    }
  }
}
