import Engine

/// Routes and what stands in them (config.md 6, 8).
extension Tables {
  static let route = ConfigTable(
    "route", "Which events go through which transforms to which actor.",
    [
      ConfigField("name", .name, required: true, "Unique among the routes of the module."),
      description,
      enabled("false keeps the definition and matches nothing."),
      ConfigField("when", .table(when), required: true, "Which events."),
      ConfigField(
        "transforms", .list(.either([.string, .table(step)])),
        "Steps in their order, by the names of transforms."),
      ConfigField("then", .table(then), required: true, "Where they go."),
      ConfigField("delivery", .table(delivery), "How deliveries are made, over the actor's."),
      ConfigField("with", .table(with), "What is handed on besides the event."),
    ])

  static let when = ConfigTable(
    "when", "Which events a route takes.",
    [
      ConfigField(
        "source", .oneOrMore(.string), required: true,
        "Source ids; module:source looks into another module, orgloop is the runtime itself."),
      ConfigField("events", .oneOrMore(.eventType), "Types of events; every type by default."),
      ConfigField("filter", .filter, "Conditions on the event; all of them must hold."),
    ])

  static let then = ConfigTable(
    "then", "Where a route's events go.",
    [
      ConfigField("actor", .string, required: true, "An actor of this module."),
      ConfigField(
        "config", .table(thenConfig), "Handed to the actor, with {{ path }} in strings filled in."),
      ConfigField("delivery", .table(delivery), "The same as the route's own delivery."),
    ])

  static let thenConfig = ConfigTable(
    "then_config", "What the actor is told; some keys have a meaning of their own.", isOpen: true,
    [
      ConfigField(
        "inbox", .boolean, default: false,
        "Store the events for collection instead of calling the actor for each."),
      ConfigField("session_key", .any, "The key of the batch; needed with inbox: true."),
      ConfigField(
        "inbox_ttl", .any, default: duration(InboxPolicy().ttlMs),
        "With inbox: true, a duration, at least 1s: older entries expire."),
      ConfigField(
        "inbox_max_batch", .any, default: JSONValue(InboxPolicy().batchMax),
        "With inbox: true, from 1 to \(InboxDesk.drainMax): the most that one drain returns."),
    ])

  /// The same keys where `inbox: true` gives them their meaning.
  static let inbox = ConfigTable(
    "inbox", "The keys of then.config with inbox: true.", isOpen: true,
    [
      ConfigField("inbox", .boolean),
      ConfigField("session_key", .longString(lengthMin: 1), required: true),
      ConfigField("inbox_ttl", .longDuration(msMin: 1_000)),
      ConfigField("inbox_max_batch", .integer(1...Int64(InboxDesk.drainMax))),
    ])

  static let step = ConfigTable(
    "step", "A transform in a route.",
    [
      ConfigField("ref", .string, required: true, "The name of a transform of this module."),
      ConfigField("config", .map(.any), "Top-level keys laid over the transform's config."),
      timeoutMs, timeout, onError,
    ])

  static let with = ConfigTable(
    "with", "What is handed on besides the event.",
    [
      ConfigField(
        "prompt_file", .path,
        "Markdown, at most 1 MiB; handed on as launch_prompt, read again at each delivery.")
    ])
}
