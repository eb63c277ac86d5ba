/// Unicode case folding, full and without locale, from what the standard library has.
///
/// The fold of a scalar is its lower case, then upper case, then lower case again: that is how the
/// table in CaseFolding.txt comes about, `ß` = `ss` and the Greek final sigma included. The one
/// exception is the dotless `ı`, whose upper case is `I` but whose fold is itself.
/// Source: The Unicode Standard 15, section 5.18 and CaseFolding.txt, status C and F.
enum CaseFolding {
  /// The fold as UTF-8.
  static func fold(_ text: String) -> [UInt8] {
    var text = text
    return text.withUTF8 { fold($0) }
  }

  /// The fold of UTF-8 bytes.
  static func fold(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    if bytes.allSatisfy({ $0 < 0x80 }) { return bytes.map(lower) }
    var folded: [UInt8] = []
    folded.reserveCapacity(bytes.count)
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      append(scalar, to: &folded)
    }
    return folded
  }

  /// Whether two texts have the same fold; without allocation when both are ASCII.
  static func areEqual(_ bytes: UnsafeBufferPointer<UInt8>, _ text: String) -> Bool {
    if bytes.count == text.utf8.count, bytes.allSatisfy({ $0 < 0x80 }),
      text.utf8.allSatisfy({ $0 < 0x80 })
    {
      return bytes.elementsEqual(text.utf8) { lower($0) == lower($1) }
    }
    return fold(bytes) == fold(text)
  }

  private static func lower(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
  }

  private static func append(_ scalar: Unicode.Scalar, to folded: inout [UInt8]) {
    if scalar.isASCII {
      folded.append(lower(UInt8(ascii: scalar)))
    } else if scalar == "\u{131}" {
      folded.append(contentsOf: "\u{131}".utf8)
    } else {
      let upper = scalar.properties.lowercaseMapping.unicodeScalars
        .flatMap { $0.properties.uppercaseMapping.unicodeScalars }
      for scalar in upper { folded.append(contentsOf: scalar.properties.lowercaseMapping.utf8) }
    }
  }
}

/// `*` = any run of characters, `\*` = a star, over the whole text (config.md 6.3).
enum Wildcard {
  /// Whether a text is what a pattern describes.
  ///
  /// Bytes may be compared: no character of UTF-8 begins inside another.
  ///
  /// - Complexity: The product of both lengths at worst; never exponential, because only the last
  ///   star is ever tried again.
  static func matches(_ pattern: String, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var pattern = pattern
    return pattern.withUTF8 { matches($0, text) }
  }

  private static func matches(
    _ pattern: UnsafeBufferPointer<UInt8>, _ text: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    let star = UInt8(ascii: "*")
    var (inPattern, inText) = (0, 0)
    var retry: (pattern: Int, text: Int)?
    while true {
      if inPattern < pattern.count, pattern[inPattern] == star {
        inPattern += 1
        retry = (inPattern, inText)
        continue
      }
      let isEscaped =
        inPattern + 1 < pattern.count && pattern[inPattern] == UInt8(ascii: "\\")
        && pattern[inPattern + 1] == star
      let literal = isEscaped ? inPattern + 1 : inPattern
      if inText < text.count, literal < pattern.count, pattern[literal] == text[inText] {
        inPattern = literal + 1
        inText += 1
      } else if inText == text.count, inPattern == pattern.count {
        return true
      } else if let last = retry, last.text < text.count {
        retry = (last.pattern, last.text + 1)
        (inPattern, inText) = (last.pattern, last.text + 1)
      } else {
        return false
      }
    }
  }
}
