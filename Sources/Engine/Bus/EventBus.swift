import Synchronization
package import Store

/// The seam for scale (seed 004, 5.2): events go in, deliveries come out, outcomes are
/// acknowledged, and what is not acknowledged is delivered again.
///
/// The engine never learns which bus it runs on. The SQLite bus is the default and fuses publish
/// with acceptance in one transaction; a remote bus would use the same store as its outbox and
/// inbox. Times are milliseconds since 1970.
package protocol EventBus: Sendable {
  /// Accepts events with their deliveries and their source's progress: all, or nothing.
  ///
  /// Subscribers are offered the new deliveries before `completion` is called, both in the order
  /// of acceptance.
  func publish(
    _ batch: AcceptBatch,
    completion: @escaping @Sendable (Result<[AcceptReceipt], StoreError>) -> Void)

  /// Offers a lane's new deliveries to a handler, and tells it what else happened to its queue; it
  /// must only take note and return. One handler per lane; a second replaces the first.
  func subscribe(
    lane: Int64, handler: @escaping @Sendable (Subscription.News) -> Void
  ) -> Subscription
  /// Ends what one call of ``subscribe(lane:handler:)`` began, and no later one.
  func unsubscribe(_ subscription: Subscription)

  /// Records that attempts begin; their actors may be called once `completion` has been.
  ///
  /// - Parameters:
  ///   - paces: How far rates have been used up by them.
  ///   - completion: Told which deliveries have left the queue meanwhile; those have no attempt.
  func start(
    _ records: [StartRecord], paces: [LanePace],
    completion: @escaping @Sendable (Result<[Int64], StoreError>) -> Void)

  /// Records outcomes and accepts the actors' own events, in one step. A delivery that is settled
  /// is acknowledged; all others are delivered again.
  func acknowledge(
    _ records: [SettleRecord],
    completion: @escaping @Sendable (Result<[[AcceptReceipt]], StoreError>) -> Void)

  /// Makes waiting deliveries pending: nobody takes them now, and no due time is to find them, or
  /// what they waited for is there.
  func release(
    _ deliveries: [Int64], lane: Int64,
    completion: @escaping @Sendable (Result<Void, StoreError>) -> Void)

  /// Unacknowledged deliveries that wait for their first attempt, in acceptance order.
  ///
  /// - Parameter routes: Only of these; nil = of all.
  func unacknowledged(
    lane: Int64, after number: Int64, limit: Int, routes: Set<Int64>?
  ) async throws -> [QueuedDelivery]
  /// Deliveries whose next attempt is due, earliest first, and when the next after them is.
  func due(
    lane: Int64, nowMs: Int64, limit: Int
  ) async throws -> (page: [QueuedDelivery], nextDueMs: Int64?)
  /// The oldest unacknowledged delivery of an order key, pending or waiting.
  func oldest(
    lane: Int64, orderKey: String, routes: Set<Int64>?
  ) async throws -> QueuedDelivery?
  /// When the earliest waiting delivery is due, and the order keys that are waiting.
  func waiting(lane: Int64) async throws -> (nextDueMs: Int64?, orderKeys: [String])
  /// The event that a completed transform pipeline left at an earlier attempt.
  func transformedEvent(delivery: Int64) async throws -> [UInt8]?

  /// What is known of a dedup key for one delivery.
  func state(
    of key: DedupKeyRecord, route: Int64, for delivery: Int64, lane: Int64, nowMs: Int64
  ) async throws -> DedupKeyState
  /// The steps of a completed transform pipeline as an earlier attempt has left them, as JSON.
  func storedSteps(ofDelivery delivery: Int64) async throws -> [UInt8]?

  /// The ids of this bus's events and deliveries.
  var identity: Identity { get }
  /// Whether there is room for more events.
  var hasRoom: Bool { get }

  /// Sets what bounds a lane's queue from now on (config.md 7.2); nil = nothing.
  func bound(_ lane: Int64, to bound: QueueBound?)
  /// The full queues that hold their sources back.
  var blockingLanes: Set<Int64> { get }
}

