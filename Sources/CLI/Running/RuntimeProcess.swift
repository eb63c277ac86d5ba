import CPlatform
import Connectors
import Engine
import Logging
import ProjectConfiguration
import Server
import ServiceLifecycle

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A runtime from its configuration to its end: the one place where everything is put together.
struct RuntimeProcess {
  let command: StartCommand
  let readiness: Readiness
  private let notes: StartNotes

  init(command: StartCommand, readiness: Readiness) {
    self.command = command
    self.readiness = readiness
    notes = StartNotes(command.global.output)
  }

  private var global: GlobalOptions { command.global }
  private var output: Output { command.global.output }

  /// Returns when the runtime has been asked to stop and has stopped.
  ///
  /// - Throws: ``Failure`` and what the parts throw, when it could not start or had to end.
  func run() async throws {
    ProcessSetup.forbidCoreDumps()
    ProcessSetup.raiseOpenFiles()
    LoggingSystem.bootstrap { [level = global.verbose ? Logger.Level.debug : .warning] label in
      StandardErrorLog(label: label, level: level)
    }
    try await ProjectLoading.withCatalog(guardsChildren: true) { loading in
      let project = try load(with: loading)
      let settings = try settings(of: project)
      try WebhookExposure.check(project.modules, host: settings.host, catalog: loading.catalog)
      let log = LogFanout()
      if !project.modules.contains(where: { $0.loggers.contains(where: \.isEnabled) }) {
        try Loggers.addConsole(loading.catalog, to: log, isVerbose: global.verbose)
      }
      try await hold(settings, loading, log)
    }
  }

  /// - Parameter hashKey: The database's own, once it is open.
  private func load(
    with loading: ProjectLoading, hashKey: [UInt8]? = nil
  ) throws -> LoadedProject {
    var options = LoadOptions()
    if let hashKey { options.hashKey = hashKey }
    let project = try loading.load(global, options: options)
    let isUsable = command.force && project.configFile != nil && !project.modules.isEmpty
    if project.hasErrors, !isUsable {
      output.show(project.diagnostics)
      throw Failure(configurationOf: project)
    }
    if hashKey == nil {
      for each in project.diagnostics where each.level != .notice {
        notes.say(each.level, each.description)
      }
    }
    return project
  }

  private func settings(of project: LoadedProject) throws -> RuntimeSettings {
    var settings = project.settings
    if let host = command.host ?? Surroundings.variable("ORGLOOP_HOST") { settings.host = host }
    if let port = try command.chosenPort() { settings.port = port }
    return settings
  }

  /// Opens the database and closes it again, whatever happens in between.
  ///
  /// A project that cannot be started never gets this far, so a broken file makes no database. What
  /// is started is loaded once more, with the database's own key for the hashes of secrets.
  private func hold(
    _ settings: RuntimeSettings, _ loading: ProjectLoading, _ log: LogFanout
  ) async throws {
    let database = try global.databasePath()
    let runtime = try await open(database, settings, loading, log)
    defer { runtime.close() }
    let project = try load(with: loading, hashKey: runtime.hashKey)
    let record = try makeRecord(project, database: database)
    let control = ModuleControl(
      runtime: runtime,
      files: ModuleFiles(
        loading, bootFile: project.configFile ?? project.projectRoot,
        workspace: record.workspace, hashKey: runtime.hashKey),
      settings: RunningSettings(settings, configured: project.settings))
    try await serve(
      control, project, settings, RecordKeeper(runtime, record, time: .system))
  }

  private func open(
    _ database: String, _ settings: RuntimeSettings, _ loading: ProjectLoading, _ log: LogFanout
  ) async throws -> Runtime {
    do {
      return try Runtime.open(
        path: database, settings: settings, catalog: loading.catalog, log: log,
        promptMetadata: PromptReader.metadata(ofFrontMatter:))
    } catch  where error.code == .locked {
      throw await Failure(heldBy: error, database: database)
    }
  }

  private func makeRecord(
    _ project: LoadedProject, database: String
  ) throws -> RuntimeRecord {
    guard let process = ProcessIdentity.current else {
      throw Failure(.runtime, .failed, "cannot read /proc/self/stat")
    }
    var record = RuntimeRecord(
      pid: process.pid, processStart: process.start, version: Program.version,
      workspace: try global.workspaceName(), configPath: project.configFile, phase: .starting,
      startedAtMs: TimeSource.system.wallMs)
    // The parent of an orphan is another process, which nobody must stop for it.
    if let pid = command.supervisor, pid == getppid(), let parent = ProcessIdentity(pid: pid) {
      record.supervisor = (parent.pid, parent.start)
    }
    record.socketPath = SocketPath.path(
      database: database, runtimeDirectory: Surroundings.variable("XDG_RUNTIME_DIR"))
    return record
  }

