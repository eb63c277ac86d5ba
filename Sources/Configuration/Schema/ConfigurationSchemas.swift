package import Engine

/// The JSON Schemas (draft 2020-12) of all kinds of files, made of the tables that the loader reads
/// by.
package struct ConfigurationSchemas: Sendable {
  /// By file name, such as `project.schema.json`; `orgloop.schema.json`, which decides by `kind`,
  /// comes last.
  package let files: [(name: String, schema: JSONValue)]

  package init(catalog: ConnectorCatalog) {
    files =
      FileKind.allCases.map {
        ($0.schemaName + ".schema.json", ConfigurationSchemas.document(of: $0, catalog))
      } + [("orgloop.schema.json", ConfigurationSchemas.document(ofAll: catalog))]
  }

  /// The words for ``schema(of:)``: the value of `kind`, and `orgloop` for all of them.
  package static let kinds = FileKind.allCases.map(\.rawValue) + ["orgloop"]

  /// The schema of a kind, or of all kinds together; nil for an unknown word.
  package func schema(of kind: String) -> JSONValue? {
    let name = FileKind(rawValue: kind)?.schemaName ?? (kind == "orgloop" ? kind : nil)
    return files.first { $0.name == name.map { $0 + ".schema.json" } }?.schema
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

  private static func document(of kind: FileKind, _ catalog: ConnectorCatalog) -> JSONValue {
    var builder = SchemaBuilder(catalog)
    var schema = head(kind.schemaName, "orgloop \(kind.rawValue)")
    for member in builder.object(kind.table).members { schema[member.key] = member.value }
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
      "kind": ["enum": .array(FileKind.allCases.map { .string($0.rawValue) })]
    ]
    var conditions: [JSONValue] = []
    for kind in FileKind.allCases {
      conditions.append([
        // A file without content is no object, of which "required" would not say anything.
        "if": [
          "type": "object", "required": ["kind"],
          "properties": ["kind": ["const": .string(kind.rawValue)]],
        ],
        "then": .object(builder.reference(kind.table)),
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

extension FileKind {
  /// `connector-group`.
  var schemaName: String { table.name.replacing("_", with: "-") }
}
