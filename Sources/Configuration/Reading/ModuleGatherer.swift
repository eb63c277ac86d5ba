import Engine

/// The boot project and the modules it names, read but not typed.
struct ModuleDrafts {
  var boot: ModuleDraft
  /// Without the boot project when that is only a manifest.
  var all: [ModuleDraft]
}

/// Reads the boot file and every module that it names (config.md 10).
struct ModuleGatherer {
  private let session: Session

  init(_ session: Session) { self.session = session }

  func gather(_ file: String) -> ModuleDrafts {
    let top = Origin(file: session.shown(file), line: 1, column: 1)
    let parsed = session.document(file, namedAt: top)
    let document = parsed ?? Node(.map([]), at: top)
    var boot = readBoot(file, document, isParsed: parsed != nil)
    // What could not be parsed has no name; it is the boot project all the same.
    if parsed == nil { session.markInvalid(boot.name) }
    session.currentModule = nil
    boot.modules = session.moduleNodes(of: boot)
    let entries = session.moduleEntries(boot.modules, root: boot.root)
    let isModule = document["modules"] == nil || boot.hasObjects
    if isModule, parsed != nil { checkName(of: boot, document) }
    session.currentModule = nil
    var drafts = isModule ? [boot] : []
    var names: [String: Origin] = [:]
    if let first = drafts.first {
      names[first.name] = first.origin
      if let alias = first.alias { names[alias] = first.origin }
    }
    for entry in entries {
      if let draft = read(entry, &names) { drafts.append(draft) }
    }
    session.currentModule = nil
    return ModuleDrafts(boot: boot, all: drafts)
  }

  // MARK: The boot project

  private func readBoot(_ file: String, _ document: Node, isParsed: Bool) -> ModuleDraft {
    var given: [String: Node] = [:]
    var name = "default"
    session.currentModule = name
    let errors = session.errorCount
    let scope = session.scope(root: FilePath.directory(file))
    let written = session.writtenName(document, scope)
    let kind = session.header(
      document, allowed: [.project, .module],
      fallback: document["params"] == nil ? .project : .module)
    if case .module(let chosen, let parameters) = session.options.role {
      name = chosen ?? written?.string ?? ContentHash.moduleName(of: file)
      for (name, text) in parameters { given[name] = argument(text, for: name) }
    } else if isParsed, !isBareManifest(document) {
      checkHeader(document, kind)
    }
    session.currentModule = name
    if session.errorCount > errors { session.markInvalid(name) }
    let alias = name == "default" ? written.flatMap(alias) : nil
    let draft = draft(
      name: name, alias: alias, file: file, document, scope: scope, isBoot: true,
      parameters: parameters(document, given, scope, at: document.origin, areStored: true),
      given: given.keys)
    var reader = ModuleReader(session, draft: draft)
    reader.read(document, kind: kind)
    return reader.draft
  }

  /// The name of a module loaded by hand. A manifest without objects of its own needs none.
  private func checkName(of draft: ModuleDraft, _ document: Node) {
    guard case .module(let chosen, _) = session.options.role else { return }
    session.currentModule = draft.name
    let written = session.writtenName(document, draft.scope)
    if chosen == nil, written == nil { _ = unnamed(draft.file, document) }
    let given = chosen.map { _ in Origin(file: "--name", line: 1, column: 1) }
    checkModuleName(draft.name, at: given ?? written?.origin ?? document.origin)
  }

  /// The name of the project, which stands beside `default`.
  private func alias(_ node: Node) -> String? {
    guard let name = node.string, name != "default" else { return nil }
    guard NameRule.isID(name) else {
      session.error("id.invalid", ModuleGatherer.badName(node.display), at: node.origin)
      return nil
    }
    return name
  }

  /// A value from the command line; its text may stand for a number or a boolean.
  private func argument(
    _ text: String, for name: String,
    at origin: Origin = Origin(file: "--param", line: 1, column: 1)
  ) -> Node {
    var node = Node(.string(text), at: origin)
    guard !Substitution.namesParameter(text) else {
      session.error(
        "module.param",
        "parameter \"\(name)\": a value given by hand cannot name another parameter "
          + "({{ params.… }}); write the value itself", at: node.origin)
      node.replacement = Node.Replacement(
        written: text, shown: text, values: [], isUnresolved: true)
      return node
    }
    let scope = VariableScope(
      workspace: session.workspaceVariables, environment: session.environment)
    node = Substitution(session, scope: scope).apply(node)
    if !node.isReplaced {
      node.replacement = Node.Replacement(written: text, shown: text, values: [])
    }
    return node
  }