  /// Binds, loads, and works until asked to stop.
  private func serve(
    _ control: ModuleControl, _ project: LoadedProject, _ settings: RuntimeSettings,
    _ keeper: RecordKeeper
  ) async throws {
    let stop = StopRequests()
    let logger = Logger(label: "orgloop")
    let runtime = control.runtime
    let gateway = Gateway(
      runtime: runtime, keeper: keeper, stop: stop, control: control, logger: logger)
    let reload = ReloadRequests(gateway, logger: logger)
    let server = try HTTPServer.bind(
      HTTPServerConfiguration(settings, socketPath: keeper.record.socketPath ?? ""),
      gateway: gateway, logger: logger)
    let modules: [ModuleDefinition]
    do {
      keeper.change { $0.httpAddress = "\(settings.host):\(server.port)" }
      try await keeper.save()
      modules = try await loadModules(of: project, control)
      // Reading a large project has taken many times what is left of it, and malloc keeps that.
      orgloop_give_memory_back()
    } catch {
      server.close()
      throw error
    }
    keeper.whenReady { status in
      let report = StartReport(
        modules, status: status, record: keeper.record, notes: notes.all)
      output.result(report.json, report.text)
      readiness.succeed(report)
    }
    let group = ServiceGroup(
      configuration: configuration(
        ServingService(server: server), DrainingService(runtime: runtime, stop: stop), keeper,
        stop, reload, Watchdog(keeper), logger: logger))
    try await group.run()
    await keeper.end(.stopped)
    output.notice("OrgLoop stopped.")
  }

  /// The boot project's modules but for those that an operator has unloaded, then those that
  /// were loaded by hand before; only the boot project's can keep the runtime from starting.
  private func loadModules(
    of project: LoadedProject, _ control: ModuleControl
  ) async throws -> [ModuleDefinition] {
    let kept = try await control.runtime.modulesKeptUnloaded()
    let boot = project.modules.filter { !kept.contains($0.name) }
    try await control.runtime.load(
      boot, bootNames: project.modules.map(\.name) + project.invalidModules, loadedBy: "boot")
    for module in project.modules where kept.contains(module.name) {
      notes.say(
        .notice, "module \(module.name) stays unloaded (orgloop module load \(module.name))")
    }
    let restored = try await control.restore()
    for warning in restored.warnings { notes.say(.warning, warning) }
    return boot + restored.loaded
  }

  /// A group stops its services one after the other, the last one first: the request to stop ends
  /// itself, the row then says `stopping`, the runtime drains, and the server answers 503 until
  /// that is done.
  private func configuration(
    _ server: ServingService, _ runtime: DrainingService, _ keeper: RecordKeeper,
    _ stop: StopRequests, _ reload: ReloadRequests, _ watchdog: Watchdog, logger: Logger
  ) -> ServiceGroupConfiguration {
    typealias Part = ServiceGroupConfiguration.ServiceConfiguration
    return ServiceGroupConfiguration(
      services: [
        // The first, so that it is the last to end: a long drain is work too.
        Part(
          service: watchdog, successTerminationBehavior: .ignore, serviceName: "watchdog"),
        Part(service: server, serviceName: "server"),
        Part(
          service: runtime, successTerminationBehavior: .gracefullyShutdownGroup,
          serviceName: "runtime"),
        Part(
          service: keeper, successTerminationBehavior: .ignore, serviceName: "record keeper"),
        Part(
          service: stop, successTerminationBehavior: .gracefullyShutdownGroup,
          serviceName: "stop requests"),
        Part(
          service: reload, successTerminationBehavior: .ignore, serviceName: "reload requests"),
      ],
      logger: logger)
  }
}

extension Failure {
  /// A configuration with errors.
  init(configurationOf project: LoadedProject) {
    self.init(
      .configuration, .configuration, "the configuration is invalid: \(project.totals)",
      hint: "orgloop validate checks it without starting anything")
    details = project.diagnostics.map(\.json)
  }

  /// The database belongs to a runtime; names it when it can be found.
  init(heldBy error: EngineError, database: String) async {
    self.init(error)
    // Only the pid is lost with an error here; that the database is held is known.
    guard let record = try? await Database(path: database).lastRuntime(),
      ProcessIdentity(record) != nil
    else { return }
    message = "OrgLoop is already running for \(database) (PID \(record.pid))"
  }
}
