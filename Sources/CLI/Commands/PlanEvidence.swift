import Connectors
import Engine
import ProjectConfiguration

/// `plan --against` (docs/plan-and-apply.md): the plan's configuration, and the one that runs, on
/// recorded events. In this process, from the file: the runtime has other things to do.
struct PlanEvidence {
  let global: GlobalOptions
  let runsScripts: Bool

  /// From `7d` or `5000`.
  ///
  /// - Throws: ``Failure`` for anything else.
  static func window(
    _ text: String, nowMs: Int64 = TimeSource.system.wallMs
  ) throws -> Evidence.Window {
    if let count = Int64(text), count > 0 { return Evidence.Window(count: count) }
    guard let ms = DurationText.ms(text), ms > 0 else {
      throw Failure(
        .usage, .usage, "--against must be a duration such as 7d, or a number of events",
        hint: "not \"\(text)\"")
    }
    return Evidence.Window(fromMs: nowMs - ms)
  }

  /// - Throws: ``Failure`` when the files or what ran last cannot be read.
  func adding(to plan: JSONValue, _ window: Evidence.Window) async throws -> JSONValue {
    guard var object = plan.object else { return plan }
    let database = Database(path: try global.databasePath())
    guard try database.exists() else {
      object["evidence"] = .object(EvidenceReport().json)
      return .object(object)
    }
    object["evidence"] = try await database.readModules(readers: 2) { archive in
      try await ProjectLoading.withCatalog(guardsChildren: runsScripts) { loading in
        try await evidence(archive, loading, window, config: plan["config"]?.string)
      }
    }
    return .object(object)
  }

  private func evidence(
    _ archive: ModuleArchive, _ loading: ProjectLoading, _ window: Evidence.Window,
    config: String?
  ) async throws -> JSONValue {
    let reader = HistoryReader(
      global: global, history: archive.history, hashKey: try await archive.hashKey())
    // Where the runtime has variables that this shell has not, all else can be compared.
    let options = reader.options(isShown: true)
    let project = loading.load(config ?? global.configPath, options: options)
    guard !project.hasErrors else { throw Failure(configurationOf: project) }
    let current = try await reader.history.current()
    let entries =
      current.isEmpty
      ? [] : try await reader.history.modules(at: try await reader.history.last(of: .ordersBack(0)))
    let past = try await reader.definitions(entries, loading, beside: project, options: options)
    if let unread = entries.first(where: { past.modules[$0.module] == nil }) {
      throw Failure(
        .configuration, .failed,
        "what module \(unread.module) was cannot be read from the history, so nothing can be "
          + "compared with it", hint: "start this orgloop once with it, then try again")
    }
    let running = entries.compactMap { past.modules[$0.module] }
    let names = Set(project.modules.map(\.name))
    // What was loaded by hand stays as it is.
    let others = entries.filter { !$0.isFromBoot && !names.contains($0.module) }
      .compactMap { past.modules[$0.module] }
    let evidence = try Evidence(
      running: running, proposed: project.modules + others, catalog: loading.catalog,
      runsScripts: runsScripts)
    var json = try await evidence.run(archive, window).json
    json["self_loops"] = .array(
      project.diagnostics.filter { $0.code == "graph.self-loop" }.map { .string($0.message) })
    let unset = Set(project.variables.filter { $0.source == .unset }.map(\.name)).sorted()
    json["unset_variables"] = .array(unset.map(JSONValue.string))
    return Secrets.redact(.object(json))
  }
}
