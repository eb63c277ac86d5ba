/// Everything that is built in, by name. Nothing is installed (connectors.md 1.1).
///
/// The engine and the configuration take it as a value, so that a test can bring its own.
package struct ConnectorCatalog: Sendable {
  package private(set) var connectors: [String: ConnectorDescriptor] = [:]
  package private(set) var transforms: [String: TransformDescriptor] = [:]
  package private(set) var loggers: [String: LoggerDescriptor] = [:]

  package init(
    connectors: [ConnectorDescriptor] = [], transforms: [TransformDescriptor] = [],
    loggers: [LoggerDescriptor] = []
  ) {
    for each in connectors { self.connectors[each.name] = each }
    for each in transforms { self.transforms[each.name] = each }
    for each in loggers { self.loggers[each.name] = each }
  }

  /// The short name of a specifier: `@orgloop/connector-webhook` and `webhook` are `webhook`.
  package static func shortName(_ specifier: String, prefix: String) -> String {
    let long = "@orgloop/\(prefix)-"
    return specifier.hasPrefix(long) ? String(specifier.dropFirst(long.count)) : specifier
  }
}

/// A connector: what it can be, what it takes, and how it is made.
package struct ConnectorDescriptor: Sendable {
  package var name: String
  package var source: SourceRole?
  package var actor: ActorRole?

  package init(name: String, source: SourceRole? = nil, actor: ActorRole? = nil) {
    self.name = name
    self.source = source
    self.actor = actor
  }

  package enum Mode: String, Sendable { case poll = "polling", timer, push = "webhook", stream }

  package struct SourceRole: Sendable {
    /// How events come; a connector with several ways decides by its config.
    package var mode: @Sendable (JSONObject) -> Mode
    package var fields: [ConfigField]
    /// What the types do not show: cron expressions, names that must be unique, ….
    package var check: @Sendable (JSONObject) -> [ConfigProblem]
    package var make: @Sendable (JSONObject, SourceContext) throws -> SourceInstance

    package init(
      mode: @escaping @Sendable (JSONObject) -> Mode, fields: [ConfigField],
      check: @escaping @Sendable (JSONObject) -> [ConfigProblem] = { _ in [] },
      make: @escaping @Sendable (JSONObject, SourceContext) throws -> SourceInstance
    ) {
      self.mode = mode
      self.fields = fields
      self.check = check
      self.make = make
    }
  }

  package struct ActorRole: Sendable {
    package var fields: [ConfigField]
    package var check: @Sendable (JSONObject) -> [ConfigProblem]
    package var make: @Sendable (JSONObject, ActorContext) throws -> any ActorConnector

    package init(
      fields: [ConfigField],
      check: @escaping @Sendable (JSONObject) -> [ConfigProblem] = { _ in [] },
      make: @escaping @Sendable (JSONObject, ActorContext) throws -> any ActorConnector
    ) {
      self.fields = fields
      self.check = check
      self.make = make
    }
  }
}

/// A built-in transform, or the script transform under the name `script`.
package struct TransformDescriptor: Sendable {
  package var name: String
  package var fields: [ConfigField]
  package var check: @Sendable (JSONObject) -> [ConfigProblem]
  /// What the program that runs an expression of the configuration has against it; nil when it
  /// takes it or cannot be asked. It takes some milliseconds, so the loader asks once for each.
  package var complaint: @Sendable (_ expression: String, ExpressionPlace) -> String?
  package var make: @Sendable (TransformStep) throws -> any Transform

  package init(
    name: String, fields: [ConfigField] = [],
    check: @escaping @Sendable (JSONObject) -> [ConfigProblem] = { _ in [] },
    complaint: @escaping @Sendable (String, ExpressionPlace) -> String? = { _, _ in nil },
    make: @escaping @Sendable (TransformStep) throws -> any Transform
  ) {
    self.name = name
    self.fields = fields
    self.check = check
    self.complaint = complaint
    self.make = make
  }
}

/// Where a program that takes an expression is run.
package struct ExpressionPlace: Sendable, Hashable {
  /// The root of the module.
  package let directory: String
  /// `PATH` and `HOME`, and what the transform passes on.
  package let environment: [String: String]

  package init(directory: String, environment: [String: String]) {
    self.directory = directory
    self.environment = environment
  }
}

/// A built-in logger.
package struct LoggerDescriptor: Sendable {
  package var name: String
  package var fields: [ConfigField]
  package var make: @Sendable (JSONObject) throws -> any LogSink

  package init(
    name: String, fields: [ConfigField] = [],
    make: @escaping @Sendable (JSONObject) throws -> any LogSink
  ) {
    self.name = name
    self.fields = fields
    self.make = make
  }
}

/// Where log entries go. Called from a queue beside the pipeline: being slow or failing delays
/// no event (events.md 8.1).
package protocol LogSink: Sendable {
  /// Entries below this level are not handed over.
  var minimumLevel: LogLevel { get }
  func write(_ entries: [LogEntry]) async
  func close() async
}
