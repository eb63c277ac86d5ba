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
  /// unloaded, then the others are loaded or reloaded (config.md 10.6).
  ///
  /// Nothing is changed when the project has errors, when a name or a path belongs to other files, or
  /// when the plan would be another one now. One module that cannot be made keeps none of the others
  /// from being applied.
  ///
  /// - Parameter wanted: The id of the plan that was looked at; nil applies any.
  /// - Returns: The plan with `applied: true`.
  func apply(
    plan wanted: String?, onRemoved: RemovedPolicy, by requester: String
  ) async throws -> JSONValue {
    try await turns.take(key(.boot)) {
      let boot = try await boot(onRemoved)
      guard wanted == nil || wanted == boot.plan.id else {
        throw EngineError(
          .conflict, "the plan was made against another state; make a new one",
          hint: "orgloop plan makes one; --on-removed is a part of it")
      }
      // The runtime reloads what it finds changed, so that it need not be told what is unchanged.
      var failure: (any Error)?
      for name in boot.plan.modules(.remove) {
        failure = try await first(failure) {
          _ = try await runtime.unloadModule(
            name, drainMs: nil, onRemoved: onRemoved, leavesBoot: true, requester: requester)
        }
      }
      let added = Set(boot.plan.modules(.add))
      for definition in ordered(boot.applied) {
        let order = ModuleOrder(definition, isFromBoot: true, requester: requester)
        failure = try await first(failure) {
          _ = try await refusing {
            added.contains(definition.name)
              ? try await runtime.loadModule(order)
              : try await runtime.reloadModule(order, onRemoved: onRemoved, drainMs: nil)
          }
        }
      }
      if let failure { throw failure }
      var answer = boot.json(settings)
      answer["applied"] = true
      return .object(answer)
    }
  }

  /// The boot project as its files are now, and the way there.
  private struct Boot {
    let project: LoadedProject
    /// Without those that an operator has unloaded.
    let applied: [ModuleDefinition]
    let plan: ModulePlan

    func json(_ settings: RunningSettings) -> JSONObject {
      PlanDocument.make(plan, of: project, needsRestart: settings.changes(to: project.settings))
    }
  }

  private func boot(_ onRemoved: RemovedPolicy) async throws -> Boot {
    let project = await files.project(.boot, beside: runtime.loadedDefinitions)
    guard !project.hasErrors else { throw ConfigurationRefusal(project) }
    try checkExposure(project.modules)
    let byHand = try await runtime.knownModules().filter { $0.state == .active && !$0.isFromBoot }
    let base = try await runtime.planBase(for: Set(project.modules.map(\.name)))
    let plan = ModulePlan(from: base, to: project.modules, onRemoved: onRemoved)
    let applied = project.modules.filter { !base.kept.contains($0.name) }
    try refuseTaken(applied, by: byHand, leaving: Set(plan.modules(.remove)))
    return Boot(project: project, applied: applied, plan: plan)
  }

  /// Who takes a path comes after who gives it up.
  private func ordered(_ definitions: [ModuleDefinition]) -> [ModuleDefinition] {
    let owners = runtime.mountOwners
    guard !owners.isEmpty else { return definitions }
    var (waiting, ordered) = (definitions, [ModuleDefinition]())
    while !waiting.isEmpty {
      let names = Set(waiting.map(\.name))
      // Of two that change places one comes first and is refused; another apply brings it there.
      let next =
        waiting.firstIndex { definition in
          !definition.mounts.contains { mount in
            owners[mount.path].map { $0 != definition.name && names.contains($0) } ?? false
          }
        } ?? waiting.startIndex
      ordered.append(waiting.remove(at: next))
    }
    return ordered
  }

  /// A failure of one module is kept until all others are done; the end of the runtime is not.
  private func first(
    _ failure: (any Error)?, _ body: () async throws -> Void
  ) async throws -> (any Error)? {
    do {
      try await body()
      return failure
    } catch let error as EngineError where error.code == .closed {
      throw error
    } catch {
      return failure ?? error
    }
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
