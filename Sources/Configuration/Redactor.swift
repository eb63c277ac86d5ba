/// Replaces known values in many texts, in time that does not grow with the number of values.
///
/// A value is found as it is and as programs write it into JSON, a string of a language or a log:
/// with `\"`, `\n`, `\u0009` and the like, escaped once or several times. Of a value of several
/// lines each long line is found alone, because a key is often printed line by line.
package struct Redactor: Sendable {
  /// 12 characters: a shorter line of a key says little, and is likely to be an everyday word.
  private static let lineLengthMin = 12
  /// 256: a private key of 16 Kibit has some 200 lines.
  private static let lineCountMax = 256
  /// 4: an escape in a value may stand for one character, so values may get shorter.
  private static let plainLengthMin = 4

  private let written: SequenceMatcher<UInt8>
  private let plain: SequenceMatcher<UInt16>

  /// - Parameter values: Those with fewer than ``Redaction/secretLengthMin`` characters are left
  ///   out.
  package init(_ values: some Sequence<String>) {
    let long = Set(
      values.filter { $0.count >= Redaction.secretLengthMin }
        .flatMap { [$0] + Redactor.lines(of: $0) })
    written = SequenceMatcher(long.map { Array($0.utf8) }, lengthMin: Redaction.secretLengthMin)
    plain = SequenceMatcher(
      long.map(Redactor.plainUnits), lengthMin: Redactor.plainLengthMin)
  }

  /// There is nothing to hide.
  var isEmpty: Bool { written.isEmpty }

  /// The text with `***` for every value; where two overlap, for both together.
  package func apply(_ text: String) -> String {
    guard !isEmpty else { return text }
    // First what is escaped: a line of a value alone would break the whole in two.
    return hidingWritten(text.utf8.contains(UInt8(ascii: "\\")) ? hidingEscaped(text) : text)
  }

  private func hidingWritten(_ text: String) -> String {
    let bytes = Array(text.utf8)
    let ranges = written.ranges(in: bytes)
    guard !ranges.isEmpty else { return text }
    return String(
      decoding: Redactor.cutting(ranges, from: bytes, stars: Array("***".utf8)), as: UTF8.self)
  }

  private func hidingEscaped(_ text: String) -> String {
    let units = Array(text.utf16)
    let unescaped = UnescapedText(units)
    let ranges = plain.ranges(in: unescaped.units)
      .map { unescaped.starts[$0.lowerBound]..<unescaped.starts[$0.upperBound] }
    guard !ranges.isEmpty else { return text }
    return String(
      decoding: Redactor.cutting(ranges, from: units, stars: Array("***".utf16)), as: UTF16.self)
  }

  private static func cutting<Unit>(
    _ ranges: [Range<Int>], from units: [Unit], stars: [Unit]
  ) -> [Unit] {
    var result: [Unit] = []
    var shown = 0
    for range in ranges {
      result += units[shown..<range.lowerBound] + stars
      shown = range.upperBound
    }
    return result + units[shown...]
  }

  /// The lines of a value that tell something of it; those around a key's body, `-----BEGIN …`,
  /// are the same in all.
  private static func lines(of value: String) -> [String] {
    guard value.utf8.contains(UInt8(ascii: "\n")) else { return [] }
    return value.split(whereSeparator: \.isNewline).prefix(lineCountMax)
      .map { line in
        let start = line.drop(while: \.isWhitespace)
        let blanks = start.reversed().prefix(while: \.isWhitespace).count
        return String(start.dropLast(blanks))
      }
      .filter { $0.count >= lineLengthMin && !$0.hasPrefix("-----") }
  }

  /// What a value is when its escapes are read.
  ///
  /// Without backslashes at the end: in a text they run together with those that escape what
  /// follows.
  private static func plainUnits(_ value: String) -> [UInt16] {
    guard value.utf8.contains(UInt8(ascii: "\\")) else { return Array(value.utf16) }
    var units = UnescapedText(Array(value.utf16)).units
    while units.last == UInt16(ascii: "\\") { units.removeLast() }
    return units
  }
}

/// Finds sequences in a longer one.
private struct SequenceMatcher<Unit: FixedWidthInteger & Sendable>: Sendable {
  private let lengthMin: Int
  /// The sequences by their first units.
  private let values: [ArraySlice<Unit>: [[Unit]]]
  /// Whether one begins with two such units: most places need no more than this.
  private var beginnings: [Bool] = []

  /// - Parameters:
  ///   - sequences: Shorter ones than `lengthMin` are left out.
  ///   - lengthMin: At least 2.
  init(_ sequences: [[Unit]], lengthMin: Int) {
    self.lengthMin = lengthMin
    let long = sequences.filter { $0.count >= lengthMin }
    values = Dictionary(grouping: long) { $0.prefix(lengthMin) }
    guard !long.isEmpty else { return }
    beginnings = [Bool](repeating: false, count: 1 << 16)
    for value in long { beginnings[Self.beginning(value, at: 0)] = true }
  }

  var isEmpty: Bool { values.isEmpty }

  /// Where sequences stand, in order; two that overlap are one.
  func ranges(in units: [Unit]) -> [Range<Int>] {
    guard !isEmpty, units.count >= lengthMin else { return [] }
    var ranges: [Range<Int>] = []
    for start in 0...(units.count - lengthMin) {
      guard beginnings[Self.beginning(units, at: start)] else { continue }
      let end = longest(at: start, in: units)
      guard end > ranges.last?.upperBound ?? 0 else { continue }
      if let last = ranges.last, start < last.upperBound {
        ranges[ranges.count - 1] = last.lowerBound..<end
      } else {
        ranges.append(start..<end)
      }
    }
    return ranges
  }

  private static func beginning(_ units: [Unit], at place: Int) -> Int {
    Int(units[place] & 0xFF) << 8 | Int(units[place + 1] & 0xFF)
  }

  /// Where the longest sequence ends that begins there; 0 without one.
  private func longest(at start: Int, in units: [Unit]) -> Int {
    let rest = units[start...]
    let found = values[rest.prefix(lengthMin)] ?? []
    return found.filter(rest.starts).map { start + $0.count }.max() ?? 0
  }
}
