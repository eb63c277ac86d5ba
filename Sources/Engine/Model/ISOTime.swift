/// ISO 8601 times in UTC with milliseconds, the only form orgloop writes (events.md 1).
///
/// Written by hand because it stands in every envelope, and because the engine does without
/// Foundation. Source of the calendar arithmetic: Howard Hinnant, "chrono-compatible low-level
/// date algorithms", <https://howardhinnant.github.io/date_algorithms.html>.
package enum ISOTime {
  /// `2026-03-04T05:06:07.089Z` for milliseconds since 1970.
  package static func text(ms: Int64) -> String {
    let days = floorDivide(ms, 86_400_000)
    let msOfDay = ms - days * 86_400_000
    let (year, month, day) = civil(fromDays: days)
    let seconds = msOfDay / 1_000
    var bytes: [UInt8] = []
    bytes.reserveCapacity(24)
    append(year, digits: 4, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    append(month, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    append(day, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: "T"))
    append(seconds / 3_600, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    append(seconds / 60 % 60, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    append(seconds % 60, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: "."))
    append(msOfDay % 1_000, digits: 3, to: &bytes)
    bytes.append(UInt8(ascii: "Z"))
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Milliseconds since 1970 of an ISO 8601 time: a date, or a date and time with `Z` or an
  /// offset and up to nine digits of a fraction. Nil for anything else.
  package static func ms(_ text: String) -> Int64? {
    var reader = Reader(Array(text.utf8))
    guard let year = reader.digits(4), reader.take("-"), let month = reader.digits(2),
      reader.take("-"), let day = reader.digits(2), (1...12).contains(month),
      (1...daysInMonth(year: year, month: month)).contains(day)
    else { return nil }
    let midnight = days(fromYear: year, month: month, day: day) * 86_400_000
    if reader.isAtEnd { return midnight }
    guard reader.take("T") || reader.take("t") || reader.take(" "), let hour = reader.digits(2),
      reader.take(":"), let minute = reader.digits(2), hour < 24, minute < 60
    else { return nil }
    var second: Int64 = 0
    var fraction: Int64 = 0
    if reader.take(":") {
      guard let value = reader.digits(2), value <= 60 else { return nil }
      second = value
      if reader.take(".") {
        guard let value = reader.fractionMs() else { return nil }
        fraction = value
      }
    }
    guard let offset = reader.offsetMs(), reader.isAtEnd else { return nil }
    let msOfDay = ((hour * 60 + minute) * 60 + second) * 1_000 + fraction
    return midnight + msOfDay - offset
  }

  private static func append(_ value: Int64, digits: Int, to bytes: inout [UInt8]) {
    var divisor: Int64 = 1
    for _ in 1..<digits { divisor *= 10 }
    while divisor > 0 {
      bytes.append(UInt8(0x30 + abs(value / divisor) % 10))
      divisor /= 10
    }
  }

  private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
  }

  private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  private static func days(fromYear year: Int64, month: Int64, day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = floorDivide(year, 400)
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func daysInMonth(year: Int64, month: Int64) -> Int64 {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return switch month {
    case 2: isLeap ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private struct Reader {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
      offset += 1
      return true
    }

    mutating func digits(_ count: Int) -> Int64? {
      guard offset + count <= bytes.count else { return nil }
      var value: Int64 = 0
      for _ in 0..<count {
        guard let digit = digit() else { return nil }
        value = value * 10 + digit
      }
      return value
    }

    private mutating func digit() -> Int64? {
      guard offset < bytes.count, (0x30...0x39).contains(bytes[offset]) else { return nil }
      offset += 1
      return Int64(bytes[offset - 1] - 0x30)
    }

    mutating func fractionMs() -> Int64? {
      var value: Int64 = 0
      var count = 0
      while let digit = digit() {
        if count < 3 { value = value * 10 + digit }
        count += 1
      }
      guard (1...9).contains(count) else { return nil }
      for _ in min(count, 3)..<3 { value *= 10 }
      return value
    }

    mutating func offsetMs() -> Int64? {
      if take("Z") || take("z") { return 0 }
      let sign: Int64
      if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
      guard let hours = digits(2), hours < 24 else { return nil }
      _ = take(":")
      guard let minutes = digits(2), minutes < 60 else { return nil }
      return sign * (hours * 60 + minutes) * 60_000
    }
  }
}
