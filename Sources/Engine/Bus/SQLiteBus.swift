package import Store

/// The event bus in the database: publishing is accepting, acknowledging is settling.
package final class SQLiteBus: EventBus {
  private let store: EventStore
  private let subscribers = Subscribers()

  package init(_ store: EventStore) {
    self.store = store
    store.onQueueNews { [subscribers, identity = store.identity] news in
      subscribers.tell(news, identity: identity)
    }
  }

  package var identity: Identity { store.identity }
  package var hasRoom: Bool { store.hasRoom }
  package var blockingLanes: Set<Int64> { store.blockingLanes }

  package func bound(_ lane: Int64, to bound: QueueBound?) { store.bound(lane, to: bound) }

  package func publish(
    _ batch: AcceptBatch,
    completion: @escaping @Sendable (Result<[AcceptReceipt], StoreError>) -> Void
  ) {
    store.accept(batch) { [subscribers, identity] result in
      if case .success(let receipts) = result {
        subscribers.offer(batch.records, receipts, identity: identity)
      }
      completion(result)
    }
  }

  package func subscribe(
    lane: Int64, handler: @escaping @Sendable (Subscription.News) -> Void
  ) -> Subscription {
    subscribers.add(lane: lane, handler)
  }

  package func unsubscribe(_ subscription: Subscription) { subscribers.remove(subscription) }

  package func start(
    _ records: [StartRecord], paces: [LanePace],
    completion: @escaping @Sendable (Result<[Int64], StoreError>) -> Void
  ) {
    store.start(records, paces: paces, completion: completion)
  }

  package func acknowledge(
    _ records: [SettleRecord],
    completion: @escaping @Sendable (Result<[[AcceptReceipt]], StoreError>) -> Void
  ) {
    store.settle(records) { [subscribers, identity] result in
      if case .success(let receipts) = result {
        for (record, receipts) in zip(records, receipts) where !receipts.isEmpty {
          subscribers.offer(record.followUps, receipts, identity: identity)
          // A notification is made in the transaction, so its event is in its receipt.
          for alarm in receipts.dropFirst(record.followUps.count).compactMap(\.notice?.alarms) {
            subscribers.offer(
              alarm.map(\.alarm.record), alarm.map(\.receipt), identity: identity)
          }
        }
      }
      completion(result)
    }
  }

  package func release(
    _ deliveries: [Int64], lane: Int64,
    completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
  ) {
    store.release(deliveries, lane: lane, completion: completion)
  }

  package func unacknowledged(
    lane: Int64, after number: Int64, limit: Int, routes: Set<Int64>?
  ) async throws -> [QueuedDelivery] {
    try await store.pending(lane: lane, after: number, limit: limit, routes: routes)
  }

  package func due(
    lane: Int64, nowMs: Int64, limit: Int
  ) async throws -> (page: [QueuedDelivery], nextDueMs: Int64?) {
    try await store.due(lane: lane, nowMs: nowMs, limit: limit)
  }

  package func oldest(
    lane: Int64, orderKey: String, routes: Set<Int64>?
  ) async throws -> QueuedDelivery? {
    try await store.oldest(lane: lane, orderKey: orderKey, routes: routes)
  }

  package func waiting(lane: Int64) async throws -> (nextDueMs: Int64?, orderKeys: [String]) {
    try await store.waiting(lane: lane)
  }

  package func transformedEvent(delivery: Int64) async throws -> [UInt8]? {
    try await store.transformedEvent(delivery: delivery)
  }

  package func state(
    of key: DedupKeyRecord, route: Int64, for delivery: Int64, lane: Int64, nowMs: Int64
  ) async throws -> DedupKeyState {
    try await store.state(of: key, route: route, for: delivery, lane: lane, nowMs: nowMs)
  }

  package func storedSteps(ofDelivery delivery: Int64) async throws -> [UInt8]? {
    try await store.storedSteps(ofDelivery: delivery)
  }
}
