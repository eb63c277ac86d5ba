import Crypto

/// An object of a module as a plan compares it.
struct PlanObject {
  let name: String
  /// What it is, in a few words.
  let summary: String
  private let makeUses: () -> [String: ObjectFields]

  init(_ name: String, _ summary: String, _ fields: @autoclosure @escaping () -> ObjectFields) {
    self.init(name, summary) { ["": fields()] }
  }

  init(_ name: String, _ summary: String, uses: @escaping () -> [String: ObjectFields]) {
    self.name = name
    self.summary = summary
    makeUses = uses
  }

  /// Its fields by the place where it is used: transforms by route, everything else once. Made when
  /// asked for: those of all objects of a large project at once are larger than the project.
  var uses: [String: ObjectFields] { makeUses() }
}

extension ModuleDefinition {
  var planObjects: [ModulePlan.Kind: [PlanObject]] {
    [
      .sources: sources.map { PlanObject($0.id, shown($0.connector, $0.isEnabled), $0.fields) },
      .actors: actors.map { PlanObject($0.id, shown($0.connector, $0.isEnabled), $0.fields) },
      .routes: routes.map { PlanObject($0.name, shown($0.summary, $0.isEnabled), $0.fields) },
      .transforms: planTransforms,
      .loggers: loggers.map { PlanObject($0.name, shown($0.type, $0.isEnabled), $0.fields) },
    ]
  }

  private func shown(_ summary: String, _ isEnabled: Bool) -> String {
    isEnabled ? summary : summary + " (disabled)"
  }

  /// Of the module itself.
  var fields: ObjectFields {
    var fields = ObjectFields()
    fields.add("path", .string(path))
    fields.add("alias", alias.map(JSONValue.string))
    fields.add("defaults.event_retention", .duration(eventRetentionMs))
    fields.add("defaults.dead_letter_retention", .duration(deadLetterRetentionMs))
    return fields
  }

  /// Those that routes use: others have no effect and are in no definition.
  private var planTransforms: [PlanObject] {
    var names: [String] = []
    var uses: [String: [String: TransformStep]] = [:]
    for route in routes {
      for step in route.transforms {
        if uses[step.name] == nil { names.append(step.name) }
        uses[step.name, default: [:]][route.name] = step
      }
    }
    return names.map { name in
      let steps = uses[name] ?? [:]
      return PlanObject(name, steps.values.first?.summary ?? "") {
        steps.mapValues { step in
          var fields = ObjectFields()
          step.add(to: &fields, below: "")
          return fields
        }
      }
    }
  }
}

extension SourceDefinition {
  fileprivate var fields: ObjectFields {
    var fields = ObjectFields()
    fields.add("connector", .string(connector))
    fields.add("enabled", .bool(isEnabled))
    fields.add("poll.interval", .duration(pollIntervalMs))
    fields.add("poll.timeout", .duration(pollTimeoutMs))
    fields.add("emits", .array(emits.map { .string($0.rawValue) }))
    fields.add("checkpoint.store", forgetsCheckpoint ? "memory" : "file")
    fields.addGuarded("config", key: "config", .object(config))
    return fields
  }
}

extension ActorDefinition {
  fileprivate var fields: ObjectFields {
    var fields = ObjectFields()
    fields.add("connector", .string(connector))
    fields.add("enabled", .bool(isEnabled))
    fields.addGuarded("config", key: "config", .object(config))
    delivery.add(to: &fields)
    return fields
  }
}

extension LoggerDefinition {
  fileprivate var fields: ObjectFields {
    var fields = ObjectFields()
    fields.add("type", .string(type))
    fields.add("enabled", .bool(isEnabled))
    fields.addGuarded("config", key: "config", .object(config))
    return fields
  }
}

extension RouteDefinition {
  /// `engineering:github → pager`.
  fileprivate var summary: String {
    sources.map { qualified($0.module, $0.id) }.joined(separator: ", ")
      + " → \(qualified(actor.module, actor.id))"
  }

