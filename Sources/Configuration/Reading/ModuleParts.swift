import Engine

/// The sources, actors, transforms and loggers of a module, typed; routes come later, because they
/// may name those of other modules.
struct ModuleParts {
  let draft: ModuleDraft
  let defaults: DefaultsBlock
  var sources: [SourceDefinition] = []
  var actors: [ActorDefinition] = []
  /// What each actor's `delivery` says, for the routes that inherit from it.
  var actorBlocks: [String: DeliveryBlock] = [:]
  var transforms: [String: TransformDefinition] = [:]
  var transformNames: [String] = []
  var loggers: [LoggerDefinition] = []
  /// Ids of objects that exist but have an error: references to them are no further error.
  var sourceIDs: Set<String> = []
  var actorIDs: Set<String> = []
  /// SHA-256 in hex of the scripts, by absolute path; nil for one that cannot be read.
  var captured: [String: String?] = [:]
}

/// Types the objects of one module.
struct PartsReader {
  let session: Session
  private(set) var parts: ModuleParts
  private var places: [String: Origin] = [:]
  private let checker: ConfigChecker

  init(_ session: Session, _ draft: ModuleDraft, defaults: DefaultsBlock) {
    self.session = session
    parts = ModuleParts(draft: draft, defaults: defaults)
    checker = ConfigChecker(session: session, root: draft.root, scope: draft.scope)
  }

  mutating func read() {
    for node in parts.draft.sources { readSource(node) }
    for node in parts.draft.actors { readActor(node) }
    for node in parts.draft.transforms { readTransform(node) }
    for node in parts.draft.loggers { readLogger(node) }
  }

  /// The id or name of an object, or nil after a report; it must be free and well-formed.
  private mutating func identity(_ node: Node, _ key: String, of kind: String) -> String? {
    guard let field = session.required(node, key, of: kind),
      let id = session.text(field, "\(kind).\(key)")
    else { return nil }
    let isValid = key == "id" ? NameRule.isID(id) : NameRule.isName(id)
    guard isValid else {
      session.error(
        "id.invalid",
        key == "id"
          ? "\(kind) id \"\(field.display)\" must be letters, digits, \".\", \"_\" and \"-\", "
            + "at most 128, the first a letter or digit"
          : "\(kind) name must be 1 to 128 printable characters without blanks around them",
        at: field.origin)
      return nil
    }
    if kind == "source", id == "orgloop" {
      session.error("id.reserved", "\"orgloop\" names the runtime's own events", at: field.origin)
      return nil
    }
    if let first = places["\(kind) \(id)"] {
      session.error(
        "id.duplicate", "\(kind) \"\(field.display)\" is already at \(first)", at: field.origin)
      return nil
    }
    places["\(kind) \(id)"] = field.origin
    return id
  }

  private mutating func readSource(_ node: Node) {
    session.checkKeys(
      node,
      ["id", "connector", "description", "labels", "config", "poll", "emits", "enabled"],
      label: "source")
    guard let id = identity(node, "id", of: "source") else { return }
    parts.sourceIDs.insert(id)
    let connector = session.connector(node, of: "source")
    let poll = session.map(node["poll"], "poll")
    if let poll { session.checkKeys(poll, ["interval", "timeout"], label: "poll") }
    let interval = session.durationMs(
      session.present(poll?["interval"]), "poll.interval", min: 1_000)
    let timeout = session.durationMs(session.present(poll?["timeout"]), "poll.timeout")
    let emits = session.oneOrMore(session.present(node["emits"]))
      .compactMap { session.eventType($0, "emits") }
    let isEnabled = session.flag(session.present(node["enabled"]), "enabled") ?? true
    let description = session.describe(node)
    guard let connector, let role = connector.source else {
      if let connector {
        session.error(
          "connector.role", "\"\(connector.name)\" is only an actor, it cannot be a source",
          at: node["connector"]?.origin ?? node.origin)
      }
      return
    }
    let config = checker.check(
      node["config"], fields: role.fields, origin: node.origin, owner: connector.name,
      check: role.check)
    if let pair = poll?.pair("interval"), role.mode(config) == .push {
      session.report(
        .notice, "poll.ignored", "poll.interval has no effect: \"\(connector.name)\" is pushed to",
        at: pair.keyOrigin)
    }
    parts.sources.append(
      SourceDefinition(
        id: id, connector: connector.name, description: description, config: config,
        pollIntervalMs: interval ?? parts.defaults.pollIntervalMs ?? 300_000,
        pollTimeoutMs: timeout ?? 300_000, emits: emits, isEnabled: isEnabled,
        forgetsCheckpoint: parts.defaults.forgetsCheckpoint ?? false, origin: node.origin))
  }

