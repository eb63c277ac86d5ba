/// A value inside a ``JSONText``, not yet turned into anything.
package struct JSONSlice: Sendable {
  private let text: JSONText
  private let range: Range<Int>

  /// - Parameter range: Exactly one value of `text`, without blanks around it; never empty.
  init(text: JSONText, range: Range<Int>) {
    self.text = text
    self.range = range
  }

  /// A text that is one value without blanks around it, such as our own writer's.
  init(whole text: JSONText) { self.init(text: text, range: text.bytes.indices) }

  /// The value's own bytes, without the blanks around it.
  package var bytes: ArraySlice<UInt8> { text.bytes[range] }
  /// The first byte: `"` a string, `{` an object, `[` a list, a digit or `-` a number, `t f n`.
  package var firstByte: UInt8 { text.bytes[range.lowerBound] }
  // What a validated value is follows from its first byte.
  package var isString: Bool { firstByte == UInt8(ascii: "\"") }
  package var isList: Bool { firstByte == UInt8(ascii: "[") }
  package var isNull: Bool { firstByte == UInt8(ascii: "n") }
  package var isNumber: Bool {
    firstByte == UInt8(ascii: "-") || (0x30...0x39).contains(firstByte)
  }

  /// The tree of this value.
  package var value: JSONValue {
    withBytes { bytes in
      var builder = JSONTreeBuilder(bytes)
      return builder.build()
    }
  }

  /// The string this slice holds, or nil when it is something else.
  package var string: String? {
    guard isString else { return nil }
    return withStringBytes { JSONText.decodeString($0) }
  }

  /// The number this slice holds, or nil when it is something else.
  package var number: JSONNumber? {
    guard isNumber else { return nil }
    return JSONNumber(validText: String(decoding: bytes, as: UTF8.self))
  }

  /// The value as text: a string as it is, other scalars as JSON writes them, maps and lists as
  /// compact JSON.
  package var plainText: String {
    switch firstByte {
    case UInt8(ascii: "\""): string ?? ""
    case UInt8(ascii: "{"), UInt8(ascii: "["): JSONText(value).description
    default: String(decoding: bytes, as: UTF8.self)
    }
  }

  /// The beginning of the value as text, without reading the rest of a large one: a string as it
  /// is, anything else as JSON without blanks, its escapes as they came. A `…` stands for the rest.
  ///
  /// - Parameters:
  ///   - characters: At most that many Unicode scalars, the `…` not counted.
  ///   - isEnd: Of a string, its end instead.
  package func excerpt(characters: Int, ofEnd isEnd: Bool = false) -> String {
    if isString, isEnd, let text = string {
      let scalars = text.unicodeScalars
      let end = scalars.suffix(characters)
      return end.startIndex == scalars.startIndex ? text : "…" + String(end)
    }
    if isString {
      return withStringBytes { raw in
        let end = JSONSlice.end(of: characters, in: raw)
        let text = JSONText.decodeString(UnsafeBufferPointer(rebasing: raw[..<end]))
        return end < raw.count ? text + "…" : text
      }
    }
    return withBytes { JSONSlice.compactBeginning(of: $0, characters: characters) }
  }

  /// The offset after so many scalars of a string's raw bytes.
  private static func end(of scalars: Int, in raw: UnsafeBufferPointer<UInt8>) -> Int {
    var offset = 0
    var count = 0
    while offset < raw.count, count < scalars {
      switch raw[offset] {
      case UInt8(ascii: "\\"):
        let isUnicode = offset + 1 < raw.count && raw[offset + 1] == UInt8(ascii: "u")
        offset += isUnicode ? unicodeEscapeCount(raw, at: offset) : 2
      case 0xC0...0xDF: offset += 2
      case 0xE0...0xEF: offset += 3
      case 0xF0...0xFF: offset += 4
      default: offset += 1
      }
      count += 1
    }
    return min(offset, raw.count)
  }

  /// 12 for a surrogate pair, else 6.
  private static func unicodeEscapeCount(
    _ raw: UnsafeBufferPointer<UInt8>, at offset: Int
  ) -> Int {
    guard offset + 3 < raw.count, raw[offset + 2] | 0x20 == UInt8(ascii: "d"),
      let second = JSONScanner.hexDigit(raw[offset + 3]), second >= 8
    else { return 6 }
    return 12
  }

  /// JSON up to so many scalars, without the blanks between its parts.
  private static func compactBeginning(
    of bytes: UnsafeBufferPointer<UInt8>, characters: Int
  ) -> String {
    var result: [UInt8] = []
    var inString = false
    var isEscaped = false
    var count = 0
    for byte in bytes {
      if !inString, [0x20, 0x0A, 0x0D, 0x09].contains(byte) { continue }
      if byte & 0xC0 != 0x80 {
        guard count < characters else { return String(decoding: result, as: UTF8.self) + "…" }
        count += 1
      }
      if byte == UInt8(ascii: "\""), !isEscaped { inString.toggle() }
      isEscaped = inString && byte == UInt8(ascii: "\\") && !isEscaped
      result.append(byte)
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Lends the value's bytes without copying them.
  func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    text.bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
  }

  /// Lends what stands between a string's quotes, escapes and all; only for a string.
  func withStringBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    withBytes { body(UnsafeBufferPointer(rebasing: $0.dropFirst().dropLast())) }
  }

  /// Hands over the elements of a list, in order, until `body` returns false; nothing else has any.
  func forEachElement(_ body: (JSONSlice) -> Bool) {
    guard isList else { return }
    var start = range.lowerBound + 1
    while let element = element(from: start) {
      guard body(JSONSlice(text: text, range: element)) else { return }
      start = element.upperBound
    }
  }

  /// The element that begins at or after an offset between two elements.
  private func element(from start: Int) -> Range<Int>? {
    text.bytes.withUnsafeBufferPointer { buffer in
      var scanner = JSONScanner(buffer, limits: .trusted)
      scanner.move(to: start)
      scanner.skipBlanks()
      if scanner.offset < range.upperBound, buffer[scanner.offset] == UInt8(ascii: ",") {
        scanner.move(to: scanner.offset + 1)
        scanner.skipBlanks()
      }
      guard scanner.offset < range.upperBound - 1 else { return nil }
      let first = scanner.offset
      scanner.skipValue()
      return first..<scanner.offset
    }
  }
}
