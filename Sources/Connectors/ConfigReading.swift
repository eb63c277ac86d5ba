import Engine

/// Reading of a `config` that has been checked against its ``ConfigField`` list already; what does
/// not fit reads as absent.
extension JSONObject {
  func string(_ key: String) -> String? { self[key]?.string }

  func bool(_ key: String) -> Bool? { self[key]?.bool }

  /// The strings of a list; a single string is a list of one.
  func strings(_ key: String) -> [String] {
    switch self[key] {
    case .string(let text): [text]
    case .array(let list): list.compactMap(\.string)
    default: []
    }
  }

  /// A map of name to value; scalars become their text.
  func stringMap(_ key: String) -> [(name: String, value: String)] {
    (self[key]?.object?.members ?? []).compactMap { member in
      JSONValue.scalarText(member.value).map { (member.key, $0) }
    }
  }

  /// A duration in milliseconds.
  func durationMs(_ key: String) -> Int64? { string(key).flatMap(DurationText.ms) }

  /// The variables of an `environment` field, or of a list of pairs.
  func environment(_ key: String) -> [String: String] {
    Dictionary(stringMap(key).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
  }
}

extension JSONValue {
  /// The text of a string, number or boolean; nil for null, lists and maps.
  static func scalarText(_ value: JSONValue?) -> String? {
    switch value {
    case .string(let text): text
    case .number(let number): number.text
    case .bool(let flag): flag ? "true" : "false"
    default: nil
    }
  }

  /// As text stands in a template: strings as they are, null as nothing, lists and maps as compact
  /// JSON (config.md 6.4).
  var templateText: String {
    if let text = JSONValue.scalarText(self) { return text }
    return isNull ? "" : JSONText(self).description
  }
}
