import Engine

/// Adds an entry to a list at the top of a configuration file, as a person would: comments, layout
/// and line ends stay as they are.
///
/// Every result is parsed again and compared with what was meant, so a layout that is not
/// understood gives no edit and never a wrong one.
package struct ListEdit {
  private let text: String
  private let lines: [Substring]
  private let root: Node
  private let hasMark: Bool
  private let newline: String

  private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Nil for bytes that are no YAML map.
  package init?(_ bytes: [UInt8]) {
    hasMark = bytes.starts(with: ListEdit.mark)
    // What is wrong with the file is for the loader to say.
    guard let root = try? YAMLDocument.parse(bytes, file: ""), root.isMap || root.isNull,
      let text = String(validating: hasMark ? bytes.dropFirst(3) : bytes[...], as: UTF8.self)
    else { return nil }
    self.root = root
    self.text = text
    // As bytes: CRLF is one character to Swift.
    lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map(Substring.init)
    newline = lines.first?.utf8.last == 0x0D ? "\r\n" : "\n"
  }

  /// The file with one more entry at the end of a list, which is made if it is not there.
  ///
  /// - Parameter entry: Text that is a plain scalar wherever it stands, such as a path.
  /// - Returns: Nil where the layout is not understood.
  package func adding(_ entry: String, to key: String) -> [UInt8]? {
    candidates(entry, key).lazy
      .map { (hasMark ? ListEdit.mark : []) + Array($0.utf8) }
      .first { isMeant($0, entry, key) }
  }

  private func isMeant(_ bytes: [UInt8], _ entry: String, _ key: String) -> Bool {
    // A candidate that is no YAML any more is none.
    guard let result = try? YAMLDocument.parse(bytes, file: "") else { return false }
    let before = root.isNull ? Node(.map([]), at: root.origin) : root
    guard result.without([key]).json == before.without([key]).json,
      result.pairs.map(\.key).filter({ $0 != key }) == root.pairs.map(\.key).filter({ $0 != key }),
      let list = result[key]?.list
    else { return false }
    return list.map(\.json) == (root[key]?.list ?? []).map(\.json) + [.string(entry)]
  }

  private func candidates(_ entry: String, _ key: String) -> [String] {
    guard let pair = root.pair(key) else { return [appended(entry, key)].compactMap(\.self) }
    let indent = String(repeating: " ", count: pair.keyOrigin.column - 1)
    guard let list = pair.value.list else {
      return pair.value.isNull
        ? [inserted("\(indent)  - \(entry)", after: pair.keyOrigin.line)] : []
    }
    if let flow = flow(entry, pair.value) { return [flow] }
    guard let first = list.first else { return [] }
    return block(entry, first, after: pair)
  }

  // MARK: A key of its own

  /// At the end of the file, in its indentation.
  private func appended(_ entry: String, _ key: String) -> String? {
    let indent = String(repeating: " ", count: (root.pairs.first?.keyOrigin.column ?? 1) - 1)
    let isEnded = text.isEmpty || text.utf8.last == 0x0A
    return text + (isEnded ? "" : newline) + newline + "\(indent)\(key):" + newline
      + "\(indent)  - \(entry)" + newline
  }

  // MARK: A list with dashes

  /// Behind what is certainly of the list, else right before what follows it.
  private func block(_ entry: String, _ first: Node, after pair: Node.Pair) -> [String] {
    guard let dash = dashIndent(first) else { return [] }
    let line = dash + "- " + entry
    let next = root.pairs.map(\.keyOrigin.line).filter { $0 > pair.keyOrigin.line }.min()
    let end = (next ?? lines.count + 1) - 1
    let last = (pair.keyOrigin.line...max(end, pair.keyOrigin.line)).last { number in
      guard number <= lines.count else { return false }
      let content = lines[number - 1].drop { $0 == " " || $0 == "\t" || $0.isNewline }
      return !content.isEmpty && !content.hasPrefix("#") && content.prefix(3) != "..."
    }
    return [inserted(line, after: last ?? end), inserted(line, after: end)]
  }

  /// What stands before the dash of a list's first entry, if nothing but blanks does.
  private func dashIndent(_ first: Node) -> String? {
    guard lines.indices.contains(first.origin.line - 1) else { return nil }
    let indent = lines[first.origin.line - 1].prefix { $0 == " " }
    return lines[first.origin.line - 1].dropFirst(indent.count).first == "-" ? String(indent) : nil
  }

  private func inserted(_ line: String, after number: Int) -> String {
    let number = min(number, lines.count)
    var before = lines[..<number].joined(separator: "\n")
    if number == lines.count {
      if !before.isEmpty, before.utf8.last != 0x0A { before += newline }
      return before + line + newline
    }
    return before + "\n" + line + newline + lines[number...].joined(separator: "\n")
  }

  // MARK: A list in brackets

  /// Before the closing bracket; nil for a list that has none.
  private func flow(_ entry: String, _ list: Node) -> String? {
    guard let start = index(of: list.origin), text.unicodeScalars[start] == "[" else { return nil }
    var scanner = FlowScanner(text.unicodeScalars, at: start)
    guard let place = scanner.end() else { return nil }
    let lead =
      switch text.unicodeScalars[place.last] {
      case "[": ""
      case ",": " "
      default: ", "
      }
    let after = text.unicodeScalars.index(after: place.last)
    return String(text[..<after]) + lead + entry + String(text[after...])
  }

  private func index(of origin: Origin) -> String.Index? {
    let scalars = text.unicodeScalars
    var index = scalars.startIndex
    var line = 1
    while line < origin.line {
      guard let feed = scalars[index...].firstIndex(of: "\n") else { return nil }
      index = scalars.index(after: feed)
      line += 1
    }
    guard
      let found = scalars.index(index, offsetBy: origin.column - 1, limitedBy: scalars.endIndex),
      found < scalars.endIndex
    else { return nil }
    return found
  }
}

