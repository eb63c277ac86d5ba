package import Store
import Synchronization

/// The way in for every event: stamp, route, hand one batch to the bus.
///
/// Only when the batch is committed does a webhook get its 2xx and a poller its next turn
/// (design.md 2, Accept).
package final class Intake: Sendable {
  private let bus: any EventBus
  private let time: TimeSource
  let log: LogFanout
  private let loop: LoopLimits
  private let routing = Mutex(Routing.empty)

  package init(
    bus: any EventBus, time: TimeSource, log: LogFanout, loop: LoopLimits = LoopLimits()
  ) {
    self.loop = loop
    self.bus = bus
    self.time = time
    self.log = log
  }

  var identity: Identity { bus.identity }

  /// Takes the routes of a changed set of modules into use, for every event accepted from now on.
  func use(_ routing: Routing) { self.routing.withLock { $0 = routing } }

  /// Accepts a source's events and progress in one transaction.
  ///
  /// - Parameters:
  ///   - drafts: Checked events; each has passed ``EventDraft/check()``.
  ///   - progress: The source's checkpoint and health; nil for webhooks.
  /// - Returns: One receipt per draft, in their order.
  /// - Throws: ``EngineError`` `.blocked` when a queue that blocks is full, `.full` when the disk
  ///   has no room left for more events,
  ///   `.unavailable` when the database cannot be written now, `.notFound` for a source that is
  ///   not registered.
  package func accept(
    _ drafts: [EventDraft], module: String, source: String, progress: SourceProgress? = nil
  ) async throws(EngineError) -> [AcceptReceipt] {
    guard drafts.isEmpty || bus.hasRoom else {
      throw EngineError(
        .full, "the disk is nearly full; events are refused so that accepted ones can be settled",
        hint: "free space on the disk")
    }
    let nowMs = time.wallMs
    let routing = routing.withLock { $0 }
    guard routing.sources[SourceReference(module: module, id: source)] != nil else {
      throw EngineError(.notFound, "no source \(source) in module \(module)")
    }
    let routed = drafts.map { draft in
      self.routed(draft, module: module, source: source, nowMs: nowMs, routing)
    }
    var batch = AcceptBatch(records: routed.compactMap { $0?.record }, progress: progress)
    // What the runtime has to say comes once.
    batch.canBeHeldBack = source != SystemEvent.sourceID
    CrashPoint.acceptRouted.reached()
    do throws(StoreError) {
      let receipts = try await bus.publish(batch)
      CrashPoint.acceptCommitted.reached()
      for (routed, receipt) in zip(routed, receipts) {
        if let routed { report(routed, receipt) }
      }
      return receipts
    } catch {
      guard let full = error.overflow else { throw EngineError(error) }
      let actor = routing.label(ofRoute: full.route).map { " of actor/\($0.actor)" } ?? ""
      throw EngineError(
        .blocked, "the queue\(actor) is full: \(full.depth) deliveries", cause: error)
    }
  }

  /// Whether a full queue holds a source back (config.md 7.2, `block`).
  func isBlocked(module: String, source: String) -> Bool {
    let blocking = bus.blockingLanes
    guard !blocking.isEmpty else { return false }
    let binding = routing.withLock { $0 }.sources[SourceReference(module: module, id: source)]
    return binding?.routes.contains { blocking.contains($0.lane) } ?? false
  }

  /// The event that tells of a full queue (events.md 7.1, `queue.overflow`). Called on the bus's
  /// own thread.
  func overflowEvent(_ overflow: QueueOverflow, nowMs: Int64) -> AcceptRecord? {
    let routing = routing.withLock { $0 }
    guard let label = routing.label(ofRoute: overflow.route) else { return nil }
    let draft = SystemEvent.draft(
      "queue.overflow",
      [
        "route": .string(label.route), "actor": .string(label.actor),
        "policy": .string(overflow.policy.rawValue), "depth": JSONValue(overflow.depth),
        "affected": JSONValue(overflow.affected),
      ])
    return routed(
      draft, module: label.module, source: SystemEvent.sourceID, nowMs: nowMs, routing)?.record
  }

  func label(ofRoute key: Int64) -> Routing.RouteLabel? {
    routing.withLock { $0 }.label(ofRoute: key)
  }

  /// An event that is to be accepted with something else: an actor's answer. Nil when its source
  /// is not registered.
  func routed(
    _ draft: EventDraft, module: String, source: String, nowMs: Int64
  ) -> Routed? {
    let routing = routing.withLock { $0 }
    return routed(draft, module: module, source: source, nowMs: nowMs, routing)
  }

  /// Where a stored event would go now; nil when its source is not registered.
  func rematched(_ event: EventView) -> [DeliveryRecord]? {
    let routing = routing.withLock { $0 }
    let source = SourceReference(module: event.module, id: event.source)
    guard let binding = routing.sources[source] else { return nil }
    return binding.table.route(event).matches.map { binding.routes[$0].delivery(of: event) }
  }

  /// An event on its way into the file, with what the log will say of it.
  struct Routed: Sendable {
    let record: AcceptRecord
    let module: String
    let source: String
    let decision: RoutingDecision
    let binding: Routing.SourceBinding
  }

  private func routed(
    _ draft: EventDraft, module: String, source: String, nowMs: Int64, _ routing: Routing
  ) -> Routed? {
    guard let binding = routing.sources[SourceReference(module: module, id: source)] else {
      return nil
    }
    let view = EventView(draft, source: source, module: module, timestampMs: nowMs)
    let decision = binding.table.route(view)
    var record = AcceptRecord(
      source: binding.key, acceptedAtMs: nowMs, type: draft.type.code,
      generation: binding.generation, provenance: draft.provenance.bytes,
      payload: draft.payload.bytes, extra: draft.extra?.bytes, externalID: draft.externalID,
      traceID: draft.traceID, dedupKey: draft.dedupKey, cause: draft.cause?.deliveryNumber,
      deliveries: decision.matches.map { binding.routes[$0].delivery(of: view) },
      nonMatches: binding.record(of: decision.nonMatches),
      nonMatchesMore: decision.furtherNonMatches)
    guardAgainstLoops(&record, loop, module: module, source: source, binding, decision)
    return Routed(
      record: record, module: module, source: source, decision: decision, binding: binding)
  }

  /// Logs the way of an event that is committed, in the order of events.md 8.3.
  func report(_ routed: Routed, _ receipt: AcceptReceipt) {
    let (module, source, table) = (routed.module, routed.source, routed.binding.table)
    let id = { self.bus.identity.ids(of: receipt) }
    func entry(
      _ phase: LogPhase, result: String? = nil, route: String? = nil, target: String? = nil,
      error: String? = nil
    ) {
      log.emit(phase) {
        LogEntry(
          phase, timestampMs: routed.record.acceptedAtMs, eventID: id().event,
          traceID: id().trace, source: source, target: target, route: route,
          eventType: EventType(code: routed.record.type)?.rawValue, result: result,
          error: error, module: module)
      }
    }
    if receipt.isDuplicate {
      log.emit(.sourceDuplicate) {
        LogEntry(
          .sourceDuplicate, timestampMs: routed.record.acceptedAtMs, eventID: id().event,
          traceID: id().trace, source: source, result: "duplicate",
          metadata: ["dedup_key": JSONValue(routed.record.dedupKey)], module: module)
      }
      return
    }
    entry(.sourceEmit)
    if let notice = receipt.notice { report(notice, routed, receipt) }
    for index in routed.decision.regexLimits {
      let condition = table.conditions[index]
      entry(
        .systemError, route: table.entries[condition.route].route.name,
        error: "the regular expression at \(condition.path) reached its step limit")
    }
    for overflow in receipt.overflows { report(overflow, routed, receipt) }
    if routed.decision.matches.isEmpty { entry(.routeNoMatch, result: "no_match") }
    for index in routed.decision.matches {
      let route = table.entries[index].route
      entry(.routeMatch, result: "match", route: route.name, target: route.actor.id)
    }
  }
}

