/// Splits a prompt file into front matter and body (config.md 6.5). Nothing here reads YAML: the
/// metadata was read when the file was loaded.
package enum PromptText {
  /// The text between the delimiters, without them, or nil when there is no front matter; and what
  /// comes after the block. The block is taken out whether or not it is YAML.
  ///
  /// A block begins with a first line `---` and ends with the next line `---`, both with blanks
  /// allowed at the end; lines end in LF or CRLF. A beginning without an end is body. A byte-order
  /// mark before the first line is left out.
  package static func split(_ text: String) -> (frontMatter: String?, body: String) {
    var units = text.utf8[...]
    if units.starts(with: [0xEF, 0xBB, 0xBF]) { units = units.dropFirst(3) }
    let body = String(Substring(units))
    guard let opening = lineEnd(in: units), isDelimiter(units[..<opening.end]) else {
      return (nil, body)
    }
    let start = opening.next
    var rest = units[start...]
    while true {
      let line = lineEnd(in: rest)
      let end = line?.end ?? rest.endIndex
      if isDelimiter(rest[..<end]) {
        let after = line.map { units[$0.next...] } ?? units[units.endIndex...]
        return (String(Substring(units[start..<rest.startIndex])), String(Substring(after)))
      }
      guard let line else { return (nil, body) }
      rest = rest[line.next...]
    }
  }

  private static func lineEnd(
    in text: Substring.UTF8View
  ) -> (end: String.Index, next: String.Index)? {
    guard let feed = text.firstIndex(of: 0x0A) else { return nil }
    return (feed, text.index(after: feed))
  }

  /// Three hyphens, then nothing but blanks and the CR of a CRLF.
  private static func isDelimiter(_ line: Substring.UTF8View) -> Bool {
    let line = line.last == 0x0D ? line.dropLast() : line
    return line.starts(with: "---".utf8)
      && line.dropFirst(3).allSatisfy { $0 == 0x20 || $0 == 0x09 }
  }
}
