import Engine

/// Types the routes of one module and looks up what they refer to (config.md 6).
struct RouteReader {
  let session: Session
  let directory: ModuleDirectory
  let parts: ModuleParts
  /// The module itself as references see it.
  private let own: ModuleView
  private let checker: ConfigChecker
  private(set) var routes: [RouteDefinition] = []
  /// SHA-256 in hex of the prompts that were read, by absolute path.
  private(set) var prompts: [String: String] = [:]
  /// Names of transforms that a route uses.
  private(set) var usedTransforms: Set<String> = []
  /// What routes refer to, those with an error elsewhere included.
  private(set) var usedSources: Set<SourceReference> = []
  private(set) var usedActors: Set<ActorReference> = []
  private var places: [String: Origin] = [:]

  init(_ session: Session, _ parts: ModuleParts, in directory: ModuleDirectory) {
    self.session = session
    self.parts = parts
    self.directory = directory
    own = ModuleView(parts)
    checker = ConfigChecker(session: session, root: parts.draft.root, scope: parts.draft.scope)
  }

  mutating func read() {
    for node in parts.draft.routes { read(node) }
  }

  private mutating func read(_ node: Node) {
    session.checkKeys(
      node,
      ["name", "description", "enabled", "when", "transforms", "then", "delivery", "with"],
      label: "route")
    let name = name(node)
    let description = session.text(session.present(node["description"]), "route.description")
    let isEnabled = session.flag(session.present(node["enabled"]), "route.enabled") ?? true
    let when = session.required(node, "when", of: "route").flatMap { session.map($0, "when") }
    let then = session.required(node, "then", of: "route").flatMap { session.map($0, "then") }
    if let when { session.checkKeys(when, ["source", "events", "filter"], label: "when") }
    if let then { session.checkKeys(then, ["actor", "config", "delivery"], label: "then") }
    let sources = when.map(self.sources) ?? []
    let types = when.flatMap { eventTypes($0["events"]) }
    let filter = session.filter(when?["filter"], "when.filter")
    let steps = self.steps(node["transforms"])
    let prompt = prompt(node["with"])
    let actor = then.flatMap(self.actor)
    let config = thenConfig(then?["config"])
    let inbox = inboxPolicy(then?["config"])
    let block = deliveryBlock(node, then)
    usedSources.formUnion(sources)
    if let actor { usedActors.insert(actor) }
    guard let name, let actor, !sources.isEmpty else { return }
    let inherited = actorBlock(actor).over(parts.defaults.delivery)
    routes.append(
      RouteDefinition(
        name: name, description: description, isEnabled: isEnabled, sources: sources,
        types: types, filter: filter, transforms: steps, actor: actor, config: config,
        delivery: block.over(inherited).policy, hasOwnLane: block.setsLane, prompt: prompt,
        inbox: inbox, origin: node.origin))
  }

  private mutating func name(_ node: Node) -> String? {
    guard let field = session.required(node, "name", of: "route"),
      let name = session.text(field, "route.name")
    else { return nil }
    guard NameRule.isName(name) else {
      session.error(
        "id.invalid",
        "route name must be 1 to 128 printable characters without blanks around them",
        at: field.origin)
      return nil
    }
    if let first = places[name] {
      session.error(
        "id.duplicate", "route \"\(field.display)\" is already at \(first)", at: field.origin)
      return nil
    }
    places[name] = field.origin
    return name
  }

  // MARK: when

  private func sources(_ when: Node) -> [SourceReference] {
    guard let field = session.required(when, "source", of: "when") else { return [] }
    if field.list?.isEmpty ?? false { session.refuse(field, "when.source", "must name a source") }
    return session.oneOrMore(field).compactMap(source)
  }

  private func source(_ node: Node) -> SourceReference? {
    guard let text = session.text(node, "when.source") else { return nil }
    if let colon = text.firstIndex(of: ":") {
      return foreignSource(
        module: String(text[..<colon]), id: String(text[text.index(after: colon)...]), node)
    }
    if own.emits(text) { return SourceReference(id: text) }
    if node.replacement?.isFromParameter ?? false,
      let owner = directory.sharing({ $0.emits(text) })
    {
      return SourceReference(module: owner.name, id: text)
    }
    session.report(
      .error, "ref.source",
      "when.source: no source \"\(node.display)\" in module \(parts.draft.name)", at: node.origin,
      among: parts.sourceIDs.sorted() + ["orgloop"], meant: text)
    return nil
  }

  private func foreignSource(module: String, id: String, _ node: Node) -> SourceReference? {
    guard NameRule.isID(module), NameRule.isID(id) else {
      session.error(
        "ref.source", "when.source: \"\(node.display)\" is not of the form module:source",
        at: node.origin)
      return nil
    }
    guard let other = directory[module] else {
      let words = node.isReplaced ? "of \"\(node.display)\"" : "\"\(module)\""
      session.report(
        .warning, "ref.module", "when.source: no module \(words) is loaded", at: node.origin,
        among: directory.names, meant: module)
      return SourceReference(module: module, id: id)
    }
    guard other.emits(id) else {
      session.report(
        .error, "ref.source",
        "when.source: no source \"\(node.isReplaced ? node.display : id)\" in module "
          + other.name,
        at: node.origin, among: other.sourceIDs.sorted(), meant: id)
      return nil
    }
    return SourceReference(module: other.name == own.name ? nil : other.name, id: id)
  }

