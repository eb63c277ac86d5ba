package import Engine
import Synchronization

/// A logger that a test can wait on: it knows every entry, and wakes who waits for one.
package final class LogProbe: LogSink {
  private struct Watcher {
    let phase: LogPhase
    let count: Int
    let continuation: CheckedContinuation<Void, Never>
  }

  private struct State {
    var entries: [LogEntry] = []
    var watchers: [Watcher] = []
  }

  private let state = Mutex(State())
  package let minimumLevel = LogLevel.debug

  package init() {}

  package var entries: [LogEntry] { state.withLock(\.entries) }

  package func entries(_ phase: LogPhase) -> [LogEntry] { entries.filter { $0.phase == phase } }

  /// Returns when there are at least `count` entries of a phase.
  package func wait(for phase: LogPhase, count: Int = 1) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.entries.count(where: { $0.phase == phase }) >= count { return true }
        state.watchers.append(Watcher(phase: phase, count: count, continuation: continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  package func write(_ entries: [LogEntry]) async {
    let ready = state.withLock { state -> [Watcher] in
      state.entries += entries
      let isReady = { (watcher: Watcher) in
        state.entries.count(where: { $0.phase == watcher.phase }) >= watcher.count
      }
      let ready = state.watchers.filter(isReady)
      state.watchers.removeAll(where: isReady)
      return ready
    }
    for watcher in ready { watcher.continuation.resume() }
  }

  package func close() async {}
}
