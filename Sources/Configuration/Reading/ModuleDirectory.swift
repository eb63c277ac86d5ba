import Engine

/// All modules that a reference can reach by name: those of this load, then those that run already.
///
/// Hundreds of modules may run while one is reloaded, so a running module is looked at only when a
/// reference names it.
struct ModuleDirectory {
  /// The typed objects of the modules of this load, the project's own first.
  let parts: [ModuleParts]
  /// The running modules of another name than those of this load.
  let neighbours: [ModuleDefinition]
  /// What this load brings, by name.
  private var own: [String: ModuleView] = [:]
  private var ownAliases: [String: String] = [:]
  /// The project's own objects, then those of the boot project.
  private let shared: [ModuleView]

  /// - Parameter neighbours: One with the name of a module of this load is that module before a
  ///   reload, and is left out.
  init(_ parts: [ModuleParts], neighbours: [Neighbour]) {
    let names = Set(parts.map(\.draft.name))
    let others = neighbours.filter { !names.contains($0.definition.name) }
    self.parts = parts
    self.neighbours = others.map(\.definition)
    shared =
      parts.filter(\.draft.isBoot).map { ModuleView($0) }
      + others.filter(\.isBoot).map { ModuleView($0.definition) }
    for each in parts {
      own[each.draft.name] = ModuleView(each)
      if let alias = each.draft.alias { ownAliases[alias] = each.draft.name }
    }
  }

  /// A module by its name or alias.
  subscript(name: String) -> ModuleView? {
    if let view = ownName(name).flatMap({ own[$0] }) { return view }
    if let view = shared.first(where: { $0.name == name || $0.alias == name }) { return view }
    let other = neighbours.first { $0.name == name } ?? neighbours.first { $0.alias == name }
    return other.map { ModuleView($0) }
  }

  var names: [String] { parts.map(\.draft.name) + neighbours.map(\.name) }

  /// The name of the module of this load that a name or alias means; nil for any other.
  func ownName(_ name: String) -> String? {
    own[name] == nil ? ownAliases[name] : name
  }

  /// The module that an id from a parameter means when the module itself has no such object
  /// (config.md 10.3).
  func sharing(_ hasObject: (ModuleView) -> Bool) -> ModuleView? { shared.first(where: hasObject) }

  /// The ids that a parameter may name besides those of the module itself.
  func sharedIDs(_ ids: KeyPath<ModuleView, Set<String>>) -> Set<String> {
    shared.reduce(into: []) { $0.formUnion($1[keyPath: ids]) }
  }
}

/// A module as references to it see it, whether its files were read just now or it runs already.
struct ModuleView {
  let name: String
  let alias: String?
  let sources: [SourceDefinition]
  let actors: [ActorDefinition]
  /// Those with an error too: references to them are no further error.
  let sourceIDs: Set<String>
  let actorIDs: Set<String>
  /// What each actor's `delivery` says, for the routes that inherit from it.
  let actorBlocks: [String: DeliveryBlock]

  init(_ parts: ModuleParts) {
    name = parts.draft.name
    alias = parts.draft.alias
    sources = parts.sources
    actors = parts.actors
    sourceIDs = parts.sourceIDs
    actorIDs = parts.actorIDs
    actorBlocks = parts.actorBlocks
  }

  init(_ definition: ModuleDefinition) {
    name = definition.name
    alias = definition.alias
    sources = definition.sources
    actors = definition.actors
    sourceIDs = Set(definition.sources.map(\.id))
    actorIDs = Set(definition.actors.map(\.id))
    actorBlocks = Dictionary(
      definition.actors.map { ($0.id, DeliveryBlock($0.delivery)) }
    ) { first, _ in first }
  }

  /// Whether events can come from that id: a source, an actor by its answers (connectors.md 3.5),
  /// or the runtime itself.
  func emits(_ id: String) -> Bool {
    id == "orgloop" || sourceIDs.contains(id) || actorIDs.contains(id)
  }
}
