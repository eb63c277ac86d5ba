/// Which part of an event's journey is read, and how much of it.
package struct JourneyQuery: Sendable {
  /// Events at most.
  package var eventsMax: Int
  /// Only deliveries of the routes of this name; nil = all.
  package var route: String?
  /// Whether what explains a decision is read too: routes that did not match, and what unsettled
  /// deliveries wait for.
  package var explains: Bool

  /// 100: deliveries of one event; an event may have 65,536.
  package static let deliveriesPerEventMax = 100
  /// 1,000: deliveries of all events together, so that an answer stays below 50 ms and 2 MB.
  package static let deliveriesMax = 1_000
  /// 20: attempts of one delivery, the newest.
  package static let attemptsPerDeliveryMax = 20
  /// 2,000: attempts of all deliveries together.
  package static let attemptsMax = 2_000
  /// 10,000: events of a trace are counted up to here.
  package static let countMax = 10_000
  /// 1,000: older deliveries of a queue are counted up to here, for each delivery that waits.
  package static let olderMax = 1_000
  /// 10,000: rows that are looked at along order keys, for all deliveries of an answer together.
  package static let keyRowsMax = 10_000
  /// 20: routes of one name, each in another module.
  package static let namesakesMax = 20

  package init(eventsMax: Int, route: String? = nil, explains: Bool = false) {
    self.eventsMax = eventsMax
    self.route = route
    self.explains = explains
  }
}

/// A number that was counted up to a bound.
package struct BoundedCount: Sendable, Hashable {
  package let value: Int
  /// There may be more.
  package let isCapped: Bool

  package init(_ value: Int, isCapped: Bool = false) {
    self.value = value
    self.isCapped = isCapped
  }
}

/// What an id leads to, and what became of it.
package struct Journey: Sendable {
  package let traceID: String
  /// The delivery that was asked for.
  package let askedDelivery: Int64?
  /// By acceptance. Of a trace with more than were asked for: the way to the event that was asked
  /// for, what that caused, then the oldest.
  package let events: [JourneyEvent]
  /// Events of the trace.
  package let eventCount: BoundedCount
}

/// An event with what became of it.
package struct JourneyEvent: Sendable {
  package let head: JourneyEventHead
  /// By their numbers.
  package let deliveries: [JourneyDelivery]
  /// Deliveries that are not among ``deliveries``, though they were asked for.
  package let deliveriesMore: Int
  package let nonMatches: [JourneyNonMatch]
  /// What is known of the route that was asked for, when the event has no delivery of it and no
  /// record why; one for each module that has a route of that name.
  package let namesakes: [RouteNamesake]
}

/// The row of an event, with its ids.
package struct JourneyEventHead: Sendable {
  package let sequence: Int64
  package let id: String
  package let acceptedAtMs: Int64
  package let module: String
  /// What else its module is called now.
  package let moduleAlias: String?
  package let source: String
  /// 0, 1, 2; see the engine's `EventType`.
  package let type: Int
  package let platformEvent: String?
  package let traceID: String
  package let generation: Int64
  package let duplicates: Int
  package let lastDuplicateMs: Int64?
  /// Routes of the source that did not match and that are not recorded.
  package let nonMatchesMore: Int
  /// Deliveries that were ever made of it, and how many of them have ended.
  package let deliveryCount: Int
  package let settledCount: Int
  package let cause: Cause?

  /// The delivery whose actor answered with this event.
  package struct Cause: Sendable, Hashable {
    package let number: Int64
    package let deliveryID: String
    package let eventID: String
  }

  /// `accepted`, `settled` or `unrouted`, as `v_events` says it.
  package var state: String {
    if deliveryCount == 0 { return "unrouted" }
    return settledCount < deliveryCount ? "accepted" : "settled"
  }
}

/// A delivery with its newest attempts.
package struct JourneyDelivery: Sendable {
  package let summary: DeliverySummary
  /// Without what actors and commands printed.
  package let attempts: [AttemptSummary]
  /// What holds it up; nil for one that has ended, and where nobody asked.
  package let standing: Standing?
}

/// A route that did not match, with the module it is of.
package struct JourneyNonMatch: Sendable, Hashable {
  package let module: String
  package let route: String
  package let path: String
  package let expected: String
  package let actual: String?
  /// The condition is a regular expression that took too many steps.
  package let isRegexLimit: Bool
}

