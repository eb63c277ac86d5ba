/// The bounds of the engine, each with its reason (style.md rule 8).
package enum Limits {
  /// 4 MiB: the largest event the reference allows (events.md 1).
  package static let eventBytesMax = 4 << 20
  /// 4 KiB: what is kept of an actor's answer (events.md 4.2).
  package static let responseExcerptBytesMax = 4 << 10
  /// 64 KiB: what is kept of a command's text output (connectors.md 3.5).
  package static let outputBytesMax = 64 << 10
  /// 32: the non-matching routes an event's decision record names; more are counted.
  package static let nonMatchesMax = 32
  /// 256: the deliveries a lane keeps in memory beyond those in flight.
  package static let laneWindowMax = 256
  /// 24 h: the longest wait an actor may ask for with `Retry-After` (config.md 7.1).
  package static let retryAfterMsMax: Int64 = 24 * 3_600_000
  /// 1 min: how soon a delivery that waits behind another one looks again if nobody wakes it.
  static let behindLookMs: Int64 = 60_000
  /// 1 MiB: a prompt file (config.md 6.5).
  package static let promptBytesMax = 1 << 20
  /// 10 MiB: what a script or command may print before it is stopped (config.md 9.2).
  package static let commandOutputBytesMax = 10 << 20
  /// 100,000: events of one poll, which are one commit; more are refused, so that one source cannot
  /// hold the writer for seconds.
  package static let pollEventsMax = 100_000
  /// 500: deliveries that are moved or dropped in one commit, a few milliseconds of the writer.
  package static let queuePageMax = 500
  /// 100: events whose fields are looked at in one go; each may have 4 MiB.
  static let fieldPageMax = 100
  /// 10,000: ids of one order; more of them are several orders.
  package static let orderIDsMax = 10_000
  /// 100: events that are replayed without being asked for consent.
  package static let replayEventsUsual = 100
  /// 20: pages of events that one step of a replay looks at without finding any to replay.
  static let replayPagesMax = 20
  /// 50 ms: how often a queue that is being emptied is looked at.
  static let drainLookMs: Int64 = 50
  /// 100: events of a trace that are shown where nobody says how many; a screen or two of JSON.
  package static let traceEventsUsual = 100
  /// 1,000: events of a trace that one answer may have.
  package static let traceEventsMax = 1_000
  /// 20: events of a trace that are explained at once.
  package static let whyEventsMax = 20
  /// 5 s: what work that was cancelled has to end, and loggers to write their last entries.
  package static let endMsMax: Int64 = 5_000
  /// 10,000: log entries waiting for one logger (events.md 8.1).
  package static let logEntriesMax = 10_000
}
