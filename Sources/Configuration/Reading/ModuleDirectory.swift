import Engine

/// All modules that a reference can reach by name: those of this load, then those that run already.
struct ModuleDirectory {
  /// The typed objects of the modules of this load, the project's own first.
  let parts: [ModuleParts]
  /// The running modules of another name than those of this load.
  let neighbours: [ModuleDefinition]
  /// Both, as references see them.
  let modules: [ModuleView]
  private let places: [String: Int]
  /// The project's own objects, then those of the boot project.
  private let shared: [ModuleView]

  /// - Parameter neighbours: One with the name of a module of this load is that module before a
  ///   reload, and is left out.
  init(_ parts: [ModuleParts], neighbours: [Neighbour]) {
    let names = Set(parts.map(\.draft.name))
    let others = neighbours.filter { !names.contains($0.definition.name) }
    self.parts = parts
    self.neighbours = others.map(\.definition)
    modules = parts.map { ModuleView($0) } + others.map { ModuleView($0.definition) }
    var places: [String: Int] = [:]
    for (index, module) in modules.enumerated() where places[module.name] == nil {
      places[module.name] = index
    }
    for (index, module) in modules.enumerated() {
      if let alias = module.alias, places[alias] == nil { places[alias] = index }
    }
    self.places = places
    let boot =
      parts.filter(\.draft.isBoot).map(\.draft.name)
      + others.filter(\.isBoot).map(\.definition.name)
    shared = boot.compactMap { places[$0] }.map { [modules] in modules[$0] }
  }

  /// A module by its name or alias.
  subscript(name: String) -> ModuleView? { places[name].map { modules[$0] } }

  /// The module that an id from a parameter means when the module itself has no such object
  /// (config.md 10.3).
  func sharing(_ hasObject: (ModuleView) -> Bool) -> ModuleView? { shared.first(where: hasObject) }
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
