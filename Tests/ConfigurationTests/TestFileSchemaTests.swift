import Engine
import ProjectConfiguration
import Testing

/// The schema of test files takes what their reader takes.
struct TestFileSchemaTests {
  /// Every key of every table.
  private static let whole: JSONValue = [
    "apiVersion": "orgloop/v1alpha1", "kind": "Tests", "metadata": ["name": "all"],
    "variables": ["NAME": "x", "NUMBER": 5], "params": ["default": ["p": 1]],
    "mocks": ["f": "pass"], "module": "default",
    "tests": [
      [
        "name": "one", "description": "d", "mocks": ["f": ["drop": nil]],
        "event": [
          "id": "evt_1", "timestamp": "2026-03-04T05:06:07Z", "source": "hook",
          "type": "resource.changed", "provenance": ["author": "a"], "payload": ["n": 1],
          "trace_id": "trc_1", "module": "default", "own": true,
        ],
        "expect": ["routes": ["r": ["dropped": ["by": "f", "reason": ["prefix": "mock"]]]]],
      ],
      [
        "name": "two", "mocks": ["f": ["event": ["payload.n": 2]]],
        "events": [["source": "hook"], ["source": "hook"]],
        "expect": [
          nil,
          [
            "routes": [
              [
                "r": [
                  "matched": true, "transformed": ["payload.n": 2],
                  "config": ["k": ["exists": true]],
                  "prompt": ["a", "b"], "order_key": nil, "inbox": false,
                ]
              ]
            ]
          ],
        ],
      ],
      [
        "name": "three", "mocks": ["f": ["error": "text"]], "event": ["source": "hook"],
        "expect": ["routes": ["r": ["error": true]]],
      ],
      ["name": "four", "event": ["source": "hook"], "expect": ["no_match": true]],
      ["name": "five", "event": ["source": "hook"], "expect": ["routes": ["r"]]],
      ["name": "six", "event": ["source": "hook"], "expect": ["routes": ["r": nil]]],
    ],
  ]

  private func isRead(_ document: JSONValue) throws -> Bool {
    let project = try TestProject([
      "orgloop.yaml": header + """
        sources: [{ id: hook, connector: webhook }]
        actors: [{ id: chat, connector: openclaw }]
        transforms: [{ name: f, type: filter, config: {} }]
        routes: [{ name: r, when: { source: hook }, transforms: [f], then: { actor: chat } }]

        """
    ])
    try project.write("tests/a.yaml", ConfigurationSchemas.text(of: document))
    let loaded = project.load()
    let loader = ConfigurationLoader(
      catalog: .test, environment: [:], home: project.home, workingDirectory: project.root)
    // What a schema cannot know: names of the project, and what belongs together.
    let unknown: Set = ["test.unknown-variable", "test.module", "test.file"]
    return loader.readTests(project.root + "/tests/a.yaml", of: loaded).diagnostics
      .filter { !unknown.contains($0.code) } == []
  }

  private func accepts(_ document: JSONValue) throws -> Bool {
    let schemas = ConfigurationSchemas(catalog: .test)
    let isRight = SchemaValidator(try #require(schemas.schema(of: "Tests"))).accepts(document)
    let general = try #require(schemas.schema(of: "orgloop"))
    #expect(SchemaValidator(general).accepts(document) == isRight)
    return isRight
  }

  @Test func `a file with every key is right to both`() throws {
    #expect(try accepts(Self.whole))
    #expect(try isRead(Self.whole))
  }

  @Test(
    arguments: [
      (["tests"], nil), (["tests"], 5), (["tests", "0", "name"], nil), (["tests", "0", "name"], 5),
      (["tests", "0", "evnt"], ["source": "hook"]), (["tests", "0", "event"], 5),
      (["tests", "0", "event", "type"], "changed"), (["tests", "0", "event", "provenance"], "x"),
      (["tests", "0", "expect"], nil), (["tests", "0", "expect"], "r"),
      (["tests", "0", "expect", "routs"], ["r"]), (["tests", "0", "expect", "routes"], 5),
      (["tests", "0", "expect", "routes", "r", "dropt"], true),
      (["tests", "0", "expect", "routes", "r", "dropped", "why"], "x"),
      (["tests", "1", "expect", "1", "routes", "0", "r", "inbox"], "maybe"),
      (["tests", "1", "expect", "1", "routes", "0", "r", "prompt"], 5),
      (["tests", "1", "expect", "1", "routes", "0", "r", "config"], "x"), (["mocks", "f"], "drop"),
      (["mocks"], []), (["variables"], "x"), (["kind"], "Test"), (["apiVersion"], "orgloop/v2"),
      (["module"], 5), (["wrong"], 5),
    ] as [([String], JSONValue)])
  func `what one refuses the other refuses too`(_ path: [String], _ value: JSONValue) throws {
    let document = Self.whole.setting(value, at: path)
    #expect(try !accepts(document))
    #expect(try !isRead(document))
  }
}
