import Engine

/// Credentials that a user has written into a file as they are: the history keeps `***` and a keyed
/// hash in their place, so that they can be taken from the file again as long as it has them.
enum LiteralCredentials {
  /// The values that redaction has hidden, by place.
  struct Finds {
    private(set) var found: [String: JSONValue] = [:]

    /// - Parameters:
    ///   - content: As it is written.
    ///   - stored: The same as it is kept.
    ///   - place: The keys that lead to it.
    mutating func add(_ content: JSONValue, _ stored: JSONValue, in place: [String]) {
      collect(content, stored, place.reduce("", LiteralCredentials.below))
    }

    private mutating func collect(_ content: JSONValue, _ stored: JSONValue, _ place: String) {
      // To compare is quick, to put a place in words is not.
      guard content != stored else { return }
      switch (content, stored) {
      case (.object(let object), .object(let other)):
        for member in object.members {
          guard let value = other[member.key] else { continue }
          collect(member.value, value, LiteralCredentials.below(place, member.key))
        }
      case (.array(let list), .array(let other)):
        for (index, pair) in zip(list, other).enumerated() {
          collect(pair.0, pair.1, LiteralCredentials.below(place, String(index)))
        }
      default: found[place] = content
      }
    }
  }

  /// A tree with what stands at these places put back.
  static func restored(
    _ value: JSONValue, _ literals: [String: JSONValue], at place: String = ""
  ) -> JSONValue {
    guard !literals.isEmpty else { return value }
    if let literal = literals[place] { return literal }
    switch value {
    case .object(let object):
      return .object(
        JSONObject(
          object.members.map { member in
            JSONObject.Member(
              key: member.key,
              value: restored(member.value, literals, at: below(place, member.key)))
          }))
    case .array(let list):
      return .array(
        list.enumerated().map { index, each in
          restored(each, literals, at: below(place, String(index)))
        })
    default: return value
    }
  }

  /// The hash that shows whether the same value stands at a place.
  static func hash(_ value: JSONValue, at place: String, key: [UInt8]) -> String {
    ContentHash.keyed(JSONText(value).description, name: "literal " + place, key: key)
  }

  /// `file` and `field` of a place, for people.
  static func words(_ place: String) -> (file: String, field: String) {
    let steps = place.split(separator: "/").map {
      String($0).replacing("~1", with: "/").replacing("~0", with: "~")
    }
    guard steps.count > 2, steps[0] == "documents" else {
      return ("the manifest", steps.joined(separator: "."))
    }
    return (steps[1], steps.dropFirst(2).joined(separator: "."))
  }

  /// As RFC 6901 writes it.
  static func below(_ place: String, _ key: String) -> String {
    place + "/" + key.replacing("~", with: "~0").replacing("/", with: "~1")
  }
}
