/// An event on its way into the file, as rows need it: names are numbers already, JSON is checked.
package struct AcceptRecord: Sendable {
  package var source: Int64
  package var acceptedAtMs: Int64
  /// 0, 1, 2; see the engine's `EventType`.
  package var type: Int
  package var generation: Int64
  /// A JSON object.
  package var provenance: [UInt8]
  /// Any JSON value.
  package var payload: [UInt8]
  /// Further members of the envelope, as a JSON object; `{}` is stored as none.
  package var extra: [UInt8]?
  /// The id that the event came with; unique in the file.
  package var externalID: String?
  /// The trace that the event joins; nil begins one.
  package var traceID: String?
  /// What a trace that it joins is checked against; nil checks nothing.
  package var loop: LoopRule?
  /// Makes the event that tells of the used-up budget of one of ``deliveries``. Called in the
  /// transaction, so it must be pure.
  package var budgetAlarm: (@Sendable (_ ordinal: Int) -> Alarm?)?
  /// Unique for the source.
  package var dedupKey: String?
  /// The delivery whose actor answered with this event.
  package var cause: Int64?
  /// One per matching route, in route order.
  package var deliveries: [DeliveryRecord]
  /// `[[condition, "actual"], …]` as JSON; nil when every route of the source matched.
  package var nonMatches: String?
  /// Non-matching routes beyond those in `nonMatches`.
  package var nonMatchesMore: Int

  package init(
    source: Int64, acceptedAtMs: Int64, type: Int, generation: Int64, provenance: [UInt8],
    payload: [UInt8], extra: [UInt8]? = nil, externalID: String? = nil, traceID: String? = nil,
    dedupKey: String? = nil, cause: Int64? = nil, deliveries: [DeliveryRecord] = [],
    nonMatches: String? = nil, nonMatchesMore: Int = 0
  ) {
    self.source = source
    self.acceptedAtMs = acceptedAtMs
    self.type = type
    self.generation = generation
    self.provenance = provenance
    self.payload = payload
    self.extra = extra
    self.externalID = externalID
    self.traceID = traceID
    self.dedupKey = dedupKey
    self.cause = cause
    self.deliveries = deliveries
    self.nonMatches = nonMatches
    self.nonMatchesMore = nonMatchesMore
  }
}

/// One delivery of an event that is being accepted.
package struct DeliveryRecord: Sendable {
  package var lane: Int64
  package var route: Int64
  package var orderKey: OrderKeyValue
  package var generation: Int64
  /// How many deliveries its actor may get; nil = any number.
  package var budget: StartBudget?

  /// Deliveries of a lane with the same key reach their actor in the order of acceptance.
  package enum OrderKeyValue: Sendable, Hashable {
    case none
    case text(String)
    /// The trace id, which for a new trace is known only when the event has its number.
    case traceID
  }

  package init(
    lane: Int64, route: Int64, orderKey: OrderKeyValue = .none, generation: Int64,
    budget: StartBudget? = nil
  ) {
    self.budget = budget
    self.lane = lane
    self.route = route
    self.orderKey = orderKey
    self.generation = generation
  }
}

/// What a source hands over in one go: committed together, or not at all.
package struct AcceptBatch: Sendable {
  package var records: [AcceptRecord]
  /// What the source is to remember, with its health; nil for webhooks.
  package var progress: SourceProgress?
  /// The change of a module's state that the events tell of.
  package var moduleState: ModuleStateChange?
  /// The lane of an actor that the events say is enabled again.
  package var enablesActorOfLane: Int64?
  /// A full queue that blocks refuses the batch: whoever has it can give it again later.
  package var canBeHeldBack = false

  package init(
    records: [AcceptRecord], progress: SourceProgress? = nil,
    moduleState: ModuleStateChange? = nil, enablesActorOfLane: Int64? = nil
  ) {
    self.enablesActorOfLane = enablesActorOfLane
    self.records = records
    self.progress = progress
    self.moduleState = moduleState
  }
}

