import Engine

/// Reads the overlay of a workspace and its variables.
struct OverlayReader {
  let session: Session

  /// The variables of a workspace as its overlay says them now; what is wrong with that is said where
  /// the project itself is read.
  static func variables(
    beside file: String, catalog: ConnectorCatalog, environment: [String: String], home: String,
    options: LoadOptions
  ) -> [String: VariableScope.Given] {
    let root = FilePath.directory(file)
    let session = Session(
      catalog: catalog, environment: environment, home: home, workingDirectory: root,
      options: options)
    session.projectRoot = root
    OverlayReader(session: session).read(beside: file)
    return session.workspaceVariables
  }

  /// Takes up the overlay that belongs to a configuration file, before anything else is read.
  ///
  /// Only a project has one: overlays do not reach into packages (config.md 11).
  func read(beside file: String) {
    takeUp(beside: file)
    for (name, value) in session.options.variables {
      session.workspaceVariables[name] = VariableScope.Given(
        value: value, isUnresolved: false, origin: Origin(file: session.shown(file)))
    }
  }

  private func takeUp(beside file: String) {
    guard let workspace = session.options.workspace else { return }
    let root = FilePath.directory(file)
    if let other = workspace.variablesRoot, other != root {
      session.workspaceVariables = variables(of: workspace.name, root: other)?.values ?? [:]
    }
    guard isProject(file), let (overlay, values) = variables(of: workspace.name, root: root) else {
      return
    }
    session.overlay = overlay
    session.workspaceVariables.merge(values) { _, own in own }
    check(overlay)
    session.note(overlay.file, "workspace \(workspace.name)")
  }

  /// A file that cannot be read is taken for one; what is wrong with it is said once, here or later.
  private func isProject(_ file: String) -> Bool {
    let origin = Origin(file: session.shown(file))
    guard let document = session.document(file, namedAt: origin) else { return true }
    return document["kind"]?.string != FileKind.module.rawValue && document["params"] == nil
  }

  /// Nil where there is no overlay, or none that can be used, which has been reported.
  private func variables(
    of name: String, root: String
  ) -> (overlay: Overlay, values: [String: VariableScope.Given])? {
    guard let path = WorkspaceFiles.overlay(of: name, root: root) else { return nil }
    let origin = Origin(file: session.shown(path))
    let errors = session.errorCount
    guard let parsed = session.document(path, namedAt: origin) else {
      session.isOverlayUnusable = true
      return nil
    }
    let node = parsed.isNull ? Node(.map([]), at: parsed.origin) : parsed
    guard node.isMap else {
      session.error("key.type", "the file must hold a map, not \(node.kind)", at: node.origin)
      session.isOverlayUnusable = true
      return nil
    }
    _ = session.header(node, allowed: [.workspace], fallback: .workspace)
    session.isOverlayUnusable = session.isOverlayUnusable || session.errorCount > errors
    return (Overlay(file: path, node), values(node["variables"], root: root))
  }

  /// Variables may be made of those of the environment and of the project's `.env`, never of each
  /// other.
  private func values(_ node: Node?, root: String) -> [String: VariableScope.Given] {
    guard let node = session.map(node, "variables") else { return [:] }
    let scope = VariableScope(
      environment: session.environment, dotEnv: session.dotEnv(root: root))
    let substitution = Substitution(session, scope: scope)
    var values: [String: VariableScope.Given] = [:]
    for pair in node.pairs where !pair.value.isNull {
      guard VariableScope.isName(pair.key) else {
        session.error(
          "env.syntax", "variables: \"\(pair.key)\" cannot be the name of a variable",
          at: pair.keyOrigin)
        continue
      }
      let value = substitution.apply(pair.value)
      guard let text = value.scalarText else {
        session.refuse(value, "variables.\(pair.key)", "must be text, not \(value.kind)")
        continue
      }
      noteSecret(value, pair)
      // What is not set has been reported; it must not be looked for in the environment now.
      values[pair.key] = VariableScope.Given(
        value: text, isUnresolved: value.isUnresolved, origin: pair.value.origin)
    }
    return values
  }

  private func noteSecret(_ value: Node, _ pair: Node.Pair) {
    guard Redaction.isCredential(variable: pair.key), !value.isUnresolved else { return }
    session.keepSecret(in: value)
    guard !value.isReplaced, value.scalarText?.isEmpty == false else { return }
    session.report(
      .warning, "env.literal-secret",
      "variables.\(pair.key): a credential is written in the file; name a variable of the "
        + "environment, ${…}", at: value.origin)
  }

  /// What is wrong with the overlay's own lists; their entries are checked where they end up.
  private func check(_ overlay: Overlay) {
    let node = overlay.document
    session.checkKeys(
      node, FileKind.workspace.table, elsewhere: FileKind.workspace.elsewhere)
    for key in Overlay.lists + ["modules"] {
      let identity = Overlay.identity(of: key)
      var places: [String: Origin] = [:]
      for entry in session.list(node[key], key) ?? [] where entry.isMap {
        guard let name = entry[identity] else {
          // A module may be known by its package.
          if key != "modules" || entry["package"] ?? entry["path"] == nil {
            _ = session.required(entry, identity, of: "\(key) of a workspace")
          }
          continue
        }
        guard let text = session.text(name, "\(key).\(identity)") else { continue }
        if let first = places[text] {
          session.error(
            "id.duplicate", "\(key): \"\(text)\" is already at \(first)", at: name.origin)
        }
        places[text] = name.origin
      }
    }
  }
}

extension Origin {
  /// The top of a file.
  init(file: String) { self.init(file: file, line: 1, column: 1) }
}

extension Session {
  /// Warns of an object of the overlay that is new and looks like one that is there.
  func checkAddition(_ node: Node, to list: String, among known: [String]) {
    let field = node[Overlay.identity(of: list)]
    guard let field, let name = field.string,
      nearest(to: name, among: known) != nil
    else { return }
    let kind = list.dropLast()
    report(
      .warning, "overlay.unmatched",
      "the project has no \(kind) \"\(name)\", so the workspace adds it", at: field.origin,
      among: known, meant: name)
  }

  /// Warns of a variable of the overlay that nothing refers to and that looks like one that is.
  func checkWorkspaceVariables() {
    guard let node = overlay?.document["variables"] else { return }
    let used = Set(variables.map(\.name))
    for pair in node.pairs where !used.contains(pair.key) {
      let known = used.subtracting(workspaceVariables.keys).sorted()
      guard nearest(to: pair.key, among: known) != nil else { continue }
      report(
        .warning, "overlay.unmatched", "nothing refers to the variable \"\(pair.key)\"",
        at: pair.keyOrigin, among: known, meant: pair.key)
    }
  }

  /// What the overlay made different, for people.
  func overrides(hiding redactor: Redactor) -> [Override] {
    (overlay?.changes ?? []).map { change in
      let key = change.path.last ?? ""
      let written = change.node.map { JSONValue.object([key: $0.maskedJSON]) } ?? .null
      let shown = Redaction.redacting(written, redactor)[key]
      return Override(
        path: change.path.joined(separator: "."), action: change.action, origin: change.origin,
        replaced: change.replaced, shown: shown ?? .null)
    }
  }
}
