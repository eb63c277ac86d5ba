/// What an operator asks of the set of modules, and what comes of it (cli-http.md 2.3, 3.4).

/// A module to be loaded, and how it came here.
package struct ModuleOrder: Sendable {
  package var definition: ModuleDefinition
  /// As they were given by hand, before any variable was replaced; empty for a module of the boot
  /// manifest, whose parameters stand in its file.
  package var parameters: [String: String]
  /// The manifest that names the module, where that is neither the module's own file nor the boot
  /// project.
  package var project: String?
  /// Named by the boot manifest, or the boot project itself.
  package var isFromBoot: Bool
  /// Who asked: a user name, `token`, or `boot`.
  package var requester: String
  /// What it is in the history.
  package var change: ChangeGroup

  package init(
    _ definition: ModuleDefinition, parameters: [String: String] = [:], project: String? = nil,
    isFromBoot: Bool, requester: String, change: ChangeGroup = ChangeGroup("load")
  ) {
    self.change = change
    self.definition = definition
    self.parameters = parameters
    self.project = project
    self.isFromBoot = isFromBoot
    self.requester = requester
  }

  /// The same files are read for both at the next reload.
  func hasOrigin(of other: ModuleOrder) -> Bool {
    isFromBoot == other.isFromBoot && parameters == other.parameters && project == other.project
  }
}

/// What becomes of unsettled deliveries whose route goes away (config.md 10.6, `--on-removed`).
package enum RemovedPolicy: String, Sendable, CaseIterable {
  /// They stay in the file and go on when the route comes back.
  case park
  /// They are delivered first, as far as the time limit lets them; the rest is parked.
  case drain
  /// They end as `dropped`, reason `operator`, and can be requeued.
  case drop
}

/// What a load or reload did.
package struct LoadReport: Sendable {
  package enum Outcome: String, Sendable { case loaded, reloaded, unchanged }

  package var name: String
  package var outcome: Outcome
  /// The module status of cli-http.md 2.2.
  package var status: JSONValue
  package var changes: ModuleChanges

  package init(
    name: String, outcome: Outcome, status: JSONValue, changes: ModuleChanges = ModuleChanges()
  ) {
    self.name = name
    self.outcome = outcome
    self.status = status
    self.changes = changes
  }
}

/// What an unload left behind.
package struct UnloadReport: Sendable, Hashable {
  package var name: String
  /// Unsettled deliveries that stay in the file for the next load.
  package var parked: Int
  /// Unsettled deliveries that ended as `dropped`.
  package var dropped: Int

  package init(name: String, parked: Int = 0, dropped: Int = 0) {
    self.name = name
    self.parked = parked
    self.dropped = dropped
  }
}

/// Something that can be paused (cli-http.md 2.2, `pause`).
package struct PauseTarget: Sendable, Hashable, CustomStringConvertible {
  package enum Kind: String, Sendable, CaseIterable {
    case source, route, actor, module
    /// One that is held for review; it can only be resumed.
    case delivery
  }

  package var kind: Kind
  package var name: String
  /// Nil means the only loaded module that has it.
  package var module: String?

  package init(_ kind: Kind, _ name: String, module: String? = nil) {
    self.kind = kind
    self.name = name
    self.module = module
  }

  /// From `source/ID`, `route/NAME`, `actor/ID`, `module/NAME` or `delivery/ID`; nil for anything else.
  package init?(_ text: String, module: String? = nil) {
    guard let slash = text.firstIndex(of: "/"), let kind = Kind(rawValue: String(text[..<slash]))
    else { return nil }
    let name = String(text[text.index(after: slash)...])
    guard !name.isEmpty else { return nil }
    self.init(kind, name, module: module)
  }

  package var description: String { "\(kind.rawValue)/\(name)" }
}

/// What to pause or resume.
package enum PauseSelection: Sendable, Hashable {
  case targets([PauseTarget])
  /// Every loaded module; for `resume`, everything that is paused.
  case all
}
