import Engine

/// A module as its files say it: variables replaced, objects in one list per kind, nothing typed.
struct ModuleDraft {
  var name: String
  var alias: String?
  /// Absolute and resolved.
  var file: String
  var root: String
  var isBoot: Bool
  let scope: VariableScope
  var parameters: [String: Node]
  var sources: [Node] = []
  var actors: [Node] = []
  var routes: [Node] = []
  var transforms: [Node] = []
  var loggers: [Node] = []
  /// The module's own, below which others lie.
  var defaults: Node?
  var runtime: Node?
  /// As written: variables are not replaced yet.
  var modules: [Node] = []
  /// The top of the module's file.
  var origin: Origin
  /// Every document as it is written, by the name of its file; literal credentials included, so
  /// it is redacted before it goes anywhere.
  var documents: [(name: String, node: Node)] = []
  /// Names of the parameters that whoever loads the module gives; the others have their defaults.
  var given: [String] = []

  /// The objects of a list.
  func nodes(of list: String) -> [Node] {
    switch list {
    case "sources": sources
    case "actors": actors
    case "routes": routes
    case "transforms": transforms
    default: loggers
    }
  }

  /// Whether there is anything that makes it a module of its own beside a manifest.
  var hasObjects: Bool {
    !(sources.isEmpty && actors.isEmpty && routes.isEmpty && loggers.isEmpty)
  }
}

/// Reads a module's file and all files it names, in the order of config.md 5.1.
struct ModuleReader {
  let session: Session
  private(set) var draft: ModuleDraft
  private let substitution: Substitution
  /// Only over the boot project.
  private let overlay: Overlay?
  private var loaded: Set<String> = []

  init(_ session: Session, draft: ModuleDraft) {
    self.session = session
    self.draft = draft
    overlay = draft.isBoot ? session.overlay : nil
    substitution = Substitution(session, scope: draft.scope, parameters: draft.parameters)
  }

  /// Reads everything below the top document of the module.
  mutating func read(_ document: Node, kind: FileKind) {
    guard session.takeDocument(document) else { return }
    // Other modules and the process are no part of this one: it is unchanged when they change.
    draft.documents.append(written(document.without(["modules", "runtime"]), draft.file))
    let patched = overlay?.patchedTop(document) ?? document
    // Variables in the list of modules are replaced when the overlay has been laid over it, too.
    let modules = patched.pair("modules")
    let top =
      patched.isNull
      ? Node(.map([]), at: document.origin)
      : substitution.apply(patched.without(["modules"])).adding(modules)
    guard top.isMap else {
      session.error("key.type", "the file must hold a map, not \(top.kind)", at: top.origin)
      return
    }
    session.checkKeys(top, kind.table, elsewhere: kind.elsewhere)
    draft.defaults = top["defaults"]
    draft.runtime = top["runtime"]
    draft.modules = session.list(modules?.value, "modules") ?? []
    for entry in session.list(top["connectors"], "connectors") ?? [] {
      read(entry, "connectors", .connectorGroup) { reader, node in
        reader.inlineGroup(node)
      }
    }
    for key in ["sources", "actors", "transforms", "loggers", "routes"] {
      for entry in session.list(top[key], key) ?? [] {
        read(entry, key, FileKind.holding(key)) { reader, node in reader.add(node, to: key) }
      }
    }
    discoverRoutes()
    addFromOverlay()
    summarise(top, kind)
  }

  /// What the workspace has beside what it changes.
  private mutating func addFromOverlay() {
    guard let overlay else { return }
    draft.documents.append(
      written(overlay.document.without(["modules", "runtime", "variables"]), overlay.file))
    for key in Overlay.lists {
      let known = draft.nodes(of: key).compactMap { $0[Overlay.identity(of: key)]?.string }
      for entry in overlay.additions(to: key) {
        session.checkAddition(entry, to: key, among: known)
        read(substitution.apply(entry), key, FileKind.holding(key)) { reader, node in
          reader.add(node, to: key)
        }
      }
    }
  }

  private func written(_ document: Node, _ path: String) -> (name: String, node: Node) {
    (session.shown(path), document)
  }

