package import Store

extension LaneState {
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
