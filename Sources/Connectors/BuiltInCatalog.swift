package import AsyncHTTPClient
package import Engine

/// Everything that is built in (connectors.md 1.1).
package enum BuiltInCatalog {
  /// What the program gives to its connectors; they look at nothing else of the process.
  package struct Services: Sendable {
    /// The program's own environment; commands get PATH, HOME and LANG of it.
    package var environment: [String: String]
    /// Nil = children are not guarded against a `kill -9` of the engine.
    package var childGuard: ChildGuard?
    /// From ``HTTPClients/makeForActors()``; whoever made it shuts it down after the engine.
    package var httpClient: HTTPClient
    /// For the limit of jq; sources and actors get theirs with their context.
    package var time: TimeSource
    /// Of the program, for `User-Agent`.
    package var version: String
    /// What stderr is, for the console logger.
    package var terminal: ConsoleTerminal
    /// Where the console logger writes.
    package var console: ConsoleOutput

    package init(
      environment: [String: String], childGuard: ChildGuard?, httpClient: HTTPClient,
      time: TimeSource = .system, version: String, terminal: ConsoleTerminal,
      console: ConsoleOutput = .standardError
    ) {
      self.environment = environment
      self.childGuard = childGuard
      self.httpClient = httpClient
      self.time = time
      self.version = version
      self.terminal = terminal
      self.console = console
    }
  }

  /// The catalog. Makes nothing that runs.
  package static func make(_ services: Services) -> ConnectorCatalog {
    let runner = CommandRunner(
      baseEnvironment: Command.baseEnvironment(from: services.environment),
      childGuard: services.childGuard)
    return ConnectorCatalog(
      connectors: [webhook(services), cron, exec(runner)],
      transforms: [filter(runner, services.time), dedup, script(runner)],
      loggers: [console(services)])
  }

  private static func webhook(_ services: Services) -> ConnectorDescriptor {
    ConnectorDescriptor(
      name: "webhook",
      source: ConnectorDescriptor.SourceRole(
        mode: { _ in .push }, fields: WebhookSource.fields, check: WebhookSource.check,
        make: { .push(try WebhookSource($0, context: $1)) }),
      actor: ConnectorDescriptor.ActorRole(
        fields: WebhookActorSettings.fields, check: WebhookActorSettings.check,
        make: { config, context in
          try WebhookActor(
            config, context: context, client: services.httpClient, version: services.version)
        }))
  }

  private static var cron: ConnectorDescriptor {
    ConnectorDescriptor(
      name: "cron",
      source: ConnectorDescriptor.SourceRole(
        mode: { _ in .timer }, fields: CronSettings.fields, check: CronSettings.check,
        make: { config, _ in .timer(try CronSource(config)) }))
  }

  private static func exec(_ runner: CommandRunner) -> ConnectorDescriptor {
    ConnectorDescriptor(
      name: "exec",
      source: ConnectorDescriptor.SourceRole(
        mode: ExecSource.mode, fields: ExecSource.fields, check: ExecSettings.check,
        make: { config, context in
          let source = try ExecSource(config, context: context, runner: runner)
          return ExecSource.mode(config) == .stream ? .stream(source) : .poll(source)
        }),
      actor: ConnectorDescriptor.ActorRole(
        fields: ExecActor.fields, check: ExecSettings.check,
        make: { try ExecActor($0, context: $1, runner: runner) }))
  }

  private static func filter(_ runner: CommandRunner, _ time: TimeSource) -> TransformDescriptor {
    TransformDescriptor(
      name: "filter", fields: FilterTransform.fields, check: FilterTransform.check,
      complaint: JQProgram.complaint,
      make: { step in
        guard step.config["jq"] == nil else {
          return try JQTransform(step, runner: runner, time: time)
        }
        return try FilterTransform(step.config)
      })
  }

  private static var dedup: TransformDescriptor {
    TransformDescriptor(
      name: "dedup", fields: DedupTransform.fields, check: DedupTransform.check,
      make: { try DedupTransform($0.config) })
  }

  private static func script(_ runner: CommandRunner) -> TransformDescriptor {
    TransformDescriptor(name: "script", make: { try ScriptTransform($0, runner: runner) })
  }

  private static func console(_ services: Services) -> LoggerDescriptor {
    LoggerDescriptor(
      name: "console", fields: ConsoleLogger.fields,
      make: { ConsoleLogger($0, terminal: services.terminal, output: services.console) })
  }
}
