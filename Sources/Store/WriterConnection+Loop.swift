/// Loop protection and budgets (events.md 5): decided on rows, in the transaction that accepts.
extension WriterConnection {
  /// What stands between an event and its deliveries.
  struct Judgement {
    var loop: LoopFinding?
    /// By the place in the record.
    var dropped: [Int: String] = [:]
    var alarms: [Alarm] = []
  }

  /// Nil when nothing is to be checked, as for most events: those that begin their trace and go to
  /// actors without a budget.
  func judge(_ record: AcceptRecord, sequence: Int64) throws(StoreError) -> Judgement? {
    var judgement: Judgement?
    if let rule = record.loop, let trace = record.traceID {
      judgement = try judge(record, trace, rule, sequence: sequence)
      if judgement?.dropped.isEmpty == false { return judgement }
    }
    for (ordinal, delivery) in record.deliveries.enumerated() {
      guard let budget = delivery.budget else { continue }
      if try take(budget, nowMs: record.acceptedAtMs) { continue }
      var found = judgement ?? Judgement()
      found.dropped[ordinal] = "budget"
      if try isFirstOfPeriod(budget, nowMs: record.acceptedAtMs),
        let alarm = record.budgetAlarm?(ordinal)
      {
        found.alarms.append(alarm)
      }
      judgement = found
    }
    return judgement
  }

  // MARK: Loops

  /// An event of the trace, as far as counting needs it.
  private struct Hop {
    let sequence: Int64
    let acceptedAtMs: Int64
    let source: Int64
    let type: Int
    let module: Int64
    let isSystem: Bool
    let id: String
  }

  private func judge(
    _ record: AcceptRecord, _ trace: String, _ rule: LoopRule, sequence: Int64
  ) throws(StoreError) -> Judgement? {
    let nowMs = record.acceptedAtMs
    let module = try self.module(ofSource: record.source)
    let root = try root(of: trace)
    let hops = try hops(
      of: trace, root, after: nowMs - rule.windowMs, upTo: nowMs, limit: rule.traceDepthMax)
    let depth = hops.count { $0.module == module } + 1
    var finding = LoopFinding(
      verdict: .detected, traceID: trace, depth: depth, traceDepth: hops.count + 1,
      isWholeTrace: depth < rule.depthMax, repeatsType: false,
      eventIDs: hops.map(\.id) + [
        record.externalID ?? identity.eventID(sequence: sequence, acceptedAtMs: nowMs)
      ])
    finding.repeatsType = hops.contains {
      $0.source == record.source && $0.type == record.type
    }
    if try isBroken(trace, module: module, nowMs: nowMs) {
      finding.verdict = .stillBroken
    } else if depth >= rule.depthMax || finding.traceDepth >= rule.traceDepthMax {
      finding.verdict = .broken
      try note(finding, module: module, fromMs: nowMs, untilMs: nowMs + rule.windowMs)
    } else if depth <= rule.warnDepth, !finding.repeatsType {
      return nil
    }
    var judgement = Judgement(loop: finding)
    guard finding.verdict != .detected else { return judgement }
    for ordinal in record.deliveries.indices { judgement.dropped[ordinal] = "loop" }
    // What a system event has set off tells of no further one, or an alarm could feed itself.
    if finding.verdict == .broken, root?.isSystem != true, let alarm = rule.alarm(finding) {
      judgement.alarms.append(alarm)
    }
    return judgement
  }

  /// The events of a trace, oldest first; the newest where there are more than `limit`.
  private func hops(
    of trace: String, _ root: Hop?, after fromMs: Int64, upTo nowMs: Int64, limit: Int
  ) throws(StoreError) -> [Hop] {
    var hops: [Hop] = []
    defer { statements.hopsOfTrace.reset() }
    statements.hopsOfTrace.bind(1, trace)
    statements.hopsOfTrace.bind(2, limit)
    while try statements.hopsOfTrace.step(doing: "count the events of a trace") {
      // Not the end: after a corrected clock an older event may have a later time.
      guard isCounted(statements.hopsOfTrace.int64(1), after: fromMs, upTo: nowMs) else { continue }
      hops.append(hop(statements.hopsOfTrace))
    }
    hops.reverse()
    if let root, isCounted(root.acceptedAtMs, after: fromMs, upTo: nowMs) {
      hops.insert(root, at: 0)
    }
    return hops
  }

