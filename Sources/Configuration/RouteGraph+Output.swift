package import Engine

extension RouteGraph {
  /// The document of cli-http.md 2.1.
  package var json: JSONValue {
    [
      "project": .string(project), "sources": .array(sources.map { $0.json(kind: "connector") }),
      "actors": .array(actors.map { $0.json(kind: "connector") }),
      "transforms": .array(transforms.map { $0.json(kind: "type") }),
      "edges": .array(edges.map(\.json)),
      "warnings": .array(
        warnings.map {
          ["kind": .string($0.kind), "id": .string($0.id), "message": .string($0.message)]
        }),
    ]
  }

  /// The graph for people: modules as headings, under each its sources, under each source the
  /// routes that listen to it, those of other modules too.
  package var text: String {
    let own = modules.map { module in
      section(
        module.name + (module.alias.map { " (\($0))" } ?? ""), module: module.name,
        sources: sources.filter { $0.module == module.name })
    }
    let loaded = Set(modules.map(\.name))
    let others = Set(edges.compactMap(\.source.module)).subtracting(loaded).sorted()
    let foreign = others.map { section("\($0) (not in this project)", module: $0, sources: []) }
    return ([project] + own + foreign).joined(separator: "\n\n")
  }

  private func section(_ heading: String, module: String, sources: [Object]) -> String {
    let listeners = edges.filter { ($0.source.module ?? $0.module) == module }
    let listening = Dictionary(grouping: listeners, by: \.source.id)
    var lines = [heading]
    for source in sources {
      let words = [source.connector] + (source.isEnabled ? [] : ["disabled"])
      lines.append("  \(source.id) (\(words.joined(separator: ", ")))")
      lines += (listening[source.id] ?? []).map { "    " + $0.line(under: module) }
      if listening[source.id] == nil { lines.append("    no route") }
    }
    let known = Set(sources.map(\.id))
    for id in listening.keys.sorted() where !known.contains(id) {
      lines.append("  \(id)" + note(id, of: module))
      lines += (listening[id] ?? []).map { "    " + $0.line(under: module) }
    }
    if lines.count == 1 { lines.append("  no source") }
    return lines.joined(separator: "\n")
  }

  /// What events come from that is no source of a module in this project.
  private func note(_ id: String, of module: String) -> String {
    if id == "orgloop" { return " (the runtime's own events)" }
    let isActor = actors.contains { $0.module == module && $0.id == id }
    return isActor ? " (answers of an actor)" : ""
  }
}

extension RouteGraph.Object {
  fileprivate func json(kind: String) -> JSONValue {
    var object: JSONObject = [
      "id": .string(id), "module": .string(module), kind: .string(connector),
    ]
    if let description { object["description"] = .string(description) }
    if !isEnabled { object["enabled"] = false }
    return .object(object)
  }
}

extension RouteGraph.Edge {
  fileprivate var json: JSONValue {
    var object: JSONObject = ["route": .string(route), "module": .string(module)]
    if let description { object["description"] = .string(description) }
    object["source"] = .string(sourceText)
    object["actor"] = .string(actorText)
    object["events"] = .array((types ?? EventType.allCases).map { .string($0.rawValue) })
    if let filter { object["filter"] = filter }
    object["transforms"] = .array(transforms.map(JSONValue.string))
    if !isEnabled { object["enabled"] = false }
    return .object(object)
  }

  /// `review → default:agent [message.received] if {…} via a, b (cross-module)`.
  fileprivate func line(under heading: String) -> String {
    var words = (module == heading ? "" : "\(module): ") + "\(route) → \(actorText)"
    if let types { words += " [\(types.map(\.rawValue).joined(separator: ", "))]" }
    if let filter { words += " if \(JSONText(filter).description)" }
    if !transforms.isEmpty { words += " via \(transforms.joined(separator: ", "))" }
    let marks = [isCrossModule ? "cross-module" : nil, isEnabled ? nil : "disabled"]
      .compactMap(\.self)
    return marks.isEmpty ? words : words + " (\(marks.joined(separator: ", ")))"
  }
}
