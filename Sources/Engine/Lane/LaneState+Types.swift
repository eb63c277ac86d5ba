package import Store

extension LaneState {
  /// What circuit breakers let through: of a group of routes only so many deliveries at once. The
  /// others stay in the file.
  package struct Gates: Sendable, Equatable {
    /// The group of a route.
    package var groups: [Int64: Int64] = [:]
    /// Of a group; one that has none is not limited.
    package var limits: [Int64: Int] = [:]

    package init() {}

    func limit(of route: Int64) -> Int? {
      groups[route].flatMap { limits[$0] }
    }
  }

  /// What the lane must do now. A read is reported back as fetched, or as failed.
  package enum Action: Sendable {
    /// Commit these starts, then call the actor.
    case start([QueuedDelivery])
    /// Read pending deliveries, only of these routes if any are named.
    case fetch(after: Int64, limit: Int, routes: Set<Int64>?)
    /// Read waiting deliveries that are due.
    case fetchDue(nowMs: Int64, limit: Int)
    /// Read the oldest delivery of an order key, only of these routes if any are named.
    case fetchKey(String, routes: Set<Int64>?)
    /// Make waiting deliveries pending.
    case release([QueuedDelivery])
  }
}
