/// A scalar as the route index looks it up. Values that a condition calls equal have one key; a
/// key may be shared by values that are not (canonically equivalent strings), because every
/// candidate that the index finds is evaluated in full.
enum EqualityKey: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(JSONDecimal)
  case string(String)

  /// The key of a scalar; nil for a map or list.
  init?(_ value: JSONValue) {
    switch value {
    case .null: self = .null
    case .bool(let flag): self = .bool(flag)
    case .number(let number): self = .number(JSONDecimal(number.text.utf8))
    case .string(let text): self = .string(text)
    case .array, .object: return nil
    }
  }

  /// The key of a scalar in an event; nil for a map or list.
  init?(_ slice: JSONSlice) {
    if let text = slice.string {
      self = .string(text)
    } else if slice.isNumber {
      self = .number(slice.withBytes { JSONDecimal($0) })
    } else if slice.isNull {
      self = .null
    } else if slice.firstByte == UInt8(ascii: "{") || slice.isList {
      return nil
    } else {
      self = .bool(slice.firstByte == UInt8(ascii: "t"))
    }
  }
}

extension Condition {
  /// Keys of which the event must have one for the condition to hold; nil when that cannot be said.
  var equalityKeys: Set<EqualityKey>? {
    switch self {
    case .equals(let value):
      return EqualityKey(value).map { [$0] }
    case .any(let list):
      var keys: Set<EqualityKey> = []
      for condition in list {
        guard let more = condition.equalityKeys else { return nil }
        keys.formUnion(more)
      }
      return keys
    case .all(let list):
      return list.lazy.compactMap(\.equalityKeys).first
    default:
      return nil
    }
  }
}
