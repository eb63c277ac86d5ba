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
  package var isString: Bool { firstByte == UInt8(ascii: "\"") }
  package var isList: Bool { firstByte == UInt8(ascii: "[") }
  package var isNull: Bool { firstByte == UInt8(ascii: "n") }
  package var isNumber: Bool {
    firstByte == UInt8(ascii: "-") || (0x30...0x39).contains(firstByte)
  }

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
