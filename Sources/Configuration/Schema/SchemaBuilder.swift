import Engine

/// Turns tables into JSON Schemas; what several places name becomes a definition.
struct SchemaBuilder {
  private let catalog: ConnectorCatalog
  private(set) var definitions: [String: JSONValue] = [
    "substitution": [
      "description": "A text with a variable or a parameter in it; checked when it is replaced.",
      "type": "string", "pattern": .string(SchemaPattern.substitution),
    ]
  ]

  init(_ catalog: ConnectorCatalog) { self.catalog = catalog }

  // MARK: Maps

  /// The schema of a whole map.
  mutating func object(_ table: ConfigTable) -> JSONObject {
    var schema = object(table.fields, isOpen: table.isOpen)
    var conditions = table.rules.map(SchemaBuilder.condition)
    conditions += configs(of: table)
    if table.name == Tables.thenConfig.name {
      conditions.append(
        SchemaBuilder.when("inbox", .array([true, "true"]), then: reference(Tables.inbox)))
    }
    if !table.requiresOne.isEmpty {
      schema["oneOf"] = .array(
        table.requiresOne.map { key in
          [
            "required": [.string(key)],
            "properties": .object(JSONObject([.init(key: key, value: ["type": "string"])])),
          ]
        })
    }
    if !conditions.isEmpty { schema["allOf"] = .array(conditions) }
    var described: JSONObject = ["description": .string(table.summary)]
    for member in schema.members { described[member.key] = member.value }
    return described
  }

  private mutating func object(_ fields: [ConfigField], isOpen: Bool = false) -> JSONObject {
    var properties = JSONObject()
    for field in fields { properties[field.name] = .object(property(field)) }
    var schema: JSONObject = ["type": "object", "properties": .object(properties)]
    let required = fields.filter(\.isRequired).map { JSONValue.string($0.name) }
    if !required.isEmpty { schema["required"] = .array(required) }
    if !isOpen { schema["additionalProperties"] = false }
    return schema
  }

  private mutating func property(_ field: ConfigField) -> JSONObject {
    var property = JSONObject()
    let words = [field.summary, field.isIgnored ? "" : SchemaBuilder.form(field.type)]
      .filter { !$0.isEmpty }
    if !words.isEmpty { property["description"] = .string(words.joined(separator: " ")) }
    if let value = field.defaultValue { property["default"] = value }
    if field.isIgnored {
      property["deprecated"] = true
      return property
    }
    let type = schema(field.type)
    let value = field.isRequired ? type : SchemaBuilder.orNull(type)
    for member in value.members { property[member.key] = member.value }
    return property
  }

  /// Null unsets an optional key.
  private static func orNull(_ schema: JSONObject) -> JSONObject {
    var schema = schema
    if let type = schema["type"]?.string {
      schema["type"] = [.string(type), "null"]
    } else if let choices = schema["anyOf"]?.array {
      schema["anyOf"] = .array(choices + [["type": "null"]])
    } else if !schema.isEmpty {
      schema = ["anyOf": [.object(schema), ["type": "null"]]]
    }
    return schema
  }

  private static func condition(_ rule: ConfigTable.Rule) -> JSONValue {
    when(rule.key, [rule.value], then: ["required": [.string(rule.requires)]])
  }

  private static func when(
    _ key: String, _ values: JSONValue, then consequence: JSONObject
  ) -> JSONValue {
    [
      "if": [
        "properties": .object(JSONObject([.init(key: key, value: ["enum": values])])),
        "required": [.string(key)],
      ],
      "then": .object(consequence),
    ]
  }

  /// A map that stands in several places.
  mutating func reference(_ table: ConfigTable) -> JSONObject {
    if definitions[table.name] == nil {
      // Before its own keys are looked at, or a table within itself would never end.
      definitions[table.name] = .null
      definitions[table.name] = .object(object(table))
    }
    return ["$ref": .string("#/$defs/" + table.name)]
  }

  // MARK: The config of what is built in

  /// What `config` takes, by the value of the key that says whose it is.
  private mutating func configs(of table: ConfigTable) -> [JSONValue] {
    var conditions: [JSONValue] = []
    for field in table.fields {
      guard case .config(let role) = field.type else { continue }
      for (name, fields) in builtIns(role) {
        let definition = "\(role.rawValue)_\(name)_config"
        if definitions[definition] == nil {
          definitions[definition] = .object(object(fields))
        }
        let isNeeded = fields.contains(where: \.isRequired)
        let reference: JSONObject = ["$ref": .string("#/$defs/" + definition)]
        let value = isNeeded ? reference : SchemaBuilder.orNull(reference)
        var consequence: JSONObject = ["properties": [field.name: .object(value)]]
        if isNeeded { consequence["required"] = [.string(field.name)] }
        let specifiers = specifiers(of: name, role)
        if role == .transform {
          conditions.append(
            SchemaBuilder.when("package", specifiers, then: consequence))
        }
        conditions.append(
          SchemaBuilder.when(role.key, specifiers, then: consequence))
      }
    }
    return conditions
  }

