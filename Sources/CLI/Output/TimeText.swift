import Engine

/// Times as people read them (cli-http.md 1.3).
package enum TimeText {
  fileprivate static let units: [(name: String, letter: String, ms: Int64)] = [
    ("day", "d", 86_400_000), ("hour", "h", 3_600_000), ("min", "m", 60_000), ("s", "s", 1_000),
  ]

  /// `1d 4h`, `3h 22m`, `4m 10s`, `9s`: the two largest units.
  package static func uptime(ms: Int64) -> String {
    guard let first = units.firstIndex(where: { ms >= $0.ms }) else { return "0s" }
    let whole = "\(ms / units[first].ms)\(units[first].letter)"
    guard first + 1 < units.count else { return whole }
    let next = units[first + 1]
    return whole + " \(ms % units[first].ms / next.ms)\(next.letter)"
  }

  /// `2 min ago`, `in 3 hours`, `just now`.
  ///
  /// What is to come is rounded: an hour is not 59 min because asking has taken a moment.
  package static func relative(_ ms: Int64, nowMs: Int64) -> String {
    let isAhead = ms > nowMs
    let exact = abs(nowMs - ms)
    let distance = isAhead ? exact + (exact >= 60_000 ? 30_000 : 500) : exact
    guard let unit = units.first(where: { distance >= $0.ms }) else { return "just now" }
    let count = distance / unit.ms
    let isCounted = unit.ms >= 3_600_000 && count > 1
    let text = "\(count) \(unit.name)\(isCounted ? "s" : "")"
    return ms <= nowMs ? text + " ago" : "in " + text
  }

  /// The same for a time out of an answer; `never` when there is none.
  static func relative(_ value: JSONValue?, nowMs: Int64) -> String {
    guard let ms = value?.string.flatMap(ISOTime.ms) else { return "never" }
    return relative(ms, nowMs: nowMs)
  }
}

extension TimeText {
  /// A duration as configuration writes it: `5m`, `1h30m`, `250ms`.
  static func interval(ms: Int64) -> String {
    var rest = ms
    var text = ""
    for unit in units where rest >= unit.ms {
      text += "\(rest / unit.ms)\(unit.letter)"
      rest %= unit.ms
    }
    return rest > 0 || text.isEmpty ? text + "\(rest)ms" : text
  }
}