  private func isBareManifest(_ document: Node) -> Bool {
    document["modules"] != nil
      && document.pairs.allSatisfy { ["modules", "runtime", "defaults"].contains($0.key) }
  }

  private func checkHeader(_ document: Node, _ kind: FileKind) {
    let missing = ["apiVersion", "kind", "metadata"].filter { document[$0] == nil }
    guard document.isMap || document.isNull, !missing.isEmpty else { return }
    session.report(
      .warning, "key.missing",
      "\(kind.rawValue): \(missing.map { "\"\($0)\"" }.joined(separator: ", ")) "
        + "\(missing.count == 1 ? "is" : "are") missing", at: document.origin)
  }

  // MARK: Modules of a manifest

  private func read(_ entry: ModuleEntry, _ names: inout [String: Origin]) -> ModuleDraft? {
    session.currentModule = entry.name
    guard let document = session.document(entry.file, namedAt: entry.origin) else {
      session.markInvalid(entry.name ?? FilePath.name(FilePath.directory(entry.file)))
      return nil
    }
    let errors = session.errorCount
    let scope = session.scope(root: FilePath.directory(entry.file))
    let written = entry.name == nil ? session.writtenName(document, scope) : nil
    let name = entry.name ?? written?.string ?? unnamed(entry.file, document)
    session.currentModule = name
    if let first = names[name] {
      session.currentModule = nil
      session.error(
        "module.name-taken", "the name \"\(name)\" is already taken at \(first)", at: entry.origin)
      return nil
    }
    names[name] = entry.origin
    if session.errorCount > errors { session.markInvalid(name) }
    checkModuleName(
      name, at: entry.nameOrigin ?? written?.origin ?? entry.origin)
    let kind = session.header(document, allowed: [.module, .project], fallback: .module)
    if let pair = document.pair("modules") {
      session.error(
        "file.kind", "modules do not nest: \"modules\" belongs to the boot project",
        at: pair.keyOrigin)
    }
    var given = entry.parameters
    for (key, value) in session.options.parameters[name] ?? [:] {
      given[key] = argument(value.text, for: key, at: value.origin)
    }
    let draft = draft(
      name: name, alias: nil, file: entry.file, document, scope: scope, isBoot: false,
      parameters: parameters(document, given, scope, at: entry.origin),
      given: given.keys)
    var reader = ModuleReader(session, draft: draft)
    reader.read(document, kind: document["modules"] == nil ? kind : .project)
    return reader.draft
  }

  private func checkModuleName(_ name: String, at origin: Origin) {
    if !NameRule.isID(name) {
      session.error("id.invalid", ModuleGatherer.badName(name), at: origin)
    } else if name == "default" {
      session.error("id.reserved", "\"default\" names the boot project", at: origin)
    }
  }

  private static func badName(_ name: String) -> String {
    "\"\(name)\" cannot be the name of a module: it must be letters, digits, \".\", \"_\" and "
      + "\"-\", at most 128, the first a letter or digit"
  }

  private func unnamed(_ file: String, _ document: Node) -> String {
    let name = ContentHash.moduleName(of: file)
    // What is wrong with a name that is there has been reported.
    guard document["metadata"]?["name"]?.string == nil else { return name }
    session.report(
      .warning, "key.missing", "the module has no metadata.name and is called \(name)",
      at: document.origin)
    return name
  }

  private func parameters(
    _ document: Node, _ given: [String: Node], _ scope: VariableScope, at origin: Origin,
    areStored: Bool = false
  ) -> [String: Node] {
    let substitution = Substitution(session, scope: scope)
    return session.parameters(
      document["params"].map(substitution.apply), given: given, origin: origin,
      areStored: areStored)
  }

  private func draft(
    name: String, alias: String?, file: String, _ document: Node, scope: VariableScope,
    isBoot: Bool, parameters: [String: Node], given: some Sequence<String>
  ) -> ModuleDraft {
    var draft = ModuleDraft(
      name: name, alias: alias, file: file, root: FilePath.directory(file), isBoot: isBoot,
      scope: scope, parameters: parameters, origin: document.origin)
    draft.given = given.sorted()
    return draft
  }
}
