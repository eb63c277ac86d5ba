package import Store
import Synchronization

/// The event bus without a file: the same promises as long as the process lives, and none after
/// (`runtime.bus: memory`, for tests). Its queues have no bound.
package final class MemoryBus: EventBus {
  package let identity: Identity
  private let subscribers = Subscribers()
  private let state = Mutex(State())

  private struct State {
    var sequence: Int64 = 0
    var firstCopies: [FirstCopyKey: AcceptReceipt] = [:]
    /// What is not acknowledged, by lane and delivery number.
    var queues: [Int64: [Int64: Entry]] = [:]
    var transformed: [Int64: [UInt8]] = [:]
    var steps: [Int64: [UInt8]] = [:]
    var usedKeys: [KeyScope: DedupUse] = [:]
    var heldKeys: [KeyScope: Int64] = [:]
  }

  private struct Entry {
    var delivery: QueuedDelivery
    var isParked = false
  }

  private struct KeyScope: Hashable {
    let route: Int64
    let transform: String
    let hash: [UInt8]
  }

  private struct DedupUse {
    let delivery: Int64
    let expiresAtMs: Int64
  }

  private enum FirstCopyKey: Hashable {
    case id(String)
    case dedup(source: Int64, key: String)
  }

  package init(identity: Identity) { self.identity = identity }

  package var hasRoom: Bool { true }
  package var blockingLanes: Set<Int64> { [] }

  package func bound(_ lane: Int64, to bound: QueueBound?) {}

  package func publish(
    _ batch: AcceptBatch,
    completion: @escaping @Sendable (Result<[AcceptReceipt], StoreError>) -> Void
  ) {
    // Offered and completed under the lock: the order of both is the order of acceptance.
    // Handlers and completions only take note.
    state.withLock { state in
      let receipts = accept(batch.records, &state)
      subscribers.offer(batch.records, receipts, identity: identity)
      completion(.success(receipts))
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
    completion(.success([]))
  }

  package func acknowledge(
    _ records: [SettleRecord],
    completion: @escaping @Sendable (Result<[[AcceptReceipt]], StoreError>) -> Void
  ) {
    state.withLock { state in
      var all: [[AcceptReceipt]] = []
      for record in records {
        settle(record, &state)
        let receipts = accept(record.followUps, &state)
        subscribers.offer(record.followUps, receipts, identity: identity)
        all.append(receipts)
      }
      completion(.success(all))
    }
  }

  package func unacknowledged(
    lane: Int64, after number: Int64, limit: Int, routes: Set<Int64>?
  ) async throws -> [QueuedDelivery] {
    select(lane, limit, by: { $0.delivery < $1.delivery }) { entry in
      !entry.isParked && entry.delivery.dueAtMs == nil && entry.delivery.delivery > number
        && routes?.contains(entry.delivery.route) ?? true
    }
  }

  package func due(
    lane: Int64, nowMs: Int64, limit: Int
  ) async throws -> (page: [QueuedDelivery], nextDueMs: Int64?) {
    let waiting = select(lane, .max, by: { ($0.dueAtMs ?? 0) < ($1.dueAtMs ?? 0) }) { entry in
      !entry.isParked && entry.delivery.dueAtMs != nil
    }
    let isDue = waiting.prefix { $0.dueAtMs ?? 0 <= nowMs }
    return (Array(isDue.prefix(limit)), waiting.dropFirst(min(limit, isDue.count)).first?.dueAtMs)
  }

  package func oldest(
    lane: Int64, orderKey: String, routes: Set<Int64>?
  ) async throws -> QueuedDelivery? {
    select(lane, 1, by: { $0.delivery < $1.delivery }) { entry in
      !entry.isParked && entry.delivery.orderKey == orderKey
        && routes?.contains(entry.delivery.route) ?? true
    }.first
  }

  package func waiting(lane: Int64) async throws -> (nextDueMs: Int64?, orderKeys: [String]) {
    let waiting = select(lane, .max, by: { $0.delivery < $1.delivery }) { entry in
      !entry.isParked && entry.delivery.dueAtMs != nil
    }
    return (waiting.compactMap(\.dueAtMs).min(), Array(Set(waiting.compactMap(\.orderKey))))
  }

  package func transformedEvent(delivery: Int64) async throws -> [UInt8]? {
    state.withLock { $0.transformed[delivery] }
  }

  package func state(
    of key: DedupKeyRecord, route: Int64, for delivery: Int64, lane: Int64, nowMs: Int64
  ) async throws -> DedupKeyState {
    state.withLock { state in
      let scope = KeyScope(route: route, transform: key.transform, hash: key.hash)
      if let use = state.usedKeys[scope], use.delivery != delivery {
        if use.expiresAtMs > nowMs {
          return .delivered(by: use.delivery, acceptedAtMs: nil)
        }
        state.usedKeys[scope] = nil
      }
      if let holder = state.heldKeys[scope], holder != delivery {
        let held = state.queues[lane]?[holder]?.delivery
        return .held(by: holder, orderKey: held?.orderKey)
      }
      return .free
    }
  }

  package func storedSteps(ofDelivery delivery: Int64) async throws -> [UInt8]? {
    state.withLock { $0.steps[delivery] }
  }

  package func release(
    _ deliveries: [Int64], lane: Int64,
    completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
  ) {
    state.withLock { state in
      for number in deliveries { state.queues[lane]?[number]?.delivery.dueAtMs = nil }
      completion(.success(()))
    }
  }

  private func accept(_ records: [AcceptRecord], _ state: inout State) -> [AcceptReceipt] {
    var receipts: [AcceptReceipt] = []
    for record in records {
      let keys = MemoryBus.firstCopyKeys(record)
      if let first = keys.compactMap({ state.firstCopies[$0] }).first {
        receipts.append(
          AcceptReceipt(
            sequence: first.sequence, acceptedAtMs: first.acceptedAtMs, isDuplicate: true,
            externalID: first.externalID, traceID: first.traceID))
        continue
      }
      state.sequence += 1
      let receipt = AcceptReceipt(
        sequence: state.sequence, acceptedAtMs: record.acceptedAtMs, isDuplicate: false,
        externalID: record.externalID, traceID: record.traceID)
      for key in keys { state.firstCopies[key] = receipt }
      if record.externalID == nil {
        let id = identity.eventID(sequence: receipt.sequence, acceptedAtMs: receipt.acceptedAtMs)
        state.firstCopies[.id(id)] = receipt
      }
      enqueue(record, receipt, &state)
      receipts.append(receipt)
    }
    return receipts
  }

  private func enqueue(_ record: AcceptRecord, _ receipt: AcceptReceipt, _ state: inout State) {
    let event = EventRow(record, receipt)
    for (ordinal, delivery) in record.deliveries.enumerated() {
      let number = receipt.sequence << 16 | Int64(ordinal)
      state.queues[delivery.lane, default: [:]][number] = Entry(
        delivery: QueuedDelivery(
          delivery: number, lane: delivery.lane, route: delivery.route,
          generation: delivery.generation, orderKey: delivery.orderKeyText(receipt, identity),
          event: event))
    }
  }

  private func settle(_ record: SettleRecord, _ state: inout State) {
    let (lane, number) = (record.start.lane, record.start.delivery)
    if let transformed = record.transformed { state.transformed[number] = transformed }
    let attempts = record.isUndone ? record.start.number - 1 : record.start.number
    note(record, &state)
    switch record.disposition {
    case .settled:
      state.queues[lane]?[number] = nil
      state.transformed[number] = nil
      state.steps[number] = nil
    case .waiting(let dueAtMs, _):
      state.queues[lane]?[number]?.delivery.dueAtMs = dueAtMs
      state.queues[lane]?[number]?.delivery.attempts = attempts
    case .parked:
      state.queues[lane]?[number]?.isParked = true
      state.queues[lane]?[number]?.delivery.attempts = attempts
    }
  }

  private func note(_ record: SettleRecord, _ state: inout State) {
    let number = record.start.delivery
    if let transforms = record.transforms { state.steps[number] = Array(transforms.utf8) }
    for key in record.keys {
      let scope = KeyScope(route: record.route, transform: key.transform, hash: key.hash)
      switch record.disposition {
      case .settled(let word, _):
        state.heldKeys[scope] = nil
        if word == "delivered" {
          state.usedKeys[scope] = DedupUse(delivery: number, expiresAtMs: key.expiresAtMs)
        }
      case .waiting, .parked: state.heldKeys[scope] = number
      }
    }
  }

  private func select(
    _ lane: Int64, _ limit: Int, by order: (QueuedDelivery, QueuedDelivery) -> Bool,
    where matches: (Entry) -> Bool
  ) -> [QueuedDelivery] {
    let found = state.withLock { state in
      (state.queues[lane] ?? [:]).values.filter(matches).map(\.delivery)
    }
    return Array(found.sorted(by: order).prefix(limit))
  }

  private static func firstCopyKeys(_ record: AcceptRecord) -> [FirstCopyKey] {
    [
      record.externalID.map(FirstCopyKey.id),
      record.dedupKey.map { .dedup(source: record.source, key: $0) },
    ].compactMap { $0 }
  }
}
