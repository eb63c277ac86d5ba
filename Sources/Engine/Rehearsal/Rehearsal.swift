import Store

/// Goes through what would become of an event: matching, transforms, prompt and configuration, by
/// the code that lanes use, up to the call of the actor.
///
/// Nothing is stored and nothing is delivered; scripts run. Loops, queues, rates and breakers,
/// which depend on what else happens, are not looked at.
package struct Rehearsal: Sendable {
  private let modules: [ModuleDefinition]
  private let catalog: ConnectorCatalog
  private let table: RouteTable
  private let shown: [RouteAddress: JSONObject]
  private let audit: AuditPolicy?
  private let time: TimeSource
  private let files = FileReader()
  private let promptMetadata: PromptMetadata

  /// - Parameters:
  ///   - shown: `then.config` of routes with `***` for what is secret; where there is none, the
  ///     configuration is shown as it is.
  ///   - audit: Nil looks for nothing.
  package init(
    _ modules: [ModuleDefinition], catalog: ConnectorCatalog,
    shown: [RouteAddress: JSONObject] = [:], audit: AuditPolicy? = nil, time: TimeSource = .system,
    promptMetadata: @escaping PromptMetadata = { _ in .null }
  ) {
    self.modules = modules
    self.catalog = catalog
    table = RouteTable(modules: modules)
    self.shown = shown
    self.audit = audit
    self.time = time
    self.promptMetadata = promptMetadata
  }

  /// Every route that can match, in route order.
  package var routes: [(name: RouteAddress, route: RouteDefinition)] {
    table.entries.map { (RouteAddress(module: $0.module, name: $0.route.name), $0.route) }
  }

  // MARK: The event

  /// An envelope with what it lacks.
  ///
  /// - Parameters:
  ///   - given: The module; nil takes the envelope's, else the only one with such a source.
  ///   - sequence: The place among the events of one rehearsal, from 1.
  ///   - attemptAtMs: When the attempt begins; nil for the event's own time.
  /// - Throws: ``EngineError`` `.moduleNotFound`; `.invalid` for what is no event or has a source
  ///   that is not there.
  package func event(
    _ object: JSONObject, module given: String? = nil, sequence: Int64 = 1,
    attemptAtMs: Int64? = nil
  ) throws(EngineError) -> RehearsedEvent {
    let module = try module(of: object, given: given)
    return try RehearsedEvent(
      object, module: module, sequence: sequence, nowMs: time.wallMs, attemptAtMs: attemptAtMs)
  }

  private func module(of object: JSONObject, given: String?) throws(EngineError) -> String {
    let source = object["source"]?.string ?? ""
    if let name = given ?? object["module"]?.string {
      guard let module = modules.first(where: { $0.name == name || $0.alias == name }) else {
        throw EngineError(
          .moduleNotFound, "no module \(name)",
          hint: "modules: " + modules.map(\.name).joined(separator: ", "))
      }
      return try owner(of: source, in: [module])
    }
    return try owner(of: source, in: modules)
  }

  private func owner(
    of source: String, in candidates: [ModuleDefinition]
  ) throws(EngineError) -> String {
    let owners = candidates.filter { Rehearsal.sources(of: $0).contains(source) }
    if let owner = owners.first, owners.count == 1 { return owner.name }
    let names = owners.map(\.name).joined(separator: ", ")
    guard owners.isEmpty else {
      throw EngineError(
        .invalid, "the modules \(names) have a source \(source); say which one is meant",
        hint: "--module NAME, or \"module\" in the event")
    }
    let known = candidates.flatMap { $0.sources.map(\.id) }
    let place = candidates.count == 1 ? "module \(candidates[0].name)" : "any module"
    throw EngineError(
      .invalid, "no source \(source.isEmpty ? "\"\"" : source) in \(place)",
      hint: known.isEmpty ? nil : "sources: " + known.joined(separator: ", "))
  }

  /// What events of a module may come from: actors answer with events, and the runtime tells of
  /// itself.
  package static func sources(of module: ModuleDefinition) -> Set<String> {
    Set(module.sources.map(\.id) + module.actors.map(\.id) + [SystemEvent.sourceID])
  }

  // MARK: The way of it

  /// - Parameters:
  ///   - only: The one route to look at; nil looks at all.
  ///   - mocks: By the names of transforms.
  ///   - memory: Of the events that came before.
  package func run(
    _ event: RehearsedEvent, only: RouteAddress? = nil, mocks: [String: RehearsalMock] = [:],
    memory: RehearsalMemory = RehearsalMemory()
  ) async -> RehearsalReport {
    let decision = table.route(event.view, nonMatchesMax: .max)
    var report = RehearsalReport(event: event.event.envelope())
    for (index, match) in decision.matches.enumerated() {
      let entry = table.entries[match]
      let name = RouteAddress(module: entry.module, name: entry.route.name)
      guard only == nil || only == name else { continue }
      report.deliveries.append(
        await deliver(event, name, entry.route, index: index, mocks, memory))
    }
    report.unmatched = decision.nonMatches.compactMap { nonMatch in
      let unmatched = unmatched(nonMatch)
      return only == nil || only == unmatched.name ? unmatched : nil
    }
    report.asleep = asleep(for: event).filter { only == nil || only == $0 }
    return report
  }

  private func asleep(for event: RehearsedEvent) -> [RouteAddress] {
    modules.flatMap { module in
      module.routes.filter { route in
        !route.isEnabled
          && route.sources.contains { source in
            let owner = source.module ?? module.name
            return source.id == event.view.source && owner == event.view.module
          }
      }.map { RouteAddress(module: module.name, name: $0.name) }
    }
  }

  private func unmatched(_ nonMatch: RoutingDecision.NonMatch) -> UnmatchedRoute {
    let entry = table.entries[nonMatch.route]
    let condition = table.conditions[nonMatch.condition]
    return UnmatchedRoute(
      name: RouteAddress(module: entry.module, name: entry.route.name), path: condition.path,
      expected: condition.expected, actual: nonMatch.actual,
      isRegexLimit: nonMatch.isRegexLimit)
  }

  private func deliver(
    _ event: RehearsedEvent, _ name: RouteAddress, _ route: RouteDefinition, index: Int,
    _ mocks: [String: RehearsalMock], _ memory: RehearsalMemory
  ) async -> RehearsedDelivery {
    var delivery = RehearsedDelivery(
      name: name, route: route, deliveryID: event.deliveryID(index),
      orderKey: event.orderKey(at: route.delivery.orderKey))
    let transforms: [(step: TransformStep, transform: any Transform)]
    do throws(EngineError) {
      transforms = try self.transforms(of: route, mocks)
    } catch {
      delivery.end = .failed(error.description, state: "dead")
      return delivery
    }
    let transforming = Transforming(
      route: route, module: name.module,
      root: modules.first { $0.name == name.module }?.root ?? "/", transforms: transforms,
      event: event.event, time: time, gate: memory.gate(of: event.event, route: name))
    let (end, steps) = await transforming.run(on: event.event.envelope())
    delivery.steps = steps.map(RehearsedDelivery.Step.init)
    switch end {
    case .stopped(let verdict): delivery.end = Rehearsal.end(verdict, route, after: delivery.steps)
    case .passed(let envelope, let isChanged):
      do throws(EngineError) {
        let ready = try await prepare(event, delivery, envelope, isChanged: isChanged)
        delivery.end = .ready(ready)
        memory.use(steps.compactMap(\.key), of: event.event, route: name)
      } catch {
        delivery.end = Rehearsal.end(
          .notPrepared(error.message), route, after: delivery.steps)
      }
    }
    return delivery
  }

  /// - Throws: ``EngineError`` `.invalid` for one that cannot be made.
  private func transforms(
    of route: RouteDefinition, _ mocks: [String: RehearsalMock]
  ) throws(EngineError) -> [(step: TransformStep, transform: any Transform)] {
    var transforms: [(step: TransformStep, transform: any Transform)] = []
    for step in route.transforms {
      if let mock = mocks[step.name] {
        transforms.append((step, MockedTransform(mock: mock)))
        continue
      }
      var single = route
      single.transforms = [step]
      transforms += try PreparedModule.transforms(of: single, catalog: catalog)
    }
    return transforms
  }

  private func prepare(
    _ event: RehearsedEvent, _ delivery: RehearsedDelivery, _ envelope: JSONText, isChanged: Bool
  ) async throws(EngineError) -> RehearsedDelivery.Ready {
    let route = delivery.route
    func render(_ template: CompiledTemplate) throws(EngineError) -> JSONObject {
      try template.render(
        event: envelope, now: event.attemptAtMs, route: route.name,
        deliveryID: delivery.deliveryID)
    }
    let template = CompiledTemplate(route.config)
    let config = try render(template)
    var ready = RehearsedDelivery.Ready(
      event: envelope, isChanged: isChanged, config: config, shownConfig: config)
    if let shown = shown[delivery.name] { ready.shownConfig = try render(CompiledTemplate(shown)) }
    if let audit {
      let draft = AuditDraft(
        of: config, envelope, isInterpolated: template.isInterpolated, policy: audit)
      ready.flags = draft.flags
      ready.isHeld = audit.holdsOnCritical && draft.isCritical
    }
    if route.inbox != nil { ready.inboxKey = try InboxPolicy.sessionKey(config) }
    if let file = route.prompt {
      let prompt = await LivePrompt.read(file, files: files, metadata: promptMetadata)
      ready.prompt = prompt.body
      ready.promptFallback = prompt.fallback
      prompt.add(to: &ready.config)
      prompt.add(to: &ready.shownConfig)
    }
    return ready
  }

  /// What a verdict before the actor means for the delivery, after one attempt.
  private static func end(
    _ verdict: AttemptVerdict, _ route: RouteDefinition, after steps: [RehearsedDelivery.Step]
  ) -> RehearsedDelivery.End {
    var generator = SystemRandomNumberGenerator()
    let disposition = Disposition.decide(
      verdict, attempts: 1, policy: route.delivery.retry, nowMs: 0, using: &generator)
    guard case .settled(let state, let reason) = disposition else {
      return .failed(verdict.error ?? verdict.word, state: "waiting")
    }
    guard state == "dropped" else { return .failed(verdict.error ?? verdict.word, state: state) }
    return switch verdict {
    case .dropped(let transform, let text):
      .dropped(by: transform, text: text, reason: reason ?? "transform")
    case .duplicate(let transform, let text):
      .dropped(by: transform, text: text, reason: reason ?? "duplicate")
    default:
      .dropped(
        by: steps.last?.name ?? "", text: steps.last?.reason, reason: reason ?? "transform_error")
    }
  }
}

extension RehearsedDelivery.Step {
  fileprivate init(_ step: Transforming.Step) {
    name = step.name
    status = Status(rawValue: step.outcome) ?? .error
    durationMs = step.durationMs
    reason = step.reason
  }
}