/// Checkpoint and health of a source after a poll.
package struct SourceProgress: Sendable {
  package var source: Int64
  /// Nil leaves the stored checkpoint as it is.
  package var checkpoint: String?
  /// `healthy`, `degraded` or `unhealthy`.
  package var status: String
  package var lastSuccessMs: Int64?
  package var lastAttemptMs: Int64?
  package var lastError: String?
  package var consecutiveErrors: Int
  package var circuitOpen: Bool
  /// What the engine's health needs beyond the columns, as JSON.
  package var health: String?
  /// The poll has read everything up to this moment: coverage is extended.
  package var coveredFromMs: Int64?
  package var coveredToMs: Int64?

  package init(
    source: Int64, checkpoint: String? = nil, status: String = "healthy",
    lastSuccessMs: Int64? = nil, lastAttemptMs: Int64? = nil, lastError: String? = nil,
    consecutiveErrors: Int = 0, circuitOpen: Bool = false, health: String? = nil,
    coveredFromMs: Int64? = nil, coveredToMs: Int64? = nil
  ) {
    self.source = source
    self.checkpoint = checkpoint
    self.status = status
    self.lastSuccessMs = lastSuccessMs
    self.lastAttemptMs = lastAttemptMs
    self.lastError = lastError
    self.consecutiveErrors = consecutiveErrors
    self.circuitOpen = circuitOpen
    self.health = health
    self.coveredFromMs = coveredFromMs
    self.coveredToMs = coveredToMs
  }
}

/// What became of one ``AcceptRecord``.
package struct AcceptReceipt: Sendable {
  /// Of the event, or of the first copy when this one is a duplicate.
  package let sequence: Int64
  /// Of the event, or of the first copy.
  package let acceptedAtMs: Int64
  package let isDuplicate: Bool
  /// The event's own id when it came with one.
  package let externalID: String?
  /// The trace it joined; nil for a trace of its own.
  package let traceID: String?
  /// What full queues did with this event's deliveries, or with older ones for their sake.
  package let overflows: [QueueOverflow]
  /// Where the deliveries went, one lane for each, when that is not where they were sent: a route
  /// had moved to another lane meanwhile.
  package let lanes: [Int64]?
  /// What its acceptance found; nil for most.
  package let notice: AcceptNotice?

  package init(
    sequence: Int64, acceptedAtMs: Int64, isDuplicate: Bool, externalID: String?,
    traceID: String?, lanes: [Int64]? = nil, overflows: [QueueOverflow] = [],
    notice: AcceptNotice? = nil
  ) {
    self.overflows = overflows
    self.notice = notice
    self.sequence = sequence
    self.acceptedAtMs = acceptedAtMs
    self.isDuplicate = isDuplicate
    self.externalID = externalID
    self.traceID = traceID
    self.lanes = lanes
  }
}

/// The beginning of one attempt.
package struct StartRecord: Sendable, Hashable {
  package var delivery: Int64
  package var lane: Int64
  /// Counted from 1.
  package var number: Int
  package var startedAtMs: Int64
  package var generation: Int64

  package init(
    delivery: Int64, lane: Int64, number: Int, startedAtMs: Int64, generation: Int64
  ) {
    self.delivery = delivery
    self.lane = lane
    self.number = number
    self.startedAtMs = startedAtMs
    self.generation = generation
  }
}

/// The end of one attempt, and what it means for its delivery.
package struct SettleRecord: Sendable {
  package var start: StartRecord
  package var route: Int64
  package var orderKey: String?
  package var createdAtMs: Int64?
  package var replay: String?
  package var endedAtMs: Int64
  /// A word of `attempts.outcome`.
  package var outcome: String
  package var statusCode: Int?
  package var error: String?
  package var retryAfterMs: Int64?
  package var responseExcerpt: String?
  package var output: String?
  package var promptHash: String?
  /// A JSON list of the steps and how they went.
  package var transforms: String?
  /// The event as it left the transforms, where they changed it and it is not stored yet.
  package var transformed: [UInt8]?
  package var disposition: Disposition
  /// What the outcome has made of a circuit breaker.
  package var breaker: BreakerRow?
  /// Where the event waits for collection, in place of the actor: for a disposition `delivered`.
  package var inbox: InboxEntry?
  /// Written when the attempt ends or holds its delivery.
  package var audit: AuditRecord?
  /// The actor is gone for good: it is disabled until an operator says otherwise.
  package var disablesActor = false
  /// Events the actor answered with; accepted in the same transaction.
  package var followUps: [AcceptRecord]
  /// Of dedup transforms that let the delivery through.
  package var keys: [DedupKeyRecord] = []
  /// It was no attempt: the delivery goes back to where it was before it began.
  package var isUndone = false

  /// What becomes of a delivery after an attempt.
  package enum Disposition: Sendable, Hashable {
    /// `delivered`, `dropped`, `skipped` or `dead`, with the reason for all but the first.
    case settled(state: String, reason: String?)
    /// Another attempt at that time.
    case waiting(dueAtMs: Int64, reason: String)
    case parked(reason: String)
  }

  package init(
    start: StartRecord, route: Int64, orderKey: String? = nil, createdAtMs: Int64? = nil,
    replay: String? = nil, endedAtMs: Int64, outcome: String, statusCode: Int? = nil,
    error: String? = nil, retryAfterMs: Int64? = nil, responseExcerpt: String? = nil,
    output: String? = nil, promptHash: String? = nil, transforms: String? = nil,
    transformed: [UInt8]? = nil, disposition: Disposition, followUps: [AcceptRecord] = []
  ) {
    self.start = start
    self.route = route
    self.orderKey = orderKey
    self.createdAtMs = createdAtMs
    self.replay = replay
    self.endedAtMs = endedAtMs
    self.outcome = outcome
    self.statusCode = statusCode
    self.error = error
    self.retryAfterMs = retryAfterMs
    self.responseExcerpt = responseExcerpt
    self.output = output
    self.promptHash = promptHash
    self.transforms = transforms
    self.transformed = transformed
    self.disposition = disposition
    self.followUps = followUps
  }
}

