import Engine

/// All modules of a load by name, for references from one to another.
struct ModuleDirectory {
  /// Every module's typed objects, the boot project first.
  var modules: [ModuleParts]
  /// What the boot project's objects are called.
  let bootName: String
  private var places: [String: Int] = [:]

  init(_ modules: [ModuleParts], bootName: String) {
    self.modules = modules
    self.bootName = bootName
    for (index, parts) in modules.enumerated() {
      places[parts.draft.name] = index
      if let alias = parts.draft.alias, places[alias] == nil { places[alias] = index }
    }
  }

  /// A module by its name or alias.
  subscript(name: String) -> ModuleParts? { places[name].map { modules[$0] } }

  /// The boot project, when it has objects of its own.
  var boot: ModuleParts? { self[bootName] }
}
