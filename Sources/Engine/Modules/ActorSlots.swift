import Synchronization

/// How many attempts an actor has in flight over all lanes that lead to it: where an actor and a
/// route with a queue of its own both set a concurrency, both hold (config.md 7, Shared limits).
final class ActorSlots: Sendable {
  private let state = Mutex(State())

  private struct State: Sendable {
    /// Nil = no limit, and nothing is counted.
    var max: Int?
    /// By lane.
    var inFlight: [Int64: Int] = [:]
    /// Lanes that wanted more than there was.
    var waiting: [Int64: Lane] = [:]

    var free: Int { Swift.max((max ?? .max) - inFlight.values.reduce(0, +), 0) }
  }

  /// - Parameter max: Nil = no limit.
  func limit(to max: Int?) {
    let waiting = state.withLock { state -> [Int64: Lane] in
      guard state.max != max else { return [:] }
      state.max = max
      if max == nil { state.inFlight = [:] }
      defer { state.waiting = [:] }
      return state.waiting
    }
    for lane in waiting.values { lane.noteRoom() }
  }

  /// Takes as many as are wanted, or are there. A lane that gets fewer is told when there may be
  /// more. What it does not use it gives back by ``note(inFlight:of:)``.
  func take(_ wanted: Int, for lane: Lane) -> Int {
    guard wanted > 0 else { return 0 }
    return state.withLock { state in
      guard state.max != nil else { return wanted }
      let taken = min(wanted, state.free)
      state.inFlight[lane.key, default: 0] += taken
      if taken < wanted { state.waiting[lane.key] = lane }
      return taken
    }
  }

  /// A lane has so many attempts in flight.
  func note(inFlight: Int, of lane: Int64) {
    let waiting = state.withLock { state -> [Int64: Lane] in
      guard state.max != nil, (state.inFlight[lane] ?? 0) != inFlight else { return [:] }
      let isLess = inFlight < state.inFlight[lane] ?? 0
      state.inFlight[lane] = inFlight == 0 ? nil : inFlight
      guard isLess, state.free > 0 else { return [:] }
      defer { state.waiting = [:] }
      return state.waiting
    }
    for lane in waiting.values { lane.noteRoom() }
  }
}
