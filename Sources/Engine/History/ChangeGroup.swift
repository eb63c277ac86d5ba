import Synchronization

/// One order as the history records it: what it was, and the generations that it has made.
package final class ChangeGroup: Sendable {
  /// `start`, `apply`, `rollback @12`, `load`, `reload`, `unload`, `undo`.
  package let action: String
  private let first: Mutex<Int64?>

  package init(_ action: String) {
    self.action = action
    first = Mutex(nil)
  }

  /// What is undone belongs to what was done.
  init(undoing other: ChangeGroup) {
    action = "undo"
    first = Mutex(other.number)
  }

  /// Its first generation, which is its number; nil before that.
  var number: Int64? { first.withLock { $0 } }

  func note(_ generation: Int64) { first.withLock { $0 = $0 ?? generation } }
}
