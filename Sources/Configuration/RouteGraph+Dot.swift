import Engine

extension RouteGraph {
  /// The graph as Graphviz reads it: a cluster per module, sources on the left, actors on the right.
  ///
  /// Nodes have numbers for names, so nothing that a file says is anything but the text of a label.
  /// Source: <https://graphviz.org/doc/info/lang.html>
  package var dot: String {
    var writer = DotWriter(self)
    return writer.text()
  }
}

/// Numbers the nodes as it meets them.
private struct DotWriter {
  private let graph: RouteGraph
  private var numbers: [String: Int] = [:]
  private var lines: [String] = []

  init(_ graph: RouteGraph) { self.graph = graph }

  mutating func text() -> String {
    lines = [
      "digraph \(DotWriter.quoted(graph.project)) {", "  rankdir=LR;",
      "  node [shape=box, fontname=\"sans-serif\"];", "  edge [fontname=\"sans-serif\"];",
    ]
    for (index, module) in graph.modules.enumerated() {
      lines.append("  subgraph cluster_\(index) {")
      lines.append("    label=\(DotWriter.quoted(module.name));")
      for source in graph.sources where source.module == module.name { add(source, "ellipse") }
      for actor in graph.actors where actor.module == module.name { add(actor, "box") }
      lines.append("  }")
    }
    for edge in graph.edges { add(edge) }
    return (lines + ["}"]).joined(separator: "\n")
  }

  private mutating func add(_ object: RouteGraph.Object, _ shape: String) {
    let kind = shape == "ellipse" ? "source" : "actor"
    let label = DotWriter.quoted(object.id + "\n" + object.connector)
    let style = object.isEnabled ? "" : ", style=dashed"
    let node = number(of: kind, object.id, in: object.module)
    lines.append("    n\(node) [label=\(label), shape=\(shape)\(style)];")
  }

  private mutating func add(_ edge: RouteGraph.Edge) {
    let from = end("source", edge.source.id, in: edge.source.module ?? edge.module)
    let to = end("actor", edge.actor.id, in: edge.actor.module ?? edge.module)
    var words = [edge.route]
    if let types = edge.types {
      words.append("[" + types.map(\.rawValue).joined(separator: ", ") + "]")
    }
    if !edge.transforms.isEmpty { words.append("via " + edge.transforms.joined(separator: ", ")) }
    let style = edge.isEnabled ? "" : ", style=dashed"
    let label = DotWriter.quoted(words.joined(separator: "\n"))
    lines.append("  n\(from) -> n\(to) [label=\(label)\(style)];")
  }

  /// An end that is no object of this project stands outside of its modules: the runtime's own
  /// events, the answers of an actor, another project's source.
  private mutating func end(_ kind: String, _ id: String, in module: String) -> Int {
    if kind == "source", let actor = numbers[DotWriter.key("actor", id, module)],
      numbers[DotWriter.key("source", id, module)] == nil
    {
      return actor
    }
    if let known = numbers[DotWriter.key(kind, id, module)] { return known }
    let node = number(of: kind, id, in: module)
    let name = graph.modules.count == 1 && graph.modules[0].name == module ? id : "\(module):\(id)"
    lines.append("  n\(node) [label=\(DotWriter.quoted(name)), style=dotted];")
    return node
  }

  private mutating func number(of kind: String, _ id: String, in module: String) -> Int {
    let key = DotWriter.key(kind, id, module)
    if let known = numbers[key] { return known }
    numbers[key] = numbers.count
    return numbers.count - 1
  }

  /// Ids have no blanks, so no two keys are alike.
  private static func key(_ kind: String, _ id: String, _ module: String) -> String {
    "\(kind) \(module) \(id)"
  }

  /// A quoted text: `"` ends it, and a backslash begins an escape of a label.
  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      default:
        if scalar.value >= 0x20, scalar.value != 0x7F { quoted.unicodeScalars.append(scalar) }
      }
    }
    return quoted + "\""
  }
}