/// Finds where a list in brackets ends.
private struct FlowScanner {
  private let scalars: String.UnicodeScalarView
  private var index: String.Index
  private var previous: Unicode.Scalar = " "

  init(_ scalars: String.UnicodeScalarView, at start: String.Index) {
    self.scalars = scalars
    index = start
  }

  /// The closing bracket, and the last place before it that is neither blank nor comment.
  mutating func end() -> (bracket: String.Index, last: String.Index)? {
    var depth = 0
    var last = index
    while index < scalars.endIndex {
      let scalar = scalars[index]
      switch scalar {
      case "[", "{": depth += 1
      case "]", "}":
        depth -= 1
        if depth == 0 { return (index, last) }
      case "#" where isBlank(previous): skip(past: "\n")
      case "'", "\"": if " [{,:\n\t".unicodeScalars.contains(previous) { skipQuoted(scalar) }
      default: break
      }
      guard index < scalars.endIndex else { return nil }
      if !isBlank(scalar), scalar != "#" || !isBlank(previous) { last = index }
      previous = scalars[index]
      index = scalars.index(after: index)
    }
    return nil
  }

  private func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    " \t\r\n".unicodeScalars.contains(scalar)
  }

  /// To the line feed itself.
  private mutating func skip(past end: Unicode.Scalar) {
    index = scalars[index...].firstIndex(of: end) ?? scalars.endIndex
  }

  /// To the closing quote: a doubled single one and an escaped double one close nothing.
  private mutating func skipQuoted(_ quote: Unicode.Scalar) {
    index = scalars.index(after: index)
    while index < scalars.endIndex {
      let next = scalars.index(after: index)
      if scalars[index] == quote {
        guard quote == "'", next < scalars.endIndex, scalars[next] == quote else { return }
        index = next
      } else if quote == "\"", scalars[index] == "\\", next < scalars.endIndex {
        index = next
      }
      index = scalars.index(after: index)
    }
  }
}
