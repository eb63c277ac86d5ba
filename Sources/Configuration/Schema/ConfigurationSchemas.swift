package import Engine

/// The JSON Schemas (draft 2020-12) of all kinds of files, made of the tables that the loader reads
/// by.
package struct ConfigurationSchemas: Sendable {
  /// By file name, such as `project.schema.json`; `orgloop.schema.json`, which decides by `kind`,
  /// comes last.
  package let files: [(name: String, schema: JSONValue)]

  package init(catalog: ConnectorCatalog) {
    files =
      ConfigurationSchemas.tables.map { kind, table in
        (ConfigurationSchemas.file(of: table), ConfigurationSchemas.document(kind, table, catalog))
      } + [("orgloop.schema.json", ConfigurationSchemas.document(ofAll: catalog))]
  }

  /// What stands at the top of a file, by its `kind`.
  private static let tables =
    FileKind.allCases.map { ($0.rawValue, $0.table) } + [(Tables.testsKind, Tables.testFile)]

  private static func file(of table: ConfigTable) -> String {
    table.name.replacing("_", with: "-") + ".schema.json"
  }

  /// The words for ``schema(of:)``: the value of `kind`, and `orgloop` for all of them.
  package static let kinds = tables.map(\.0) + ["orgloop"]

  /// The schema of a kind, or of all kinds together; nil for an unknown word.
  package func schema(of kind: String) -> JSONValue? {
    let table = ConfigurationSchemas.tables.first { $0.0 == kind }?.1
    let name = table.map(ConfigurationSchemas.file) ?? kind + ".schema.json"
    return files.first { $0.name == name }?.schema
  }

  /// As it stands in `schemas/`: two blanks of indent and a line feed at the end.
  package static func text(of schema: JSONValue) -> [UInt8] {
    var writer = JSONWriter(indent: 2)
    writer.append(schema)
    return writer.bytes + [0x0A]
  }

  // MARK: Documents

  private static func head(_ name: String, _ title: String) -> JSONObject {
    [
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "$id": .string("urn:orgloop:schema:v1alpha1:\(name)"),
      "title": .string(title),
      "$comment": "Written by: orgloop schema",
    ]
  }

  private static func document(
    _ kind: String, _ table: ConfigTable, _ catalog: ConnectorCatalog
  ) -> JSONValue {
    var builder = SchemaBuilder(catalog)
    var schema = head(table.name.replacing("_", with: "-"), "orgloop \(kind)")
    for member in builder.object(table).members { schema[member.key] = member.value }
    // A file of comments alone is nothing wrong.
    schema["type"] = ["object", "null"]
    schema["$defs"] = sorted(builder.definitions)
    return .object(schema)
  }

  private static func document(ofAll catalog: ConnectorCatalog) -> JSONValue {
    var builder = SchemaBuilder(catalog)
    var schema = head("orgloop", "orgloop configuration")
    schema["description"] = "Any file of an orgloop configuration; its kind decides."
    schema["type"] = ["object", "null"]
    schema["properties"] = [
      "kind": ["enum": .array(tables.map { .string($0.0) })]
    ]
    var conditions: [JSONValue] = []
    for (kind, table) in tables {
      conditions.append([
        // A file without content is no object, of which "required" would not say anything.
        "if": [
          "type": "object", "required": ["kind"],
          "properties": ["kind": ["const": .string(kind)]],
        ],
        "then": .object(builder.reference(table)),
      ])
    }
    // Without a kind the loader takes a file for a module when it has parameters.
    conditions.append([
      "if": ["type": "object", "not": ["required": ["kind"]]],
      "then": [
        "if": ["required": ["params"]],
        "then": .object(builder.reference(FileKind.module.table)),
        "else": .object(builder.reference(FileKind.project.table)),
      ],
    ])
    schema["allOf"] = .array(conditions)
    schema["$defs"] = sorted(builder.definitions)
    return .object(schema)
  }

  private static func sorted(_ definitions: [String: JSONValue]) -> JSONValue {
    .object(
      JSONObject(
        definitions.sorted { $0.key < $1.key }
          .map { JSONObject.Member(key: $0.key, value: $0.value) }))
  }
}
