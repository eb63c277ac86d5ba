/// A path into an event or a configuration value: `payload.labels.0` (config.md 2).
///
/// A numeric segment indexes a list, `length` on a list or string is its length, `\.` is a dot
/// inside a key, and a leading `event.` is ignored.
package struct DotPath: Sendable, Hashable, CustomStringConvertible {
  package let segments: [Segment]

  /// One step of a path: a key, and what it means to a list.
  package struct Segment: Sendable, Hashable {
    package let key: String
    /// The key as UTF-8, so that a look-up in bytes compares without decoding.
    package let utf8: [UInt8]
    /// The position in a list that this segment names, if it is a number.
    package let index: Int?
    package let isLength: Bool

    package init(_ key: String) {
      self.key = key
      utf8 = Array(key.utf8)
      let isDigits = !key.isEmpty && utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
      index = isDigits ? Int(key) : nil
      isLength = key == "length"
    }
  }

  /// A path from its text; nil when a segment is empty (`a..b`, `.a`, the empty text).
  package init?(_ text: String) {
    var keys: [String] = []
    var current = String.UnicodeScalarView()
    var escaped = false
    // By scalars: a combining mark after a dot would make the two one character, not a dot.
    for character in text.unicodeScalars {
      if escaped {
        if character != "." { current.append("\\") }
        current.append(character)
        escaped = false
      } else if character == "\\" {
        escaped = true
      } else if character == "." {
        keys.append(String(current))
        current.removeAll(keepingCapacity: true)
      } else {
        current.append(character)
      }
    }
    if escaped { current.append("\\") }
    keys.append(String(current))
    if keys.count > 1, keys[0] == "event" { keys.removeFirst() }
    guard keys.allSatisfy({ !$0.isEmpty }) else { return nil }
    segments = keys.map(Segment.init)
  }

  package init(keys: [String]) { segments = keys.map(Segment.init) }

  package var description: String {
    segments.map { $0.key.replacing(".", with: "\\.") }.joined(separator: ".")
  }

  /// The path below its first segment, when that segment is `key`.
  package func tail(after key: String) -> DotPath? {
    guard let first = segments.first, first.key == key else { return nil }
    return DotPath(segments: Array(segments.dropFirst()))
  }

  private init(segments: [Segment]) { self.segments = segments }
}
