import Store

/// Loop protection and budgets, as far as the engine has a part in them: it says by which rule an
/// event is checked, and makes the events that tell of what was found (events.md 5 and 7.1).
extension Intake {
  func guardAgainstLoops(
    _ record: inout AcceptRecord, _ limits: LoopLimits, module: String, source: String,
    _ binding: Routing.SourceBinding, _ decision: RoutingDecision
  ) {
    let nowMs = record.acceptedAtMs
    if record.traceID != nil {
      record.loop = LoopRule(
        warnDepth: limits.warnDepth, depthMax: limits.maxDepth,
        traceDepthMax: max(limits.maxTraceDepth, limits.maxDepth), windowMs: limits.windowMs
      ) { [weak self] finding in
        self?.alarm("loop.broken", finding.payload, module: module, nowMs: nowMs)
      }
    }
    // A delivery of a system event never makes another one.
    guard source != SystemEvent.sourceID,
      record.deliveries.contains(where: { $0.budget != nil })
    else { return }
    record.budgetAlarm = { [weak self] ordinal in
      let entry = binding.table.entries[decision.matches[ordinal]]
      return self?.alarm(
        "budget.exceeded",
        [
          "actor": .string(entry.route.actor.id), "route": .string(entry.route.name),
          "max_starts": JSONValue(entry.route.delivery.starts?.text),
        ], module: entry.module, nowMs: nowMs)
    }
  }

  /// What an actor is told of its inbox, held against its budget.
  var inboxNotice: InboxNotice {
    { [weak self] state in
      var tidings = InboxNotification.text(state)
      guard let self, let label = label(ofRoute: state.route) else { return tidings }
      tidings.budget = label.inboxBudget
      guard tidings.budget != nil, !state.isOfSystemEvent else { return tidings }
      tidings.budgetAlarm = { [weak self] _ in
        self?.alarm(
          "budget.exceeded",
          [
            "actor": .string(label.actor), "route": .string(label.route),
            "max_starts": JSONValue(label.startsText),
          ], module: label.module, nowMs: state.nowMs)
      }
      return tidings
    }
  }

  /// Logs the way of the events that tell of something about an inbox notification.
  func reportAlarms(ofNotification receipt: AcceptReceipt) {
    for (_, receipt) in receipt.notice?.alarms ?? [] {
      for (alarm, receipt) in receipt.notice?.alarms ?? [] {
        if let routed = alarm.context as? Routed { report(routed, receipt) }
      }
    }
  }

  private func alarm(
    _ name: String, _ payload: JSONObject, module: String, nowMs: Int64
  ) -> Alarm? {
    let routed = routed(
      SystemEvent.draft(name, payload), module: module, source: SystemEvent.sourceID,
      nowMs: nowMs)
    return routed.map { Alarm(record: $0.record, context: $0) }
  }

  /// Logs what acceptance found (events.md 8.2), and the way of the events that tell of it.
  func report(_ notice: AcceptNotice, _ routed: Routed, _ receipt: AcceptReceipt) {
    let ids = identity.ids(of: receipt)
    func entry(
      _ phase: LogPhase, _ result: String, _ metadata: JSONObject, _ route: RouteDefinition? = nil
    ) {
      log.emit(phase) {
        LogEntry(
          phase, timestampMs: routed.record.acceptedAtMs, eventID: ids.event, traceID: ids.trace,
          source: routed.source, target: route?.actor.id, route: route?.name,
          eventType: EventType(code: routed.record.type)?.rawValue, result: result,
          metadata: metadata, module: routed.module)
      }
    }
    if let loop = notice.loop {
      if loop.verdict == .detected {
        entry(
          .loopDetected, "detected",
          ["chain_depth": JSONValue(loop.depth), "flags": .array(loop.flags)])
      } else {
        entry(
          .loopCircuitBroken, "drop",
          [
            "chain_depth": JSONValue(loop.depth),
            "chain": .array(loop.eventIDs.map(JSONValue.string)),
          ])
      }
    }
    for (ordinal, reason) in notice.dropped.sorted(by: { $0.key < $1.key })
    where reason == "budget" {
      let match = routed.decision.matches[ordinal]
      let route = routed.binding.table.entries[match].route
      entry(
        .budgetExceeded, "drop", ["max_starts": JSONValue(route.delivery.starts?.text)], route)
    }
    for (alarm, receipt) in notice.alarms {
      if let routed = alarm.context as? Routed { report(routed, receipt) }
    }
  }
}

extension LoopFinding {
  fileprivate var payload: JSONObject {
    [
      "trace_id": .string(traceID), "depth": JSONValue(isWholeTrace ? traceDepth : depth),
      "scope": isWholeTrace ? "trace" : "module",
      "event_ids": .array(eventIDs.map(JSONValue.string)),
    ]
  }

  fileprivate var flags: [JSONValue] {
    repeatsType ? ["repeated_type"] : ["depth"]
  }
}
