import Engine
import ProjectConfiguration
import Server

/// Brings the boot project's modules to what they were once (docs/plan-and-apply.md).
extension ModuleControl {
  /// The plan of a rollback, carried out unless only the plan was asked for.
  ///
  /// Documents come from the history, prompts and scripts from the disk, variables from the
  /// environment. Like an apply it is done as a whole or not at all, and one after the other.
  ///
  /// - Returns: The plan with `rollback {generation, changed_files, variables, files_differ}`, and
  ///   `applied`.
  func rollback(_ request: RollbackRequest, by requester: String) async throws -> JSONObject {
    try await turns.take(key(.boot)) {
      let then = try await past(request.place)
      let project = await files.project(.boot, beside: runtime.loadedDefinitions)
      let archived = try await archived(then, project)
      let desired = desired(archived)
      let step = try await step(to: desired, request.onRemoved)
      guard request.plan == nil || request.plan == step.plan.id else {
        throw EngineError(
          .conflict, "the plan was made against another state; make a new one",
          hint: "orgloop rollback \(request.place.text) --plan-only makes one")
      }
      var answer = PlanDocument.make(step.plan, of: project, needsRestart: [])
      answer["warnings"] = []
      let filesDiffer = filesDiffer(desired, project)
      answer["rollback"] = rollback(then, archived, filesDiffer)
      answer["applied"] = false
      guard !request.isPlanOnly, !step.plan.summary.isEmpty else { return answer }
      if !request.allowsChangedFiles { try refuseChangedScripts(archived, then.number) }
      let change = ChangeGroup("rollback @\(then.number)")
      let order = step.order(request.onRemoved, by: requester, as: change)
      try await refusing { try await runtime.apply(order) }
      rolledBack.set(
        generation: then.number, by: requester, filesDiffer: filesDiffer,
        atMs: TimeSource.system.wallMs)
      answer["applied"] = true
      return answer
    }
  }

  /// A moment of the history, and what the boot project was then.
  private struct Past {
    let number: Int64
    let entries: [HistoryEntry]
  }

  private func past(_ place: HistoryPlace) async throws -> Past {
    let last = try await runtime.history.last(of: place)
    let byHand = Set(try await runtime.knownModules().filter { !$0.isFromBoot }.map(\.name))
    // What an older orgloop has stored does not say whose it was: it is refused later, not left out.
    let entries = try await runtime.history.modules(at: last).filter { entry in
      entry.isFromBoot || entry.reading == nil && !byHand.contains(entry.module)
    }
    let number = if case .generation(let number) = place { number } else { last }
    guard !entries.isEmpty else {
      throw EngineError(
        .notFound, "at generation \(number) the boot project had no module",
        hint: "orgloop config log shows what there is")
    }
    if let other = entries.lazy.compactMap(\.projectRoot).first(where: { $0 != files.bootDirectory }
    ) {
      throw EngineError(
        .conflict,
        "generation \(number) is of the project in \(other), which is not the one that runs",
        hint: "start the runtime with that project")
    }
    return Past(number: number, entries: entries)
  }

  private func archived(_ then: Past, _ project: LoadedProject) async throws -> ArchivedProject {
    let contents = try await runtime.history.files(then.entries.flatMap(\.captured.values))
    let byHand = Set(
      try await runtime.knownModules().filter { !$0.isFromBoot }.map(\.name))
    let archived = await files.archived(
      then.entries, contents: contents, literals: project.literals,
      beside: runtime.loadedDefinitions.filter { byHand.contains($0.name) })
    if let module = archived.unreadable.first {
      throw ConfigurationRefusal(
        Failure(
          .configuration, .configuration,
          "module \(module) was stored by an older orgloop, which kept too little to bring it back; "
            + "orgloop config show @\(then.number) shows what it was"))
    }
    if let literal = archived.missing.first {
      throw ConfigurationRefusal(
        Failure(
          .configuration, .configuration,
          "module \(literal.module): \(literal.file): \(literal.field): the credential that stood "
            + "there was never stored, and the file "
            + (project.hasErrors ? "cannot be read now" : "does not have it any more")
            + "; write it there again, or better put it into a variable"))
    }
    guard !archived.hasErrors else {
      throw ConfigurationRefusal(
        "the configuration of generation \(then.number) cannot be used any more",
        errors: archived.diagnostics.filter { $0.level == .error }.map(\.json))
    }
    return archived
  }

  /// What is the same as what runs is what runs: the history may have lost the order of keys.
  private func desired(_ archived: ArchivedProject) -> [ModuleDefinition] {
    let running = runtime.loadedDefinitions
    return archived.modules.map { definition in
      running.first {
        $0.name == definition.name && $0.contentHash == definition.contentHash
          && $0.path == definition.path && $0.alias == definition.alias
      } ?? definition
    }
  }

  private func filesDiffer(_ desired: [ModuleDefinition], _ project: LoadedProject) -> Bool {
    func hashes(_ modules: [ModuleDefinition]) -> [String] {
      modules.map { "\($0.name) \($0.contentHash)" }.sorted()
    }
    return project.hasErrors || hashes(desired) != hashes(project.modules)
  }

  private func refuseChangedScripts(_ archived: ArchivedProject, _ number: Int64) throws {
    let scripts = archived.files.filter(\.isScript)
    guard let first = scripts.first else { return }
    let more = scripts.count > 1 ? " (and \(scripts.count - 1) more)" : ""
    throw EngineError(
      .conflict,
      "script \(first.file)\(more) is not what it was at generation \(number), and the script on "
        + "the disk would run",
      hint: "orgloop config show @\(number) --file \(first.file) prints what it was; "
        + "--allow-changed-files rolls back all the same")
  }

  private func rollback(
    _ then: Past, _ archived: ArchivedProject, _ filesDiffer: Bool
  ) -> JSONValue {
    [
      "generation": JSONValue(then.number),
      "changed_files": .array(
        archived.files.map { file in
          [
            "module": .string(file.module), "file": .string(file.file),
            "kind": file.isScript ? "script" : "prompt", "then": .string(file.then),
            "now": JSONValue(file.now), "routes": .array(file.routes.map(JSONValue.string)),
          ]
        }),
      "variables": .array(
        archived.variables.map { ["module": .string($0.module), "name": .string($0.name)] }),
      "files_differ": .bool(filesDiffer),
    ]
  }
}
