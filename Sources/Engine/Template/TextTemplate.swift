/// One string with `{{ … }}` in it, cut into what is fixed and what is filled in.
struct TextTemplate: Sendable {
  private let pieces: [Piece]
  /// What stands in for a missing or null value.
  private let missing: String

  private enum Piece: Sendable {
    case fixed(String)
    case path(DotPath)
    case now, route, deliveryID
  }

  /// - Parameter field: The key of the value: a `session_key`, `thread_id` or other `*_key` must
  ///   stay the same for the same thing, so a gap in it is the word `unknown` (config.md 6.4).
  init(_ text: String, field: String) {
    missing = field == "thread_id" || field.hasSuffix("_key") ? "unknown" : ""
    var unread: [String] = []
    pieces = TextTemplate.cut(text[...], &unread)
  }

  /// What begins with `{{` and is no placeholder.
  static func unread(in text: String) -> [String] {
    var unread: [String] = []
    if text.contains("{{") { _ = cut(text[...], &unread) }
    return unread
  }

  /// Whether there is nothing to fill in.
  var isLiteral: Bool {
    pieces.allSatisfy { if case .fixed = $0 { true } else { false } }
  }

  /// The text when there is nothing to fill in.
  var literalText: String {
    pieces.reduce(into: "") { if case .fixed(let text) = $1 { $0 += text } }
  }

  /// Text that is no placeholder stays as it is: an opening without an end, or something between
  /// the braces that is no path.
  private static func cut(_ text: Substring, _ unread: inout [String]) -> [Piece] {
    var pieces: [Piece] = []
    var fixed = ""
    var rest = text.utf8[...]
    while let open = TextTemplate.place(of: UInt8(ascii: "{"), in: rest) {
      if open > rest.startIndex, rest[rest.index(before: open)] == UInt8(ascii: "\\") {
        fixed += String(Substring(rest[..<rest.index(before: open)])) + "{{"
        rest = rest[rest.index(open, offsetBy: 2)...]
        continue
      }
      let inner = rest.index(open, offsetBy: 2)
      guard let close = TextTemplate.place(of: UInt8(ascii: "}"), in: rest[inner...]) else {
        unread.append(String(Substring(rest[open...])))
        break
      }
      let end = rest.index(close, offsetBy: 2)
      if let piece = placeholder(Substring(rest[inner..<close])) {
        fixed += String(Substring(rest[..<open]))
        if !fixed.isEmpty { pieces.append(.fixed(fixed)) }
        fixed = ""
        pieces.append(piece)
      } else {
        fixed += String(Substring(rest[..<end]))
        unread.append(String(Substring(rest[open..<end])))
      }
      rest = rest[end...]
    }
    fixed += String(Substring(rest))
    if !fixed.isEmpty { pieces.append(.fixed(fixed)) }
    return pieces
  }

  /// Where a byte stands twice in a row.
  private static func place(
    of byte: UInt8, in text: Substring.UTF8View
  ) -> Substring.UTF8View.Index? {
    var previous: Substring.UTF8View.Index?
    for index in text.indices {
      if text[index] != byte {
        previous = nil
      } else if let previous {
        return previous
      } else {
        previous = index
      }
    }
    return nil
  }

  /// A key may have blanks inside; braces, quotes and pipes are another template language's.
  private static func placeholder(_ text: Substring) -> Piece? {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    let trimmed = String(
      text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    guard !trimmed.contains(where: { $0.isNewline || "{}()|\"'".contains($0) }) else {
      return nil
    }
    switch trimmed {
    case "now": return .now
    case "route": return .route
    case "delivery_id": return .deliveryID
    default: return DotPath(trimmed).map(Piece.path)
    }
  }

  /// What fills templates for one attempt, and how much room is left.
  struct Filler {
    let event: JSONText
    let now: Int64
    let route: String
    let deliveryID: String
    var bytesLeft: Int

    /// - Throws: ``EngineError`` `.invalid` when there is no more room.
    mutating func take(_ count: Int) throws(EngineError) {
      bytesLeft -= count
      guard bytesLeft >= 0 else {
        throw EngineError(
          .invalid, "then.config is larger than 256 KiB after interpolation",
          hint: "interpolate single fields instead of the whole payload")
      }
    }

    mutating func text(of template: TextTemplate) throws(EngineError) -> String {
      var result = ""
      for piece in template.pieces {
        let part: String =
          switch piece {
          case .fixed(let text): text
          case .now: ISOTime.text(ms: now)
          case .route: route
          case .deliveryID: deliveryID
          case .path(let path): value(at: path) ?? template.missing
          }
        try take(part.utf8.count)
        result += part
      }
      return result
    }

    private func value(at path: DotPath) -> String? {
      guard let slice = event.slice(at: path), !slice.isNull else { return nil }
      return slice.plainText
    }
  }
}
