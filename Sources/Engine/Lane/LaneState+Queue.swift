import DequeModule
package import Store

/// What happens to a lane's queue otherwise than by its own attempts.
extension LaneState {
  /// Deliveries were taken out of the queue: it was full.
  package mutating func dropped(_ dropped: [QueueNews.Dropped]) {
    for gone in dropped {
      if isFetching { finishedDuringPage.insert(gone.delivery) }
      if isFetchingDue { finishedDuringDue.insert(gone.delivery) }
      if held[gone.delivery] == nil {
        if let key = gone.orderKey { keys.loses(key) }
      } else if let index = ready.firstIndex(where: { $0.delivery == gone.delivery }) {
        finished(ready.remove(at: index), dueAtMs: nil)
      }
      // What is on its way to its start is not started, and let go then.
    }
  }

  /// Deliveries that were parked are pending now, this one and newer ones.
  package mutating func promoted(_ oldest: Int64) {
    readAgain(from: oldest)
  }

  /// Due deliveries of routes that were not active are pending now.
  package mutating func released(_ deliveries: [QueuedDelivery]) {
    for delivery in deliveries {
      letGo(delivery)
      isPending(delivery.delivery, of: delivery.route, delivery.orderKey)
    }
  }

  /// Deliveries are pending that are older than others, and that were not before: requeued ones, and
  /// replays. Younger ones of the same order key that have not begun go behind them.
  package mutating func returned(_ places: [QueuePlace]) {
    guard let oldest = places.map(\.delivery).min() else { return }
    var oldestOfKey: [String: Int64] = [:]
    for place in places {
      guard let key = place.orderKey else { continue }
      oldestOfKey[key] = min(oldestOfKey[key] ?? .max, place.delivery)
    }
    if !oldestOfKey.isEmpty {
      let isOvertaken = { (delivery: QueuedDelivery) in
        delivery.orderKey.flatMap { oldestOfKey[$0] }.map { $0 < delivery.delivery } ?? false
      }
      let behind = ready.filter(isOvertaken)
      ready.removeAll(where: isOvertaken)
      for delivery in behind { finished(delivery, dueAtMs: delivery.dueAtMs) }
      for key in oldestOfKey.keys { keys.comesBack(key) }
    }
    readAgain(from: oldest)
  }

  /// Deliveries that waited behind another one are pending now; those in hand have found out.
  mutating func woken(_ waiters: [DedupClaims.Waiter]) {
    for waiter in waiters where held[waiter.delivery] == nil {
      isPending(waiter.delivery, of: waiter.route, waiter.orderKey)
    }
  }

  private mutating func isPending(_ delivery: Int64, of route: Int64, _ orderKey: String?) {
    if let orderKey { keys.stopsWaiting(orderKey) }
    guard routes.contains(route) else { return }
    // Its route came back meanwhile.
    readAgain(from: delivery)
  }
}
