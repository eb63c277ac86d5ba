import Engine

/// The blocks `defaults` and `runtime` (config.md 5.1, 12).
extension Tables {
  static let defaults: ConfigTable = {
    let base = ModuleDefinition(name: "")
    return ConfigTable(
      "defaults", "What holds where an object says nothing.",
      [
        ConfigField(
          "poll_interval", .longDuration(msMin: 1_000),
          default: duration(SourceDefinition.base.pollIntervalMs),
          "For polled sources without poll.interval."),
        ConfigField(
          "event_retention", .duration, default: duration(base.eventRetentionMs),
          "How long settled events are kept, with all that belongs to them."),
        ConfigField(
          "dead_letter_retention", .duration, default: duration(base.deadLetterRetentionMs),
          "How long dead letters are kept."),
        ConfigField(
          "log_level", .choice(["debug", "info", "warn", "error"]), default: "info",
          "For console loggers without level."),
        ConfigField("checkpoint", .table(checkpoint), "How far sources were read."),
        ConfigField("delivery", .table(delivery), "Lies below every route's and actor's."),
        onError,
      ])
  }()

  static let checkpoint = ConfigTable(
    "checkpoint", "How far sources were read.",
    [
      ConfigField(
        "store", .choice(["file", "memory"]), default: "file",
        "file: in the database; memory: forgotten when the source stops."),
      ConfigField("dir", .any, ignored: true, "Checkpoints are kept in the database."),
    ])

  static let runtime: ConfigTable = {
    let base = RuntimeSettings()
    return ConfigTable(
      "runtime", "The process; read once, at the start.",
      [
        ConfigField("http", .table(http), "Where webhooks are listened for."),
        ConfigField("control", .table(control), "Who may give orders."),
        ConfigField("metrics", .table(metrics), "Checked, without effect in this version."),
        ConfigField(
          "shutdown_timeout", .duration, default: duration(base.shutdownTimeoutMs),
          "How long running deliveries may take to finish at a stop."),
        ConfigField(
          "poll_concurrency", .integer(1...10_000), default: JSONValue(base.pollConcurrency),
          "Polls running at once, over all modules."),
        ConfigField(
          "bus", .choice(RuntimeSettings.Bus.allCases.map(\.rawValue)),
          default: .string(base.bus.rawValue), "memory keeps events in memory, for tests."),
        ConfigField(
          "log_retention", .longDuration(msMin: 1_000), default: duration(base.logRetentionMs),
          "How long log entries are kept in the database."),
        ConfigField("loop", .table(loop), "What breaks loops."),
        ConfigField("audit", .table(audit), "What is recorded of each delivery."),
      ])
  }()

  static let http: ConfigTable = {
    let base = RuntimeSettings()
    return ConfigTable(
      "http", "Where webhooks are listened for.",
      [
        ConfigField("host", .string, default: .string(base.host), "The address to listen at."),
        ConfigField(
          "port", .integer(0...65_535), default: JSONValue(base.port), "0 takes a free one."),
        ConfigField("max_body", .size, default: "1MiB", "Larger bodies are answered 413."),
      ])
  }()

  static let control = ConfigTable(
    "control", "Who may give orders.",
    rules: [ConfigTable.Rule("tcp", true, requires: "token")],
    [
      ConfigField("tcp", .boolean, default: false, "Also on the HTTP address; needs a token."),
      ConfigField(
        "token", .longString(lengthMin: 16), secret: true, "What a request over HTTP must carry."),
      ConfigField(
        "socket_group", .string, "The group that may use the socket; the owner alone else."),
      ConfigField("allowed_hosts", .list(.string), "Further names in the Host header."),
      ConfigField("allowed_origins", .list(.string), "Web pages that may call."),
    ])

  static let metrics = ConfigTable(
    "metrics", "Checked, without effect in this version.",
    [ConfigField("port", .integer(0...65_535), "On the loopback address.")])

  static let loop: ConfigTable = {
    let base = LoopLimits()
    let depth = ConfigType.integer(1...1_000)
    return ConfigTable(
      "loop", "What breaks loops.",
      [
        ConfigField(
          "warn_depth", depth, default: JSONValue(base.warnDepth), "Deeper traces are logged."),
        ConfigField(
          "max_depth", depth, default: JSONValue(base.maxDepth),
          "From this depth on deliveries of the module are dropped."),
        ConfigField(
          "max_trace_depth", depth, default: JSONValue(base.maxTraceDepth),
          "The same over all modules."),
        ConfigField(
          "window", .longDuration(msMin: 1_000), default: duration(base.windowMs),
          "How far back a trace reaches."),
      ])
  }()

  static let audit: ConfigTable = {
    let base = AuditPolicy()
    return ConfigTable(
      "audit", "What is recorded of each delivery, and what is held.",
      [
        ConfigField("enabled", .boolean, default: true, "false records nothing."),
        ConfigField(
          "hold_on_critical", .boolean, default: .bool(base.holdsOnCritical),
          "A delivery with a critical flag waits for an operator."),
        ConfigField(
          "allowed_domains", .list(.string), default: [],
          "Hosts that URLs may have, with their subdomains; empty = any."),
        ConfigField(
          "echo_threshold", .number(0...1), default: .number(JSONNumber(base.echoThreshold)),
          "From this similarity of answer and input on there is a warning."),
      ])
  }()
}
