import Store

/// Which events to list (cli-http.md 2.4, filters), newest first.
package struct EventQuery: Sendable, Hashable {
  package var fromMs: Int64?
  package var toMs: Int64?
  package var module: String?
  package var source: String?
  package var route: String?
  package var actor: String?
  package var type: EventType?
  package var platformEvent: String?
  /// One of ``states``.
  package var state: String?
  /// Fields of the event; all must hold.
  package var conditions: [FieldCondition] = []
  /// 1...1000.
  package var limit = 100
  /// The cursor of the page before.
  package var after: String?

  package init() {}

  package static let states = ["accepted", "settled", "unrouted"]

  /// What the store has to know of it; ``conditions`` and the place in the list are the caller's.
  var filter: EventFilter {
    var filter = EventFilter()
    filter.fromMs = fromMs
    filter.toMs = toMs
    filter.module = module
    filter.source = source
    filter.route = route
    filter.actor = actor
    filter.type = type?.code
    filter.platformEvent = platformEvent
    filter.state = state
    return filter
  }

  /// - Throws: ``EngineError`` `.invalid` for a state that does not exist.
  func checkState() throws(EngineError) {
    guard state.map(EventQuery.states.contains) ?? true else {
      throw EngineError(.invalid, "state must be accepted, settled or unrouted")
    }
  }
}

/// One page of events.
package struct EventPage: Sendable {
  /// Objects of `GET /api/events` (cli-http.md 3.3).
  package var items: [JSONValue]
  /// Pass it as `after` for the next page; nil at the end.
  package var next: String?

  package init(items: [JSONValue], next: String?) {
    self.items = items
    self.next = next
  }
}
