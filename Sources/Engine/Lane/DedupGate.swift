import Crypto
import Store

/// Whom a dedup transform's key is shown to, for one delivery.
protocol KeyGate: Sendable {
  /// - Throws: What keeps the keys from being read.
  func ask(_ key: DedupGate.Key) async throws -> DedupGate.Answer
}

/// Decides for one delivery whether a dedup transform lets it through.
struct DedupGate: KeyGate {
  enum Answer: Sendable {
    /// Nobody else has the key; this delivery has it until its outcome is committed.
    case open
    /// A delivery with the key has succeeded: its id, where its event is still known.
    case duplicate(of: String?)
    /// A delivery with the key is not settled. When it is, and this one is watched, it is woken.
    case behind(Int64, isWatched: Bool)
  }

  /// A key that the delivery carries.
  struct Key: Sendable, Hashable {
    let transform: String
    let hash: [UInt8]
    let windowMs: Int64

    init(transform: String, hash: [UInt8], windowMs: Int64) {
      self.transform = transform
      self.hash = hash
      self.windowMs = windowMs
    }

    /// From the step of an earlier attempt; nil for a step that has no key.
    init?(step: JSONValue) {
      guard let name = step["name"]?.string, let windowMs = step["window_ms"]?.int64,
        let hash = step["key"]?.string.flatMap(Key.bytes)
      else { return nil }
      self.init(transform: name, hash: hash, windowMs: windowMs)
    }

    var hexText: String {
      hash.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    private static func bytes(_ hex: String) -> [UInt8]? {
      let digits = hex.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
      guard digits.count == 2 * SHA256.byteCount else { return nil }
      return stride(from: 0, to: digits.count, by: 2).map {
        UInt8(digits[$0] << 4 | digits[$0 + 1])
      }
    }
  }

  let delivery: QueuedDelivery
  let environment: DeliveryEnvironment

  /// - Throws: What the file says when it cannot be read.
  func ask(_ key: Key) async throws -> Answer {
    let claim = DedupClaims.Key(
      route: delivery.route, transform: key.transform, hash: key.hash)
    let waiter = DedupClaims.Waiter(delivery)
    environment.dedup.stopWaiting(delivery.delivery)
    // First taken, then looked up: who comes in between finds it taken, and who had it before has
    // committed what became of it.
    if let (other, isWatched) = environment.dedup.claim(claim, for: waiter) {
      return .behind(other, isWatched: isWatched)
    }
    switch try await state(of: key) {
    case .free: return .open
    case .delivered(let other, let acceptedAtMs):
      return .duplicate(
        of: acceptedAtMs.map {
          environment.bus.identity.deliveryID(number: other, acceptedAtMs: $0)
        })
    case .held(let other, let orderKey)
    where other > delivery.delivery && orderKey != nil
      && orderKey == delivery.orderKey:
      // The other one waits behind this one by its order key: it comes later, and finds out then.
      return .open
    case .held(let other, _):
      let isWatched = environment.dedup.wait(waiter, behind: other)
      // It may have been settled before anybody knew that this one waits for it.
      guard case .held(by: other, _) = try await state(of: key) else {
        return try await ask(key)
      }
      return .behind(other, isWatched: isWatched)
    }
  }

  /// What was there already when a delivery with the key succeeded waited behind it, however late
  /// it comes here: its window ends no earlier than that of what succeeded at its arrival.
  private func state(of key: Key) async throws -> DedupKeyState {
    // What an operator has brought back arrives now.
    let arrivedMs =
      delivery.attemptsBefore > 0
      ? environment.time.steadyMs : delivery.createdAtMs ?? delivery.event.acceptedAtMs
    let atMs = min(environment.time.steadyMs, arrivedMs + key.windowMs - 1)
    return try await environment.bus.state(
      of: record(key, nowMs: atMs), route: delivery.route, for: delivery.delivery,
      lane: delivery.lane,
      nowMs: atMs)
  }

  /// - Parameter nowMs: Milliseconds since 1970 by the clock that never jumps, because the end of
  ///   the window is made from it.
  func record(_ key: Key, nowMs: Int64) -> DedupKeyRecord {
    DedupKeyRecord(
      transform: key.transform, hash: key.hash, expiresAtMs: nowMs + key.windowMs)
  }

  /// The keys of an attempt whose pipeline has run to its end before.
  func storedKeys() async throws -> [Key] {
    guard let bytes = try await environment.bus.storedSteps(ofDelivery: delivery.delivery)
    else { return [] }
    return (JSONText(checked: bytes).value().array ?? []).compactMap(Key.init(step:))
  }
}
