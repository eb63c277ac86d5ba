import Synchronization
import TestSupport

/// What a run did to its disk, and what it let the world know, each with its place in the stream
/// of changes.
final class Recording: Sendable {
  private struct State {
    var changes: [DiskChange] = []
    var commits: [Int] = []
    var promises: [Promise] = []
  }

  private let state: Mutex<State>
  /// What was on the disk before.
  let beginning: DiskImage

  /// - Parameter known: What somebody was told before, and no crash may undo either.
  init(on beginning: DiskImage = DiskImage(files: [:]), known: [Fact] = []) {
    self.beginning = beginning
    state = Mutex(State(promises: known.map { Promise(fact: $0, since: 0) }))
  }

  /// All changes of the disk, in their order: one thread writes.
  var changes: [DiskChange] { state.withLock(\.changes) }
  /// How many changes had been made when each commit was known to its writer.
  var commits: [Int] { state.withLock(\.commits) }
  var promises: [Promise] { state.withLock(\.promises) }

  func note(_ change: DiskChange) { state.withLock { $0.changes.append(change) } }
  func noteCommit() { state.withLock { $0.commits.append($0.changes.count) } }

  /// From now on no crash may undo this.
  func promise(_ fact: Fact) {
    state.withLock { $0.promises.append(Promise(fact: fact, since: $0.changes.count)) }
  }

  /// From now on these facts may change, because an operator asks for it.
  func revoke(_ isMeant: (Fact) -> Bool) {
    state.withLock { state in
      for index in state.promises.indices
      where state.promises[index].until == nil && isMeant(state.promises[index].fact) {
        state.promises[index].until = state.changes.count
      }
    }
  }
}

/// Something that somebody outside knows, and that the file must know after any crash.
struct Promise: Sendable, Hashable {
  let fact: Fact
  /// Changes of the disk before it was known.
  let since: Int
  /// Changes of the disk before somebody asked for the contrary.
  var until: Int?

  func holds(after changes: Int) -> Bool { since <= changes && changes < until ?? .max }
}

extension [Promise] {
  /// What holds at a place, each once.
  func facts(after changes: Int) -> [Fact] {
    Array<Fact>(Set(filter { $0.holds(after: changes) }.map(\.fact)))
  }
}

/// A numbered request to a module; its number is its dedup key.
struct Webhook: Sendable, Hashable {
  let module: String
  let number: Int
}

/// What can be promised.
enum Fact: Sendable, Hashable {
  /// A webhook was answered with this event's id.
  case event(String, of: Webhook)
  /// A poll was given this checkpoint: everything below it is stored.
  case polled(Int)
  /// An actor was called.
  case attempted(delivery: String, number: Int)
  /// A delivery was reported as ended.
  case settled(delivery: String, state: String)
  /// Of a replay; at least so many deliveries.
  case replayed(String, deliveries: Int)
  /// An order to pause or to resume was answered.
  case pause(String, isOn: Bool)
  /// An order to load or to unload a module was answered.
  case module(String, isWanted: Bool)
}
