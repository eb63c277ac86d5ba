package import Engine

/// The boot project as it was understood: all its files and the workspace's overlay in one document,
/// with `***` for what variables brought in and for credentials.
package struct MergedProject: Sendable {
  private let node: Node
  /// The overlay's name in origins; nil without one.
  private let overlay: String?
  private let secrets: [String]
  private let removed: [Override]
  /// `{NAME: "workspaces/staging.yaml:3:9"}`: the variables that the workspace gives, and where.
  package let variables: JSONValue
  /// Each object of the project's modules, the boot project's first.
  package let objects: [DescribedObject]

  init(_ session: Session, _ drafts: ModuleDrafts, secrets: [String], overrides: [Override]) {
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
    self.secrets = secrets
    removed = overrides.filter { $0.action == .remove }
    variables = .object(
      JSONObject(
        session.workspaceVariables.sorted { $0.key < $1.key }
          .map { JSONObject.Member(key: $0.key, value: .string("\($0.value.origin)")) }))
    objects = drafts.all.flatMap { draft in
      DescribedObject.Kind.allCases.flatMap { kind in
        draft.nodes(of: kind.list).compactMap { node in
          DescribedObject(kind, node, in: draft.name, secrets: secrets)
        }
      }
    }
  }

  package var json: JSONValue { Redaction.redacting(node.shownJSON, secrets: secrets) }

  /// As YAML; what the overlay says has its place beside it.
  package var text: String {
    let writer = YAMLText(marking: overlay)
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

  fileprivate init?(_ kind: Kind, _ node: Node, in module: String, secrets: [String]) {
    guard let name = node[Overlay.identity(of: kind.list)]?.string else { return nil }
    self.kind = kind
    self.module = module
    self.name = name
    self.node = node
    origin = node.origin
    json = Redaction.redacting(node.shownJSON, secrets: secrets)
  }

  /// As YAML.
  ///
  /// - Parameter overlay: What stands in this file has its place beside it.
  package func text(marking overlay: String?) -> String {
    YAMLText(marking: overlay).lines(node, json).joined(separator: "\n")
  }
}

/// Writes a tree as YAML, one value a line, with the places of those that come from one file.
struct YAMLText {
  private let marked: String?

  init(marking file: String?) { marked = file }

  /// - Parameter json: What is written; it has the shape of the node.
  func lines(_ node: Node, _ json: JSONValue, isMarked: Bool = false) -> [String] {
    switch (node.content, json) {
    case (.map(let pairs), .object(let object)) where !pairs.isEmpty:
      return pairs.flatMap { pair -> [String] in
        let value = object[pair.key] ?? .null
        return entry(YAMLText.scalar(.string(pair.key)) + ":", pair.value, value, isMarked)
      }
    case (.list(let list), .array(let values)) where !list.isEmpty:
      return zip(list, values).flatMap { element, value in
        item(element, value, isMarked)
      }
    default: return [YAMLText.scalar(json) + mark(node, isMarked)]
    }
  }

  private func entry(_ key: String, _ node: Node, _ value: JSONValue, _ isMarked: Bool) -> [String]
  {
    guard isNested(node) else {
      return lines(node, value, isMarked: isMarked).map { "\(key) \($0)" }
    }
    // What is new as a whole is marked once.
    let place = mark(node, isMarked)
    return [key + place]
      + lines(node, value, isMarked: isMarked || !place.isEmpty).map { "  " + $0 }
  }

  private func item(_ node: Node, _ value: JSONValue, _ isMarked: Bool) -> [String] {
    let place = isNested(node) ? mark(node, isMarked) : ""
    var inner = lines(node, value, isMarked: isMarked || !place.isEmpty)
    if let first = inner.first { inner[0] = first + place }
    return inner.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
  }

  private func isNested(_ node: Node) -> Bool {
    !node.pairs.isEmpty || !(node.list ?? []).isEmpty
  }

  private func mark(_ node: Node, _ isMarked: Bool) -> String {
    !isMarked && marked != nil && node.origin.file == marked ? "  # \(node.origin)" : ""
  }

  /// Plain where nobody can take it for anything else, else as JSON, which YAML reads too.
  private static func scalar(_ value: JSONValue) -> String {
    guard case .string(let text) = value else { return JSONText(value).description }
    let isPlain =
      text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
          UInt8(ascii: "/"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
    guard isPlain, let first = text.first, first.isLetter || "./_".contains(first),
      // "null", "true" and "1e3" are no texts when they stand alone.
      case .string? = try? CoreSchema.resolve(text)
    else { return JSONText(value).description }
    return text
  }
}
