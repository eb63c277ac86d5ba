/// JSON as the audit's checks read it: what it says, not how it is written.
enum AuditText {
  /// In lower case, escapes resolved, each run of white space as one byte: a line end where it has
  /// one, else a blank. What takes no room (soft hyphens, zero-width spaces) is left out.
  static func normalized(_ json: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(json.count)
    var index = 0
    while index < json.count {
      let byte = json[index]
      if byte < 0x80, byte != UInt8(ascii: "\\") {
        append(byte, to: &text)
        index += 1
      } else {
        let (scalar, length) = scalar(json, index)
        append(scalar, to: &text)
        index += length
      }
    }
    return text
  }

  private static func append(_ byte: UInt8, to text: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): text.append(byte + 0x20)
    case 0x0A...0x0D: appendSpace(endsLine: true, to: &text)
    case 0x20, 0x09, 0x1C...0x1F: appendSpace(endsLine: false, to: &text)
    default: text.append(byte)
    }
  }

  private static func append(_ scalar: Unicode.Scalar, to text: inout [UInt8]) {
    if scalar.isASCII { return append(UInt8(scalar.value), to: &text) }
    switch scalar.value {
    case 0x85, 0x2028, 0x2029: appendSpace(endsLine: true, to: &text)
    case 0xAD, 0x200B...0x200F, 0x2060...0x2064, 0xFEFF: break
    default:
      if scalar.properties.isWhitespace {
        appendSpace(endsLine: false, to: &text)
      } else {
        text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      }
    }
  }

  private static func appendSpace(endsLine: Bool, to text: inout [UInt8]) {
    switch text.last {
    case 0x0A: break
    case 0x20: if endsLine { text[text.count - 1] = 0x0A }
    default: text.append(endsLine ? 0x0A : 0x20)
    }
  }

  /// The scalar that begins at an escape, or at a byte of several, and its length.
  private static func scalar(_ json: [UInt8], _ start: Int) -> (Unicode.Scalar, Int) {
    guard json[start] == UInt8(ascii: "\\") else {
      var iterator = json[start...].prefix(4).makeIterator()
      var decoder = UTF8()
      if case .scalarValue(let scalar) = decoder.decode(&iterator) {
        return (scalar, UTF8.width(scalar))
      }
      return ("\u{FFFD}", 1)
    }
    guard start + 1 < json.count else { return ("\\", 1) }
    switch json[start + 1] {
    case UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "f"): return ("\n", 2)
    case UInt8(ascii: "t"): return ("\t", 2)
    case UInt8(ascii: "b"): return ("\u{200B}", 2)
    case UInt8(ascii: "u"): break
    case let other: return (Unicode.Scalar(other), 2)
    }
    guard let high = unit(json, start) else { return ("u", 2) }
    if let scalar = Unicode.Scalar(high) { return (scalar, 6) }
    guard UTF16.isLeadSurrogate(high), let low = unit(json, start + 6),
      UTF16.isTrailSurrogate(low)
    else { return ("\u{FFFD}", 6) }
    let scalar = UTF16.decode(UTF16.EncodedScalar([high, low]))
    return (scalar, 12)
  }

  /// The code unit of a `\\uXXXX`.
  private static func unit(_ json: [UInt8], _ start: Int) -> UInt16? {
    guard start + 6 <= json.count, json[start] == UInt8(ascii: "\\"),
      json[start + 1] == UInt8(ascii: "u")
    else { return nil }
    return UInt16(String(decoding: json[(start + 2)..<(start + 6)], as: UTF8.self), radix: 16)
  }
}
