/// Which deliveries of a lane may go by their order keys: of each key only the oldest unsettled one
/// of an active route (design.md 5, invariant 6). A pure value.
///
/// Only keys that something unsettled has are kept. Those behind the one that may go stay in the
/// file: when it has left the lane's hands, the key's oldest is looked up there. From the beginning
/// of the queue, because a resumed route or a module that came back may have an older one.
struct OrderKeys: Sendable {
  private enum Place: Sendable {
    /// One delivery of the key is in the window, in flight, or being committed; `hasOlder` when an
    /// older one came back meanwhile.
    case inHand(hasMore: Bool, hasOlder: Bool = false)
    /// The oldest one waits in the file until a time. After a start it is not known which that is:
    /// a requeued one may be older than another that waits.
    case waiting(oldest: Int64?)
    /// The oldest one is being looked up, or is about to be; `again` when one turned up meanwhile,
    /// or when what is found may be gone already.
    case sought(again: Bool, isStale: Bool = false)
  }

  /// What a look-up found.
  enum Found: Sendable {
    case nothing
    case taken
    case waiting(Int64)
    /// It cannot go now: it is to be passed over.
    case inactive
  }

  private var places: [String: Place]
  private var toSeek: [String] = []
  private var seeking = 0

  /// 16 look-ups at once: each is a short read, and a move can bring many keys.
  private static let seekingMax = 16

  /// - Parameter waiting: The keys that wait in the file.
  init(waiting: [String]) {
    places = [:]
    for key in waiting { places[key] = .waiting(oldest: nil) }
  }

  /// A pending delivery turned up in acceptance order: whether it may be taken in hand.
  mutating func takes(pending key: String, _ number: Int64) -> Bool {
    switch places[key] {
    case nil:
      places[key] = .inHand(hasMore: false)
      return true
    case .inHand(_, let hasOlder): places[key] = .inHand(hasMore: true, hasOlder: hasOlder)
    case .waiting(let oldest): if number < oldest ?? .max { seek(key) }
    case .sought(_, let isStale): places[key] = .sought(again: true, isStale: isStale)
    }
    return false
  }

  /// What is to become of a waiting delivery that is due.
  enum Due: Sendable {
    case taken
    /// It is found by its key.
    case left
    /// An older one waits for longer: it is to be pending, or it would be found due again and again.
    case behind
  }

  mutating func takes(due key: String, _ number: Int64) -> Due {
    switch places[key] {
    case .waiting(oldest: nil): seek(key)
    case .waiting(let oldest?) where oldest < number: return .behind
    case nil, .waiting:
      places[key] = .inHand(hasMore: true)
      return .taken
    case .inHand(_, let hasOlder): places[key] = .inHand(hasMore: true, hasOlder: hasOlder)
    case .sought(_, let isStale): places[key] = .sought(again: true, isStale: isStale)
    }
    return .left
  }

  /// The delivery in hand has been put off, and that is committed.
  mutating func waits(_ key: String, _ number: Int64) {
    switch places[key] {
    case .sought: break
    // The one that came back goes first; this one is found by its key then.
    case .inHand(_, hasOlder: true): seek(key)
    default: places[key] = .waiting(oldest: number)
    }
  }

  /// A delivery is not in the lane's hands any more and does not wait: another may go.
  mutating func leaves(_ key: String) {
    switch places[key] {
    case nil: break
    case .inHand(hasMore: false, _): places[key] = nil
    case .inHand(hasMore: true, _), .waiting: seek(key)
    case .sought(_, let isStale): places[key] = .sought(again: true, isStale: isStale)
    }
  }

  /// A delivery that waited and was never in hand is pending now, of a route that is not active.
  mutating func stopsWaiting(_ key: String) {
    switch places[key] {
    case nil: break
    case .waiting: seek(key)
    case .inHand(_, let hasOlder): places[key] = .inHand(hasMore: true, hasOlder: hasOlder)
    case .sought(_, let isStale): places[key] = .sought(again: true, isStale: isStale)
    }
  }

  /// A delivery that was not in hand has been taken out of the queue: it may be the one that waited,
  /// or the one that is being looked up.
  mutating func loses(_ key: String) {
    switch places[key] {
    case nil: break
    case .waiting: seek(key)
    case .inHand(_, let hasOlder): places[key] = .inHand(hasMore: true, hasOlder: hasOlder)
    case .sought: places[key] = .sought(again: true, isStale: true)
    }
  }

  /// Whether a delivery that was looked up may be used.
  func accepts(_ key: String) -> Bool {
    if case .sought(_, isStale: false) = places[key] { true } else { false }
  }

  /// An older delivery of the key is pending again: it goes first. What is being looked up may be
  /// a younger one.
  mutating func comesBack(_ key: String) {
    switch places[key] {
    // It turns up when the queue is read again.
    case nil: break
    case .inHand: places[key] = .inHand(hasMore: true, hasOlder: true)
    case .waiting: seek(key)
    case .sought: places[key] = .sought(again: true, isStale: true)
    }
  }

  /// A look-up has ended.
  mutating func found(_ key: String, _ found: Found) {
    seeking -= 1
    guard case .sought(let again, _) = places[key] else { return }
    switch found {
    case .taken: places[key] = .inHand(hasMore: true)
    case .waiting(let number): places[key] = .waiting(oldest: number)
    case .inactive: seek(key)
    case .nothing:
      if again { seek(key) } else { places[key] = nil }
    }
  }

  /// A look-up failed and is made again.
  mutating func failed(_ key: String) {
    seeking -= 1
    toSeek.append(key)
  }

  /// Deliveries came into the queue, or left it, without the lane's doing.
  ///
  /// - Parameter waiting: The keys that wait in the file now.
  mutating func reconcile(waiting: [String]) {
    let waiting = Set(waiting)
    for key in waiting {
      switch places[key] {
      // It may have been settled since it was read: the look-up says.
      case nil: seek(key)
      case .inHand(_, let hasOlder): places[key] = .inHand(hasMore: true, hasOlder: hasOlder)
      case .waiting, .sought: break
      }
    }
    for (key, place) in places {
      switch place {
      case .waiting where !waiting.contains(key): seek(key)
      case .sought: places[key] = .sought(again: true, isStale: true)
      case .inHand, .waiting: break
      }
    }
  }

  /// The look-ups to be made now.
  mutating func takeSeeks() -> [String] {
    let count = min(OrderKeys.seekingMax - seeking, toSeek.count)
    guard count > 0 else { return [] }
    let keys = Array(toSeek.suffix(count))
    toSeek.removeLast(count)
    seeking += count
    return keys
  }

  private mutating func seek(_ key: String) {
    places[key] = .sought(again: false)
    toSeek.append(key)
  }
}
