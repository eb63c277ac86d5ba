/// What an event that joins a trace is checked against when it is accepted (events.md 5).
///
/// Depth is counted in rows, so it holds over restarts: events of the trace that were accepted
/// within the window, this one included.
package final class LoopRule: Sendable {
  /// More events than this of one module and trace are told of.
  package let warnDepth: Int
  /// So many events of one module and trace break it.
  package let depthMax: Int
  /// So many events of one trace break it, whatever modules they are in.
  package let traceDepthMax: Int
  package let windowMs: Int64
  /// Makes the event that tells of a break. Called in the transaction, so it must be pure.
  package let alarm: @Sendable (LoopFinding) -> Alarm?

  package init(
    warnDepth: Int, depthMax: Int, traceDepthMax: Int, windowMs: Int64,
    alarm: @escaping @Sendable (LoopFinding) -> Alarm?
  ) {
    self.warnDepth = warnDepth
    self.depthMax = depthMax
    self.traceDepthMax = traceDepthMax
    self.windowMs = windowMs
    self.alarm = alarm
  }

  /// For events that belong to a trace and do not count in it: they go no further once it is broken.
  static let onlyIfBroken = LoopRule(
    warnDepth: .max, depthMax: .max, traceDepthMax: 2, windowMs: 0, alarm: { _ in nil })
}

/// An event that is accepted because of another one, in its transaction.
package struct Alarm: Sendable {
  package var record: AcceptRecord
  /// The engine's own, handed back with the receipt.
  package var context: any Sendable

  package init(record: AcceptRecord, context: any Sendable) {
    self.record = record
    self.context = context
  }
}

/// How often a trace has gone round.
package struct LoopFinding: Sendable, Hashable {
  package enum Verdict: Sendable, Hashable {
    /// Suspicious; the event goes on.
    case detected
    /// This event has broken the trace.
    case broken
    /// It was broken before.
    case stillBroken
  }

  package var verdict: Verdict
  package var traceID: String
  /// Events of the trace in the event's module within the window, this one included.
  package var depth: Int
  /// The same over all modules.
  package var traceDepth: Int
  /// It is the whole trace that is too long, not a module's part of it.
  package var isWholeTrace: Bool
  /// An event of the same source and type is in the trace already.
  package var repeatsType: Bool
  /// Oldest first, this one last; the newest of them.
  package var eventIDs: [String]
}

/// So many deliveries for an actor in a period, over any window of that length.
package struct StartBudget: Sendable, Hashable {
  /// The lane of the actor, wherever the delivery's own is.
  package var actorLane: Int64
  package var count: Int
  package var periodMs: Int64

  package init(actorLane: Int64, count: Int, periodMs: Int64) {
    self.actorLane = actorLane
    self.count = count
    self.periodMs = periodMs
  }

  /// A sixtieth of the period: what is counted together, and so how much longer than the period a
  /// start may count.
  package var slotMs: Int64 { max(periodMs / 60, 1) }
}

/// What the acceptance of an event found that its deliveries alone do not say.
package final class AcceptNotice: Sendable {
  package let loop: LoopFinding?
  /// Reasons of deliveries that were dropped at once, by their place in the record.
  package let dropped: [Int: String]
  /// Events that were accepted with this one.
  package let alarms: [(alarm: Alarm, receipt: AcceptReceipt)]

  init(
    loop: LoopFinding?, dropped: [Int: String],
    alarms: [(alarm: Alarm, receipt: AcceptReceipt)]
  ) {
    self.loop = loop
    self.dropped = dropped
    self.alarms = alarms
  }
}
