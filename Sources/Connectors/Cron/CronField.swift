/// One field of a cron expression as a set of numbers (connectors.md 2.9).
struct CronField: Sendable, Hashable {
  /// Bit n = the value n matches.
  private(set) var bits: UInt64

  /// What a field may hold.
  struct Kind: Sendable {
    let name: String
    let range: ClosedRange<Int>
    /// Names for the numbers from `range.lowerBound` on.
    var names: [String] = []

    static let minute = Kind(name: "minute", range: 0...59)
    static let hour = Kind(name: "hour", range: 0...23)
    static let day = Kind(name: "day of month", range: 1...31)
    static let month = Kind(
      name: "month", range: 1...12,
      names: [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
      ])
    static let weekday = Kind(
      name: "day of week", range: 0...7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])
  }

  /// A comma list of `*`, `*/n`, `a-b`, `a-b/n` and `n`.
  init(_ text: Substring, _ kind: Kind) throws(CronError) {
    bits = 0
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      try insert(part, kind)
    }
    // 7 is another name for Sunday.
    if kind.range.upperBound == 7, contains(7) { bits |= 1 }
  }

  func contains(_ value: Int) -> Bool { bits & (1 << UInt64(value)) != 0 }

  /// The smallest member that is at least `value`; nil when there is none.
  func next(from value: Int) -> Int? {
    guard value < 64 else { return nil }
    let rest = bits & (UInt64.max << UInt64(value))
    return rest == 0 ? nil : rest.trailingZeroBitCount
  }

  private mutating func insert(_ part: Substring, _ kind: Kind) throws(CronError) {
    func bad(_ why: String) -> CronError {
      CronError("\(kind.name) \"\(SafeText.escaped(part, bytesMax: 40))\": \(why)")
    }
    let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
    guard pieces.count <= 2, let first = pieces.first, !first.isEmpty else {
      throw bad("expected *, */n, a-b, a-b/n or a number")
    }
    var step = 1
    if pieces.count == 2 {
      guard let value = CronField.number(pieces[1]), value > 0 else {
        throw bad("the step after / must be a number above 0")
      }
      step = value
    }
    let span: ClosedRange<Int>
    if first == "*" {
      span = kind.range
    } else {
      let ends = first.split(separator: "-", omittingEmptySubsequences: false)
      let values = ends.compactMap { CronField.value($0, kind) }
      let limits = "\(kind.range.lowerBound)-\(kind.range.upperBound)"
      guard values.count == ends.count, (1...2).contains(ends.count) else {
        throw bad("expected numbers of \(limits)")
      }
      guard ends.count == 2 || pieces.count == 1 else {
        throw bad("a step needs a range, such as \(first)-\(kind.range.upperBound)/\(step)")
      }
      guard values[0] <= values[values.count - 1] else { throw bad("the range runs backwards") }
      span = values[0]...values[values.count - 1]
    }
    for value in stride(from: span.lowerBound, through: span.upperBound, by: step) {
      bits |= 1 << UInt64(value)
    }
  }

  private static func value(_ text: Substring, _ kind: Kind) -> Int? {
    if let index = kind.names.firstIndex(of: text.lowercased()) {
      return kind.range.lowerBound + index
    }
    return number(text).flatMap { kind.range.contains($0) ? $0 : nil }
  }

  /// Digits only: `Int("+5")` would be 5.
  private static func number(_ text: Substring) -> Int? {
    let isDigits = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    return isDigits && text.utf8.count <= 4 ? Int(text) : nil
  }
}

/// What is wrong with a schedule.
package struct CronError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Names the field, what stands there, and what may stand there.
  package let message: String
  package init(_ message: String) { self.message = message }
  package var description: String { message }
}
