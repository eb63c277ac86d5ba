import DequeModule
import Synchronization

/// Hands log entries to loggers from a queue beside the pipeline: a slow or failing logger never
/// delays or fails an event (events.md 8.1).
package final class LogFanout: Sendable {
  private let state: Mutex<State>
  private let signal: AsyncStream<Void>.Continuation
  private let wakeUps: AsyncStream<Void>
  private let minimum: Atomic<Int>

  private struct State {
    var outlets: [Outlet] = []
  }

  private struct Outlet {
    /// Nil receives every module's entries.
    let module: String?
    let sink: any LogSink
    var queue: Deque<LogEntry> = []
    var dropped = 0

    func wants(_ entry: LogEntry, _ level: LogLevel) -> Bool {
      level >= sink.minimumLevel && (module == nil || module == entry.module)
    }

    mutating func push(_ entry: LogEntry) {
      if queue.count >= Limits.logEntriesMax {
        queue.removeFirst()
        dropped += 1
      }
      queue.append(entry)
    }
  }

  package init() {
    state = Mutex(State())
    minimum = Atomic(Int.max)
    (wakeUps, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Adds a logger.
  ///
  /// - Parameter module: Only that module's entries; nil = all (config.md 5.4).
  package func add(_ sink: any LogSink, module: String?) {
    state.withLock { $0.outlets.append(Outlet(module: module, sink: sink)) }
    minimum.store(
      min(minimum.load(ordering: .relaxed), sink.minimumLevel.rawValue), ordering: .relaxed)
  }

  /// Queues an entry for every logger that wants it. The entry is only made when one might.
  package func emit(_ phase: LogPhase, _ make: () -> LogEntry) {
    let level = phase.style.level
    guard minimum.load(ordering: .relaxed) <= level.rawValue else { return }
    let entry = make()
    let isQueued = state.withLock { state in
      var isQueued = false
      for index in state.outlets.indices where state.outlets[index].wants(entry, level) {
        state.outlets[index].push(entry)
        isQueued = true
      }
      return isQueued
    }
    if isQueued { signal.yield() }
  }

  /// Entries that were dropped because a logger was too slow, over all loggers.
  package var droppedCount: Int { state.withLock { $0.outlets.reduce(0) { $0 + $1.dropped } } }

  /// Writes entries until ``finish()``, then what is left.
  package func run() async {
    for await _ in wakeUps { await flush() }
    await flush()
    for sink in state.withLock({ $0.outlets.map(\.sink) }) { await sink.close() }
  }

  /// Lets ``run()`` come to its end.
  package func finish() { signal.finish() }

  private func flush() async {
    while true {
      let batches = state.withLock { state -> [(any LogSink, [LogEntry])] in
        state.outlets.indices.compactMap { index in
          let entries = Array(state.outlets[index].queue)
          state.outlets[index].queue.removeAll(keepingCapacity: true)
          return entries.isEmpty ? nil : (state.outlets[index].sink, entries)
        }
      }
      if batches.isEmpty { return }
      for (sink, entries) in batches { await sink.write(entries) }
    }
  }
}