/// How far a lane has used up its rate.
package struct LanePace: Sendable, Hashable {
  package var lane: Int64
  /// When the bucket is full again, milliseconds since 1970.
  package var fullAtMs: Double
  /// When the next attempt may begin, for those who look.
  package var nextStartMs: Int64

  package init(lane: Int64, fullAtMs: Double, nextStartMs: Int64) {
    self.lane = lane
    self.fullAtMs = fullAtMs
    self.nextStartMs = nextStartMs
  }
}

/// A circuit breaker as its row has it (config.md 7.1).
package struct BreakerRow: Sendable, Hashable {
  package var scope: Scope
  /// Failed attempts in a row.
  package var failures: Int
  /// Nil while it is closed.
  package var openUntilMs: Int64?

  /// Whose breaker it is, by number.
  package enum Scope: Sendable, Hashable {
    case route(Int64)
    case lane(Int64)
  }

  package init(_ scope: Scope, failures: Int, openUntilMs: Int64?) {
    self.scope = scope
    self.failures = failures
    self.openUntilMs = openUntilMs
  }
}

/// A delivery that is not settled, with its event: all that an attempt needs.
package struct QueuedDelivery: Sendable {
  package var delivery: Int64
  package var lane: Int64
  package var route: Int64
  package var generation: Int64
  /// Made so far.
  package var attempts: Int
  /// Of those, made before the last requeue.
  package var attemptsBefore: Int
  package var orderKey: String?
  package var dueAtMs: Int64?
  package var createdAtMs: Int64?
  package var replay: String?
  package var event: EventRow

  package init(
    delivery: Int64, lane: Int64, route: Int64, generation: Int64, attempts: Int = 0,
    attemptsBefore: Int = 0, orderKey: String? = nil, dueAtMs: Int64? = nil,
    createdAtMs: Int64? = nil, replay: String? = nil, event: EventRow
  ) {
    self.delivery = delivery
    self.lane = lane
    self.route = route
    self.generation = generation
    self.attempts = attempts
    self.attemptsBefore = attemptsBefore
    self.orderKey = orderKey
    self.dueAtMs = dueAtMs
    self.createdAtMs = createdAtMs
    self.replay = replay
    self.event = event
  }
}

/// An event as its row has it.
package struct EventRow: Sendable {
  package var sequence: Int64
  package var acceptedAtMs: Int64
  package var source: Int64
  package var type: Int
  package var provenance: [UInt8]
  package var payload: [UInt8]
  package var extra: [UInt8]?
  package var externalID: String?
  package var traceID: String?

  package init(
    sequence: Int64, acceptedAtMs: Int64, source: Int64, type: Int, provenance: [UInt8],
    payload: [UInt8], extra: [UInt8]?, externalID: String?, traceID: String?
  ) {
    self.sequence = sequence
    self.acceptedAtMs = acceptedAtMs
    self.source = source
    self.type = type
    self.provenance = provenance
    self.payload = payload
    self.extra = extra
    self.externalID = externalID
    self.traceID = traceID
  }
}
