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
  /// `accepted`, `settled` or `unrouted`.
  package var state: String?
  /// Fields of the event; all must hold.
  package var conditions: [FieldCondition] = []
  /// 1...1000.
  package var limit = 100
  /// The cursor of the page before.
  package var after: String?

  package init() {}
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