  /// What lies ahead was stamped by a clock that was corrected since. Not all of it: of two events
  /// that come at once, the later one may be committed first.
  private func isCounted(_ ms: Int64, after fromMs: Int64, upTo nowMs: Int64) -> Bool {
    ms > fromMs && ms <= nowMs + 1_000
  }

  /// The event that began the trace here: its row does not name the trace.
  private func root(of trace: String) throws(StoreError) -> Hop? {
    guard let made = identity.number(in: trace, prefix: "trc_") else { return nil }
    defer { statements.rootOfTrace.reset() }
    statements.rootOfTrace.bind(1, Identity.sequence(of: made.number))
    statements.rootOfTrace.bind(2, made.acceptedAtMs)
    guard try statements.rootOfTrace.step(doing: "find the beginning of a trace") else {
      return nil
    }
    return hop(statements.rootOfTrace)
  }

  private func hop(_ row: borrowing Statement) -> Hop {
    let (sequence, acceptedAtMs) = (row.int64(0), row.int64(1))
    return Hop(
      sequence: sequence, acceptedAtMs: acceptedAtMs, source: row.int64(2), type: row.int(3),
      module: row.int64(4), isSystem: row.int(5) != 0,
      id: row.optionalText(6)
        ?? identity.eventID(sequence: sequence, acceptedAtMs: acceptedAtMs))
  }

  private func module(ofSource source: Int64) throws(StoreError) -> Int64 {
    defer { statements.moduleOfSource.reset() }
    statements.moduleOfSource.bind(1, source)
    let isThere = try statements.moduleOfSource.step(doing: "find the module of a source")
    return isThere ? statements.moduleOfSource.int64(0) : 0
  }

  private func isBroken(
    _ trace: String, module: Int64, nowMs: Int64
  ) throws(StoreError) -> Bool {
    defer { statements.findLoop.reset() }
    statements.findLoop.bind(1, trace)
    statements.findLoop.bind(2, module)
    statements.findLoop.bind(3, nowMs)
    return try statements.findLoop.step(doing: "look for a broken trace")
  }

  private func note(
    _ finding: LoopFinding, module: Int64, fromMs: Int64, untilMs: Int64
  ) throws(StoreError) {
    statements.forgetLoops.bind(1, fromMs)
    try statements.forgetLoops.run(doing: "forget broken traces")
    statements.breakTrace.bind(1, finding.traceID)
    statements.breakTrace.bind(2, finding.isWholeTrace ? 0 : module)
    statements.breakTrace.bind(3, fromMs)
    statements.breakTrace.bind(4, untilMs)
    try statements.breakTrace.run(doing: "break a trace")
  }

  // MARK: Budgets

  /// Counts a delivery for its actor; false when the budget is used up.
  private func take(_ budget: StartBudget, nowMs: Int64) throws(StoreError) -> Bool {
    let fromMs = nowMs - budget.periodMs - budget.slotMs
    let slotMs = nowMs / budget.slotMs * budget.slotMs
    let used = try starts(budget, after: fromMs, upTo: slotMs)
    guard used < budget.count else { return false }
    statements.countStart.bind(1, budget.actorLane)
    statements.countStart.bind(2, slotMs)
    try statements.countStart.run(doing: "count a start")
    // What lies ahead was counted by a clock that was corrected since.
    statements.forgetStarts.bind(1, budget.actorLane)
    statements.forgetStarts.bind(2, fromMs)
    statements.forgetStarts.bind(3, slotMs)
    try statements.forgetStarts.run(doing: "forget old starts")
    return true
  }

  private func starts(
    _ budget: StartBudget, after fromMs: Int64, upTo slotMs: Int64
  ) throws(StoreError) -> Int {
    defer { statements.sumStarts.reset() }
    statements.sumStarts.bind(1, budget.actorLane)
    statements.sumStarts.bind(2, fromMs)
    statements.sumStarts.bind(3, slotMs)
    let isThere = try statements.sumStarts.step(doing: "count the starts of an actor")
    return isThere ? statements.sumStarts.int(0) : 0
  }

