import Engine

/// What only shows when all modules lie side by side: things nobody uses, paths taken twice,
/// routes that feed themselves (config.md 13.2, `graph.*` and `http.path-conflict`).
struct GraphCheck {
  private struct Key: Hashable {
    let module: String
    let id: String
  }

  private let session: Session
  private let directory: ModuleDirectory
  private let settings: RuntimeSettings
  private var usedSources: Set<Key> = []
  private var usedActors: Set<Key> = []
  private var usedTransforms: Set<Key> = []
  private var routes: [(module: ModuleParts, routes: [RouteDefinition])] = []
  /// By module and id: with thousands of routes a search in lists would be felt.
  private let sources: [Key: SourceDefinition]
  private let actors: [Key: ActorDefinition]

  init(_ session: Session, _ directory: ModuleDirectory, settings: RuntimeSettings) {
    self.session = session
    self.directory = directory
    self.settings = settings
    var sources: [Key: SourceDefinition] = [:]
    var actors: [Key: ActorDefinition] = [:]
    for parts in directory.parts {
      let module = parts.draft.name
      for each in parts.sources { sources[Key(module: module, id: each.id)] = each }
      for each in parts.actors { actors[Key(module: module, id: each.id)] = each }
    }
    self.sources = sources
    self.actors = actors
    for module in directory.neighbours {
      for route in module.routes { useFromOutside(route) }
    }
  }

  /// What a running module uses of the modules of this load.
  private mutating func useFromOutside(_ route: RouteDefinition) {
    for source in route.sources {
      guard let owner = source.module.flatMap(directory.ownName) else { continue }
      usedSources.insert(Key(module: owner, id: source.id))
    }
    if let owner = route.actor.module.flatMap(directory.ownName) {
      usedActors.insert(Key(module: owner, id: route.actor.id))
    }
  }

  private func source(_ id: String, of module: String) -> SourceDefinition? {
    sources[Key(module: module, id: id)]
      ?? (directory.ownName(module) == nil
        ? directory[module]?.sources.first { $0.id == id } : nil)
  }

  private func actor(_ id: String, of module: String) -> ActorDefinition? {
    actors[Key(module: module, id: id)]
      ?? (directory.ownName(module) == nil ? directory[module]?.actors.first { $0.id == id } : nil)
  }

  mutating func add(_ parts: ModuleParts, _ reader: RouteReader) {
    let own = parts.draft.name
    for name in reader.usedTransforms { usedTransforms.insert(Key(module: own, id: name)) }
    for source in reader.usedSources {
      usedSources.insert(Key(module: source.module ?? own, id: source.id))
    }
    for actor in reader.usedActors {
      usedActors.insert(Key(module: actor.module ?? own, id: actor.id))
    }
    routes.append((parts, reader.routes))
  }

  func check() {
    var mounts: [String: String] = [:]
    for module in directory.neighbours {
      for source in module.sources {
        // Where it stands in a file of another load would not say whose it is.
        guard let path = mount(source) else { continue }
        mounts[path] = "by source \"\(source.id)\" of module \(module.name)"
      }
    }
    // Where a file or a reference is broken, what seems unused may be what it meant.
    let isCertain = !session.diagnostics.contains { each in
      ["yaml.", "file.missing", "file.kind", "ref.", "module."].contains {
        each.level == .error && each.code.hasPrefix($0)
      }
    }
    for parts in directory.parts {
      session.currentModule = parts.draft.name
      if isCertain { checkUse(parts) }
      let nodes = Dictionary(
        parts.draft.sources.map { ($0.origin, $0) }, uniquingKeysWith: { first, _ in first })
      for source in parts.sources {
        checkMount(source, source.origin.flatMap { nodes[$0] }, &mounts)
      }
    }
    for (parts, routes) in routes {
      session.currentModule = parts.draft.name
      for route in routes { check(route, of: parts) }
    }
    session.currentModule = nil
  }

  private func checkUse(_ parts: ModuleParts) {
    let module = parts.draft.name
    for source in parts.sources where source.isEnabled {
      warnUnused(
        "graph.dead-source", "source", source.id, source.origin,
        unless: usedSources.contains(Key(module: module, id: source.id)))
    }
    for actor in parts.actors where actor.isEnabled {
      warnUnused(
        "graph.unreachable-actor", "actor", actor.id, actor.origin,
        unless: usedActors.contains(Key(module: module, id: actor.id)))
    }
    for name in parts.transformNames {
      warnUnused(
        "graph.orphan-transform", "transform", name, parts.transforms[name]?.node.origin,
        unless: usedTransforms.contains(Key(module: module, id: name)))
    }
  }

