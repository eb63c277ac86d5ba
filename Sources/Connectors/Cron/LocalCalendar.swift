package import Foundation

/// Turns moments into what the clock on the wall shows, and back, across clock changes.
package struct LocalCalendar: Sendable {
  private let zone: TimeZone

  /// The calendar of a time zone.
  package init(_ zone: TimeZone) { self.zone = zone }

  /// What the clock shows at a moment, seconds cut off.
  func face(ms: Int64) -> ClockFace {
    let local = ms + offsetMs(at: ms)
    return ClockFace(minutes: local >= 0 ? local / 60_000 : (local - 59_999) / 60_000)
  }

  /// The moment at which the clock first shows a face. A face that a clock change skips gives the
  /// first minute after the gap; one that it repeats gives the first of the two
  /// (connectors.md 2.9).
  ///
  /// Looks a day to both sides, so it holds where clock changes are at least two days apart.
  func ms(_ face: ClockFace) -> Int64 {
    let local = face.minutes * 60_000
    let before = offsetMs(at: local - LocalCalendar.dayMs)
    let after = offsetMs(at: local + LocalCalendar.dayMs)
    // The larger offset gives the earlier moment.
    for offset in [max(before, after), min(before, after)] {
      let moment = local - offset
      if offsetMs(at: moment) == offset { return moment }
    }
    return firstMinute(
      withOffset: after, between: local - LocalCalendar.dayMs, and: local + LocalCalendar.dayMs)
  }

  /// The change lies between two moments, of which only the later has the new offset.
  private func firstMinute(
    withOffset offset: Int64, between early: Int64, and late: Int64
  ) -> Int64 {
    var low = early / 60_000
    var high = late / 60_000
    while high - low > 1 {
      let middle = (low + high) / 2
      if offsetMs(at: middle * 60_000) == offset { high = middle } else { low = middle }
    }
    return high * 60_000
  }

  private func offsetMs(at ms: Int64) -> Int64 {
    Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(ms) / 1_000))) * 1_000
  }

  private static let dayMs: Int64 = 86_400_000
}
