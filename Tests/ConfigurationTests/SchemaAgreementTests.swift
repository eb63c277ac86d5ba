import Engine
import ProjectConfiguration
import Testing

/// The loader and the JSON Schemas are made of the same tables; here they are asked the same
/// questions.
struct SchemaAgreementTests {
  /// Files in which every table has a place, and how each is loaded.
  static let files: [(kind: String, name: String, document: JSONValue)] = [
    ("Project", "orgloop.yaml", project), ("Module", "m/orgloop-module.yaml", module),
    (
      "ConnectorGroup", "connectors.yaml",
      [
        "kind": "ConnectorGroup", "metadata": [:],
        "sources": [["id": "in", "connector": "webhook"]],
        "actors": [["id": "out", "connector": "openclaw"]],
      ]
    ),
    (
      "RouteGroup", "routes/r.yaml",
      [
        "kind": "RouteGroup", "metadata": [:],
        "routes": [["name": "x", "when": ["source": "hook"], "then": ["actor": "chat"]]],
      ]
    ),
    (
      "TransformGroup", "transforms.yaml",
      [
        "kind": "TransformGroup", "metadata": [:],
        "transforms": [["name": "t", "type": "filter"]],
      ]
    ),
    (
      "LoggerGroup", "loggers.yaml",
      ["kind": "LoggerGroup", "metadata": [:], "loggers": [["name": "l", "type": "console"]]]
    ),
  ]

  static let delivery: JSONValue = ["retry": [:], "circuit_breaker": [:]]

  static let project: JSONValue = [
    "apiVersion": "orgloop/v1alpha1", "kind": "Project", "metadata": ["name": "ops"],
    "defaults": ["checkpoint": [:], "delivery": delivery],
    "connectors": [["metadata": [:], "sources": [["id": "s", "connector": "webhook"]]]],
    "sources": [
      ["id": "hook", "connector": "webhook", "poll": [:], "config": [:]],
      [
        "id": "hub", "connector": "github",
        "config": ["repo": "a/b", "token": "${TOKEN}", "events": ["issue_comment"]],
      ],
    ],
    "actors": [
      [
        "id": "chat", "connector": "webhook", "config": ["url": "http://chat.example"],
        "delivery": delivery,
      ],
      ["id": "run", "connector": "exec", "config": ["command": ["run.sh"]]],
    ],
    "transforms": [["name": "f", "type": "filter", "config": [:]]],
    "loggers": [["name": "c", "type": "console", "config": [:]]],
    "routes": [
      [
        "name": "r", "when": ["source": "hook", "filter": [:]], "transforms": [["ref": "f"]],
        "then": ["actor": "chat", "config": [:]], "delivery": delivery, "with": [:],
      ],
      [
        "name": "batch", "when": ["source": "hub"],
        "then": [
          "actor": "run", "config": ["inbox": true, "session_key": "k"], "delivery": delivery,
        ],
      ],
    ],
    "runtime": ["http": [:], "control": [:], "metrics": [:], "loop": [:], "audit": [:]],
    "modules": [["package": "./m"]],
  ]

  static let module: JSONValue = [
    "apiVersion": "orgloop/v1alpha1", "kind": "Module", "metadata": ["name": "m"],
    "params": ["p": ["type": "string"]],
    "sources": [["id": "own", "connector": "webhook"]],
  ]

  /// One of each form that a value can have, and of what is nearly one.
  static let values: [JSONValue] = [
    .null, true, false, 0, 1, 5, -1, 70_000, 20_000_000, 1.5, 0.5, "", "x", "a b", " a", "a.b",
    "a..b", "é", "yes", "full", "5", "30s", "1h30m", "1s1h", "500ms", "0s", "1 s", "1000ms",
    "1MB", "1.5 kib", "10XB", "10/m", "0/s", "0.5/h", "100/h", "100/y", "http://a.example/x",
    "ftp://a.example", "http://u@a.example", "resource.changed", "drop_oldest", "exponential",
    "webhook", "@orgloop/connector-exec", "console", "filter", "script", "package", "file",
    "debug", "halt", "sqlite", "orgloop", "a-longer-text-of-30-characters", [], ["x"], [5], [:],
    [["x"]], ["a": "x"], ["a": 5], ["a..b": 1], ["a": ["prefix": "x"]], ["a": ["nonsense": 1]],
    ["a": []], ["$or": [["a": 1]]], ["$or": []], ["resource.changed"], [.null],
    ["a": ["numeric": [">", 0]]], ["a": ["anything-but": ["x", 5]]], ["a": ["exists": "x"]],
  ]

  /// What says that a value has the wrong form; a right form may still name nothing.
  static let formCodes: Set = [
    "key.type", "key.unknown-value", "key.missing", "id.invalid", "id.reserved",
    "connector.config", "connector.unknown", "connector.role", "file.kind", "file.api-version",
  ]

  static let schemas = ConfigurationSchemas(catalog: .test)

