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
  ///
  /// An object without one is read on, so that all that is wrong with it is said at once.
  private mutating func identity(_ object: MapReader, _ key: String) -> String? {
    guard let field = object.required(key), let id = object.text(key) else { return nil }
    let kind = object.label
    note(id, of: kind)
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
    if case .id(let reserved)? = object.table[key]?.type, reserved.contains(id) {
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

  /// Remembers that there is such an object, whatever is wrong with it.
  private mutating func note(_ id: String, of kind: String) {
    switch kind {
    case "source": parts.sourceIDs.insert(id)
    case "actor": parts.actorIDs.insert(id)
    default: break
    }
  }

  private mutating func readSource(_ node: Node) {
    let source = MapReader(session, node, Tables.source, "source")
    let id = identity(source, "id")
    let connector = session.connector(source)
    let poll = source.block("poll", "poll")
    let interval = poll?.durationMs("interval")
    let timeout = poll?.durationMs("timeout")
    let emits = source.eventTypes("emits") ?? []
    let isEnabled = source.flag("enabled") ?? true
    let description = source.describe()
    guard let connector else { return }
    guard let role = connector.source else {
      return session.error(
        "connector.role", "\"\(connector.name)\" is only an actor, it cannot be a source",
        at: node["connector"]?.origin ?? node.origin)
    }
    let config = checker.check(
      node["config"], fields: role.fields, origin: node.origin, owner: connector.name,
      check: role.check)
    if let pair = poll?.node.pair("interval"), role.mode(config) == .push {
      session.report(
        .notice, "poll.ignored", "poll.interval has no effect: \"\(connector.name)\" is pushed to",
        at: pair.keyOrigin)
    }
    guard let id else { return }
    parts.sources.append(
      SourceDefinition(
        id: id, connector: connector.name, description: description, config: config,
        pollIntervalMs: interval ?? parts.defaults.pollIntervalMs
          ?? SourceDefinition.base.pollIntervalMs,
        pollTimeoutMs: timeout ?? SourceDefinition.base.pollTimeoutMs, emits: emits,
        isEnabled: isEnabled, forgetsCheckpoint: parts.defaults.forgetsCheckpoint ?? false,
        origin: node.origin))
  }

  private mutating func readActor(_ node: Node) {
    let actor = MapReader(session, node, Tables.actor, "actor")
    let id = identity(actor, "id")
    let connector = session.connector(actor)
    let block = actor.block("delivery", "delivery").map(DeliveryBlock.init) ?? DeliveryBlock()
    if let id { parts.actorBlocks[id] = block }
    let isEnabled = actor.flag("enabled") ?? true
    let description = actor.describe()
    guard let connector else { return }
    guard let role = connector.actor else {
      return session.error(
        "connector.role", "\"\(connector.name)\" is only a source, it cannot be an actor",
        at: node["connector"]?.origin ?? node.origin)
    }
    let config = checker.check(
      node["config"], fields: role.fields, origin: node.origin, owner: connector.name,
      check: role.check)
    guard let id else { return }
    parts.actors.append(
      ActorDefinition(
        id: id, connector: connector.name, description: description, config: config,
        delivery: block.over(parts.defaults.delivery).policy,
        sharesBreaker: block.breaker != nil, sharesConcurrency: block.concurrency != nil,
        sharesRate: block.ratePerSecond != nil, isEnabled: isEnabled,
        origin: node.origin))
  }

  private mutating func readLogger(_ node: Node) {
    let logger = MapReader(session, node, Tables.logger, "logger")
    let name = identity(logger, "name")
    let isEnabled = logger.flag("enabled") ?? true
    guard let field = logger.required("type"), let specifier = logger.text("type") else { return }
    let short = ConnectorCatalog.shortName(specifier, prefix: "logger")
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
    guard let name else { return }
    parts.loggers.append(
      LoggerDefinition(
        name: name, type: short, config: config, isEnabled: isEnabled, origin: node.origin))
  }

  private mutating func readTransform(_ node: Node) {
    let transform = MapReader(session, node, Tables.transform, "transform")
    let name = identity(transform, "name")
    let definition =
      session.transform(transform, name: name ?? "", checker: checker)
      ?? TransformDefinition(name: name ?? "", node: node, kind: nil)
    guard let name else {
      // No route can use it, so nobody else checks its config.
      _ = session.step(definition, overlay: nil, defaults: parts.defaults, checker: checker)
      return
    }
    parts.transformNames.append(name)
    parts.transforms[name] = definition
    if case .script(let path)? = definition.kind {
      parts.captured.updateValue(definition.contentHash, forKey: path)
    }
  }
}

extension MapReader {
  /// What is for people; the labels are only checked.
  func describe() -> String? {
    _ = map("labels")
    return text("description")
  }
}

extension Session {
  /// The connector an object names, or nil after a report.
  fileprivate func connector(_ object: MapReader) -> ConnectorDescriptor? {
    guard let field = object.required("connector"), let specifier = object.text("connector")
    else { return nil }
    let short = ConnectorCatalog.shortName(specifier, prefix: "connector")
    if let descriptor = catalog.connectors[short] { return descriptor }
    if specifier.contains("/"), !specifier.hasPrefix("@") {
      error(
        "connector.unknown",
        "no connector \"\(field.display)\"; connectors are built in, a program of your own is run "
          + "by \"exec\"", at: field.origin)
    } else {
      // Halfway between the short name and the long one.
      let name = short.hasPrefix("connector-") ? String(short.dropFirst(10)) : short
      let hint = catalog.connectors[name] == nil ? "" : "; write \"\(name)\""
      report(
        .error, "connector.unknown", "no connector \"\(field.display)\"\(hint)",
        at: field.origin, among: catalog.connectors.keys.sorted(), meant: name)
    }
    return nil
  }
}
