import Engine
import ProjectConfiguration
import Server

extension ModuleControl {
  /// What ``apply(plan:onRemoved:by:)`` would do now, with `needs_restart` and `warnings`.
  ///
  /// - Throws: ``ConfigurationRefusal``; ``EngineError`` `.conflict` for a name that belongs to
  ///   other files.
  func plan(onRemoved: RemovedPolicy) async throws -> JSONValue {
    try await turns.take(key(.boot)) {
      .object(try await boot(onRemoved).json(settings))
    }
  }

  /// Brings the running modules to what the boot project says now: those that are gone are
  /// unloaded, the others are loaded or reloaded (config.md 10.6).
  ///
  /// All of it is done or nothing: nothing is changed when the project has errors, when a name or a
  /// path belongs to other files, when a module cannot be made, or when the plan would be another one
  /// now.
  ///
  /// - Parameter wanted: The id of the plan that was looked at; nil applies any.
  /// - Returns: The plan with `applied: true`.
  func apply(
    plan wanted: String?, onRemoved: RemovedPolicy, by requester: String
  ) async throws -> JSONValue {
    try await turns.take(key(.boot)) {
      let boot = try await boot(onRemoved)
      guard wanted == nil || wanted == boot.step.plan.id else {
        throw EngineError(
          .conflict, "the plan was made against another state; make a new one",
          hint: "orgloop plan makes one; --on-removed is a part of it")
      }
      let change = ChangeGroup("apply")
      let order = boot.step.order(onRemoved, by: requester, as: change)
      try await refusing { try await runtime.apply(order) }
      rolledBack.clear()
      var answer = boot.json(settings)
      answer["applied"] = true
      return .object(answer)
    }
  }

  /// The boot project as its files are now, and the way there.
  private struct Boot {
    let project: LoadedProject
    let step: Step

    func json(_ settings: RunningSettings) -> JSONObject {
      PlanDocument.make(
        step.plan, of: project, needsRestart: settings.changes(to: project.settings))
    }
  }

  private func boot(_ onRemoved: RemovedPolicy) async throws -> Boot {
    let project = await files.project(.boot, beside: runtime.loadedDefinitions)
    guard !project.hasErrors else { throw ConfigurationRefusal(project) }
    return Boot(project: project, step: try await step(to: project.modules, onRemoved))
  }

  /// The way from what runs to other definitions of the boot project.
  struct Step {
    /// Without those that an operator has unloaded.
    let applied: [ModuleDefinition]
    var plan: ModulePlan
    /// The generations at work that the plan was made from.
    let base: [String: Int64]

    func order(
      _ onRemoved: RemovedPolicy, by requester: String, as change: ChangeGroup
    ) -> ApplyOrder {
      // The runtime reloads what it finds changed, so that it need not be told what is unchanged.
      ApplyOrder(
        removals: plan.modules(.remove),
        arrivals: applied.map {
          ModuleOrder($0, isFromBoot: true, requester: requester, change: change)
        },
        onRemoved: onRemoved, requester: requester, base: base, change: change)
    }
  }

  /// - Throws: ``ConfigurationRefusal``; ``EngineError`` `.conflict` for a name or a path that
  ///   belongs to other files.
  func step(
    to desired: [ModuleDefinition], _ onRemoved: RemovedPolicy
  ) async throws -> Step {
    try checkExposure(desired)
    let byHand = try await runtime.knownModules().filter { $0.state == .active && !$0.isFromBoot }
    let base = try await runtime.planBase(for: Set(desired.map(\.name)))
    var plan = ModulePlan(from: base, to: desired, onRemoved: onRemoved)
    let applied = desired.filter { !base.kept.contains($0.name) }
    try refuseTaken(applied, by: byHand, leaving: Set(plan.modules(.remove)))
    let hashes = plan.contentHashes
    if !hashes.isEmpty {
      var contents = try await runtime.history.files(hashes)
      for file in desired.flatMap(\.captured) { contents[file.hash] = file.content }
      plan.compareContents(contents)
    }
    let generations = base.modules.compactMap { module in
      module.generation.map { (module.name, $0) }
    }
    return Step(
      applied: applied, plan: plan,
      base: Dictionary(generations, uniquingKeysWith: { first, _ in first }))
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
          origin.order(
            definition, of: project, requester: known.loadedBy, as: ChangeGroup("start")))
        loaded.append(definition)
      } catch {
        let failure = Failure(error)
        let first = failure.details.first { $0["level"] == "error" } ?? failure.details.first
        let why = first?["message"]?.string.map { ": \($0)" } ?? ""
        warnings.append(
          Secrets.redact("module \(known.name) is not loaded again: \(failure.message)\(why)"))
      }
    }
    return (loaded, warnings)
  }
}
