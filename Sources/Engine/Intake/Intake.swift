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
  /// - Throws: ``EngineError`` `.full` when the disk has no room left for more events,
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
    let batch = AcceptBatch(records: routed.compactMap { $0?.record }, progress: progress)
    CrashPoint.acceptRouted.reached()
    do throws(StoreError) {
      let receipts = try await bus.publish(batch)
      CrashPoint.acceptCommitted.reached()
      for (routed, receipt) in zip(routed, receipts) {
        if let routed { report(routed, receipt) }
      }
      return receipts
    } catch {
      throw EngineError(error)
    }
  }

  /// An event that is to be accepted with something else: an actor's answer. Nil when its source
  /// is not registered.
  func routed(
    _ draft: EventDraft, module: String, source: String, nowMs: Int64
  ) -> Routed? {
    let routing = routing.withLock { $0 }
    return routed(draft, module: module, source: source, nowMs: nowMs, routing)
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
    if routed.decision.matches.isEmpty { entry(.routeNoMatch, result: "no_match") }
    for index in routed.decision.matches {
      let route = table.entries[index].route
      entry(.routeMatch, result: "match", route: route.name, target: route.actor.id)
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
}
