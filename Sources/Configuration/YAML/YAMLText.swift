package import Engine

/// Writes a document as YAML, for people to read: block style, keys in their order.
package enum YAMLText {
  /// Ends with a line break.
  package static func text(_ value: JSONValue) -> String {
    var lines: [String] = []
    switch value {
    case .object(let object) where !object.isEmpty: write(object, 0, &lines)
    case .array(let list) where !list.isEmpty: write(list, 0, &lines)
    default: lines.append(scalar(value))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func write(_ object: JSONObject, _ depth: Int, _ lines: inout [String]) {
    for member in object.members {
      let head = indent(depth) + scalar(.string(member.key)) + ":"
      switch member.value {
      case .object(let object) where !object.isEmpty:
        lines.append(head)
        write(object, depth + 1, &lines)
      case .array(let list) where !list.isEmpty:
        lines.append(head)
        write(list, depth + 1, &lines)
      case .string(let text) where isBlock(text):
        lines.append(head + (text.hasSuffix("\n") ? " |" : " |-"))
        lines += block(text, depth + 1)
      default: lines.append(head + " " + scalar(member.value))
      }
    }
  }

  private static func write(_ list: [JSONValue], _ depth: Int, _ lines: inout [String]) {
    for each in list {
      switch each {
      case .object(let object) where !object.isEmpty:
        let first = lines.count
        write(object, depth + 1, &lines)
        lines[first] = indent(depth) + "- " + lines[first].dropFirst((depth + 1) * 2)
      case .array(let inner) where !inner.isEmpty:
        lines.append(indent(depth) + "-")
        write(inner, depth + 1, &lines)
      default: lines.append(indent(depth) + "- " + scalar(each))
      }
    }
  }

  private static func indent(_ depth: Int) -> String { String(repeating: "  ", count: depth) }

  /// Lines that a block can hold as they are.
  private static func isBlock(_ text: String) -> Bool {
    text.contains("\n") && !text.hasPrefix(" ") && !text.hasPrefix("\n")
      && !text.hasSuffix("\n\n")
      && text.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 0x20 && $0.value != 0x7F) }
  }

  private static func block(_ text: String, _ depth: Int) -> [String] {
    let text = text.hasSuffix("\n") ? text.dropLast() : text[...]
    return text.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.isEmpty ? "" : indent(depth) + $0
    }
  }

  /// A string without quotes where it is read back as the same string.
  static func scalar(_ value: JSONValue) -> String {
    guard let text = value.string else { return JSONText(value).description }
    return isPlain(text) ? text : JSONText(value).description
  }

  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, let last = text.unicodeScalars.last,
      text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value < 0x7F }), last != " ",
      last != ":", first.properties.isAlphabetic || "./$_".unicodeScalars.contains(first),
      !text.contains(": "), !text.contains(" #")
    else { return false }
    // A word that stands for something else.
    guard case .string(_)? = try? CoreSchema.resolve(text) else { return false }
    return !text.unicodeScalars.contains { "{}[],\"'&*!|>%@`".unicodeScalars.contains($0) }
      || text.hasPrefix("${")
  }
}
