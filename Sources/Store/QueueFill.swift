import Synchronization

/// How full the queues are, as the writer has counted them. Lives on the writer's thread.
///
/// The rows are the truth. This spares counting them at every event: accepting, starting and
/// settling keep the count; whatever else writes makes it be counted again (``forget()``).
struct QueueFill {
  /// One queue.
  struct Lane {
    /// Deliveries that are pending or waiting.
    var count: Int
    /// There are more than `count`: nobody counted to the end.
    var isCut: Bool
    /// Deliveries are parked because the queue was full.
    var hasParked: Bool
    /// Everything up to this delivery cannot be dropped: it is in flight, parked or held up.
    var droppedTo: Int64 = 0
    /// Decisions on this count: so many, and it is counted again.
    var decisions = 0
  }

  /// What a queue's overflow is reported by: once a minute (events.md 7.1).
  struct Report {
    var lastMs: Int64
    var affected: Int
  }

  private(set) var lanes: [Int64: Lane] = [:]
  var reports: [Int64: Report] = [:]
  var bounds: [Int64: QueueBound] = [:]

  subscript(lane: Int64) -> Lane? {
    get { lanes[lane] }
    set { lanes[lane] = newValue }
  }

  mutating func forget() { lanes.removeAll(keepingCapacity: true) }

  /// A delivery of a lane that is counted has come (1) or gone (-1).
  mutating func count(_ change: Int, lane: Int64) { lanes[lane]?.count += change }

  /// A delivery was put off, or has moved up: it counts again, wherever it stands in the queue.
  mutating func comesBack(_ delivery: Int64, lane: Int64) {
    guard var found = lanes[lane] else { return }
    found.count += 1
    found.droppedTo = min(found.droppedTo, delivery - 1)
    lanes[lane] = found
  }

  /// The lanes that hold their sources back.
  var blocking: Set<Int64> {
    Set(
      bounds.lazy.filter { lane, bound in
        bound.overflow == .block && (lanes[lane]?.count ?? 0) >= bound.depth
      }.map(\.key))
  }
}

/// What the writer's thread and the engine tell each other of queues.
final class QueueHooks: Sendable {
  private let notice = Mutex<(@Sendable (QueueOverflow, Int64) -> AcceptRecord?)?>(nil)
  private let news = Mutex<(@Sendable (QueueNews) -> Void)?>(nil)
  private let blocking = Mutex<Set<Int64>>([])

  func use(
    notice: @escaping @Sendable (QueueOverflow, Int64) -> AcceptRecord?
  ) {
    self.notice.withLock { $0 = notice }
  }

  func use(news: @escaping @Sendable (QueueNews) -> Void) { self.news.withLock { $0 = news } }

  func event(of overflow: QueueOverflow, nowMs: Int64) -> AcceptRecord? {
    notice.withLock { $0 }?(overflow, nowMs)
  }

  func tell(_ news: QueueNews) {
    guard !news.isEmpty else { return }
    self.news.withLock { $0 }?(news)
  }

  var blockingLanes: Set<Int64> {
    get { blocking.withLock { $0 } }
    set { blocking.withLock { $0 = newValue } }
  }
}
