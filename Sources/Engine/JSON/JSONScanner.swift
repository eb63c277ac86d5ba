/// Walks JSON bytes without building anything: checks them, and finds values in them.
///
/// A text that ``validate(_:limits:)`` has accepted is UTF-8, at most ``JSONLimits/depthMax`` deep,
/// has no duplicate keys and no lone surrogates; everything else here relies on that.
/// Source: RFC 8259; the strictness is reliability.md 4, W11.
package struct JSONScanner {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let limits: JSONLimits
  private(set) var offset = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// Checks that `bytes` are exactly one JSON value.
  ///
  /// - Throws: ``JSONError`` with the offset of the first byte that does not fit.
  /// - Complexity: One pass; no allocation but for objects of more than 16 keys.
  package static func validate(_ bytes: [UInt8], limits: JSONLimits) throws(JSONError) {
    if bytes.count > limits.bytesMax {
      throw JSONError("the text is larger than \(limits.bytesMax) bytes", at: limits.bytesMax)
    }
    let failure: JSONError? = bytes.withUnsafeBufferPointer { buffer in
      var scanner = JSONScanner(buffer, limits: limits)
      do throws(JSONError) {
        try scanner.document()
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  private mutating func document() throws(JSONError) {
    skipBlanks()
    guard offset < bytes.count else { throw JSONError("the text is empty", at: 0) }
    try value(depth: 1)
    skipBlanks()
    guard offset == bytes.count else { throw fail("there is more text after the value") }
  }

  private func fail(_ message: String) -> JSONError { JSONError(message, at: offset) }

  mutating func skipBlanks() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x0A, 0x0D, 0x09: offset += 1
      default: return
      }
    }
  }

  private mutating func value(depth: Int) throws(JSONError) {
    guard depth <= limits.depthMax else {
      throw fail("values are nested more than \(limits.depthMax) deep")
    }
    guard offset < bytes.count else { throw fail("the text ends where a value was expected") }
    switch bytes[offset] {
    case UInt8(ascii: "{"): try object(depth: depth)
    case UInt8(ascii: "["): try array(depth: depth)
    case UInt8(ascii: "\""): try string()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    case UInt8(ascii: "-"), 0x30...0x39: try number()
    default: throw fail("this is not the start of a JSON value")
    }
  }

  private mutating func word(_ expected: StaticString) throws(JSONError) {
    let count = expected.utf8CodeUnitCount
    guard offset + count <= bytes.count else { throw fail("the text ends inside a word") }
    for index in 0..<count where bytes[offset + index] != expected.utf8Start[index] {
      throw fail("expected \(expected)")
    }
    offset += count
  }

  private mutating func digits() throws(JSONError) {
    let start = offset
    while offset < bytes.count, bytes[offset] >= 0x30, bytes[offset] <= 0x39 { offset += 1 }
    if offset == start { throw fail("a digit was expected") }
  }

  private mutating func number() throws(JSONError) {
    let start = offset
    if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
    guard offset < bytes.count else { throw fail("the text ends inside a number") }
    if bytes[offset] == UInt8(ascii: "0") { offset += 1 } else { try digits() }
    if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
      offset += 1
      try digits()
    }
    if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
      offset += 1
      if offset < bytes.count,
        bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-")
      {
        offset += 1
      }
      try digits()
    }
    // A number this long is an attack on whoever converts it, never a measurement.
    if offset - start > 1_024 { throw fail("a number has more than 1024 characters") }
  }

  private mutating func string() throws(JSONError) {
    offset += 1
    while offset < bytes.count {
      let byte = bytes[offset]
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return
      case UInt8(ascii: "\\"):
        try escape()
      case 0x00...0x1F:
        throw fail("a control character stands unescaped in a string")
      case 0x20...0x7F:
        offset += 1
      default:
        try multibyte(byte)
      }
    }
    throw fail("the text ends inside a string")
  }

  private mutating func escape() throws(JSONError) {
    guard offset + 1 < bytes.count else { throw fail("the text ends inside an escape") }
    switch bytes[offset + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      offset += 2
    case UInt8(ascii: "u"):
      let unit = try hexUnit(at: offset + 2)
      if unit >= 0xDC00, unit <= 0xDFFF { throw fail("a low surrogate stands alone") }
      offset += 6
      guard unit >= 0xD800, unit <= 0xDBFF else { return }
      guard offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
        bytes[offset + 1] == UInt8(ascii: "u")
      else { throw fail("a high surrogate stands alone") }
      let low = try hexUnit(at: offset + 2)
      guard low >= 0xDC00, low <= 0xDFFF else { throw fail("a high surrogate stands alone") }
      offset += 6
    default:
      throw fail("this escape does not exist")
    }
  }

  private func hexUnit(at start: Int) throws(JSONError) -> UInt32 {
    guard start + 4 <= bytes.count else { throw fail("the text ends inside an escape") }
    var unit: UInt32 = 0
    for index in start..<start + 4 {
      guard let digit = JSONScanner.hexDigit(bytes[index]) else {
        throw fail("an escape needs four hexadecimal digits")
      }
      unit = unit << 4 | digit
    }
    return unit
  }

  static func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte - 0x30)
    case 0x41...0x46: UInt32(byte - 0x41 + 10)
    case 0x61...0x66: UInt32(byte - 0x61 + 10)
    default: nil
    }
  }

  /// Steps over one character of two to four bytes, refusing overlong and surrogate forms.
  /// Source: Unicode 15, table 3-7.
  private mutating func multibyte(_ first: UInt8) throws(JSONError) {
    let (count, second): (Int, ClosedRange<UInt8>)
    switch first {
    case 0xC2...0xDF: (count, second) = (2, 0x80...0xBF)
    case 0xE0: (count, second) = (3, 0xA0...0xBF)
    case 0xED: (count, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: (count, second) = (3, 0x80...0xBF)
    case 0xF0: (count, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (count, second) = (4, 0x80...0xBF)
    case 0xF4: (count, second) = (4, 0x80...0x8F)
    default: throw fail("the text is not UTF-8")
    }
    guard offset + count <= bytes.count, second.contains(bytes[offset + 1]) else {
      throw fail("the text is not UTF-8")
    }
    for index in 2..<max(count, 2) where bytes[offset + index] & 0xC0 != 0x80 {
      throw fail("the text is not UTF-8")
    }
    offset += count
  }

  private mutating func array(depth: Int) throws(JSONError) {
    offset += 1
    skipBlanks()
    if offset < bytes.count, bytes[offset] == UInt8(ascii: "]") {
      offset += 1
      return
    }
    while true {
      skipBlanks()
      try value(depth: depth + 1)
      skipBlanks()
      guard offset < bytes.count else { throw fail("the text ends inside a list") }
      let byte = bytes[offset]
      offset += 1
      if byte == UInt8(ascii: "]") { return }
      if byte != UInt8(ascii: ",") {
        offset -= 1
        throw fail("expected ',' or ']'")
      }
    }
  }

  private mutating func object(depth: Int) throws(JSONError) {
    offset += 1
    skipBlanks()
    if offset < bytes.count, bytes[offset] == UInt8(ascii: "}") {
      offset += 1
      return
    }
    var keys = KeySet(bytes)
    while true {
      skipBlanks()
      guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
        throw fail("a key in double quotes was expected")
      }
      let start = offset
      try string()
      guard keys.count < limits.keysMax else {
        throw fail("an object has more than \(limits.keysMax) keys")
      }
      guard keys.insert(start + 1..<offset - 1) else {
        throw JSONError("a key stands twice in one object", at: start)
      }
      skipBlanks()
      guard offset < bytes.count, bytes[offset] == UInt8(ascii: ":") else {
        throw fail("expected ':'")
      }
      offset += 1
      skipBlanks()
      try value(depth: depth + 1)
      skipBlanks()
      guard offset < bytes.count else { throw fail("the text ends inside an object") }
      let byte = bytes[offset]
      offset += 1
      if byte == UInt8(ascii: "}") { return }
      if byte != UInt8(ascii: ",") {
        offset -= 1
        throw fail("expected ',' or '}'")
      }
    }
  }

  /// Steps over one value of a text that has been validated.
  mutating func skipValue() {
    var depth = 0
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: "\""):
        skipString()
        if depth == 0 { return }
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        offset += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        offset += 1
        if depth == 0 { return }
      case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x0A, 0x0D, 0x09:
        offset += 1
      default:
        skipScalar()
        if depth == 0 { return }
      }
    }
  }

  /// Steps over one string of a text that has been validated; the offset is at its quote.
  mutating func skipString() {
    offset += 1
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: "\\"): offset += 2
      case UInt8(ascii: "\""):
        offset += 1
        return
      default: offset += 1
      }
    }
    offset = bytes.count
  }

  /// Steps over one string and lends what stands between its quotes, escapes and all.
  ///
  /// In a text that was damaged after it was checked, such as a row of a broken file, a string may
  /// have no end; then it ends with the text.
  mutating func takeString() -> UnsafeBufferPointer<UInt8> {
    let start = min(offset + 1, bytes.count)
    skipString()
    return UnsafeBufferPointer(rebasing: bytes[start..<max(start, offset - 1)])
  }

  private mutating func skipScalar() {
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ":"), 0x20, 0x0A,
        0x0D, 0x09:
        return
      default: offset += 1
      }
    }
  }

  mutating func move(to offset: Int) { self.offset = offset }
}

/// The keys of one object seen so far, compared as they decode, so that `"a"` and `"\u0061"` are
/// one key.
private struct KeySet {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var few: [Range<Int>] = []
  // As bytes: strings that are canonically equivalent are still two keys.
  private var many: Set<[UInt8]> = []
  private(set) var count = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// Adds a key, the text between its quotes; false when it was there.
  mutating func insert(_ key: Range<Int>) -> Bool {
    count += 1
    if many.isEmpty, few.count < 16, !bytes[key].contains(UInt8(ascii: "\\")) {
      for other in few where other.count == key.count && bytes[other].elementsEqual(bytes[key]) {
        return false
      }
      few.append(key)
      return true
    }
    if many.isEmpty { for other in few { many.insert(decode(other)) } }
    return many.insert(decode(key)).inserted
  }

  private func decode(_ key: Range<Int>) -> [UInt8] {
    Array(JSONText.decodeString(UnsafeBufferPointer(rebasing: bytes[key])).utf8)
  }
}
