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
  private var readPrompts: [String: PromptFile] = [:]
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
    // A definition is large, and they stay: an array that grows holds up to twice as many.
    routes.reserveCapacity(parts.draft.routes.count)
    for node in parts.draft.routes { read(node) }
  }

  private mutating func read(_ node: Node) {
    let route = MapReader(session, node, Tables.route, "route")
    let name = name(route)
    let description = route.text("description")
    let isEnabled = route.flag("enabled") ?? true
    _ = (route.required("when"), route.required("then"))
    let when = route.block("when", "when")
    let then = route.block("then", "then")
    let sources = when.map(self.sources) ?? []
    let types = when.flatMap(eventTypes)
    let filter = session.filter(when?["filter"], "when.filter")
    let steps = (route.list("transforms") ?? []).compactMap { step($0) }
    let prompt = self.prompt(route.block("with", "with"))
    let actor = then.flatMap(self.actor)
    let settings = then?.block("config")
    let config: JSONObject = settings.map(thenConfig) ?? [:]
    let inbox = settings.flatMap(inboxPolicy)
    let block = deliveryBlock(route, then)
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

  private mutating func name(_ route: MapReader) -> String? {
    guard let field = route.required("name"), let name = route.text("name") else { return nil }
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

  private func sources(_ when: MapReader) -> [SourceReference] {
    guard let field = when.required("source") else { return [] }
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
    reportUnknown(
      "ref.source", "when.source: no source", node, among: parts.sourceIDs.union(["orgloop"]),
      \.sourceIDs)
    return nil
  }

  /// An id that names nothing. One that was wired in by a parameter is told where its value stands:
  /// the module's file may be somebody else's, and right.
  private func reportUnknown(
    _ code: String, _ what: String, _ node: Node, among known: Set<String>,
    _ ids: KeyPath<ModuleView, Set<String>>
  ) {
    var (known, places) = (known, "module \(parts.draft.name)")
    if node.replacement?.isFromParameter ?? false {
      known.formUnion(directory.sharedIDs(ids))
      places += " or the boot project"
    }
    session.report(
      .error, code, "\(what) \"\(node.display)\" in \(places)",
      at: node.replacement?.parameterOrigin ?? node.origin, among: known.sorted(),
      meant: node.scalarText ?? "")
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

  private func eventTypes(_ when: MapReader) -> Set<EventType>? {
    if let node = when["events"], node.list?.isEmpty ?? false {
      session.refuse(node, "when.events", "an empty list matches nothing; leave the key out")
    }
    return when.eventTypes("events").map { Set($0) }
  }

  // MARK: transforms

  private mutating func step(_ node: Node) -> TransformStep? {
    let step = node.isMap ? MapReader(session, node, Tables.step, "transforms") : nil
    let overlay = step.map(StepOverlay.init)
    let field = step.map { $0.required("ref") } ?? node
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
      definition, overlay: overlay, defaults: parts.defaults, checker: checker)
  }

  // MARK: then

  private func actor(_ then: MapReader) -> ActorReference? {
    guard let node = then.required("actor"), let id = then.text("actor") else { return nil }
    if own.actorIDs.contains(id) { return ActorReference(id: id) }
    if node.replacement?.isFromParameter ?? false,
      let owner = directory.sharing({ $0.actorIDs.contains(id) })
    {
      return ActorReference(module: owner.name, id: id)
    }
    reportUnknown(
      "ref.actor", "then.actor: no actor", node, among: parts.actorIDs, \.actorIDs)
    return nil
  }

  private func actorBlock(_ actor: ActorReference) -> DeliveryBlock {
    let owner = actor.module.flatMap { directory[$0] } ?? own
    return owner.actorBlocks[actor.id] ?? DeliveryBlock()
  }

  private func thenConfig(_ config: MapReader) -> JSONObject {
    session.checkCredentials(config.node, label: config.label, isData: true)
    config.node.forEachScalar { key, scalar in
      guard case .string(let text) = scalar.content, !scalar.isUnresolved else { return }
      for unread in CompiledTemplate.unreadPlaceholders(in: text) {
        // What a variable brought in is not shown.
        let words =
          scalar.isReplaced ? "something" : "\"\(ShownText.line(unread, charactersMax: 60))\""
        session.report(
          .warning, "template.placeholder",
          "\(config.label)\(key.map { ".\($0)" } ?? ""): \(words) is no placeholder and stays as it is",
          at: scalar.origin)
      }
    }
    return config.node.json.object ?? [:]
  }

  /// A batch needs a key; whether an interpolated one is empty shows only at delivery.
  private func inboxPolicy(_ config: MapReader) -> InboxPolicy? {
    guard config.flag("inbox") ?? false else { return nil }
    let inbox = MapReader(session, config.node, Tables.inbox, config.label)
    if let key = inbox["session_key"] {
      if key.string?.isEmpty ?? false {
        session.refuse(key, inbox.place("session_key"), "must not be empty with inbox: true")
      } else {
        _ = inbox.text("session_key")
        session.noteStored(key, inbox.place("session_key"), "the keys of batches")
      }
    } else {
      session.error(
        "key.missing", "then.config: inbox: true needs \"session_key\"", at: config.node.origin)
    }
    var policy = InboxPolicy()
    policy.ttlMs = inbox.durationMs("inbox_ttl") ?? policy.ttlMs
    policy.batchMax = inbox.count("inbox_max_batch") ?? policy.batchMax
    return policy
  }

  private func deliveryBlock(_ route: MapReader, _ then: MapReader?) -> DeliveryBlock {
    if let own = route.node.pair("delivery"), then?.node["delivery"] != nil {
      session.error(
        "key.type", "a route has \"delivery\" or \"then.delivery\", not both", at: own.keyOrigin)
    }
    let other = then?.block("delivery").map(DeliveryBlock.init)
    return route.block("delivery", "delivery").map(DeliveryBlock.init) ?? other ?? DeliveryBlock()
  }

  // MARK: with

  private mutating func prompt(_ with: MapReader?) -> PromptFile? {
    guard let field = with?["prompt_file"], let path = with?.text("prompt_file") else {
      return nil
    }
    guard let found = session.locate(path, near: field.origin, root: parts.draft.root) else {
      let places = session.candidates(path, near: field.origin, root: parts.draft.root)
        .map(session.shown)
      session.error(
        "prompt.missing", "with.prompt_file: no file \(places.joined(separator: " or "))",
        at: field.origin)
      return nil
    }
    // Hundreds of routes may go by one prompt.
    if let known = readPrompts[found] { return known }
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
      readPrompts[found] = prompt
      return prompt
    } catch {
      session.error(
        "prompt.missing", "with.prompt_file: \(session.shown(found)): \(error.message)",
        at: field.origin)
      return nil
    }
  }
}
