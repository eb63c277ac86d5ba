import Engine
import Foundation
import ProjectConfiguration
import TestSupport

/// Where tables have their places in a document.
extension SchemaAgreementTests {
  struct Place {
    let path: [String]
    let table: ConfigTable
  }

  /// Every map of a document that has a table, with the way to it.
  static func places(of kind: String, _ document: JSONValue) -> [Place] {
    guard let table = Tables.files.first(where: { $0.kind == kind })?.table else { return [] }
    return places(in: document, table, [])
  }

  private static func places(
    in value: JSONValue, _ table: ConfigTable, _ path: [String]
  ) -> [Place] {
    guard value.object != nil else { return [] }
    let below = table.fields.flatMap { field in
      value[field.name].map { places(in: $0, field.type, value, path + [field.name]) } ?? []
    }
    return [Place(path: path, table: table)] + below
  }

  private static func places(
    in value: JSONValue, _ type: ConfigType, _ owner: JSONValue, _ path: [String]
  ) -> [Place] {
    switch type {
    case .table(let table): return places(in: value, table, path)
    case .object(let fields):
      return places(in: value, ConfigTable("config", "", fields), path)
    case .either(let types): return types.flatMap { places(in: value, $0, owner, path) }
    case .list(let element), .oneOrMore(let element):
      return (value.array ?? []).enumerated().flatMap { index, each in
        places(in: each, element, owner, path + [String(index)])
      }
    case .map(let element):
      return (value.object?.members ?? []).flatMap {
        places(in: $0.value, element, owner, path + [$0.key])
      }
    case .config(let role):
      guard let fields = fields(role, owner) else { return [] }
      return places(in: value, ConfigTable("config", "", fields), path)
    default: return []
    }
  }

  /// What the `config` of an object takes.
  private static func fields(
    _ role: ConfigType.BuiltInRole, _ owner: JSONValue
  ) -> [ConfigField]? {
    let catalog = ConnectorCatalog.test
    return switch role {
    case .source: owner["connector"]?.string.flatMap { catalog.connectors[$0]?.source?.fields }
    case .actor: owner["connector"]?.string.flatMap { catalog.connectors[$0]?.actor?.fields }
    case .transform: owner["type"]?.string.flatMap { catalog.transforms[$0]?.fields }
    case .logger: owner["type"]?.string.flatMap { catalog.loggers[$0]?.fields }
    }
  }

  /// Values to try: all of them in a long run, else some, the same in every run.
  static func sample(of field: ConfigField, in place: Place) -> [JSONValue] {
    guard ProcessInfo.processInfo.environment["ORGLOOP_FUZZ_SECONDS"] == nil else { return values }
    let name = place.path.joined(separator: ".") + field.name
    var generator = SplitMix64(seed: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
    return [.null, true, 5, "x", [], [:]] + values.shuffled(using: &generator).prefix(8)
  }

  /// What the schema cannot know, or what changes what everything else means.
  static func isException(_ field: ConfigField, _ place: Place) -> Bool {
    switch (place.table.name, field.name) {
    // With another kind the loader says no more of the file.
    case (_, "kind"): true
    // A route takes one of the two, and each has its place in these files.
    case ("route", "delivery") where place.path.last == "1": true
    case ("then", "delivery") where place.path.contains("0"): true
    // Whose config it is laid over stands elsewhere.
    case ("step", "config"): true
    // Credentials that are empty are refused for what they are, not for their form.
    case (_, _) where field.isSecret: true
    default: false
    }
  }

  static func isScalar(_ type: ConfigType) -> Bool {
    switch type {
    case .list, .map, .object, .table, .config, .filter, .command, .environment, .constant: false
    case .either(let types): types.contains(where: isScalar)
    default: true
    }
  }

  /// Line and column of the value at a path, as ``ConfigurationSchemas/text(of:)`` writes it.
  static func position(of path: [String], in document: JSONValue) -> (line: Int, column: Int) {
    let mark = "@@here@@"
    let text = String(
      decoding: ConfigurationSchemas.text(of: document.setting(.string(mark), at: path)),
      as: UTF8.self)
    for (index, line) in text.split(separator: "\n").enumerated() {
      guard let range = line.firstRange(of: "\"\(mark)\"") else { continue }
      return (index + 1, line.distance(from: line.startIndex, to: range.lowerBound) + 1)
    }
    return (0, 0)
  }
}

extension JSONValue: ExpressibleByFloatLiteral {
  package init(floatLiteral value: Double) { self = .number(JSONNumber(value)) }
}

extension JSONValue {
  /// A document with its header and one more key, so that many can be read in little time; what
  /// the rest refers to is missing then, which is no matter of form.
  func keeping(_ key: String?) -> JSONValue {
    guard let key, case .object(let object) = self else { return self }
    let kept = ["apiVersion", "kind", "metadata", key]
    return .object(JSONObject(object.members.filter { kept.contains($0.key) }))
  }

  /// The value with another one at a path of keys and positions.
  func setting(_ value: JSONValue, at path: [String]) -> JSONValue {
    guard let step = path.first else { return value }
    let rest = Array(path.dropFirst())
    switch self {
    case .object(var object):
      object[step] = (object[step] ?? [:]).setting(value, at: rest)
      return .object(object)
    case .array(var list):
      guard let index = Int(step), list.indices.contains(index) else { return self }
      list[index] = list[index].setting(value, at: rest)
      return .array(list)
    default: return self
    }
  }
}