extension Intake {
  /// Logs what a full queue did (config.md 7.2).
  private func report(_ overflow: QueueOverflow, _ routed: Routed, _ receipt: AcceptReceipt) {
    log.emit(.pipelineBackpressure) {
      let ids = bus.identity.ids(of: receipt)
      let label = routing.withLock { $0 }.label(ofRoute: overflow.route)
      let affected = overflow.delivery.flatMap { delivery in
        overflow.acceptedAtMs.map { bus.identity.deliveryID(number: delivery, acceptedAtMs: $0) }
      }
      return LogEntry(
        .pipelineBackpressure, timestampMs: routed.record.acceptedAtMs, eventID: ids.event,
        traceID: ids.trace, source: routed.source, target: label?.actor, route: label?.route,
        eventType: EventType(code: routed.record.type)?.rawValue, queueDepth: overflow.depth,
        metadata: [
          "policy": .string(overflow.policy.rawValue), "delivery_id": JSONValue(affected),
        ], module: routed.module)
    }
  }
}

extension Identity {
  /// The ids of an accepted event and of its trace.
  func ids(of receipt: AcceptReceipt) -> (event: String, trace: String) {
    (
      receipt.externalID
        ?? eventID(sequence: receipt.sequence, acceptedAtMs: receipt.acceptedAtMs),
      receipt.traceID
        ?? traceID(sequence: receipt.sequence, acceptedAtMs: receipt.acceptedAtMs)
    )
  }
}

extension EngineError {
  /// What a failure of the store means to someone who wants to hand over an event.
  init(_ error: StoreError) {
    switch error.code {
    case .diskFull:
      self.init(.full, "the disk is full", hint: error.hint, cause: error)
    case .closed:
      self.init(.closed, "orgloop is stopping", cause: error)
    default:
      self.init(.unavailable, "the database cannot be written", hint: error.hint, cause: error)
    }
  }

  /// An error of the store in the words of the engine.
  static func wrapping<Value>(
    _ body: () async throws(StoreError) -> Value
  ) async throws(EngineError) -> Value {
    do throws(StoreError) {
      return try await body()
    } catch {
      throw EngineError(error)
    }
  }
}
