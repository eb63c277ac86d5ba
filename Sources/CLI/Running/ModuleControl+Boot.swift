import Engine
import ProjectConfiguration
import Server

extension ModuleControl {
  /// Brings the running modules to what the boot project says now: those that are gone are
  /// unloaded, then the others are loaded or reloaded (config.md 10.6).
  ///
  /// Nothing is changed when the project has errors, or when a name belongs to other files. One
  /// module that cannot be made keeps none of the others from being applied.
  ///
  /// - Returns: `{applied: true, modules [{name, action, changes?}], summary, warnings}`.
  func apply(onRemoved: RemovedPolicy, by requester: String) async throws -> JSONValue {
    try await turns.take(key(.boot)) {
      let project = await files.project(.boot, beside: runtime.loadedDefinitions)
      guard !project.hasErrors else { throw ConfigurationRefusal(project) }
      try checkExposure(project.modules)
      let running = Set(runtime.loadedDefinitions.map(\.name))
      try await refuseTakenNames(project, running)
      var tally = ApplyTally()
      for name in try await gone(from: project) {
        try await tally.note(name) {
          _ = try await runtime.unloadModule(
            name, drainMs: nil, onRemoved: onRemoved, leavesBoot: true, requester: requester)
          return .remove
        }
      }
      let kept = try await runtime.modulesKeptUnloaded()
      for definition in project.modules where !kept.contains(definition.name) {
        let order = ModuleOrder(definition, isFromBoot: true, requester: requester)
        try await tally.note(definition.name) {
          guard running.contains(definition.name) else {
            return .add(try await refusing { try await runtime.loadModule(order) })
          }
          let report = try await refusing {
            try await runtime.reloadModule(order, onRemoved: onRemoved, drainMs: nil)
          }
          return report.outcome == .unchanged ? .unchanged : .change(report)
        }
      }
      if let failure = tally.failure { throw failure }
      return tally.json(warnings: project.warningTexts)
    }
  }

  private func refuseTakenNames(_ project: LoadedProject, _ running: Set<String>) async throws {
    for definition in project.modules where running.contains(definition.name) {
      guard let known = try await runtime.knownModule(definition.name), !known.isFromBoot,
        known.origin != definition.path
      else { continue }
      throw EngineError(
        .conflict,
        "module \"\(known.name)\" is loaded from \(known.origin), not from \(definition.path)",
        hint: "orgloop module unload \(known.name)")
    }
  }

  /// The running modules that came from the manifest and stand there no more.
  private func gone(from project: LoadedProject) async throws -> [String] {
    let names = Set(project.modules.map(\.name))
    var gone: [String] = []
    for definition in runtime.loadedDefinitions where !names.contains(definition.name) {
      guard try await runtime.knownModule(definition.name)?.isFromBoot == true else { continue }
      gone.append(definition.name)
    }
    return gone.sorted()
  }

  /// Loads again what was loaded by hand before the runtime ended without being asked to by an
  /// operator (config.md 10.1).
  ///
  /// - Returns: What was loaded, and a sentence for each module that could not be.
  func restore() async throws -> (loaded: [ModuleDefinition], warnings: [String]) {
    var loaded: [ModuleDefinition] = []
    var warnings: [String] = []
    for known in try await runtime.modulesToRestore() {
      do {
        let origin = ModuleOrigin(known)
        let project = await files.project(origin, beside: runtime.loadedDefinitions)
        let definition = try definition(known.name, of: project)
        _ = try await runtime.loadModule(
          origin.order(definition, of: project, requester: known.loadedBy))
        loaded.append(definition)
      } catch {
        let failure = Failure(error)
        let first = failure.details.first?["message"]?.string.map { ": \($0)" } ?? ""
        warnings.append(
          Secrets.redact("module \(known.name) is not loaded again: \(failure.message)\(first)"))
      }
    }
    return (loaded, warnings)
  }
}

/// What an `apply` has done so far.
private struct ApplyTally {
  enum Action {
    case add(LoadReport)
    case change(LoadReport)
    case unchanged
    case remove
  }

  private var items: [JSONValue] = []
  private var counts: [String: Int] = [:]
  private(set) var failure: (any Error)?

  /// A failure of one module is kept until all others are done; the end of the runtime is not.
  mutating func note(_ name: String, _ body: () async throws -> Action) async throws {
    do {
      add(name, try await body())
    } catch let error as EngineError where error.code == .closed {
      throw error
    } catch {
      failure = failure ?? error
    }
  }

  private mutating func add(_ name: String, _ action: Action) {
    var item: JSONObject = ["name": .string(name)]
    let word: String
    switch action {
    case .add: word = "add"
    case .change(let report):
      word = "change"
      item["changes"] = report.changes.json
    case .unchanged: word = "unchanged"
    case .remove: word = "remove"
    }
    item["action"] = .string(word)
    items.append(.object(item))
    counts[word, default: 0] += 1
  }

  func json(warnings: [String]) -> JSONValue {
    [
      "applied": true, "modules": .array(items),
      "summary": [
        "add": JSONValue(counts["add"] ?? 0), "change": JSONValue(counts["change"] ?? 0),
        "remove": JSONValue(counts["remove"] ?? 0),
      ],
      "warnings": .array(warnings.map(JSONValue.string)),
    ]
  }
}
