/// A JSON value as a tree, for the places that need to look at or change a whole value:
/// transforms, templates, configuration.
///
/// The hot path never builds one: an event stays the bytes that came in, and ``JSONText`` reads
/// paths straight from them (design.md 4, the JSON figures). Order of keys is kept, and a number
/// keeps the text it was written with (events.md 1), so a value that is read and written again is
/// the same value.
package enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

/// A JSON number that keeps the text it was written with, so that 64-bit integers stay exact.
///
/// Two numbers are equal when their values are: `5` and `5.0` are one number (config.md 6.3).
package struct JSONNumber: Sendable, Hashable, Comparable {
  /// The number as RFC 8259 writes it.
  package let text: String

  /// A number from text that a JSON parser has already accepted.
  package init(validText text: String) { self.text = text }
  package init(_ value: Int64) { text = String(value) }
  /// A number from a double; a value that is not finite becomes `0`, because JSON has no other.
  package init(_ value: Double) {
    if let whole = Int64(exactly: value) {
      text = String(whole)
    } else {
      text = value.isFinite ? "\(value)" : "0"
    }
  }

  /// The value if it is a whole number of 64 bits, `5.0` included.
  package var int64: Int64? { Int64(text) ?? JSONDecimal(text.utf8).int64 }
  /// The nearest double; infinite when the text is beyond its range.
  package var double: Double { Double(text) ?? .nan }

  package static func == (left: JSONNumber, right: JSONNumber) -> Bool {
    if left.text == right.text { return true }
    if let a = Int64(left.text), let b = Int64(right.text) { return a == b }
    return JSONDecimal(left.text.utf8) == JSONDecimal(right.text.utf8)
  }

  /// Whether the value is less, compared exactly.
  package static func < (left: JSONNumber, right: JSONNumber) -> Bool {
    if let a = Int64(left.text), let b = Int64(right.text) { return a < b }
    return JSONDecimal(left.text.utf8) < JSONDecimal(right.text.utf8)
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(JSONDecimal(text.utf8)) }
}

/// A JSON object: its members in the order they were written.
///
/// Look-ups are linear: the objects of events and configuration have tens of keys, and a
/// dictionary beside the list would cost more than it saves.
package struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral {
  package private(set) var members: [Member]

  package struct Member: Sendable, Hashable {
    package var key: String
    package var value: JSONValue

    package init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  package init(_ members: [Member] = []) { self.members = members }

  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    members = elements.map { Member(key: $0.0, value: $0.1) }
  }

  /// The value of a key. Setting an existing key keeps its place; a new one is appended; nil
  /// removes it.
  package subscript(key: String) -> JSONValue? {
    get { members.first { JSONObject.isSame($0.key, key) }?.value }
    set {
      let place = members.firstIndex { JSONObject.isSame($0.key, key) }
      switch (place, newValue) {
      case (let place?, let value?): members[place].value = value
      case (let place?, nil): members.remove(at: place)
      case (nil, let value?): members.append(Member(key: key, value: value))
      case (nil, nil): break
      }
    }
  }

  /// Keys are one when their bytes are. Swift also calls canonically equivalent strings equal, but
  /// to JSON `"\u00e9"` and `"e\u0301"` are two keys.
  private static func isSame(_ left: String, _ right: String) -> Bool {
    left == right && left.utf8.elementsEqual(right.utf8)
  }

  package var isEmpty: Bool { members.isEmpty }
  package var keys: [String] { members.map(\.key) }

  /// Objects are equal when they have the same members, in whatever order.
  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members.count == right.members.count
      && left.members.allSatisfy { right[$0.key] == $0.value }
  }

  package func hash(into hasher: inout Hasher) {
    // Order must not matter, so only what no order changes goes in.
    hasher.combine(members.count)
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .number(JSONNumber(value)) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(nilLiteral: ()) { self = .null }
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements.map { JSONObject.Member(key: $0.0, value: $0.1) }))
  }
}

extension JSONValue {
  package init(_ value: Int64) { self = .number(JSONNumber(value)) }
  package init(_ value: Int) { self = .number(JSONNumber(Int64(value))) }
  package init(_ value: String) { self = .string(value) }
  package init(_ value: Bool) { self = .bool(value) }
  /// A string, or null for nil.
  package init(_ value: String?) { self = value.map(JSONValue.string) ?? .null }

  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var number: JSONNumber? { if case .number(let value) = self { value } else { nil } }
  package var int64: Int64? { number?.int64 }
  package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
  package var isNull: Bool { self == .null }

  /// The member of an object, or nil for anything that has no such member.
  package subscript(key: String) -> JSONValue? { object?[key] }

  /// A word for the kind of value, for messages: "string", "list", "map", ….
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "list"
    case .object: "map"
    }
  }

  /// The value at a dot path, or nil when the path does not resolve (config.md 2).
  package func value(at path: DotPath) -> JSONValue? {
    var current = self
    for segment in path.segments {
      switch current {
      case .object(let object):
        guard let next = object[segment.key] else { return nil }
        current = next
      case .array(let list):
        if segment.isLength {
          current = JSONValue(list.count)
          continue
        }
        guard let index = segment.index, index < list.count else { return nil }
        current = list[index]
      case .string(let text) where segment.isLength:
        current = JSONValue(text.unicodeScalars.count)
      default:
        return nil
      }
    }
    return current
  }
}
