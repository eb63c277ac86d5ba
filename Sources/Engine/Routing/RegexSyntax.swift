/// JavaScript's regular expressions (config.md 6.3) written for PCRE2.
///
/// PCRE2 reads Perl's language, which has more than JavaScript's and a few signs that mean something
/// else. What JavaScript would refuse or read otherwise is refused here, so that a pattern tried in
/// a browser means the same in a route; the few differences that are left are in
/// docs/configuration.md.
struct RegexSyntax {
  private let source: [UInt8]
  private var offset = 0
  private var output: [UInt8] = []
  private var isInClass = false
  /// A quantifier stood before this place; a `+` here would make it possessive.
  private var isQuantified = false

  /// The pattern as PCRE2 has to be given it.
  ///
  /// - Throws: ``EngineError`` `.invalid` with what JavaScript does not know, and where.
  static func translate(_ body: String) throws(EngineError) -> [UInt8] {
    var syntax = RegexSyntax(source: Array(body.utf8))
    try syntax.run()
    return syntax.output
  }

  private init(source: [UInt8]) {
    self.source = source
    output.reserveCapacity(source.count)
  }

  private mutating func run() throws(EngineError) {
    while offset < source.count {
      switch source[offset] {
      case UInt8(ascii: "\\"): try takeEscape()
      case UInt8(ascii: "]") where isInClass: take(leavesClass: true)
      case _ where isInClass: take()
      case UInt8(ascii: "["): takeClassStart()
      case UInt8(ascii: "("): try takeGroupStart()
      case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"): try takeQuantifier(count: 1)
      case UInt8(ascii: "{"): try takeBrace()
      default: take()
      }
    }
  }

  private mutating func take(_ count: Int = 1, leavesClass: Bool = false) {
    let end = min(offset + count, source.count)
    output += source[offset..<end]
    offset = end
    isQuantified = false
    if leavesClass { isInClass = false }
  }

  private mutating func replace(_ count: Int, with text: String) {
    output += text.utf8
    offset += count
    isQuantified = false
  }

  private func byte(_ distance: Int) -> UInt8? {
    offset + distance < source.count ? source[offset + distance] : nil
  }

  private func refuse(_ text: String) -> EngineError {
    EngineError(
      .invalid, "\(text) at character \(offset + 1) is not JavaScript's syntax",
      hint: "docs/configuration.md, \"Regular expressions\", has what is understood")
  }

  // MARK: Escapes

  /// What JavaScript's `\s` has beyond ASCII.
  /// Source: <https://tc39.es/ecma262/#prod-WhiteSpace> and `LineTerminator` beside it.
  private static let blanks =
    #"\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"#
  /// The letters that mean something after a backslash in both languages. `k` is a back-reference,
  /// which PCRE2 reports better.
  private static let letters = Array("bBcdDfknpPrtuwWx".utf8)

  private mutating func takeEscape() throws(EngineError) {
    guard let letter = byte(1) else { return take() }
    switch letter {
    case UInt8(ascii: "s"):
      replace(2, with: isInClass ? RegexSyntax.blanks : "[\(RegexSyntax.blanks)]")
    case UInt8(ascii: "S") where !isInClass: replace(2, with: "[^\(RegexSyntax.blanks)]")
    // To PCRE2, \v is any line's end.
    case UInt8(ascii: "v"): replace(2, with: #"\x0b"#)
    // Their braces and letters are no quantifier and open no class.
    case UInt8(ascii: "u") where byte(2) == UInt8(ascii: "{"):
      take(3 + source[(offset + 3)...].prefix { $0 != UInt8(ascii: "}") }.count + 1)
    case UInt8(ascii: "c"): take(3)
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
      guard RegexSyntax.letters.contains(letter) || letter == UInt8(ascii: "S") else {
        throw refuse("\\\(String(UnicodeScalar(letter)))")
      }
      take(2)
    default: take(2)
    }
  }

  // MARK: Classes, groups, quantifiers

  /// `[`, `[^`; a bracket right after it closes an empty class, as in JavaScript.
  private mutating func takeClassStart() {
    take(byte(1) == UInt8(ascii: "^") ? 2 : 1)
    isInClass = true
  }

  private mutating func takeGroupStart() throws(EngineError) {
    if byte(1) == UInt8(ascii: "*") { throw refuse("(*") }
    guard byte(1) == UInt8(ascii: "?") else { return take() }
    let rest = source[(offset + 2)...]
    let flags = rest.prefix { Array("ims-".utf8).contains($0) }
    let starts = [":", "=", "!", "<", "P<"].contains { rest.starts(with: $0.utf8) }
    let afterFlags = rest.dropFirst(flags.count).first
    // `(?i)` alone is no JavaScript, but can be misread by nobody.
    let isFlags =
      !flags.isEmpty && (afterFlags == UInt8(ascii: ":") || afterFlags == UInt8(ascii: ")"))
    guard starts || isFlags || rest.isEmpty else {
      throw refuse("(?\(String(decoding: rest.prefix(1), as: UTF8.self))")
    }
    take(2)
  }

  private mutating func takeQuantifier(count: Int) throws(EngineError) {
    let wasQuantified = isQuantified
    if wasQuantified, byte(0) == UInt8(ascii: "+") {
      throw refuse("a possessive quantifier")
    }
    take(count)
    // After `a+?` there is nothing left to repeat, which PCRE2 says itself.
    isQuantified = !wasQuantified
  }

  /// `{2}`, `{2,}`, `{2,3}`; any other brace is a character.
  private mutating func takeBrace() throws(EngineError) {
    let inside = source[(offset + 1)...].prefix { $0 != UInt8(ascii: "}") }
    let parts = inside.split(
      separator: UInt8(ascii: ","), maxSplits: 1, omittingEmptySubsequences: false)
    let isDigits = parts.allSatisfy { $0.allSatisfy { (0x30...0x39).contains($0) } }
    let isClosed = offset + 1 + inside.count < source.count
    guard isClosed, isDigits, parts.first?.isEmpty == false else { return take() }
    try takeQuantifier(count: inside.count + 2)
  }
}