  private func builtIns(_ role: ConfigType.BuiltInRole) -> [(String, [ConfigField])] {
    let found: [(String, [ConfigField])] =
      switch role {
      case .source:
        catalog.connectors.compactMap { name, each in each.source.map { (name, $0.fields) } }
      case .actor:
        catalog.connectors.compactMap { name, each in each.actor.map { (name, $0.fields) } }
      case .transform:
        catalog.transforms.filter { $0.key != "script" }.map { ($0.key, $0.value.fields) }
      case .logger: catalog.loggers.map { ($0.key, $0.value.fields) }
      }
    return found.sorted { $0.0 < $1.0 }
  }

  private func specifiers(of name: String, _ role: ConfigType.BuiltInRole) -> JSONValue {
    [.string(name), .string("@orgloop/\(role.prefix)-\(name)")]
  }

  private func specifierSchema(_ role: ConfigType.BuiltInRole) -> JSONObject {
    let own: [JSONValue] = role == .transform ? ["script", "package"] : []
    let all = builtIns(role).flatMap { specifiers(of: $0.0, role).array ?? [] }
    return SchemaScalar.orSubstitution(["enum": .array(own + all)])
  }

  // MARK: Values

  mutating func schema(_ type: ConfigType) -> JSONObject {
    switch type {
    case .any: return [:]
    case .string, .path: return ["type": "string"]
    case .longString(let least):
      return SchemaScalar.orSubstitution(["type": "string", "minLength": JSONValue(least)])
    case .id(let reserved): return SchemaBuilder.id(reserved)
    case .name:
      return SchemaScalar.orSubstitution([
        "type": "string", "maxLength": 128, "pattern": .string(SchemaPattern.name),
      ])
    case .boolean: return SchemaScalar.orSubstitution(["type": "boolean"])
    case .integer(let range): return SchemaScalar.integer(range)
    case .number(let range): return SchemaScalar.number(range)
    case .duration: return SchemaScalar.text(SchemaPattern.duration)
    case .longDuration(let least):
      return SchemaScalar.text(least > 1 ? SchemaPattern.longDuration : SchemaPattern.someDuration)
    case .size: return SchemaScalar.size
    case .rate: return SchemaScalar.text(SchemaPattern.rate)
    case .startLimit: return SchemaScalar.text(SchemaPattern.startLimit)
    case .dotPath: return SchemaScalar.text(SchemaPattern.dotPath)
    case .url: return SchemaScalar.text(SchemaPattern.url)
    case .eventType: return SchemaScalar.words(EventType.allCases.map(\.rawValue))
    case .constant(let word): return ["const": .string(word)]
    case .choice(let choices): return SchemaScalar.words(choices)
    case .specifier(let role): return specifierSchema(role)
    case .config, .map(.any): return ["type": "object"]
    case .nothing: return ["type": "null"]
    case .filter: return filter()
    case .command, .environment, .list, .oneOrMore, .map, .object, .table, .either:
      return compound(type)
    }
  }

  private mutating func compound(_ type: ConfigType) -> JSONObject {
    switch type {
    case .command:
      [
        "type": "array", "minItems": 1, "prefixItems": [["type": "string", "minLength": 1]],
        "items": ["type": "string"],
      ]
    case .environment:
      [
        "anyOf": [
          ["type": "array", "items": ["type": "string"]],
          [
            "type": "object",
            "additionalProperties": ["type": ["string", "number", "boolean"]],
          ],
        ]
      ]
    case .list(let element): ["type": "array", "items": .object(schema(element))]
    case .oneOrMore(let element): oneOrMore(element)
    case .map(let element): ["type": "object", "additionalProperties": .object(schema(element))]
    case .object(let fields): object(fields)
    case .table(let table): reference(table)
    case .either(let types): ["anyOf": .array(types.map { .object(schema($0)) })]
    default: [:]
    }
  }

  private mutating func oneOrMore(_ element: ConfigType) -> JSONObject {
    let one = JSONValue.object(schema(element))
    return ["anyOf": [one, ["type": "array", "items": one, "minItems": 1]]]
  }

  private static func id(_ reserved: [String]) -> JSONObject {
    var id: JSONObject = ["type": "string", "pattern": .string(SchemaPattern.id)]
    if !reserved.isEmpty { id["not"] = ["enum": .array(reserved.map(JSONValue.string))] }
    return SchemaScalar.orSubstitution(id)
  }

  private mutating func filter() -> JSONObject {
    for (name, schema) in FilterSchema.definitions { definitions[name] = schema }
    return ["$ref": "#/$defs/filter"]
  }
}

extension ConfigType.BuiltInRole {
  /// The key that names the built-in thing.
  fileprivate var key: String {
    switch self {
    case .source, .actor: "connector"
    case .transform, .logger: "type"
    }
  }

  fileprivate var prefix: String {
    switch self {
    case .source, .actor: "connector"
    case .transform: "transform"
    case .logger: "logger"
    }
  }
}
