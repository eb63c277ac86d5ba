/// The target of a request, taken apart: decoded path segments and the query as it came.
///
/// Segments are percent-decoded once. What a second decoder, a file system or a proxy could read
/// differently is refused here, before anything looks at a name: encoded slashes, NUL and other
/// control characters, backslashes, and `.` and `..` (reliability.md 4, C9 and W13).
struct RequestTarget: Sendable, Equatable {
  /// `/webhook/a` is `["webhook", "a"]`; `/` is `[""]`.
  let segments: [String]
  /// What follows the first `?`, still encoded.
  let query: Substring

  /// The decoded path, without the query.
  var path: String { "/" + segments.joined(separator: "/") }

  /// Nil for a target that is not a path, or whose path is refused.
  init?(_ target: String) {
    guard target.utf8.first == UInt8(ascii: "/") else { return nil }
    let text = target.utf8.dropFirst()
    let end = text.firstIndex(of: UInt8(ascii: "?")) ?? text.endIndex
    query = end == text.endIndex ? "" : target[target.utf8.index(after: end)...]
    var segments: [String] = []
    for raw in text[..<end].split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    {
      guard let segment = RequestTarget.decode(raw), segment != ".", segment != "..",
        segment.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != 0x2F && $0 != 0x5C })
      else { return nil }
      segments.append(segment)
    }
    self.segments = segments
  }

  /// Nil for a `%` without two hexadecimal digits, or for bytes that are not UTF-8.
  ///
  /// - Parameter plusIsBlank: As HTML forms write a query.
  static func decode(_ text: Substring.UTF8View, plusIsBlank: Bool = false) -> String? {
    guard text.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
      return String(Substring(text))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var index = text.startIndex
    while index != text.endIndex {
      let byte = text[index]
      text.formIndex(after: &index)
      if byte == UInt8(ascii: "%") {
        guard let high = hexDigit(in: text, at: &index), let low = hexDigit(in: text, at: &index)
        else { return nil }
        bytes.append(high << 4 | low)
      } else {
        bytes.append(plusIsBlank && byte == UInt8(ascii: "+") ? 0x20 : byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hexDigit(
    in text: Substring.UTF8View, at index: inout Substring.UTF8View.Index
  ) -> UInt8? {
    guard index != text.endIndex else { return nil }
    let byte = text[index]
    text.formIndex(after: &index)
    return switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