/// A route that an event has no record of, with the configuration that its module had then.
package struct RouteNamesake: Sendable {
  package let module: String
  /// The newest configuration of the module that is not younger than the event; nil when there was
  /// none.
  package let generation: Int64?
  /// As it was stored, secrets replaced.
  package let documents: [UInt8]?
}

/// What stands between an unsettled delivery and its next attempt.
package struct Standing: Sendable, Hashable {
  package var route: RouteStanding
  package var lane: LaneStanding
  /// The attempt in flight.
  package var running: Running?
  package var dueAtMs: Int64?
  /// As the queue's row has it: `backoff`, or what a later version writes.
  package var storedReason: String?
  package var ahead: Ahead?
  /// An order key on which so many older deliveries are held up that not all were looked at.
  package var unsearchedKey: String?
  /// Unsettled deliveries of the lane that are older; counted only where nothing else holds it.
  package var older: BoundedCount
  /// Attempts in flight in the lane.
  package var runningInLane: Int

  package struct Running: Sendable, Hashable {
    package var number: Int
    package var sinceMs: Int64

    package init(number: Int, sinceMs: Int64) {
      self.number = number
      self.sinceMs = sinceMs
    }
  }

  /// The oldest delivery of the same lane and order key that is not held up itself: the one that
  /// must end first.
  package struct Ahead: Sendable, Hashable {
    package var deliveryID: String
    package var eventID: String
    package var key: String

    package init(deliveryID: String, eventID: String, key: String) {
      self.deliveryID = deliveryID
      self.eventID = eventID
      self.key = key
    }
  }

  package init(
    route: RouteStanding, lane: LaneStanding, running: Running? = nil, dueAtMs: Int64? = nil,
    storedReason: String? = nil, ahead: Ahead? = nil, unsearchedKey: String? = nil,
    older: BoundedCount = BoundedCount(0), runningInLane: Int = 0
  ) {
    self.route = route
    self.lane = lane
    self.running = running
    self.dueAtMs = dueAtMs
    self.storedReason = storedReason
    self.ahead = ahead
    self.unsearchedKey = unsearchedKey
    self.older = older
    self.runningInLane = runningInLane
  }

  /// Whether the deliveries of its route are not made at all now: then it holds up no other one.
  package var isHeld: Bool {
    !route.module.isWanted || !lane.module.isWanted || route.actorModule?.isWanted == false
      || route.removedAtMs != nil || route.actorDisabledMs != nil || !route.pauses.isEmpty
  }
}

/// What is known of a module that a delivery needs.
package struct ModuleStanding: Sendable, Hashable {
  package var name: String
  /// False for one that is unloaded, or was never loaded.
  package var isWanted: Bool
  /// When its row changed last; nil for a module that was never loaded.
  package var changedAtMs: Int64?

  package init(name: String, isWanted: Bool = true, changedAtMs: Int64? = nil) {
    self.name = name
    self.isWanted = isWanted
    self.changedAtMs = changedAtMs
  }
}

/// What is known of a route, its actor, and who has paused them.
package struct RouteStanding: Sendable, Hashable {
  package var name: String
  package var actor: String
  package var module: ModuleStanding
  package var removedAtMs: Int64?
  package var actorModule: ModuleStanding?
  package var actorDisabledMs: Int64?
  /// Of the route's own breaker.
  package var circuitOpenUntilMs: Int64?
  package var pauses: [PauseRow]

  package init(
    name: String, actor: String, module: ModuleStanding, removedAtMs: Int64? = nil,
    actorModule: ModuleStanding? = nil, actorDisabledMs: Int64? = nil, pauses: [PauseRow] = []
  ) {
    self.name = name
    self.actor = actor
    self.module = module
    self.removedAtMs = removedAtMs
    self.actorModule = actorModule
    self.actorDisabledMs = actorDisabledMs
    self.pauses = pauses
  }
}

/// What is known of a queue.
package struct LaneStanding: Sendable, Hashable {
  /// `actor` or `route`.
  package var kind: String
  package var name: String
  package var module: ModuleStanding
  package var circuitOpenUntilMs: Int64?
  /// When its rate lets the next attempt begin.
  package var nextStartMs: Int64?

  package init(
    kind: String, name: String, module: ModuleStanding, circuitOpenUntilMs: Int64? = nil,
    nextStartMs: Int64? = nil
  ) {
    self.nextStartMs = nextStartMs
    self.kind = kind
    self.name = name
    self.module = module
    self.circuitOpenUntilMs = circuitOpenUntilMs
  }

  /// `actor/out`.
  package var target: String { "\(kind)/\(name)" }
}
