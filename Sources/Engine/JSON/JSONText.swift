/// JSON bytes that have been checked: UTF-8, one value, bounded depth, no duplicate keys.
///
/// This is how an event travels: paths are read straight from the bytes, and a tree is built only
/// where something needs one.
package struct JSONText: Sendable, Hashable, CustomStringConvertible {
  package let bytes: [UInt8]

  /// Checks the bytes and keeps them as they are.
  ///
  /// - Throws: ``JSONError`` naming the first byte that is wrong.
  package init(checking bytes: [UInt8], limits: JSONLimits = .event) throws(JSONError) {
    try JSONScanner.validate(bytes, limits: limits)
    self.bytes = bytes
  }

  /// Bytes that come from a place that has checked them already: our own database, our own writer.
  package init(checked bytes: [UInt8]) { self.bytes = bytes }

  /// The compact text of a tree.
  package init(_ value: JSONValue) {
    var writer = JSONWriter()
    writer.append(value)
    bytes = writer.bytes
  }

  /// An object with no members, `{}`.
  package static let emptyObject = JSONText(checked: [0x7B, 0x7D])

  package var description: String { String(decoding: bytes, as: UTF8.self) }

  /// The first byte that is not a blank tells what kind of value this is.
  package var isObject: Bool {
    bytes.first { ![0x20, 0x0A, 0x0D, 0x09].contains($0) } == UInt8(ascii: "{")
  }

  /// The tree of this text.
  package func value() -> JSONValue {
    bytes.withUnsafeBufferPointer { buffer in
      var parser = JSONTreeBuilder(buffer)
      return parser.build()
    }
  }

  /// The piece of this text at a dot path, or nil when the path does not resolve.
  ///
  /// - Complexity: One pass over the text up to the value; no allocation.
  package func slice(at path: DotPath) -> JSONSlice? { slice(at: path.segments[...]) }

  /// As ``slice(at:)-(DotPath)``, for a path whose first segments were followed elsewhere.
  func slice(at segments: ArraySlice<DotPath.Segment>) -> JSONSlice? {
    let found = bytes.withUnsafeBufferPointer { JSONText.find(segments, in: $0) }
    return switch found {
    case nil: nil
    case .range(let range): JSONSlice(text: self, range: range)
    case .length(let count): JSONSlice(whole: JSONText(checked: Array(String(count).utf8)))
    }
  }

  /// The tree of the value at a dot path, or nil when the path does not resolve.
  package func value(at path: DotPath) -> JSONValue? { slice(at: path)?.value }

  private enum Found {
    case range(Range<Int>)
    case length(Int)
  }

  private static func find(
    _ segments: ArraySlice<DotPath.Segment>, in bytes: UnsafeBufferPointer<UInt8>
  ) -> Found? {
    var scanner = JSONScanner(bytes, limits: .trusted)
    scanner.skipBlanks()
    for (index, segment) in zip(segments.indices, segments) {
      // A length is a number: nothing is below it.
      let isLength = segment.isLength && index == segments.endIndex - 1
      guard scanner.offset < bytes.count else { return nil }
      switch bytes[scanner.offset] {
      case UInt8(ascii: "{"):
        guard enterMember(segment, &scanner, bytes) else { return nil }
      case UInt8(ascii: "["):
        if isLength { return .length(countElements(&scanner, bytes)) }
        guard let index = segment.index, enterElement(index, &scanner, bytes) else { return nil }
      case UInt8(ascii: "\"") where isLength:
        return .length(decodeString(scanner.takeString()).unicodeScalars.count)
      default:
        return nil
      }
    }
    let start = scanner.offset
    scanner.skipValue()
    return start < scanner.offset ? .range(start..<scanner.offset) : nil
  }

  /// Moves to the value of a member; the scanner stands at the object's brace.
  private static func enterMember(
    _ segment: DotPath.Segment, _ scanner: inout JSONScanner, _ bytes: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    scanner.move(to: scanner.offset + 1)
    while true {
      scanner.skipBlanks()
      guard scanner.offset < bytes.count, bytes[scanner.offset] == UInt8(ascii: "\"") else {
        return false
      }
      let key = scanner.takeString()
      scanner.skipBlanks()
      scanner.move(to: scanner.offset + 1)
      scanner.skipBlanks()
      if matches(key, segment) { return true }
      scanner.skipValue()
      scanner.skipBlanks()
      guard scanner.offset < bytes.count, bytes[scanner.offset] == UInt8(ascii: ",") else {
        return false
      }
      scanner.move(to: scanner.offset + 1)
    }
  }

  private static func matches(
    _ key: UnsafeBufferPointer<UInt8>, _ segment: DotPath.Segment
  ) -> Bool {
    if key.count == segment.utf8.count { return key.elementsEqual(segment.utf8) }
    return key.contains(UInt8(ascii: "\\")) && decodeString(key).utf8.elementsEqual(segment.utf8)
  }

  /// Moves to an element; the scanner stands at the list's bracket.
  private static func enterElement(
    _ index: Int, _ scanner: inout JSONScanner, _ bytes: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    scanner.move(to: scanner.offset + 1)
    var position = 0
    while true {
      scanner.skipBlanks()
      guard scanner.offset < bytes.count, bytes[scanner.offset] != UInt8(ascii: "]") else {
        return false
      }
      if position == index { return true }
      scanner.skipValue()
      scanner.skipBlanks()
      guard scanner.offset < bytes.count, bytes[scanner.offset] == UInt8(ascii: ",") else {
        return false
      }
      scanner.move(to: scanner.offset + 1)
      position += 1
    }
  }

  private static func countElements(
    _ scanner: inout JSONScanner, _ bytes: UnsafeBufferPointer<UInt8>
  ) -> Int {
    scanner.move(to: scanner.offset + 1)
    var count = 0
    while true {
      scanner.skipBlanks()
      guard scanner.offset < bytes.count, bytes[scanner.offset] != UInt8(ascii: "]") else {
        return count
      }
      scanner.skipValue()
      count += 1
      scanner.skipBlanks()
      guard scanner.offset < bytes.count, bytes[scanner.offset] == UInt8(ascii: ",") else {
        return count
      }
      scanner.move(to: scanner.offset + 1)
    }
  }

  /// The string between two quotes of a validated text.
  static func decodeString(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    guard bytes.contains(UInt8(ascii: "\\")) else { return String(decoding: bytes, as: UTF8.self) }
    var units: [UInt8] = []
    units.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count else {
        units.append(bytes[index])
        index += 1
        continue
      }
      switch bytes[index + 1] {
      case UInt8(ascii: "b"): units.append(0x08)
      case UInt8(ascii: "f"): units.append(0x0C)
      case UInt8(ascii: "n"): units.append(0x0A)
      case UInt8(ascii: "r"): units.append(0x0D)
      case UInt8(ascii: "t"): units.append(0x09)
      case UInt8(ascii: "u"):
        index += appendUnicode(bytes, at: index, to: &units)
        continue
      case let other: units.append(other)
      }
      index += 2
    }
    return String(decoding: units, as: UTF8.self)
  }

  /// Appends the character of a `\u` escape and tells how many bytes it took.
  private static func appendUnicode(
    _ bytes: UnsafeBufferPointer<UInt8>, at index: Int, to units: inout [UInt8]
  ) -> Int {
    func unit(_ start: Int) -> UInt32 {
      guard start + 4 <= bytes.count else { return 0xFFFD }
      return (start..<start + 4).reduce(0) { $0 << 4 | (JSONScanner.hexDigit(bytes[$1]) ?? 0) }
    }
    var code = unit(index + 2)
    var length = 6
    if code >= 0xD800, code <= 0xDBFF {
      let low = unit(index + 8)
      code = 0x10000 + (code - 0xD800) << 10 + (low &- 0xDC00) & 0x3FF
      length = 12
    }
    let scalar = Unicode.Scalar(code) ?? "\u{FFFD}"
    units.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    return length
  }
}
