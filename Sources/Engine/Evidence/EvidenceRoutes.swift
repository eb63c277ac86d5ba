/// The routes of one configuration, ready to be tried on recorded events.
struct EvidenceRoutes: Sendable {
  let table: RouteTable
  /// By the index of ``RouteTable/entries``.
  let routes: [EvidenceRoute]
  let skipped: [EvidenceReport.Skipped]

  /// - Parameter runsScripts: Else scripts and `jq` are taken to let everything pass.
  /// - Throws: ``EngineError`` `.invalid` for a transform that cannot be made.
  init(
    _ modules: [ModuleDefinition], catalog: ConnectorCatalog, runsScripts: Bool
  ) throws(EngineError) {
    let roots = Dictionary(
      modules.map { ($0.name, $0.root) }, uniquingKeysWith: { first, _ in first })
    let names = Set(modules.map(\.name))
    let aliases = Dictionary(
      modules.compactMap { module in module.alias.map { ($0, module.name) } },
      uniquingKeysWith: { first, _ in first })
    table = RouteTable(modules: modules)
    var routes: [EvidenceRoute] = []
    var skipped: [EvidenceReport.Skipped] = []
    for entry in table.entries {
      var route = EvidenceRoute(entry, root: roots[entry.module] ?? "/")
      let owner = entry.route.actor.module ?? entry.module
      route.actor = ActorReference(
        module: names.contains(owner) ? owner : aliases[owner] ?? owner, id: entry.route.actor.id)
      for step in entry.route.transforms {
        if let reason = EvidenceRoutes.reasonToSkip(step, runsScripts: runsScripts) {
          skipped.append(.init(name: route.name, transform: step.name, reason: reason))
        } else {
          route.transforms.append((step, try EvidenceRoutes.made(step, of: route, catalog)))
        }
      }
      routes.append(route)
    }
    self.routes = routes
    self.skipped = skipped
  }

  private static func reasonToSkip(_ step: TransformStep, runsScripts: Bool) -> String? {
    switch step.kind {
    case .script: runsScripts ? nil : "a script; --run-scripts runs it"
    case .package("dedup"): "what dedup drops depends on what else is under way"
    case .package: step.config["jq"] == nil || runsScripts ? nil : "jq; --run-scripts runs it"
    }
  }

  private static func made(
    _ step: TransformStep, of route: EvidenceRoute, _ catalog: ConnectorCatalog
  ) throws(EngineError) -> any Transform {
    let name =
      switch step.kind {
      case .script: "script"
      case .package(let name): name
      }
    let what = "route \(route.name.route): transform \(step.name)"
    guard let descriptor = catalog.transforms[name] else {
      throw EngineError(.invalid, "\(what): no transform \(name)")
    }
    do {
      return try descriptor.make(step)
    } catch {
      throw EngineError(.invalid, "\(what) cannot be made", cause: error)
    }
  }
}

/// One route of a configuration that is tried.
struct EvidenceRoute: Sendable {
  /// What a delivery would be.
  enum Delivery: Sendable {
    case made(Made)
    /// A transform has dropped it, or failed.
    case stopped(String)
  }

  /// What the actor would be given.
  struct Made: Sendable {
    let actor: ActorReference
    let config: JSONObject
    let orderKey: String?
    let event: JSONText
  }

  let name: EvidenceReport.RouteName
  let route: RouteDefinition
  let root: String
  var actor = ActorReference(id: "")
  var transforms: [(step: TransformStep, transform: any Transform)] = []
  private let template: CompiledTemplate

  init(_ entry: RouteTable.Entry, root: String) {
    name = .init(module: entry.module, route: entry.route.name)
    route = entry.route
    self.root = root
    template = CompiledTemplate(entry.route.config)
  }

  /// Whether the same event makes the same delivery of both.
  func makesTheSame(as other: EvidenceRoute) -> Bool {
    actor == other.actor && root == other.root && route.transforms == other.route.transforms
      && route.config == other.route.config && route.inbox == other.route.inbox
      && route.delivery.orderKey == other.route.delivery.orderKey
  }

  func deliver(_ event: AcceptedEvent, _ view: EventView, time: TimeSource) async -> Delivery {
    var current = event.envelope()
    for (step, transform) in transforms {
      switch await apply(transform, step, current, event, time) {
      case .success(.pass), .success(.once): break
      case .success(.replace(let changed)): current = EvidenceRoute.keepingIdentity(changed, event)
      case .success(.drop(let reason)):
        return .stopped("transform \(step.name) drops it" + (reason.map { ": \($0)" } ?? ""))
      case .failure(let failure):
        guard step.onError != .pass else { break }
        return .stopped("transform \(step.name) fails: \(failure.message)")
      }
    }
    do throws(EngineError) {
      // One moment and one id for all: what they bring in makes no difference.
      let config = try template.render(
        event: current, now: event.acceptedAtMs, route: name.route, deliveryID: event.id)
      let orderKey = route.delivery.orderKey.flatMap { OrderKey.value(of: view, at: $0) }
      return .made(Made(actor: actor, config: config, orderKey: orderKey, event: current))
    } catch {
      return .stopped("its configuration cannot be filled in: \(error.message)")
    }
  }

  private func apply(
    _ transform: any Transform, _ step: TransformStep, _ input: JSONText, _ event: AcceptedEvent,
    _ time: TimeSource
  ) async -> Result<TransformResult, TransformFailure> {
    let context = TransformContext(
      source: event.source, target: route.actor.id, eventType: event.type.rawValue,
      eventID: event.id, route: name.route, module: name.module, traceID: event.traceID,
      transform: step.name, root: root, timeoutMs: step.timeoutMs)
    @Sendable func run() async -> Result<TransformResult, TransformFailure> {
      do {
        return .success(try await transform.apply(input, context: context))
      } catch let failure as TransformFailure {
        return .failure(failure)
      } catch {
        return .failure(TransformFailure("\(error)"))
      }
    }
    // What is built in answers at once; a task of its own would cost more than its work.
    guard case .script = step.kind else { return await run() }
    return await withTimeout(ms: step.timeoutMs, time: time) { await run() }
      ?? .failure(TransformFailure("no answer within \(step.timeoutMs) ms"))
  }

  /// What a transform may not change is what it was (config.md 9.2).
  private static func keepingIdentity(_ output: JSONText, _ event: AcceptedEvent) -> JSONText {
    guard var object = output.value().object else { return output }
    object["id"] = .string(event.id)
    object["source"] = .string(event.source)
    object["module"] = .string(event.module)
    object["trace_id"] = .string(event.traceID)
    return JSONText(.object(object))
  }
}

extension EvidenceRoute.Made {
  /// The paths of what differs; empty when nothing does.
  func differences(from other: EvidenceRoute.Made) -> [String] {
    var paths: [String] = []
    if actor != other.actor { paths.append("actor") }
    if orderKey != other.orderKey { paths.append("order_key") }
    EvidenceRoute.Made.compare(.object(other.config), .object(config), "config", &paths)
    if event.bytes != other.event.bytes {
      EvidenceRoute.Made.compare(other.event.value(), event.value(), "event", &paths)
    }
    return paths
  }

  private static func compare(
    _ old: JSONValue, _ new: JSONValue, _ path: String, _ paths: inout [String]
  ) {
    guard old != new else { return }
    guard case .object(let before) = old, case .object(let after) = new else {
      return paths.append(path)
    }
    for member in after.members {
      compare(before[member.key] ?? .null, member.value, "\(path).\(member.key)", &paths)
    }
    for key in before.keys where after[key] == nil { paths.append("\(path).\(key)") }
  }
}
