/// The three kinds of event there are (events.md 1).
package enum EventType: String, Sendable, Hashable, CaseIterable {
  /// Something changed elsewhere.
  case resourceChanged = "resource.changed"
  /// A session ended; no judgement on how.
  case actorStopped = "actor.stopped"
  /// A person or system said something.
  case messageReceived = "message.received"

  /// The number the database keeps; never renumbered, because old rows keep theirs.
  package var code: Int {
    switch self {
    case .resourceChanged: 0
    case .actorStopped: 1
    case .messageReceived: 2
    }
  }

  package init?(code: Int) {
    guard let type = EventType.allCases.first(where: { $0.code == code }) else { return nil }
    self = type
  }
}
