/// One module of a plan with its objects.
struct PlannedModule {
  private(set) var item: ModulePlan.Item
  private(set) var objects: [ModulePlan.Kind: [ModulePlan.Item]] = [:]

  /// A module that the files name.
  ///
  /// - Parameter before: The module of that name that is at work or was last.
  init(_ module: ModuleDefinition, _ before: PlanBase.Module?, _ base: PlanBase) {
    item = ModulePlan.Item(name: module.name, module: module.name, action: .add)
    if base.kept.contains(module.name) {
      item.action = .unchanged
      item.detail = "unloaded by an operator, stays unloaded"
    } else if let before, let old = before.definition {
      compare(old, module, before)
    } else if let before {
      compare(before, module)
    } else {
      item.detail = module.path
      list(module, as: .add)
    }
  }

  /// A module that the files do not name any more.
  init(_ gone: PlanBase.Module) {
    item = ModulePlan.Item(name: gone.name, module: gone.name, action: .remove)
    if let definition = gone.definition { list(definition, as: .remove) }
  }

  /// Without definitions only the hashes say whether something is different.
  private mutating func compare(_ old: PlanBase.Module, _ new: ModuleDefinition) {
    guard old.contentHash == new.contentHash else {
      item.action = .change
      item.detail = "content changed; what it was cannot be read from the history"
      return
    }
    item.action = .unchanged
    list(new, as: .unchanged)
  }

  private mutating func compare(
    _ old: ModuleDefinition, _ new: ModuleDefinition, _ base: PlanBase.Module
  ) {
    let isSameContent = base.contentHash == new.contentHash
    // The order of keys may be lost in what the database keeps.
    if base.isArchived, isSameContent { return list(new, as: .unchanged) }
    // As Runtime.reloadModule(_:onRemoved:drainMs:) decides.
    let different = ModuleChanges(from: old, to: new)
    let isSame = different.isEmpty && isSameContent
    item.action = isSame ? .unchanged : .change
    let comparison = ObjectComparison(old, new, different)
    item.changes = comparison.changes(old.fields, new.fields)
    item.changes += base.variables.map {
      FieldChange(path: "variables.\($0)", from: FieldChange.hidden, to: FieldChange.hidden)
    }
    objects = comparison.objects
    guard !isSame else { return }
    let touched = objects.values.joined().count { $0.action != .unchanged }
    let isInPlan = touched > 0 || !item.changes.isEmpty
    item.detail = isInPlan ? "" : "content changed"
  }

  private mutating func list(_ module: ModuleDefinition, as action: ModulePlan.Action) {
    item.action = action
    for (kind, list) in module.planObjects {
      objects[kind] = list.map { object in
        ModulePlan.Item(
          name: object.name, module: module.name, action: action,
          detail: action == .add ? object.summary : "")
      }
    }
  }
}

/// The objects of two definitions of one module, side by side.
private struct ObjectComparison {
  private let old: ModuleDefinition
  private let new: ModuleDefinition
  private let written: Written

  /// Collecting them takes a pass over the documents and much room, so it is done once, and only
  /// where something is different.
  private final class Written {
    private let documents: (old: JSONText, new: JSONText)
    lazy var old = WrittenValues(documents.old)
    lazy var new = WrittenValues(documents.new)

    init(_ old: JSONText, _ new: JSONText) { documents = (old, new) }
  }

  /// By what the engine goes, whether a field tells of it or not.
  private let changed: [ModulePlan.Kind: [String]]

  init(_ old: ModuleDefinition, _ new: ModuleDefinition, _ changes: ModuleChanges) {
    changed = [
      .sources: changes.sources.changed, .actors: changes.actors.changed,
      .routes: changes.routes.changed, .loggers: changes.loggers.changed,
    ]
    self.old = old
    self.new = new
    written = Written(old.documents, new.documents)
  }

  func changes(_ before: ObjectFields, _ after: ObjectFields) -> [FieldChange] {
    guard before != after else { return [] }
    return after.changes(from: before, written: (written.old, written.new))
  }

  var objects: [ModulePlan.Kind: [ModulePlan.Item]] {
    let before = old.planObjects
    var items: [ModulePlan.Kind: [ModulePlan.Item]] = [:]
    for (kind, objects) in new.planObjects {
      let known = Dictionary(
        (before[kind] ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      var list = objects.map { object in
        known[object.name].map { item(kind, $0, object) }
          ?? self.item(object, .add, object.summary)
      }
      let names = Set(objects.map(\.name))
      list += (before[kind] ?? []).filter { !names.contains($0.name) }
        .map { item($0, .remove, kind == .sources ? "its checkpoint is kept" : "") }
      items[kind] = list
    }
    return items
  }

  private func item(
    _ object: PlanObject, _ action: ModulePlan.Action, _ detail: String
  ) -> ModulePlan.Item {
    ModulePlan.Item(name: object.name, module: new.name, action: action, detail: detail)
  }

  private func item(
    _ kind: ModulePlan.Kind, _ before: PlanObject, _ after: PlanObject
  ) -> ModulePlan.Item {
    let changes = changes(before, after)
    guard !changes.isEmpty else {
      let isChanged = changed[kind]?.contains(after.name) ?? false
      return item(after, isChanged ? .change : .unchanged, "")
    }
    var item = item(after, .change, ObjectComparison.detail(changes, kind))
    item.changes = changes
    return item
  }

  /// What is used in several places is changed itself where all of them changed alike; a change in
  /// one place is that place's own.
  private func changes(_ before: PlanObject, _ after: PlanObject) -> [FieldChange] {
    let old = before.uses
    let all = after.uses.sorted { $0.key < $1.key }.compactMap { place, fields in
      old[place].map { changes($0, fields) }
    }
    guard let first = all.first else { return [] }
    return first.filter { change in all.allSatisfy { $0.contains { $0.path == change.path } } }
  }

  private static func detail(_ changes: [FieldChange], _ kind: ModulePlan.Kind) -> String {
    if kind == .sources, changes.contains(where: { $0.path == "connector" }) {
      return "another connector: it starts without a checkpoint"
    }
    guard changes.contains(where: { !$0.isContent }) else { return "content changed" }
    let paths = changes.map(\.path)
    let more = paths.count > 3 ? ", \(paths.count - 3) more" : ""
    return paths.prefix(3).joined(separator: ", ") + more
  }
}
