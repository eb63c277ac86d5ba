/// The parameters of a query, decoded; of a name that stands twice, the first counts.
struct QueryParameters: Sendable {
  private var values: [String: String] = [:]

  /// Nil when a name or value is not properly encoded.
  init?(_ query: Substring) {
    for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
      let end = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
      let tail = end == pair.endIndex ? pair[end...] : pair[end...].dropFirst()
      guard let name = RequestTarget.decode(pair[..<end], plusIsBlank: true),
        let value = RequestTarget.decode(tail, plusIsBlank: true)
      else { return nil }
      if values[name] == nil { values[name] = value }
    }
  }

  /// Nil too when the parameter is there but empty, as a form sends a field left blank.
  subscript(name: String) -> String? {
    guard let value = values[name], !value.isEmpty else { return nil }
    return value
  }

  /// Encodes a value so that it can stand in a query: all but the unreserved characters of
  /// RFC 3986 section 2.3.
  static func encode(_ value: String) -> String {
    var text = ""
    for byte in value.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        text += digits.utf8.count == 1 ? "%0" + digits : "%" + digits
      }
    }
    return text
  }
}
