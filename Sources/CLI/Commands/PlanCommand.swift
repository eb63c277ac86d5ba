import ArgumentParser
import Engine
import ProjectConfiguration

/// `orgloop plan` (cli-http.md 2.2).
struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show what apply, or the next start, would change; changes nothing.")

  @Flag(name: .long, help: "Exit 2 when there are changes, 1 for any failure but an invalid file.")
  var detailedExitcode = false
  @Option(name: .long, help: "What is to become of unsettled deliveries whose route is gone.")
  var onRemoved: RemovedPolicy = .park
  @Option(
    name: .long,
    help: ArgumentHelp("Write the plan there, for apply --plan.", valueName: "file"))
  var out: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Try the plan on recorded events: those of the last 7d, or the newest 5000.",
      valueName: "window"))
  var against: String?
  @Flag(name: .long, help: "With --against: run scripts and jq on the recorded events, too.")
  var runScripts = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let window = try against.map { try PlanEvidence.window($0) }
    guard window != nil || !runScripts else {
      throw Failure(.usage, .usage, "--run-scripts goes with --against")
    }
    var plan: JSONValue
    do {
      plan = try await makePlan()
      if let window {
        plan = try await PlanEvidence(global: global, runsScripts: runScripts).adding(
          to: plan, window)
      }
      try save(plan)
    } catch {
      var failure = Failure(error)
      global.output.showDetails(of: failure)
      if detailedExitcode, failure.exit != .configuration { failure.exit = .failed }
      throw failure
    }
    if let own = ProjectFile.resolved(global.configPath), let planned = plan["config"]?.string,
      own != planned
    {
      global.output.warning("this is the plan of \(planned), which the runtime was started with")
    }
    if let planned = plan["workspace"]?.string, try planned != global.workspaceName() {
      global.output.warning(
        "this is the plan of the workspace \(planned), which the runtime was started in")
    }
    global.output.showWarnings(of: plan)
    global.output.result(plan, PlanText.text(plan))
    if detailedExitcode, PlanText.hasChanges(plan) { throw Ended(status: .changes) }
  }

  private func makePlan() async throws -> JSONValue {
    let database = try global.databasePath()
    return try await RuntimeClient.withRuntime(of: database) { client in
      guard let client else {
        try RuntimeClient.refuseForbiddenSocket(of: database)
        return try await StoppedPlan(global: global, database: database).make()
      }
      return try await client.order("plan", ["on_removed": .string(onRemoved.rawValue)])
    }
  }

  /// For the owner alone: a plan names what a project is made of.
  private func save(_ plan: JSONValue) throws {
    guard let out else { return }
    try PrivateFile.write(
      Output.text(of: plan), to: Surroundings.absolute(out), overwrites: global.yes)
  }
}

/// A plan for the next start, made from the database and the files.
struct StoppedPlan {
  let global: GlobalOptions
  let database: String

  func make() async throws -> JSONValue {
    let database = Database(path: database)
    guard try database.exists() else { return try await plan(nil) }
    do {
      return try await database.readModules { try await plan($0) }
    } catch let failure as Failure where failure.code == .notFound {
      // A start that was cut off has left a file without tables: nothing has ever run.
      return try await plan(nil)
    }
  }

  /// - Parameter archive: Nil where nothing has ever run.
  private func plan(_ archive: ModuleArchive?) async throws -> JSONValue {
    var options = LoadOptions()
    if let key = try await archive?.hashKey() { options.hashKey = key }
    return try await ProjectLoading.withCatalog { [options] loading in
      let project = try loading.load(global, options: options)
      guard !project.hasErrors else { throw Failure(configurationOf: project) }
      try WebhookExposure.check(
        project.modules, host: Surroundings.variable("ORGLOOP_HOST") ?? project.settings.host,
        catalog: loading.catalog)
      let names = Set(project.modules.map(\.name))
      var base = try await archive?.planBase(for: names) ?? PlanBase()
      var contents: [String: [UInt8]] = [:]
      if let archive {
        let reader = HistoryReader(
          global: global, history: archive.history, hashKey: options.hashKey)
        base = try await completed(base, project, reader, loading, &contents)
      }
      // A start parks what routes that are gone have left.
      var plan = ModulePlan(from: base, to: project.modules, onRemoved: .park)
      for file in project.modules.flatMap(\.captured) { contents[file.hash] = file.content }
      plan.compareContents(contents)
      return .object(PlanDocument.make(plan, of: project, needsRestart: []))
    }
  }

  /// With the definitions that ran last, read from the history.
  ///
  /// - Parameter contents: Gets what prompts and scripts were.
  private func completed(
    _ base: PlanBase, _ project: LoadedProject, _ reader: HistoryReader,
    _ loading: ProjectLoading, _ contents: inout [String: [UInt8]]
  ) async throws -> PlanBase {
    guard !base.modules.isEmpty else { return base }
    let names = Set(base.modules.map(\.name))
    let last = try await reader.history.last(of: .ordersBack(0))
    let entries = try await reader.history.modules(at: last).filter { names.contains($0.module) }
    let past = try await reader.definitions(
      entries, loading, beside: project, options: reader.options())
    contents = try await reader.history.files(entries.flatMap(\.captured.values))
    return past.completing(base)
  }
}
