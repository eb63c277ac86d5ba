package import Engine

/// The boot project as it was understood: all its files and the workspace's overlay in one document,
/// with `***` for what variables brought in and for credentials.
package struct MergedProject: Sendable {
  private let node: Node
  /// The overlay's name in origins; nil without one.
  private let overlay: String?
  private let redactor: Redactor
  private let removed: [Override]
  /// `{NAME: "workspaces/staging.yaml:3:9"}`: the variables that the workspace gives, and where.
  package let variables: JSONValue
  /// Each object of the project's modules, the boot project's first.
  package let objects: [DescribedObject]

  init(_ session: Session, _ drafts: ModuleDrafts, redactor: Redactor, overrides: [Override]) {
    let boot = drafts.boot
    let origin = boot.origin
    func list(_ key: String, _ nodes: [Node]) -> Node.Pair? {
      nodes.isEmpty
        ? nil : Node.Pair(key: key, keyOrigin: origin, value: Node(.list(nodes), at: origin))
    }
    let pairs = [
      boot.defaults.map { Node.Pair(key: "defaults", keyOrigin: $0.origin, value: $0) },
      boot.runtime.map { Node.Pair(key: "runtime", keyOrigin: $0.origin, value: $0) },
      list("sources", boot.sources), list("actors", boot.actors), list("routes", boot.routes),
      list("transforms", boot.transforms), list("loggers", boot.loggers),
      list("modules", boot.modules),
    ]
    node = Node(.map(pairs.compactMap(\.self)), at: origin)
    overlay = (session.overlay?.file).map(session.shown)
    self.redactor = redactor
    removed = overrides.filter { $0.action == .remove }
    variables = .object(
      JSONObject(
        session.workspaceVariables.sorted { $0.key < $1.key }
          .map { JSONObject.Member(key: $0.key, value: .string("\($0.value.origin)")) }))
    objects = drafts.all.flatMap { draft in
      DescribedObject.Kind.allCases.flatMap { kind in
        draft.nodes(of: kind.list).compactMap { node in
          DescribedObject(kind, node, in: draft.name, redactor)
        }
      }
    }
  }

  package var json: JSONValue { Redaction.redacting(node.shownJSON, redactor) }

  /// As YAML; what the overlay says has its place beside it.
  package var text: String {
    let writer = MarkedYAML(marking: overlay)
    let names = variables.object?.members ?? []
    var lines = names.isEmpty ? [] : ["variables:"]
    lines += names.map { "  \($0.key): \"***\"  # \($0.value.string ?? "")" }
    lines += node.pairs.isEmpty ? [] : writer.lines(node, json)
    lines += removed.map { "# \($0.path) is removed  # \($0.origin)" }
    return lines.joined(separator: "\n")
  }
}

/// One object of a module as its files and the overlay say it.
package struct DescribedObject: Sendable {
  package enum Kind: String, Sendable, CaseIterable {
    case source, actor, route, transform, logger

    /// The list that it stands in.
    package var list: String { rawValue + "s" }
  }

  package let kind: Kind
  package let module: String
  /// Its id or name.
  package let name: String
  package let origin: Origin
  /// With `***` for what variables brought in and for credentials.
  package let json: JSONValue
  private let node: Node

  fileprivate init?(_ kind: Kind, _ node: Node, in module: String, _ redactor: Redactor) {
    guard let name = node[Overlay.identity(of: kind.list)]?.string else { return nil }
    self.kind = kind
    self.module = module
    self.name = name
    self.node = node
    origin = node.origin
    json = Redaction.redacting(node.shownJSON, redactor)
  }

  /// As YAML.
  ///
  /// - Parameter overlay: What stands in this file has its place beside it.
  package func text(marking overlay: String?) -> String {
    MarkedYAML(marking: overlay).lines(node, json).joined(separator: "\n")
  }
}
