package import Engine

/// Every map that a configuration file may hold, with its keys (config.md 5 to 12).
///
/// What a reader takes, what it calls unknown, missing or out of range, and what the JSON Schemas
/// say all come from here: a key that stands in no table does not exist.
package enum Tables {
  /// The tables of files, by the word in `kind`.
  package static let files: [(kind: String, table: ConfigTable)] = FileKind.allCases.map {
    ($0.rawValue, $0.table)
  }

  /// Every table that files lead to, each once, the files' own first.
  package static let all: [ConfigTable] = {
    var found: [ConfigTable] = []
    func add(_ table: ConfigTable) {
      guard !found.contains(where: { $0.name == table.name }) else { return }
      found.append(table)
      for field in table.fields { nested(in: field.type).forEach(add) }
    }
    for (_, table) in files { add(table) }
    return found
  }()

  /// The tables that a type names.
  static func nested(in type: ConfigType) -> [ConfigTable] {
    switch type {
    case .table(let table): [table]
    case .list(let element), .oneOrMore(let element), .map(let element): nested(in: element)
    case .either(let types): types.flatMap(nested)
    default: []
    }
  }

  // MARK: Fields that several tables have

  static let description = ConfigField("description", .string, "For people; shown, never read.")
  static let labels = ConfigField("labels", .map(.any), "For people; shown, never read.")
  static let onError = ConfigField(
    "on_error", .choice(TransformStep.ErrorPolicy.allCases.map(\.rawValue)),
    default: .string(TransformStep.ErrorPolicy.retry.rawValue),
    "What a failing transform means: retry the delivery, pass the event on as it entered the step, "
      + "drop it, or halt: dead letter at once.")
  static let timeoutMs = ConfigField(
    "timeout_ms", .integer(1...Quantity.durationMsMax), default: 30_000,
    "How long the transform may take, in milliseconds.")
  static let timeout = ConfigField(
    "timeout", .longDuration(msMin: 1), default: "30s",
    "How long the transform may take; the same as timeout_ms.")

  static func enabled(_ summary: String) -> ConfigField {
    ConfigField("enabled", .boolean, default: true, summary)
  }

  static func duration(_ ms: Int64) -> JSONValue { .string(Quantity.text(durationMs: ms)) }
}

extension Tables {
  /// Where a key belongs that stands in the wrong map: further down in the same one, or in another
  /// kind of object.
  static func home(of key: String, besides table: ConfigTable) -> String? {
    for field in table.fields {
      guard case .table(let inner) = field.type, inner[key] != nil else { continue }
      return "in \"\(field.name)\""
    }
    let objects: [(table: ConfigTable, words: String)] = [
      (source, "a source"), (actor, "an actor"), (route, "a route"),
      (transform, "a transform"), (logger, "a logger"),
    ]
    guard objects.contains(where: { $0.table.name == table.name }) else { return nil }
    let owners = objects.filter { $0.table[key] != nil }.map(\.words)
    return owners.isEmpty ? nil : "to " + owners.joined(separator: " or ")
  }
}
