package import Engine

/// Prompt files: Markdown with an optional block of metadata at the top (config.md 6.5).
package enum PromptReader {
  /// The text after the front matter, and the metadata: the block's mapping, or null.
  ///
  /// The block is a first line `---`, any lines, and a line `---`; it is removed even when it is
  /// not YAML. The engine calls this again at each delivery, because prompts are live.
  package static func split(_ text: String) -> (body: String, metadata: JSONValue) {
    var text = Substring(text)
    if text.first == "\u{FEFF}" { text.removeFirst() }
    guard let first = lineEnd(text, from: text.startIndex), isFence(text[..<first.content])
    else { return (String(text), .null) }
    var start = first.next
    while start < text.endIndex {
      let end = lineEnd(text, from: start) ?? (text.endIndex, text.endIndex)
      if isFence(text[start..<end.content]) {
        return (String(text[end.next...]), metadata(text[first.next..<start]))
      }
      start = end.next
    }
    return (String(text), .null)
  }

  /// Nil when the bytes are not UTF-8.
  static func read(_ bytes: [UInt8], path: String) -> PromptFile? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    return PromptFile(path: path, captured: text, metadata: split(text).metadata)
  }

  private static func metadata(_ block: Substring) -> JSONValue {
    // Whatever is not a mapping is no metadata; config.md 6.5 asks for null, not for an error.
    guard let node = try? YAMLDocument.parse(Array(block.utf8), file: ""), node.isMap else {
      return .null
    }
    return node.json
  }

  private static func isFence(_ line: Substring) -> Bool {
    line.hasPrefix("---") && line.dropFirst(3).allSatisfy { $0 == " " || $0 == "\t" }
  }

  /// Where a line ends and the next begins; nil on the last line. `\r\n` is one `Character`.
  private static func lineEnd(
    _ text: Substring, from start: Substring.Index
  ) -> (content: Substring.Index, next: Substring.Index)? {
    guard let end = text[start...].firstIndex(where: { $0 == "\n" || $0 == "\r\n" }) else {
      return nil
    }
    return (end, text.index(after: end))
  }
}
