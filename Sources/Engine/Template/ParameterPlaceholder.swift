/// `{{ params.NAME }}`, by which the files of a module use its parameters (config.md 10.3).
///
/// Configuration puts the values in; here is what a text says before that.
package enum ParameterPlaceholder {
  /// A piece of a text.
  package enum Part: Sendable, Hashable {
    case text(Substring)
    case parameter(String)
  }

  /// 300 characters: a placeholder. A text full of "{{" and without an end would otherwise be gone
  /// through from each of them.
  private static let lengthMax = 300

  /// The parameter that a text begins with, and how many characters it takes.
  package static func leading(_ text: Substring) -> (name: String, length: Int)? {
    guard text.hasPrefix("{{"), let close = text.prefix(lengthMax).firstRange(of: "}}")
    else { return nil }
    let body = text[..<close.lowerBound].dropFirst(2)
    let trimmed = body.drop { $0 == " " }
    guard trimmed.hasPrefix("params.") else { return nil }
    var name = trimmed.dropFirst(7)
    while name.last == " " { name.removeLast() }
    guard !name.isEmpty, !name.contains(where: { $0.isWhitespace || $0 == "{" }) else { return nil }
    return (String(name), text.distance(from: text.startIndex, to: close.upperBound))
  }

  /// A text taken apart; `\{{` begins no placeholder.
  package static func parts(of text: String) -> [Part] {
    var parts: [Part] = []
    var start = text.startIndex
    var rest = text[...]
    while let open = rest.firstRange(of: "{{") {
      if rest[..<open.lowerBound].last == "\\" {
        rest = rest[open.upperBound...]
      } else if let (name, length) = leading(rest[open.lowerBound...]) {
        if start < open.lowerBound { parts.append(.text(text[start..<open.lowerBound])) }
        parts.append(.parameter(name))
        start = text.index(open.lowerBound, offsetBy: length)
        rest = text[start...]
      } else {
        rest = rest[text.index(after: open.lowerBound)...]
      }
    }
    if start < text.endIndex { parts.append(.text(text[start...])) }
    return parts
  }
}
