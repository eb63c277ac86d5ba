/// Builds the tree of a text that ``JSONScanner`` has accepted.
struct JSONTreeBuilder {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var scanner: JSONScanner

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    scanner = JSONScanner(bytes, limits: .trusted)
  }

  mutating func build() -> JSONValue {
    scanner.skipBlanks()
    guard scanner.offset < bytes.count else { return .null }
    switch bytes[scanner.offset] {
    case UInt8(ascii: "{"): return object()
    case UInt8(ascii: "["): return array()
    case UInt8(ascii: "\""): return .string(string())
    default:
      let start = scanner.offset
      scanner.skipValue()
      return scalar(start..<scanner.offset)
    }
  }

  private func scalar(_ range: Range<Int>) -> JSONValue {
    switch bytes[range.lowerBound] {
    case UInt8(ascii: "t"): .bool(true)
    case UInt8(ascii: "f"): .bool(false)
    case UInt8(ascii: "n"): .null
    default: .number(JSONNumber(validText: String(decoding: bytes[range], as: UTF8.self)))
    }
  }

  private mutating func string() -> String { JSONText.decodeString(scanner.takeString()) }

  private mutating func array() -> JSONValue {
    var list: [JSONValue] = []
    scanner.move(to: scanner.offset + 1)
    while nextIs(not: UInt8(ascii: "]")) {
      list.append(build())
      stepOverComma()
    }
    scanner.move(to: scanner.offset + 1)
    return .array(list)
  }

  private mutating func object() -> JSONValue {
    var members: [JSONObject.Member] = []
    scanner.move(to: scanner.offset + 1)
    while nextIs(not: UInt8(ascii: "}")) {
      let key = string()
      scanner.skipBlanks()
      scanner.move(to: scanner.offset + 1)
      members.append(JSONObject.Member(key: key, value: build()))
      stepOverComma()
    }
    scanner.move(to: scanner.offset + 1)
    return .object(JSONObject(members))
  }

  private mutating func nextIs(not end: UInt8) -> Bool {
    scanner.skipBlanks()
    return scanner.offset < bytes.count && bytes[scanner.offset] != end
  }

  private mutating func stepOverComma() {
    scanner.skipBlanks()
    if scanner.offset < bytes.count, bytes[scanner.offset] == UInt8(ascii: ",") {
      scanner.move(to: scanner.offset + 1)
    }
  }
}

/// Writes compact JSON, or JSON with an indent for people.
package struct JSONWriter {
  package private(set) var bytes: [UInt8] = []
  private let indent: Int

  /// - Parameter indent: Blanks per level; 0 writes everything on one line.
  package init(indent: Int = 0) { self.indent = indent }

  package mutating func append(_ value: JSONValue) { append(value, level: 0) }

  /// Appends bytes that are JSON already.
  package mutating func append(raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }

  private mutating func append(_ value: JSONValue, level: Int) {
    switch value {
    case .null: append(raw: "null".utf8)
    case .bool(let flag): append(raw: (flag ? "true" : "false").utf8)
    case .number(let number): append(raw: number.text.utf8)
    case .string(let text): append(string: text)
    case .array(let list): append(list: list, level: level)
    case .object(let object): append(object: object, level: level)
    }
  }

  private mutating func append(list: [JSONValue], level: Int) {
    bytes.append(UInt8(ascii: "["))
    for (index, element) in list.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      newLine(level + 1)
      append(element, level: level + 1)
    }
    if !list.isEmpty { newLine(level) }
    bytes.append(UInt8(ascii: "]"))
  }

  private mutating func append(object: JSONObject, level: Int) {
    bytes.append(UInt8(ascii: "{"))
    for (index, member) in object.members.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      newLine(level + 1)
      append(string: member.key)
      bytes.append(UInt8(ascii: ":"))
      if indent > 0 { bytes.append(0x20) }
      append(member.value, level: level + 1)
    }
    if !object.isEmpty { newLine(level) }
    bytes.append(UInt8(ascii: "}"))
  }

  private mutating func newLine(_ level: Int) {
    guard indent > 0 else { return }
    bytes.append(0x0A)
    bytes.append(contentsOf: repeatElement(0x20, count: indent * level))
  }

  /// Appends a string with its quotes, escaping only what RFC 8259 section 7 demands.
  package mutating func append(string: String) {
    var string = string
    bytes.append(UInt8(ascii: "\""))
    string.withUTF8 { text in
      // What needs no escape is most of a text, and is copied in one go.
      var start = 0
      for (place, byte) in text.enumerated() where JSONWriter.needsEscape(byte) {
        bytes.append(contentsOf: text[start..<place])
        append(escaped: byte)
        start = place + 1
      }
      bytes.append(contentsOf: text[start...])
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private mutating func append(escaped byte: UInt8) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x00...0x1F:
      append(raw: "u00".utf8)
      bytes.append(JSONWriter.hex[Int(byte >> 4)])
      bytes.append(JSONWriter.hex[Int(byte & 15)])
    default: bytes.append(byte)
    }
  }

  private static let hex = Array("0123456789abcdef".utf8)
}
