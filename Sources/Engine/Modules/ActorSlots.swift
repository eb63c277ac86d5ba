import Store
import Synchronization

/// How many attempts an actor may get over all lanes that lead to it: where an actor and a route
/// with a queue of its own both set a concurrency or a rate, both hold (config.md 7, Shared limits).
final class ActorSlots: Sendable {
  private let state = Mutex(State())

  private struct State: Sendable {
    /// In flight at once; nil = no limit, and nothing is counted.
    var max: Int?
    /// By lane.
    var inFlight: [Int64: Int] = [:]
    /// Lanes that wanted more than there was.
    var waiting: [Int64: Lane] = [:]
    var ratePerSecond: Double?
    var limiter: RateLimiter?
    /// The actor's own lane, whose row keeps the rate, and what it has kept.
    var lane: Int64 = 0
    var storedFullAtMs: Double = 0

    var free: Int { Swift.max((max ?? .max) - inFlight.values.reduce(0, +), 0) }

    mutating func takeWaiting() -> [Lane] {
      defer { waiting = [:] }
      return Array(waiting.values)
    }
  }

  /// Takes other limits into use.
  func limit(to definition: ActorDefinition) {
    let waiting = state.withLock { state in
      state.max = definition.sharesConcurrency ? definition.delivery.concurrency : nil
      if state.max == nil { state.inFlight = [:] }
      let rate = definition.sharesRate ? definition.delivery.ratePerSecond : nil
      if rate != state.ratePerSecond {
        state.storedFullAtMs = state.limiter?.fullAtMs ?? state.storedFullAtMs
        state.limiter = nil
        state.ratePerSecond = rate
      }
      return state.takeWaiting()
    }
    for lane in waiting { lane.noteRoom() }
  }

  /// - Parameters:
  ///   - lane: The actor's own.
  ///   - fullAtMs: As its row has it; ``RateLimiter/fullAtMs``.
  func restore(lane: Int64, fullAtMs: Double?) {
    state.withLock { state in
      state.lane = lane
      state.storedFullAtMs = max(state.storedFullAtMs, fullAtMs ?? 0)
    }
  }

  /// The rate holds over all lanes, and is kept here.
  var hasRate: Bool { state.withLock { $0.ratePerSecond != nil } }

  /// Takes as many as are wanted, or may go now; they begin at once. A lane that gets fewer because
  /// others have them is told when there may be more.
  ///
  /// - Returns: How many, and how far they have used the rate up.
  func take(_ wanted: Int, for lane: Lane, nowMs: Int64) -> (count: Int, pace: LanePace?) {
    guard wanted > 0 else { return (0, nil) }
    return state.withLock { state in
      var count = wanted
      if state.max != nil {
        count = min(count, state.free)
        if count < wanted { state.waiting[lane.key] = lane }
      }
      var pace: LanePace?
      if let rate = state.ratePerSecond {
        var limiter =
          state.limiter
          ?? RateLimiter(ratePerSecond: rate, fullAtMs: state.storedFullAtMs, nowMs: nowMs)
        count = min(count, limiter.allowance(nowMs: nowMs))
        if count > 0 {
          limiter.take(count, nowMs: nowMs)
          pace = LanePace(
            lane: state.lane, fullAtMs: limiter.fullAtMs, nextStartMs: limiter.nextMs)
        }
        state.limiter = limiter
      }
      if state.max != nil { state.inFlight[lane.key, default: 0] += count }
      return (count, pace)
    }
  }

  /// When the rate lets the next one go; nil without a rate.
  var nextMs: Int64? { state.withLock { $0.limiter?.nextMs } }

  /// A lane has so many attempts in flight.
  func note(inFlight: Int, of lane: Int64) {
    let waiting = state.withLock { state -> [Lane] in
      let before = state.inFlight[lane] ?? 0
      guard state.max != nil, before != inFlight else { return [] }
      state.inFlight[lane] = inFlight == 0 ? nil : inFlight
      return inFlight < before && state.free > 0 ? state.takeWaiting() : []
    }
    for lane in waiting { lane.noteRoom() }
  }
}