extension EventBus {
  /// ``publish(_:completion:)`` for callers that wait.
  package func publish(_ batch: AcceptBatch) async throws(StoreError) -> [AcceptReceipt] {
    let result = await withCheckedContinuation { continuation in
      publish(batch) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }
}

/// What ``EventBus/subscribe(lane:handler:)`` began.
package final class Subscription: Sendable {
  let lane: Int64
  fileprivate let handler: @Sendable (News) -> Void

  /// What has happened to the lane's queue, and is committed.
  package enum News: Sendable {
    /// New deliveries, in the order of acceptance.
    case offered([QueuedDelivery])
    /// Deliveries that were in it are gone, because it was full.
    case dropped([QueueNews.Dropped])
    /// Parked deliveries are pending: the oldest of them.
    case promoted(oldest: Int64)
  }

  fileprivate init(lane: Int64, handler: @escaping @Sendable (News) -> Void) {
    self.lane = lane
    self.handler = handler
  }
}

/// Who is offered which lane's deliveries. Shared by the buses.
final class Subscribers: Sendable {
  private let current = Mutex<[Int64: Subscription]>([:])

  func add(
    lane: Int64, _ handler: @escaping @Sendable (Subscription.News) -> Void
  ) -> Subscription {
    let subscription = Subscription(lane: lane, handler: handler)
    current.withLock { $0[lane] = subscription }
    return subscription
  }

  func remove(_ subscription: Subscription) {
    current.withLock { current in
      if current[subscription.lane] === subscription { current[subscription.lane] = nil }
    }
  }

  /// Hands the new deliveries of a batch to their lanes.
  func offer(_ records: [AcceptRecord], _ receipts: [AcceptReceipt], identity: Identity) {
    var byLane: [Int64: [QueuedDelivery]] = [:]
    // Those of the batch that a full queue did not take, or gave up for others of the batch.
    let out = Set(receipts.lazy.flatMap(\.overflows).compactMap(\.delivery))
    for (record, receipt) in zip(records, receipts) where !receipt.isDuplicate {
      if let alarms = receipt.notice?.alarms, !alarms.isEmpty {
        offer(alarms.map(\.alarm.record), alarms.map(\.receipt), identity: identity)
      }
      guard !record.deliveries.isEmpty else { continue }
      let event = EventRow(record, receipt)
      for (ordinal, delivery) in record.deliveries.enumerated() {
        let number = receipt.sequence << 16 | Int64(ordinal)
        guard !out.contains(number), receipt.notice?.dropped[ordinal] == nil else { continue }
        let lane = receipt.lanes?[ordinal] ?? delivery.lane
        byLane[lane, default: []].append(
          QueuedDelivery(
            delivery: number, lane: lane,
            route: delivery.route, generation: delivery.generation,
            orderKey: delivery.orderKeyText(receipt, identity), event: event))
      }
    }
    guard !byLane.isEmpty else { return }
    let current = current.withLock { $0 }
    for (lane, deliveries) in byLane { current[lane]?.handler(.offered(deliveries)) }
  }

  /// Tells lanes what a commit did to their queues beyond what it brought in.
  func tell(_ news: QueueNews, identity: Identity) {
    let current = current.withLock { $0 }
    for (lane, dropped) in Dictionary(grouping: news.dropped, by: \.lane) {
      current[lane]?.handler(.dropped(dropped))
    }
    for (lane, oldest) in news.promoted { current[lane]?.handler(.promoted(oldest: oldest)) }
    offer(news.notices.map(\.record), news.notices.map(\.receipt), identity: identity)
  }
}

extension EventRow {
  init(_ record: AcceptRecord, _ receipt: AcceptReceipt) {
    self.init(
      sequence: receipt.sequence, acceptedAtMs: receipt.acceptedAtMs, source: record.source,
      type: record.type, provenance: record.provenance, payload: record.payload,
      extra: record.extra, externalID: record.externalID, traceID: record.traceID)
  }
}

extension DeliveryRecord {
  /// The order key as the queue has it.
  func orderKeyText(_ receipt: AcceptReceipt, _ identity: Identity) -> String? {
    switch orderKey {
    case .none: nil
    case .text(let key): key
    case .traceID:
      receipt.traceID
        ?? identity.traceID(sequence: receipt.sequence, acceptedAtMs: receipt.acceptedAtMs)
    }
  }
}
