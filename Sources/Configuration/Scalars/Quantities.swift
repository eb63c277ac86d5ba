import Engine

/// Text that is not what its field takes; the message says what the field takes.
struct Refusal: Error, Hashable {
  let message: String
  init(_ message: String) { self.message = message }
}

/// Durations, sizes and rates (config.md 2). Pure: text in, number or ``Refusal`` out.
enum Quantity {
  /// Ten years of 365 days: the longest duration.
  static let durationMsMax: Int64 = 3_650 * 86_400_000

  fileprivate static let durationUnits: [(name: String, ms: Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
  ]

  /// Milliseconds of `1h30m`: whole numbers with units, each unit once, the largest first.
  static func durationMs(_ text: String) throws(Refusal) -> Int64 {
    var rest = Substring(text)
    var total: Int64 = 0
    var allowed = durationUnits[...]
    guard !rest.isEmpty else { throw Refusal(durationForm) }
    while !rest.isEmpty {
      let digits = rest.prefix { "0123456789".contains($0) }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { !"0123456789".contains($0) }
      rest = rest.dropFirst(name.count)
      guard !digits.isEmpty else { throw Refusal(durationForm) }
      guard !name.isEmpty else {
        throw Refusal("a duration needs a unit: \"\(digits)s\", \"\(digits)m\", …")
      }
      guard let place = allowed.firstIndex(where: { $0.name == name }) else {
        let isKnown = durationUnits.contains { $0.name == name }
        throw Refusal(
          isKnown ? "units of a duration come once each, the largest first" : durationForm)
      }
      let (part, overflow) = (Int64(digits) ?? .max).multipliedReportingOverflow(
        by: durationUnits[place].ms)
      guard !overflow, part <= durationMsMax, total + part <= durationMsMax else {
        throw Refusal("a duration is at most 10 years (3650d)")
      }
      total += part
      allowed = durationUnits[(place + 1)...]
    }
    return total
  }

  /// The shortest text of a duration: `1h30m`.
  static func text(durationMs ms: Int64) -> String {
    var rest = ms
    var text = ""
    for (name, unit) in durationUnits where rest >= unit {
      text += "\(rest / unit)\(name)"
      rest %= unit
    }
    return text.isEmpty ? "0s" : text
  }

  private static let durationForm =
    "a duration is numbers with units d h m s ms, such as \"30s\" or \"1h30m\""

  /// Bytes of `1.5MB`; both spellings are powers of 1024, a bare integer is bytes.
  static func bytes(_ text: String) throws(Refusal) -> Int64 {
    let form = Refusal("a size is a number with B, KB, MB or GB, such as \"1MB\" or \"512KiB\"")
    let number = text.prefix { "0123456789.".contains($0) }
    var unit = text.dropFirst(number.count)
    if unit.first == " " { unit.removeFirst() }
    guard let value = Double(number), value.isFinite, number.first != "." else { throw form }
    let factor: Double
    switch unit.lowercased() {
    case "" where !number.contains("."), "b": factor = 1
    case "kb", "kib": factor = 1_024
    case "mb", "mib": factor = 1_048_576
    case "gb", "gib": factor = 1_073_741_824
    default: throw form
    }
    guard let bytes = Int64(exactly: (value * factor).rounded()) else {
      throw Refusal("the size is too large")
    }
    guard bytes > 0 else { throw Refusal("a size is at least 1 byte") }
    return bytes
  }

  /// Per second, of `10/m`.
  static func perSecond(_ text: String) throws(Refusal) -> Double {
    let form = Refusal("a rate is a positive number per s, m, h or d, such as \"10/m\"")
    guard let rate = RateText.perSecond(text) else { throw form }
    return rate
  }
}

extension Quantity {
  /// Deliveries per period, of `100/h`.
  static func startLimit(_ text: String) throws(Refusal) -> StartLimit {
    let form = Refusal("must be a whole number per s, m, h or d, such as \"100/h\"")
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let count = Int(parts[0]), (1...1_000_000_000).contains(count),
      let unit = durationUnits.first(where: { $0.name == parts[1] && $0.ms >= 1_000 })
    else { throw form }
    return StartLimit(count: count, periodMs: unit.ms)
  }
}

/// What ids and names may look like (config.md 2).
package enum NameRule {
  /// Source ids, actor ids, names of modules and workspaces: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`.
  package static func isID(_ text: String) -> Bool {
    guard let first = text.utf8.first, isAlphanumeric(first), text.utf8.count <= 128 else {
      return false
    }
    return text.utf8.allSatisfy { isAlphanumeric($0) || "._-".utf8.contains($0) }
  }

  /// Route, transform and logger names: 1 to 128 printable characters, no blank at either end.
  package static func isName(_ text: String) -> Bool {
    guard let first = text.first, let last = text.last, !first.isWhitespace, !last.isWhitespace
    else { return false }
    return text.count <= 128
      && text.unicodeScalars.allSatisfy { scalar in
        switch scalar.properties.generalCategory {
        case .control, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator: false
        // Invisible, so that two names look the same; joiners are part of letters and pictures.
        case .format: scalar == "\u{200C}" || scalar == "\u{200D}"
        default: true
        }
      }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    default: false
    }
  }
}
