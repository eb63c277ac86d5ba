import Engine

/// The kinds of configuration file (config.md 5).
enum FileKind: String, CaseIterable {
  case project = "Project"
  case module = "Module"
  case connectorGroup = "ConnectorGroup"
  case routeGroup = "RouteGroup"
  case transformGroup = "TransformGroup"
  case loggerGroup = "LoggerGroup"
  case workspace = "Workspace"

  static let apiVersion = "orgloop/v1alpha1"
  private static let header: Set = ["apiVersion", "kind", "metadata"]

  /// The keys of such a file.
  var table: ConfigTable { Tables.file(self) }

  /// The keys beside the header.
  var content: [String] { table.keys.filter { !FileKind.header.contains($0) } }

  /// The kind of file that an entry of a list names by its path.
  static func holding(_ list: String) -> FileKind {
    switch list {
    case "routes": .routeGroup
    case "transforms": .transformGroup
    case "loggers": .loggerGroup
    default: .connectorGroup
    }
  }

  /// Keys that are right in another kind of file, with its name.
  var elsewhere: [String: String] {
    var others: [String: String] = [:]
    for kind in FileKind.allCases.reversed() where kind != self {
      for key in kind.content { others[key] = "to a \(kind.rawValue) file" }
    }
    for (key, kind) in [
      ("sources", FileKind.connectorGroup), ("actors", .connectorGroup), ("routes", .routeGroup),
      ("transforms", .transformGroup), ("loggers", .loggerGroup),
    ] {
      others[key] = "to a \(kind.rawValue) file"
    }
    return others
  }
}

extension Session {
  /// Checks `apiVersion`, `kind` and `metadata` of a file.
  ///
  /// - Returns: The kind that is written, or the first allowed one.
  func header(_ node: Node, allowed: [FileKind], fallback: FileKind) -> FileKind {
    if let version = present(node["apiVersion"]), text(version, "apiVersion") != nil,
      version.string != FileKind.apiVersion
    {
      error(
        "file.api-version",
        "apiVersion \"\(version.display)\" is not known; this is \(FileKind.apiVersion)",
        at: version.origin)
    }
    checkMetadata(node["metadata"], fallback)
    guard let written = present(node["kind"]), let name = text(written, "kind") else {
      return fallback
    }
    guard let kind = FileKind(rawValue: name), allowed.contains(kind) else {
      let names = allowed.map(\.rawValue)
      let expected = names.joined(separator: " or ")
      report(
        .error, "file.kind",
        "kind \"\(written.display)\" does not belong here; expected \(expected)",
        at: written.origin, among: names, meant: name)
      return fallback
    }
    return kind
  }

  /// `metadata.name`, variables replaced; nil without one, or after a report.
  func writtenName(_ document: Node, _ scope: VariableScope) -> Node? {
    guard let written = document["metadata"]?["name"], let text = written.string else {
      return nil
    }
    guard !Substitution.namesParameter(text) else {
      error(
        "id.invalid",
        "metadata.name: a parameter cannot be used here, because values are given to a module by "
          + "its name; give the entry in the manifest a name", at: written.origin)
      return nil
    }
    let name = Substitution(self, scope: scope).apply(written)
    return name.isUnresolved ? nil : name
  }

  private func checkMetadata(_ node: Node?, _ kind: FileKind) {
    guard let node = map(node, "metadata") else { return }
    let metadata = MapReader(self, node, Tables.metadata(of: kind), "metadata")
    _ = metadata.text("name")
    _ = metadata.text("description")
    _ = metadata.map("labels")
  }
}
