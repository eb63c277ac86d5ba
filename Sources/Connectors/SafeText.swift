/// Text from outside, made safe for logs and messages.
///
/// Control characters could forge log lines or drive a terminal, and bidirectional marks could
/// show a line in another order than it has (reliability.md 4, L2).
package enum SafeText {
  /// The text with everything invisible escaped, cut to `bytesMax` bytes.
  package static func escaped(
    _ text: some StringProtocol, bytesMax: Int = ConnectorLimits.textBytesMax
  ) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
      let piece = isUnsafe(scalar) ? escape(scalar) : String(Character(scalar))
      count += piece.utf8.count
      if count > bytesMax { return result + "…" }
      result.unicodeScalars.append(contentsOf: piece.unicodeScalars)
    }
    return result
  }

  /// The last line that is not blank, escaped; nil when there is none.
  package static func lastLine(_ bytes: some Collection<UInt8>) -> String? {
    let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
    let line = lines.last { line in line.contains { !$0.isWhitespace } }
    return line.map { escaped($0) }
  }

  /// At most `bytesMax` bytes of UTF-8 from the beginning, cut between characters.
  package static func prefix(_ bytes: some Collection<UInt8>, bytesMax: Int) -> String {
    var result = ""
    var count = 0
    for scalar in String(decoding: bytes.prefix(bytesMax), as: UTF8.self).unicodeScalars {
      count += UTF8.width(scalar)
      if count > bytesMax { break }
      result.unicodeScalars.append(scalar)
    }
    return result
  }

  /// At most `bytesMax` bytes of UTF-8 from the end, cut between characters.
  package static func suffix(_ text: String, bytesMax: Int) -> String {
    guard text.utf8.count > bytesMax else { return text }
    var scalars: [Unicode.Scalar] = []
    var count = 0
    for scalar in text.unicodeScalars.reversed() {
      count += UTF8.width(scalar)
      if count > bytesMax { break }
      scalars.append(scalar)
    }
    var result = ""
    result.unicodeScalars.append(contentsOf: scalars.reversed())
    return result
  }

  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
    default: false
    }
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default:
      let digits = String(scalar.value, radix: 16)
      return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
  }
}
