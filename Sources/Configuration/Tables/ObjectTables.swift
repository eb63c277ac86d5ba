import Engine

/// Sources, actors, transforms and loggers (config.md 5.2 to 5.4, 9.1).
extension Tables {
  static let source = ConfigTable(
    "source", "Where events come from.",
    [
      ConfigField(
        "id", .id(reserved: ["orgloop"]), required: true,
        "What routes call it; also in /webhook/<id>."),
      ConfigField("connector", .specifier(.source), required: true, "What is built in to read it."),
      description, labels,
      ConfigField("config", .config(.source), "What the connector needs to know."),
      ConfigField("poll", .table(poll), "When a polled source is polled."),
      ConfigField(
        "emits", .either([.eventType, .list(.eventType)]),
        "The types of its events; for warnings, drops nothing."),
      enabled("false keeps the definition and starts nothing."),
    ])

  static let poll = ConfigTable(
    "poll", "When a polled source is polled.",
    [
      ConfigField(
        "interval", .longDuration(msMin: 1_000),
        default: duration(SourceDefinition.base.pollIntervalMs),
        "From the start of one poll to the next; defaults.poll_interval by default."),
      ConfigField(
        "timeout", .longDuration(msMin: 1), default: duration(SourceDefinition.base.pollTimeoutMs),
        "A poll that takes longer is cancelled and counts as failed."),
    ])

  static let actor = ConfigTable(
    "actor", "Where events go.",
    [
      ConfigField("id", .id(reserved: []), required: true, "What routes call it."),
      ConfigField("connector", .specifier(.actor), required: true, "What is built in to reach it."),
      description, labels,
      ConfigField("config", .config(.actor), "What the connector needs to know."),
      ConfigField("delivery", .table(delivery), "Limits that all routes to this actor share."),
      enabled("false keeps the definition and starts nothing."),
    ])

  static let logger = ConfigTable(
    "logger", "Where log entries go.",
    [
      ConfigField("name", .name, required: true, "Unique among the loggers of the module."),
      ConfigField("type", .specifier(.logger), required: true, "Which logger."),
      ConfigField("config", .config(.logger), "What the logger needs to know."),
      enabled("false keeps the definition and writes nothing."),
    ])

  static let transform = ConfigTable(
    "transform", "What filters or changes an event on its way.",
    rules: [
      ConfigTable.Rule("type", "script", requires: "script"),
      ConfigTable.Rule("type", "package", requires: "package"),
    ],
    [
      ConfigField("name", .name, required: true, "What routes refer to."),
      ConfigField(
        "type", .specifier(.transform), required: true,
        "script, package, or the built-in transform itself."),
      ConfigField("script", .path, "With type: script, the program; it must be executable."),
      ConfigField("package", .string, "With type: package, the built-in transform."),
      ConfigField("config", .config(.transform), "What the transform needs to know."),
      timeoutMs, timeout, onError,
      ConfigField(
        "env", .environment, "Variables a script sees: a list of names, or a map of name to value."),
    ])
}

extension SourceDefinition {
  /// A source as it is when nothing is said of it.
  static let base = SourceDefinition(id: "", connector: "")
}
