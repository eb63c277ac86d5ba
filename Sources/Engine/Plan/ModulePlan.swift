import Crypto

/// What an `apply` would do, object by object (cli-http.md 2.2, `plan`).
///
/// A pure value: what runs and what the files say go in, and nothing secret comes out.
package struct ModulePlan: Sendable, Hashable {
  /// Lists of the document, in its order.
  package enum Kind: String, Sendable, CaseIterable {
    case modules, sources, actors, routes, transforms, loggers
  }

  package enum Action: String, Sendable { case add, change, unchanged, remove }

  /// One object of a module, or a module.
  package struct Item: Sendable, Hashable {
    package var name: String
    package var module: String
    package var action: Action
    /// A few words for people.
    package var detail = ""
    package var changes: [FieldChange] = []
  }

  /// What becomes of the unsettled deliveries of a route.
  package struct Impact: Sendable, Hashable {
    package var route: String
    package var module: String
    package var unsettled: Int
    package var fate: Fate

    package init(route: String, module: String, unsettled: Int, fate: Fate) {
      self.route = route
      self.module = module
      self.unsettled = unsettled
      self.fate = fate
    }
  }

  package enum Fate: String, Sendable {
    case parked, drained, dropped
    /// They go on with what the route says then.
    case newDefinition = "new definition"
    /// They wait until somebody resumes what is paused.
    case paused
    /// They were left by an earlier route of that name, and go on.
    case resumed
    /// Their actor is not there any more, or is disabled.
    case waiting
  }

  /// How many objects are touched; a module counts where none of its objects does.
  package struct Summary: Sendable, Hashable {
    package var add = 0
    package var change = 0
    package var remove = 0

    package var isEmpty: Bool { add == 0 && change == 0 && remove == 0 }
  }

  /// `pln_` and 32 hexadecimal digits: the same for the same step between the same states.
  package private(set) var id: String
  /// The newest generation at work; nil when nothing has ever run.
  package private(set) var baseGeneration: Int64?
  /// What becomes of unsettled deliveries of routes that go.
  package private(set) var onRemoved: RemovedPolicy
  package private(set) var items: [Kind: [Item]] = [:]
  package private(set) var impact: [Impact] = []
  package private(set) var summary = Summary()

  /// - Parameter desired: Every module that the files name, in their order.
  package init(
    from base: PlanBase, to desired: [ModuleDefinition], onRemoved: RemovedPolicy
  ) {
    id = ModulePlan.id(from: base, to: desired, onRemoved)
    self.onRemoved = onRemoved
    baseGeneration = base.generation
    let before = Dictionary(
      base.modules.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for module in desired { add(PlannedModule(module, before[module.name], base)) }
    let names = Set(desired.map(\.name))
    for module in base.modules where !names.contains(module.name) { add(PlannedModule(module)) }
    impact = PlanImpact(base, desired, onRemoved).list
  }

  /// The hashes of the prompts and scripts that differ, old and new ones.
  package var contentHashes: Set<String> {
    Set(changes.compactMap(\.content).flatMap { [$0.from, $0.to].compactMap(\.self) })
  }

  /// Says line by line what is different in prompts and scripts.
  ///
  /// - Parameter contents: By hash; those that are not here are told by their hash alone.
  package mutating func compareContents(_ contents: [String: [UInt8]]) {
    for kind in items.keys {
      for item in items[kind, default: []].indices {
        for change in items[kind, default: []][item].changes.indices {
          guard let pair = items[kind]?[item].changes[change].content, let from = pair.from,
            let to = pair.to, let old = contents[from], let new = contents[to]
          else { continue }
          items[kind]?[item].changes[change].lines = LineDiff(from: old, to: new)?.lines
        }
      }
    }
  }

  private var changes: [FieldChange] { items.values.joined().flatMap(\.changes) }

  /// The modules that a plan is to do something about, and what.
  package func modules(_ action: Action) -> [String] {
    (items[.modules] ?? []).filter { $0.action == action }.map(\.name)
  }

  private mutating func add(_ planned: PlannedModule) {
    var touched = Summary()
    for (kind, list) in planned.objects {
      items[kind, default: []] += list
      for item in list { touched.count(item.action) }
    }
    items[.modules, default: []].append(planned.item)
    if touched.isEmpty { touched.count(planned.item.action) }
    summary.add += touched.add
    summary.change += touched.change
    summary.remove += touched.remove
  }

  private static func id(
    from base: PlanBase, to desired: [ModuleDefinition], _ onRemoved: RemovedPolicy
  ) -> String {
    // Names have no control characters (config.md 2), so no two states are written alike.
    let before = base.modules.map { module in
      "base\t\(module.name)\t\(module.generation ?? 0)\t\(module.contentHash)"
    }
    let after = desired.map { "desired\t\($0.name)\t\($0.contentHash)" }
    let kept = base.kept.map { "kept\t\($0)" }
    let policy = ["removed\t\(onRemoved.rawValue)"]
    let text = (before + after + kept + policy).sorted().joined(separator: "\n")
    return "pln_" + SHA256.hash(data: Array(text.utf8)).hexText.prefix(32)
  }
}

extension ModulePlan.Summary {
  fileprivate mutating func count(_ action: ModulePlan.Action) {
    switch action {
    case .add: add += 1
    case .change: change += 1
    case .remove: remove += 1
    case .unchanged: break
    }
  }
}

/// What a plan starts from: the modules at work or, without a runtime, what the database had last.
package struct PlanBase: Sendable {
  package struct Module: Sendable {
    package let name: String
    package var generation: Int64?
    package var contentHash: String
    /// Nil when only a hash of it is left: then what is in the module cannot be compared.
    package var definition: ModuleDefinition?
    /// The definition was made of what the database keeps.
    package var isArchived = false
    /// Variables that had another value then; of what the database keeps that shows nowhere else.
    package var variables: [String] = []

    package init(
      name: String, generation: Int64?, contentHash: String, definition: ModuleDefinition? = nil
    ) {
      self.name = name
      self.generation = generation
      self.contentHash = contentHash
      self.definition = definition
    }
  }

  package var generation: Int64?
  /// Those of the boot project, and those that bear the name of a desired one; by name.
  package var modules: [Module]
  /// Modules that an operator has unloaded and that an apply leaves alone.
  package var kept: Set<String>
  /// Modules at work that the plan does not concern; their routes may lead to actors that go.
  package var others: [ModuleDefinition]
  /// Unsettled deliveries by module and route; routes that are gone may have left some.
  package var unsettled: [String: [String: Int]]
  /// Routes by module whose deliveries wait because somebody has paused them.
  package var paused: [String: Set<String>]

  package init(
    generation: Int64? = nil, modules: [Module] = [], kept: Set<String> = [],
    others: [ModuleDefinition] = [], unsettled: [String: [String: Int]] = [:],
    paused: [String: Set<String>] = [:]
  ) {
    self.generation = generation
    self.modules = modules
    self.kept = kept
    self.others = others
    self.unsettled = unsettled
    self.paused = paused
  }
}