  private mutating func readActor(_ node: Node) {
    session.checkKeys(
      node, ["id", "connector", "description", "labels", "config", "delivery", "enabled"],
      label: "actor")
    guard let id = identity(node, "id", of: "actor") else { return }
    parts.actorIDs.insert(id)
    let connector = session.connector(node, of: "actor")
    let block = session.deliveryBlock(node["delivery"], "delivery")
    parts.actorBlocks[id] = block
    let isEnabled = session.flag(session.present(node["enabled"]), "enabled") ?? true
    let description = session.describe(node)
    guard let connector, let role = connector.actor else {
      if let connector {
        session.error(
          "connector.role", "\"\(connector.name)\" is only a source, it cannot be an actor",
          at: node["connector"]?.origin ?? node.origin)
      }
      return
    }
    let config = checker.check(
      node["config"], fields: role.fields, origin: node.origin, owner: connector.name,
      check: role.check)
    parts.actors.append(
      ActorDefinition(
        id: id, connector: connector.name, description: description, config: config,
        delivery: block.over(parts.defaults.delivery).policy,
        sharesBreaker: block.breaker != nil, sharesConcurrency: block.concurrency != nil,
        sharesRate: block.ratePerSecond != nil, isEnabled: isEnabled,
        origin: node.origin))
  }

  private mutating func readLogger(_ node: Node) {
    session.checkKeys(node, ["name", "type", "config", "enabled"], label: "logger")
    guard let name = identity(node, "name", of: "logger"),
      let field = session.required(node, "type", of: "logger"),
      let specifier = session.text(field, "logger.type")
    else { return }
    let short = ConnectorCatalog.shortName(specifier, prefix: "logger")
    let isEnabled = session.flag(session.present(node["enabled"]), "enabled") ?? true
    guard let descriptor = session.catalog.loggers[short] else {
      session.report(
        .error, "connector.unknown", "no logger \"\(field.display)\"", at: field.origin,
        among: session.catalog.loggers.keys.sorted(), meant: short)
      return
    }
    var config = checker.check(
      node["config"], fields: descriptor.fields, origin: node.origin, owner: short,
      check: { _ in [] })
    if short == "console", node["config"]?["level"] == nil, let level = parts.defaults.logLevel {
      config["level"] = .string(level)
    }
    parts.loggers.append(
      LoggerDefinition(
        name: name, type: short, config: config, isEnabled: isEnabled, origin: node.origin))
  }

  private mutating func readTransform(_ node: Node) {
    guard let name = identity(node, "name", of: "transform") else { return }
    parts.transformNames.append(name)
    guard let definition = session.transform(node, name: name, checker: checker) else {
      parts.transforms[name] = TransformDefinition(name: name, node: node, kind: nil)
      return
    }
    parts.transforms[name] = definition
    if case .script(let path)? = definition.kind {
      parts.captured.updateValue(definition.contentHash, forKey: path)
    }
  }
}

extension Session {
  func describe(_ node: Node) -> String? {
    _ = map(node["labels"], "labels")
    return text(present(node["description"]), "description")
  }

  /// The connector an object names, or nil after a report.
  fileprivate func connector(_ node: Node, of kind: String) -> ConnectorDescriptor? {
    guard let field = required(node, "connector", of: kind),
      let specifier = text(field, "\(kind).connector")
    else { return nil }
    let short = ConnectorCatalog.shortName(specifier, prefix: "connector")
    if let descriptor = catalog.connectors[short] { return descriptor }
    if specifier.contains("/"), !specifier.hasPrefix("@") {
      error(
        "connector.unknown",
        "no connector \"\(field.display)\"; connectors are built in, a program of your own is run "
          + "by \"exec\"", at: field.origin)
    } else {
      report(
        .error, "connector.unknown", "no connector \"\(field.display)\"", at: field.origin,
        among: catalog.connectors.keys.sorted(), meant: short)
    }
    return nil
  }
}