  private func isFirstOfPeriod(
    _ budget: StartBudget, nowMs: Int64
  ) throws(StoreError) -> Bool {
    statements.tellBudget.bind(1, budget.actorLane)
    statements.tellBudget.bind(2, nowMs)
    statements.tellBudget.bind(3, budget.periodMs)
    try statements.tellBudget.run(doing: "note a used-up budget")
    return statements.tellBudget.changes() == 1
  }

  // MARK: What is dropped

  /// Ends a delivery as it is made.
  func drop(
    _ delivery: DeliveryRecord, number: Int64, lane: Int64, orderKey: String?, reason: String,
    atMs: Int64
  ) throws(StoreError) {
    statements.settle.bind(1, number)
    statements.settle.bind(2, lane)
    statements.settle.bind(3, delivery.route)
    statements.settle.bind(4, delivery.generation)
    statements.settle.bind(5, "dropped")
    statements.settle.bind(6, reason)
    statements.settle.bind(7, 0)
    statements.settle.bind(8, atMs)
    statements.settle.bind(9, orderKey)
    statements.settle.bind(10, nil as Int64?)
    statements.settle.bind(11, nil as String?)
    try statements.settle.run(doing: "drop a delivery")
  }
}

extension SQL {
  /// Partial index events_trace, newest first; primary key of sources. What tells of an inbox (the
  /// runtime's own events of type 2) does not count: a loop through an inbox has other events too,
  /// and a backlog that is collected in parts is none.
  package static let hopsOfTrace = """
    SELECT e.sequence, e.accepted_at_ms, e.source, e.type, s.module, s.id = 'orgloop', e.external_id
    FROM events AS e CROSS JOIN sources AS s ON s.key = e.source
    WHERE e.trace = ?1 AND NOT (e.type = 2 AND s.id = 'orgloop')
    ORDER BY e.sequence DESC
    LIMIT ?2
    """

  /// Primary keys.
  package static let rootOfTrace = """
    SELECT e.sequence, e.accepted_at_ms, e.source, e.type, s.module, s.id = 'orgloop', e.external_id
    FROM events AS e CROSS JOIN sources AS s ON s.key = e.source
    WHERE e.sequence = ?1 AND e.accepted_at_ms = ?2 AND e.trace IS NULL
    """

  /// Primary key.
  package static let moduleOfSource = "SELECT module FROM sources WHERE key = ?1"

  /// Primary key (trace, module). A break that lies ahead was noted by a clock that was corrected.
  package static let findLoop = """
    SELECT 1 FROM loops
    WHERE trace = ?1 AND module IN (0, ?2) AND since_ms <= ?3 AND until_ms > ?3
    LIMIT 1
    """

  /// Index loops_until.
  package static let forgetLoops = "DELETE FROM loops WHERE until_ms <= ?1"

  /// Primary key.
  package static let breakTrace = """
    INSERT OR REPLACE INTO loops (trace, module, since_ms, until_ms) VALUES (?1, ?2, ?3, ?4)
    """

  /// Primary key (lane, slot_ms): 62 rows at most.
  package static let sumStarts = """
    SELECT coalesce(sum(count), 0) FROM starts WHERE lane = ?1 AND slot_ms > ?2 AND slot_ms <= ?3
    """

  /// Primary key.
  package static let countStart = """
    INSERT INTO starts (lane, slot_ms, count) VALUES (?1, ?2, 1)
    ON CONFLICT (lane, slot_ms) DO UPDATE SET count = count + 1
    """

  /// Primary key (lane, slot_ms): one lane.
  package static let forgetStarts = """
    DELETE FROM starts WHERE lane = ?1 AND (slot_ms <= ?2 OR slot_ms > ?3)
    """

  /// Primary key; no row changes when the period's event was made.
  package static let tellBudget = """
    UPDATE lanes SET budget_told_ms = ?2
    WHERE key = ?1
      AND (budget_told_ms IS NULL OR budget_told_ms <= ?2 - ?3 OR budget_told_ms > ?2)
    """
}