  private func eventTypes(_ node: Node?) -> Set<EventType>? {
    guard let node = session.present(node) else { return nil }
    let list = session.oneOrMore(node)
    if list.isEmpty {
      session.refuse(node, "when.events", "an empty list matches nothing; leave the key out")
    }
    return Set(list.compactMap { session.eventType($0, "when.events") })
  }

  // MARK: transforms

  private mutating func steps(_ node: Node?) -> [TransformStep] {
    (session.list(node, "transforms") ?? []).compactMap { step($0) }
  }

  private mutating func step(_ node: Node) -> TransformStep? {
    if node.isMap {
      session.checkKeys(
        node, ["ref", "on_error", "config", "timeout_ms", "timeout"], label: "transforms")
    }
    let field = node.isMap ? session.required(node, "ref", of: "transforms") : node
    guard let field, let name = session.text(field, "transforms.ref") else { return nil }
    guard let definition = parts.transforms[name] else {
      session.report(
        .error, "ref.transform",
        "transforms: no transform \"\(field.display)\" in module \(parts.draft.name)",
        at: field.origin, among: parts.transformNames, meant: name)
      return nil
    }
    usedTransforms.insert(name)
    return session.step(
      definition, overlay: node.isMap ? node : nil, defaults: parts.defaults, checker: checker)
  }

  // MARK: then

  private func actor(_ then: Node) -> ActorReference? {
    guard let node = session.required(then, "actor", of: "then"),
      let id = session.text(node, "then.actor")
    else { return nil }
    if own.actorIDs.contains(id) { return ActorReference(id: id) }
    if node.replacement?.isFromParameter ?? false,
      let owner = directory.sharing({ $0.actorIDs.contains(id) })
    {
      return ActorReference(module: owner.name, id: id)
    }
    session.report(
      .error, "ref.actor",
      "then.actor: no actor \"\(node.display)\" in module \(parts.draft.name)", at: node.origin,
      among: parts.actorIDs.sorted(), meant: id)
    return nil
  }

  private func actorBlock(_ actor: ActorReference) -> DeliveryBlock {
    let owner = actor.module.flatMap { directory[$0] } ?? own
    return owner.actorBlocks[actor.id] ?? DeliveryBlock()
  }

  private func thenConfig(_ node: Node?) -> JSONObject {
    guard let node = session.map(node, "then.config") else { return [:] }
    session.checkCredentials(node, label: "then.config")
    return node.json.object ?? [:]
  }

  /// A batch needs a key; whether an interpolated one is empty shows only at delivery.
  private func inboxPolicy(_ node: Node?) -> InboxPolicy? {
    guard let node, node.isMap,
      session.flag(session.present(node["inbox"]), "then.config.inbox") ?? false
    else { return nil }
    var policy = InboxPolicy()
    if let key = session.present(node["session_key"]) {
      if session.text(key, "then.config.session_key")?.isEmpty ?? false {
        session.refuse(key, "then.config.session_key", "must not be empty with inbox: true")
      }
    } else {
      session.error(
        "key.missing", "then.config: inbox: true needs \"session_key\"", at: node.origin)
    }
    let ttl = session.durationMs(
      session.present(node["inbox_ttl"]), "then.config.inbox_ttl", min: 1_000)
    if let ttl { policy.ttlMs = ttl }
    let most = session.integer(
      session.present(node["inbox_max_batch"]), "then.config.inbox_max_batch",
      in: 1...Int64(InboxDesk.drainMax))
    if let most { policy.batchMax = Int(most) }
    return policy
  }

  private func deliveryBlock(_ node: Node, _ then: Node?) -> DeliveryBlock {
    if let own = node.pair("delivery"), then?["delivery"] != nil {
      session.error(
        "key.type", "a route has \"delivery\" or \"then.delivery\", not both", at: own.keyOrigin)
    }
    if let block = node["delivery"] { return session.deliveryBlock(block, "delivery") }
    return session.deliveryBlock(then?["delivery"], "then.delivery")
  }

  // MARK: with

  private mutating func prompt(_ node: Node?) -> PromptFile? {
    guard let with = session.map(node, "with") else { return nil }
    session.checkKeys(with, ["prompt_file"], label: "with")
    guard let field = session.present(with["prompt_file"]),
      let path = session.text(field, "with.prompt_file")
    else { return nil }
    guard let found = session.locate(path, near: field.origin, root: parts.draft.root) else {
      let places = session.candidates(path, near: field.origin, root: parts.draft.root)
        .map(session.shown)
      session.error(
        "prompt.missing", "with.prompt_file: no file \(places.joined(separator: " or "))",
        at: field.origin)
      return nil
    }
    do {
      let bytes = try session.prompt(found)
      guard let prompt = PromptReader.read(bytes, path: found) else {
        session.error(
          "prompt.missing", "with.prompt_file: \(session.shown(found)) is not UTF-8",
          at: field.origin)
        return nil
      }
      let hash = ContentHash.hex(bytes)
      session.contents[hash] = bytes
      if prompts.updateValue(hash, forKey: found) == nil {
        session.note(found, "prompt")
      }
      return prompt
    } catch {
      session.error(
        "prompt.missing", "with.prompt_file: \(session.shown(found)): \(error.message)",
        at: field.origin)
      return nil
    }
  }
}
