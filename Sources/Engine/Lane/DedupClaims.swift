import Store
import Synchronization

/// Which deliveries have a key of a dedup transform in hand, and who waits behind them
/// (connectors.md 4.2).
///
/// Keys of deliveries in flight are only here: as many as attempts run at once. Those of deliveries
/// that wait for another attempt are in the file, so a restart forgets none.
final class DedupClaims: Sendable {
  /// The scope of a key and the key: routes have numbers of their own in the whole file.
  struct Key: Sendable, Hashable {
    let route: Int64
    let transform: String
    let hash: [UInt8]
  }

  /// A delivery that waits behind another one.
  struct Waiter: Sendable, Hashable {
    let delivery: Int64
    let route: Int64
    let orderKey: String?

    init(_ delivery: QueuedDelivery) {
      self.delivery = delivery.delivery
      route = delivery.route
      orderKey = delivery.orderKey
    }
  }

  private struct State {
    var owners: [Key: Int64] = [:]
    var keys: [Int64: [Key]] = [:]
    /// By the delivery that they wait for.
    var waiters: [Int64: [Waiter]] = [:]
    /// By the delivery that waits.
    var ahead: [Int64: Int64] = [:]
  }

  private let state = Mutex(State())

  /// 10,000 deliveries that wait, a megabyte or two; more are not woken and look again by themselves.
  private static let waitersMax = 10_000

  /// Takes a key in hand, or waits behind the delivery that has it.
  ///
  /// - Returns: What it waits behind; nil when the key is in its hand now.
  func claim(_ key: Key, for waiter: Waiter) -> (other: Int64, isWatched: Bool)? {
    state.withLock { state in
      let owner = state.owners[key]
      if let owner, owner != waiter.delivery {
        return (owner, DedupClaims.wait(waiter, behind: owner, &state))
      }
      guard owner == nil else { return nil }
      state.owners[key] = waiter.delivery
      state.keys[waiter.delivery, default: []].append(key)
      return nil
    }
  }

  /// A delivery is to wait behind another one, and keeps no keys from others meanwhile.
  ///
  /// - Returns: False when it will not be woken.
  func wait(_ waiter: Waiter, behind other: Int64) -> Bool {
    state.withLock { DedupClaims.wait(waiter, behind: other, &$0) }
  }

  private static func wait(
    _ waiter: Waiter, behind other: Int64, _ state: inout State
  ) -> Bool {
    letGo(waiter.delivery, &state)
    guard state.ahead.count < waitersMax else { return false }
    forget(waiter.delivery, &state)
    state.ahead[waiter.delivery] = other
    state.waiters[other, default: []].append(waiter)
    return true
  }

  /// The delivery does not wait any more.
  func stopWaiting(_ delivery: Int64) {
    state.withLock { DedupClaims.forget(delivery, &$0) }
  }

  /// Whether what the delivery waits behind is still unsettled, as far as that is known.
  func isWaiting(_ delivery: Int64) -> Bool { state.withLock { $0.ahead[delivery] != nil } }

  /// A delivery that waits itself has let go of its keys.
  ///
  /// - Returns: Who waited for it.
  func handOver(_ delivery: Int64) -> [Waiter] {
    state.withLock { DedupClaims.takeWaiters(behind: delivery, &$0) }
  }

  /// The outcome of a delivery is committed: what it had in hand is free, or in the file.
  ///
  /// - Returns: Who waited for it, when it is settled.
  func ended(_ delivery: Int64, isSettled: Bool) -> [Waiter] {
    state.withLock { state in
      DedupClaims.letGo(delivery, &state)
      guard isSettled else { return [] }
      DedupClaims.forget(delivery, &state)
      return DedupClaims.takeWaiters(behind: delivery, &state)
    }
  }

  private static func takeWaiters(behind delivery: Int64, _ state: inout State) -> [Waiter] {
    let waiters = state.waiters.removeValue(forKey: delivery) ?? []
    for waiter in waiters { state.ahead[waiter.delivery] = nil }
    return waiters
  }

  private static func letGo(_ delivery: Int64, _ state: inout State) {
    for key in state.keys.removeValue(forKey: delivery) ?? [] { state.owners[key] = nil }
  }

  /// It does not wait any more, or for another one.
  private static func forget(_ delivery: Int64, _ state: inout State) {
    guard let other = state.ahead.removeValue(forKey: delivery) else { return }
    state.waiters[other]?.removeAll { $0.delivery == delivery }
    if state.waiters[other]?.isEmpty == true { state.waiters[other] = nil }
  }
}