  /// Whether the loader minds the form of a document, and where.
  private func complaints(
    _ document: JSONValue, _ name: String, in project: TestProject
  ) throws -> [Diagnostic] {
    try project.write(name, ConfigurationSchemas.text(of: document))
    return load(project).filter {
      $0.file == name
        && ($0.code == "key.unknown" || $0.level == .error && Self.formCodes.contains($0.code))
    }
  }

  private func load(_ project: TestProject) -> [Diagnostic] {
    project.load(environment: ["TOKEN": "tok-en", "PATH": project.root]).diagnostics
  }

  private func place() throws -> TestProject {
    var boot = Self.project.object ?? [:]
    for key in ["transforms", "loggers", "connectors"] {
      boot[key] = .array((boot[key]?.array ?? []) + [.string(key + ".yaml")])
    }
    let project = try TestProject(["run.sh": "#!/bin/sh\n"])
    for (_, name, document) in Self.files {
      try project.write(name, ConfigurationSchemas.text(of: document))
    }
    try project.write("orgloop.yaml", ConfigurationSchemas.text(of: .object(boot)))
    return project
  }

  @Test func `the files in which every table has a place are right to both`() throws {
    let project = try place()
    #expect(load(project).filter { !$0.code.hasPrefix("graph.") } == [])
    for (kind, _, document) in Self.files {
      let schema = try #require(Self.schemas.schema(of: kind))
      #expect(SchemaValidator(schema).accepts(document), "\(kind)")
    }
    let visited = Set(
      Self.files.flatMap { Self.places(of: $0.kind, $0.document).map(\.table.name) })
    let all = Set(Tables.all.map(\.name).filter { !$0.hasPrefix("patch_") })
    #expect(all.subtracting(visited) == ["workspace"])
  }

  @Test func `the validator of these tests knows every keyword of the schemas`() {
    for (name, schema) in Self.schemas.files {
      #expect(
        SchemaValidator.keywords(in: schema).subtracting(SchemaValidator.known) == [], "\(name)")
    }
  }

  @Test(arguments: files.map(\.kind))
  func `the loader and the schema take the same values for every key of every table`(
    _ kind: String
  ) throws {
    let file = try #require(Self.files.first { $0.kind == kind })
    let validator = SchemaValidator(try #require(Self.schemas.schema(of: kind)))
    let project = try place()
    // What stands in several kinds of files is read by the same code in all of them.
    let known = kind == "Project" ? [] : Self.places(of: "Project", Self.project).map(\.table.name)
    for place in Self.places(of: kind, file.document) where !known.contains(place.table.name) {
      let base = file.document.keeping(place.path.first)
      for field in place.table.fields where !Self.isException(field, place) {
        let path = place.path + [field.name]
        for value in Self.sample(of: field, in: place) {
          let document = base.setting(value, at: path)
          let found = try complaints(document, file.name, in: project)
          let isRight = validator.accepts(document)
          #expect(
            found.isEmpty == isRight,
            "\(kind) \(path.joined(separator: ".")) = \(JSONText(value)): \(found)")
          guard let first = found.first else { continue }
          let start = Self.position(of: path, in: base)
          #expect(
            found.contains { ($0.line, $0.column) >= start } || first.code == "key.missing"
              || first.code == "connector.config",
            "\(path.joined(separator: ".")) = \(JSONText(value)) stands at \(start): \(found)")
        }
      }
    }
  }

  @Test(arguments: files.map(\.kind))
  func `a key that is in no table is unknown to the loader and to the schema`(
    _ kind: String
  ) throws {
    let file = try #require(Self.files.first { $0.kind == kind })
    let validator = SchemaValidator(try #require(Self.schemas.schema(of: kind)))
    let project = try place()
    for place in Self.places(of: kind, file.document) {
      let document = file.document.keeping(place.path.first)
        .setting(1, at: place.path + ["xyzzy"])
      try project.write(file.name, ConfigurationSchemas.text(of: document))
      let found = load(project).filter { $0.code == "key.unknown" && $0.message.contains("xyzzy") }
      #expect(found.isEmpty == place.table.isOpen, "\(place.path)")
      #expect(validator.accepts(document) == place.table.isOpen, "\(place.path)")
    }
  }

  @Test func `a file without content is right to every schema`() {
    for (name, schema) in Self.schemas.files {
      #expect(SchemaValidator(schema).accepts(.null), "\(name)")
    }
  }

  @Test func `a variable may stand wherever a scalar may`() throws {
    let validator = SchemaValidator(try #require(Self.schemas.schema(of: "Project")))
    let places = Self.places(of: "Project", Self.project)
    for place in places {
      for field in place.table.fields where Self.isScalar(field.type) {
        for text in ["${NAME}", "${NAME:-5}", "{{ params.x }}", "a ${B} c"] {
          var document = Self.project.setting(.string(text), at: place.path + [field.name])
          // The other way of naming a module; both at once are wrong.
          if field.name == "path", place.table.name == "module_entry" {
            document = document.setting(nil, at: place.path + ["package"])
          }
          #expect(validator.accepts(document), "\(place.path) \(field.name)")
        }
      }
    }
  }
}