  fileprivate var fields: ObjectFields {
    var fields = ObjectFields()
    fields.add("enabled", .bool(isEnabled))
    fields.add("when.source", .array(sources.map { .string(qualified($0.module, $0.id)) }))
    fields.add(
      "when.events",
      types.map { .array($0.sorted { $0.code < $1.code }.map { .string($0.rawValue) }) })
    filter.add(to: &fields, below: "when.filter")
    fields.add("transforms", .array(transforms.map { .string($0.name) }))
    for step in transforms { step.add(to: &fields, below: "transforms.\(step.name).") }
    fields.add("then.actor", .string(qualified(actor.module, actor.id)))
    fields.addGuarded("then.config", key: "config", .object(config))
    delivery.add(to: &fields)
    fields.add("delivery.own_queue", .bool(hasOwnLane))
    if let prompt {
      let hash = SHA256.hash(data: Array(prompt.captured.utf8)).hexText
      fields.addContent("with.prompt_file", hash: hash)
      fields.add("with.prompt_file.path", .string(prompt.path))
    }
    return fields
  }

  private func qualified(_ module: String?, _ id: String) -> String {
    module.map { "\($0):\(id)" } ?? id
  }
}

extension Filter {
  fileprivate func add(to fields: inout ObjectFields, below path: String) {
    for entry in entries {
      let key = entry.path.description
      // What is shown is JSON whenever it comes from a file; anything else is text.
      let shown = (try? JSONText(checking: Array(entry.shown.utf8)))?.value()
      fields.addGuarded(
        "\(path).\(key)", key: key,
        comparing: [.string(entry.condition.description), .string(entry.shown)],
        shown: shown ?? .string(entry.shown))
    }
    for (index, filter) in anyOf.enumerated() {
      filter.add(to: &fields, below: "\(path).$or.\(index)")
    }
  }
}

extension TransformStep {
  fileprivate var summary: String {
    switch kind {
    case .script: "script"
    case .package(let name): name
    }
  }

  /// - Parameter prefix: Of every path, its dot included.
  fileprivate func add(to fields: inout ObjectFields, below prefix: String) {
    switch kind {
    case .script(let path):
      if let contentHash { fields.addContent(prefix + "script", hash: contentHash) }
      fields.add(prefix + "script.path", .string(path))
    case .package(let name): fields.add(prefix + "package", .string(name))
    }
    fields.add(prefix + "timeout", .duration(timeoutMs))
    fields.add(prefix + "on_error", .string(onError.rawValue))
    fields.addGuarded(prefix + "config", key: "config", .object(config))
    for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
      fields.addGuarded(prefix + "env.\(name)", key: name, .string(value))
    }
  }
}

extension DeliveryPolicy {
  fileprivate func add(to fields: inout ObjectFields) {
    let path = "delivery."
    fields.add(path + "max_rate", ratePerSecond.map { .string("\(JSONNumber($0).text)/s") })
    fields.add(path + "max_starts", JSONValue(starts?.text))
    fields.add(path + "queue_depth", JSONValue(queueDepth))
    fields.add(path + "overflow", .string(overflow.rawValue))
    fields.add(path + "concurrency", JSONValue(concurrency))
    fields.add(path + "order_key", orderKey.map { .string($0.description) })
    fields.add(path + "timeout", .duration(timeoutMs))
    fields.add(path + "retry.max_attempts", JSONValue(retry.attemptsMax))
    fields.add(path + "retry.backoff", .string(retry.backoff.rawValue))
    fields.add(path + "retry.initial_delay", .duration(retry.initialDelayMs))
    fields.add(path + "retry.max_delay", .duration(retry.maxDelayMs))
    fields.add(path + "retry.jitter", retry.jitter.shown)
    guard let breaker else { return fields.add(path + "circuit_breaker", false) }
    fields.add(
      path + "circuit_breaker.failure_threshold", JSONValue(breaker.failureThreshold))
    fields.add(path + "circuit_breaker.cooldown", .duration(breaker.cooldownMs))
  }
}

extension RetryPolicy.Jitter {
  fileprivate var shown: JSONValue {
    switch self {
    case .full: "full"
    case .off: "none"
    case .fraction(let part): .number(JSONNumber(part))
    }
  }
}

extension JSONValue {
  /// A time as files write it: `90s`, `5m`, `7d`.
  package static func duration(_ ms: Int64) -> JSONValue {
    let units: [(Int64, String)] = [
      (86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"),
    ]
    let exact = units.first { ms != 0 && ms % $0.0 == 0 }
    return .string(exact.map { "\(ms / $0.0)\($0.1)" } ?? "\(ms)ms")
  }
}
