import DequeModule
import Synchronization

/// Hands log entries to loggers from queues beside the pipeline: a slow or failing logger delays or
/// fails no event, and no other logger (events.md 8.1).
package final class LogFanout: Sendable {
  private let outlets = Mutex<[LogOutlet]>([])
  private let supervisor = Supervisor()
  /// A bit for each phase that some logger wants, so that nothing is made for nobody.
  private let wanted = Atomic<UInt64>(0)
  /// Entries that were dropped by loggers which are gone.
  private let droppedBefore = Mutex(0)

  package init() {}

  /// Adds a logger.
  ///
  /// - Parameter module: Only that module's entries; nil = all (config.md 5.4).
  package func add(_ sink: any LogSink, module: String?) { add(sink, module: module, owner: nil) }

  /// - Parameters:
  ///   - owner: The module that ``remove(owner:)`` is called for.
  ///   - phases: Only these; nil = all from the sink's own level on.
  func add(
    _ sink: any LogSink, module: String?, owner: String?, phases: Set<LogPhase>? = nil
  ) {
    let outlet = LogOutlet(sink, module: module, owner: owner, phases: phases)
    _ = supervisor.start { await outlet.run() }
    outlets.withLock { outlets in
      outlets.append(outlet)
      note(outlets)
    }
  }

  /// Takes a module's loggers away; each writes what it has, and is closed.
  func remove(owner: String) {
    let removed = outlets.withLock { outlets in
      let removed = outlets.filter { $0.owner == owner }
      outlets.removeAll { $0.owner == owner }
      note(outlets)
      return removed
    }
    for outlet in removed {
      outlet.finish()
      droppedBefore.withLock { $0 += outlet.droppedCount }
    }
  }

  /// Queues an entry for every logger that wants it. The entry is only made when one might.
  package func emit(_ phase: LogPhase, _ make: () -> LogEntry) {
    guard wanted.load(ordering: .relaxed) & phase.bit != 0 else { return }
    let entry = make()
    for outlet in outlets.withLock({ $0 }) where outlet.wants(entry) { outlet.push(entry) }
  }

  /// Entries that were dropped because a logger was too slow, over all loggers.
  package var droppedCount: Int {
    droppedBefore.withLock { $0 } + outlets.withLock { $0.reduce(0) { $0 + $1.droppedCount } }
  }

  /// Writes entries until ``finish()``, then what is left.
  package func run() async { await supervisor.run() }

  /// Lets ``run()`` come to its end.
  package func finish() {
    supervisor.finish()
    for outlet in outlets.withLock({ $0 }) { outlet.finish() }
  }

  private func note(_ outlets: [LogOutlet]) {
    wanted.store(outlets.reduce(0) { $0 | $1.mask }, ordering: .relaxed)
  }
}

/// One logger with its queue.
private final class LogOutlet: Sendable {
  /// Nil receives every module's entries.
  private let module: String?
  let owner: String?
  let mask: UInt64
  private let sink: any LogSink
  private let queue = Mutex(Queue())
  private let signal: AsyncStream<Void>.Continuation
  private let wakeUps: AsyncStream<Void>

  private struct Queue {
    var entries: Deque<LogEntry> = []
    var dropped = 0
  }

  init(_ sink: any LogSink, module: String?, owner: String?, phases: Set<LogPhase>?) {
    self.sink = sink
    self.module = module
    self.owner = owner
    mask = LogPhase.allCases.reduce(0) { mask, phase in
      let isWanted = phases?.contains(phase) ?? (phase.style.level >= sink.minimumLevel)
      return isWanted ? mask | phase.bit : mask
    }
    (wakeUps, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  var droppedCount: Int { queue.withLock(\.dropped) }

  func wants(_ entry: LogEntry) -> Bool {
    mask & entry.phase.bit != 0 && (module == nil || module == entry.module)
  }

  func push(_ entry: LogEntry) {
    queue.withLock { queue in
      if queue.entries.count >= Limits.logEntriesMax {
        queue.entries.removeFirst()
        queue.dropped += 1
      }
      queue.entries.append(entry)
    }
    signal.yield()
  }

  func finish() { signal.finish() }

  func run() async {
    for await _ in wakeUps { await flush() }
    await flush()
    await sink.close()
  }

  private func flush() async {
    while true {
      let entries = queue.withLock { queue in
        defer { queue.entries.removeAll(keepingCapacity: true) }
        return Array(queue.entries)
      }
      if entries.isEmpty { return }
      await sink.write(entries)
    }
  }
}

extension LogPhase {
  /// The phase's own bit in a set of phases.
  fileprivate var bit: UInt64 { LogPhase.bits[self] ?? 0 }

  private static let bits: [LogPhase: UInt64] = {
    precondition(allCases.count <= 64, "the phases must fit into a set of 64 bits")
    return Dictionary(
      uniqueKeysWithValues: allCases.enumerated().map { ($1, UInt64(1) << UInt64($0)) })
  }()
}