  private func warnUnused(
    _ code: String, _ kind: String, _ id: String, _ origin: Origin?, unless isUsed: Bool
  ) {
    guard !isUsed, let origin else { return }
    session.report(
      .warning, code, "\(kind) \"\(id)\" is used by no route", at: origin, subject: id)
  }

  // MARK: Mounted paths

  private static let reserved = [
    "/api", "/control", "/metrics", "/livez", "/readyz", "/healthz",
  ]

  private func checkMount(
    _ source: SourceDefinition, _ written: Node?, _ mounts: inout [String: String]
  ) {
    guard let origin = source.origin, let path = mount(source) else { return }
    let node = written?["config"]?["path"]
    let place = node?.origin ?? origin
    let words = node?.display ?? path
    let isReserved =
      GraphCheck.reserved.contains { path == $0 || path.hasPrefix($0 + "/") }
      || path.hasPrefix("/webhook/")
    if isReserved {
      session.error("http.path-conflict", "path: \"\(words)\" is reserved", at: place)
    } else if let first = mounts[path] {
      session.error(
        "http.path-conflict", "path: \"\(words)\" is already taken \(first)", at: place)
    } else {
      mounts[path] = "at \(place)"
    }
  }

  private func mount(_ source: SourceDefinition) -> String? {
    guard let path = source.config["path"]?.string, path.hasPrefix("/"),
      session.catalog.connectors[source.connector]?.source?.mode(source.config) == .push
    else { return nil }
    return path
  }

  // MARK: Routes

  private func check(_ route: RouteDefinition, of parts: ModuleParts) {
    guard let origin = route.origin else { return }
    for reference in route.sources {
      let owner = reference.module ?? parts.draft.name
      if answersTo(route, parts, reference.id, of: owner) {
        session.report(
          .warning, "graph.self-loop",
          "route \"\(route.name)\" sends to actor \"\(reference.id)\", whose answers it listens to",
          at: origin, subject: route.name)
      }
      guard let source = source(reference.id, of: owner) else { continue }
      if let types = route.types, !source.emits.isEmpty {
        for type in types.subtracting(source.emits).sorted(by: { $0.code < $1.code }) {
          session.report(
            .warning, "graph.event-type-mismatch",
            "route \"\(route.name)\" waits for \(type.rawValue), which source \"\(source.id)\" "
              + "does not emit", at: origin, subject: route.name)
        }
      }
      if feeds(route, parts, source, of: owner) {
        session.report(
          .warning, "graph.self-loop",
          "route \"\(route.name)\" sends to its own source \"\(source.id)\"",
          at: origin, subject: route.name)
      }
    }
  }

  /// Whether the route's actor can answer with events that come from the id that it listens to.
  private func answersTo(
    _ route: RouteDefinition, _ parts: ModuleParts, _ id: String, of owner: String
  ) -> Bool {
    let module = route.actor.module ?? parts.draft.name
    return route.actor.id == id && module == owner && actor(id, of: module)?.connector == "exec"
  }

  /// Whether the route's actor posts to the URL at which the source listens here.
  private func feeds(
    _ route: RouteDefinition, _ parts: ModuleParts, _ source: SourceDefinition,
    of owner: String
  ) -> Bool {
    guard let actor = actor(route.actor.id, of: route.actor.module ?? parts.draft.name),
      let url = route.config["url"]?.string ?? actor.config["url"]?.string,
      let target = GraphCheck.local(url, settings: settings)
    else { return false }
    let paths = [
      "/webhook/\(source.id)", "/webhook/\(owner)/\(source.id)", mount(source),
    ]
    return paths.contains(target)
  }

  /// The path of a URL that leads to this runtime.
  private static func local(_ url: String, settings: RuntimeSettings) -> String? {
    guard url.lowercased().hasPrefix("http://") else { return nil }
    let rest = url.dropFirst(7)
    let authority = rest.prefix { !"/?#".contains($0) }
    let path = rest.dropFirst(authority.count).prefix { !"?#".contains($0) }
    guard let colon = authority.lastIndex(of: ":"),
      Int(authority[authority.index(after: colon)...]) == settings.port
    else { return nil }
    let hosts = ["localhost", "127.0.0.1", "[::1]", settings.host.lowercased()]
    return hosts.contains(authority[..<colon].lowercased()) ? String(path) : nil
  }
}
