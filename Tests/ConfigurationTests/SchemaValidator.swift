import Engine

/// As much of JSON Schema 2020-12 as our schemas use, to compare them with the loader without
/// leaving the process; Tests/schemas has an independent validator.
struct SchemaValidator {
  private let root: JSONValue

  init(_ root: JSONValue) { self.root = root }

  /// A keyword that this validator does not know would be taken for "anything goes".
  static let known: Set = [
    "$schema", "$id", "$comment", "$defs", "$ref", "title", "description", "default", "deprecated",
    "type", "enum", "const", "minimum", "maximum", "minLength", "maxLength", "pattern", "minItems",
    "prefixItems", "items", "minProperties", "properties", "required", "additionalProperties",
    "propertyNames", "anyOf", "oneOf", "allOf", "not", "if", "then", "else",
  ]

  func accepts(_ value: JSONValue) -> Bool { accepts(value, root) }

  private func accepts(_ value: JSONValue, _ schema: JSONValue) -> Bool {
    if let flag = schema.bool { return flag }
    guard let object = schema.object else { return false }
    return object.members.allSatisfy { holds($0.key, $0.value, object, value) }
  }

  private func holds(
    _ keyword: String, _ argument: JSONValue, _ schema: JSONObject, _ value: JSONValue
  ) -> Bool {
    switch keyword {
    case "$ref": return accepts(value, target(argument.string ?? ""))
    case "anyOf": return (argument.array ?? []).contains { accepts(value, $0) }
    case "oneOf": return (argument.array ?? []).count { accepts(value, $0) } == 1
    case "allOf": return (argument.array ?? []).allSatisfy { accepts(value, $0) }
    case "not": return !accepts(value, argument)
    case "if":
      let branch = accepts(value, argument) ? schema["then"] : schema["else"]
      return branch.map { accepts(value, $0) } ?? true
    case "enum": return (argument.array ?? []).contains(value)
    case "const": return argument == value
    case "type": return types(argument).contains { isType($0, value) }
    default: break
    }
    switch value {
    case .string(let text): return holds(keyword, argument, text: text)
    case .number(let number): return holds(keyword, argument, number: number.double)
    case .array(let list): return holds(keyword, argument, schema, list: list)
    case .object(let object): return holds(keyword, argument, schema, object: object)
    case .null, .bool: return true
    }
  }

  private func target(_ reference: String) -> JSONValue {
    reference.split(separator: "/").dropFirst().reduce(root) { $0[String($1)] ?? false }
  }

  private func types(_ argument: JSONValue) -> [String] {
    argument.array?.compactMap(\.string) ?? [argument.string ?? ""]
  }

  private func isType(_ name: String, _ value: JSONValue) -> Bool {
    switch (name, value) {
    case ("null", .null), ("boolean", .bool), ("string", .string), ("number", .number),
      ("array", .array), ("object", .object):
      true
    case ("integer", .number(let number)): number.int64 != nil
    default: false
    }
  }

  private func holds(_ keyword: String, _ argument: JSONValue, text: String) -> Bool {
    switch keyword {
    case "minLength": text.unicodeScalars.count >= Int(argument.int64 ?? 0)
    case "maxLength": text.unicodeScalars.count <= Int(argument.int64 ?? 0)
    // The pattern is ours, and a wrong one accepts nothing.
    case "pattern": (try? RegexPattern(argument.string ?? ""))?.match(text) == .yes
    default: true
    }
  }

  private func holds(_ keyword: String, _ argument: JSONValue, number: Double) -> Bool {
    switch keyword {
    case "minimum": number >= (argument.number?.double ?? 0)
    case "maximum": number <= (argument.number?.double ?? 0)
    default: true
    }
  }

  private func holds(
    _ keyword: String, _ argument: JSONValue, _ schema: JSONObject, list: [JSONValue]
  ) -> Bool {
    let prefix = schema["prefixItems"]?.array ?? []
    switch keyword {
    case "minItems": return list.count >= Int(argument.int64 ?? 0)
    case "prefixItems": return zip(list, prefix).allSatisfy { accepts($0, $1) }
    case "items": return list.dropFirst(prefix.count).allSatisfy { accepts($0, argument) }
    default: return true
    }
  }

  private func holds(
    _ keyword: String, _ argument: JSONValue, _ schema: JSONObject, object: JSONObject
  ) -> Bool {
    switch keyword {
    case "minProperties": return object.members.count >= Int(argument.int64 ?? 0)
    case "required":
      return (argument.array ?? []).allSatisfy { object[$0.string ?? ""] != nil }
    case "properties":
      return object.members.allSatisfy { member in
        argument[member.key].map { accepts(member.value, $0) } ?? true
      }
    case "additionalProperties":
      let named = schema["properties"]?.object?.keys ?? []
      return object.members.allSatisfy { named.contains($0.key) || accepts($0.value, argument) }
    case "propertyNames":
      return object.keys.allSatisfy { accepts(.string($0), argument) }
    default: return true
    }
  }

  /// Every keyword in a schema, where keywords may stand.
  static func keywords(in schema: JSONValue) -> Set<String> {
    guard let object = schema.object else { return [] }
    var found = Set(object.keys)
    for member in object.members {
      switch member.key {
      case "properties", "$defs":
        for each in member.value.object?.members ?? [] { found.formUnion(keywords(in: each.value)) }
      case "items", "additionalProperties", "propertyNames", "not", "if", "then", "else":
        found.formUnion(keywords(in: member.value))
      case "anyOf", "oneOf", "allOf", "prefixItems":
        for each in member.value.array ?? [] { found.formUnion(keywords(in: each)) }
      default: break
      }
    }
    return found
  }
}
