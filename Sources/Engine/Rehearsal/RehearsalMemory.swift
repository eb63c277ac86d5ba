import Synchronization

/// The dedup keys that deliveries of one rehearsal have used up: what the file is to a runtime.
package final class RehearsalMemory: Sendable {
  private struct Place: Hashable {
    let route: RouteAddress
    let key: DedupGate.Key

    /// The window says how long a key counts; it is no part of it.
    static func == (left: Place, right: Place) -> Bool {
      left.route == right.route && left.key.transform == right.key.transform
        && left.key.hash == right.key.hash
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(route)
      hasher.combine(key.hash)
    }
  }

  private struct Use {
    let event: String
    let expiresAtMs: Int64
  }

  private let used = Mutex<[Place: Use]>([:])

  package init() {}

  /// Uses up the keys of a delivery that has come to its end.
  func use(_ keys: [DedupGate.Key], of event: AcceptedEvent, route: RouteAddress) {
    used.withLock { used in
      for key in keys {
        used[Place(route: route, key: key)] = Use(
          event: event.id, expiresAtMs: event.acceptedAtMs + key.windowMs)
      }
    }
  }

  func gate(of event: AcceptedEvent, route: RouteAddress) -> any KeyGate {
    Gate(memory: self, route: route, nowMs: event.acceptedAtMs)
  }

  private struct Gate: KeyGate {
    let memory: RehearsalMemory
    let route: RouteAddress
    let nowMs: Int64

    func ask(_ key: DedupGate.Key) async -> DedupGate.Answer {
      let use = memory.used.withLock { $0[Place(route: route, key: key)] }
      guard let use, use.expiresAtMs > nowMs else { return .open }
      return .duplicate(of: "the delivery of \(use.event)")
    }
  }
}