  /// One entry of a list: an inline object, a path, or a pattern of paths.
  private mutating func read(
    _ entry: Node, _ label: String, _ kind: FileKind,
    inline: (inout ModuleReader, Node) -> Void
  ) {
    if entry.isMap { return inline(&self, entry) }
    guard let path = entry.string, !entry.isUnresolved else {
      return session.refuse(entry, label, "an entry is a path or a map, not \(entry.kind)")
    }
    let directory = FilePath.directory(session.file(of: entry.origin))
    let absolute = FilePath.resolve(path, in: directory, home: session.home)
    guard FileAccess.isGlob(path), session.kind(of: absolute) == nil else {
      return readFile(absolute, kind, namedAt: entry.origin)
    }
    let errors = session.errorCount
    let matches = session.glob(absolute, at: entry.origin)
    // Where nobody can tell what matches, that has been said.
    if matches.isEmpty, session.errorCount == errors {
      session.report(
        .warning, "file.missing", "\(label): no file matches \(entry.display)", at: entry.origin)
    }
    for match in matches { readFile(match, kind, namedAt: entry.origin) }
  }

  private mutating func readFile(_ path: String, _ kind: FileKind, namedAt reference: Origin) {
    let path = session.resolved(path) ?? path
    guard loaded.insert(path).inserted else { return }
    guard let document = session.document(path, namedAt: reference),
      session.takeDocument(document)
    else { return }
    draft.documents.append(written(document, path))
    let node = substitution.apply(overlay?.patchedGroup(document) ?? document)
    guard !node.isNull else { return session.note(path, "empty") }
    guard node.isMap else {
      return session.error(
        "key.type", "the file must hold a map, not \(node.kind)", at: node.origin)
    }
    let errors = session.errorCount
    _ = session.header(node, allowed: [kind], fallback: kind)
    // Of a file of another kind nothing is right; more than that need not be said.
    if session.errorCount > errors, let name = node["kind"]?.string, name != kind.rawValue {
      return
    }
    session.checkKeys(node, kind.table, elsewhere: kind.elsewhere)
    addGroup(node, kind)
    summarise(node, kind, path)
  }

  private mutating func inlineGroup(_ node: Node) {
    let kind = FileKind.connectorGroup
    _ = session.header(node, allowed: [kind], fallback: kind)
    session.checkKeys(node, kind.table, label: "connectors", elsewhere: kind.elsewhere)
    addGroup(node, kind)
  }

  private mutating func addGroup(_ node: Node, _ kind: FileKind) {
    for key in kind.content {
      for entry in session.list(node[key], key) ?? [] {
        guard entry.isMap else {
          session.refuse(entry, key, "an entry is a map, not \(entry.kind)")
          continue
        }
        add(entry, to: key)
      }
    }
  }

  private mutating func add(_ node: Node, to key: String) {
    switch key {
    case "sources": draft.sources.append(node)
    case "actors": draft.actors.append(node)
    case "routes": draft.routes.append(node)
    case "transforms": draft.transforms.append(node)
    default: draft.loggers.append(node)
    }
  }

  /// Files in `routes/` that no list names, in byte order.
  private mutating func discoverRoutes() {
    let directory = draft.root + "/routes"
    for name in session.names(in: directory, at: draft.origin) where FilePath.isYAML(name) {
      let path = directory + "/" + name
      guard session.isFile(path, at: draft.origin) else { continue }
      readFile(path, .routeGroup, namedAt: draft.origin)
    }
  }

  private func summarise(_ node: Node, _ kind: FileKind, _ path: String? = nil) {
    let words = ["sources", "actors", "routes", "transforms", "loggers", "modules"]
      .filter { kind.table.keys.contains($0) }
      .compactMap { key -> String? in
        // Paths are counted in the files that they name.
        let count = node[key]?.list?.count { $0.isMap || key == "modules" } ?? 0
        guard count > 0 else { return nil }
        return count == 1 ? "1 \(key.dropLast())" : "\(count) \(key)"
      }
    let name = node["metadata"]?["name"].map { "\(kind.rawValue.lowercased()) \($0.display)" }
    let head = path == nil ? [name ?? kind.rawValue.lowercased()] : []
    session.note(path ?? draft.file, (head + words).joined(separator: ", "))
  }
}
