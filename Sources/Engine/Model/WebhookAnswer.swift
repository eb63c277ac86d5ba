/// What the engine says to a request for a push source; the server puts it into HTTP
/// (connectors.md 1.3).
package enum WebhookAnswer: Sendable, Hashable {
  /// The events are committed, or their first copies were before.
  case accepted(ids: [String], isDuplicate: Bool, style: WebhookReception.AnswerStyle)
  case refused(status: Int, text: String)
  /// 503 with `Retry-After`: paused, unloading, queue blocked, database busy; 507 when the disk is
  /// full.
  case unavailable(status: Int, retryAfterSeconds: Int, text: String)
  /// More than one active module has a push source of that id; the full paths.
  case ambiguous(paths: [String])
  case unknownSource
}

/// An event that came through the API (cli-http.md 3.3, `POST /api/events`).
package struct InjectionReceipt: Sendable, Hashable {
  package var eventID: String
  package var isDuplicate: Bool

  package init(eventID: String, isDuplicate: Bool) {
    self.eventID = eventID
    self.isDuplicate = isDuplicate
  }
}
