import Engine
import ProjectConfiguration
import Testing

/// Test files beside the configuration, and what is wrong with them.
@Suite struct TestFileTests {
  private static let project =
    header + """
      sources: [{ id: hook, connector: webhook }, { id: clock, connector: cron, config: { schedules: [{ name: a, cron: "* * * * *" }] } }]
      actors: [{ id: chat, connector: webhook, config: { url: "http://chat.example/${A:-a}${B:-b}${PLACE:-p}" } }]
      transforms: [{ name: tidy, type: filter, config: { match: { type: x } } }]
      routes:
        - name: all
          when: { source: hook }
          transforms: [tidy]
          then: { actor: chat }
        - name: hourly
          when: { source: clock }
          then: { actor: chat }

      """

  private func read(
    _ text: String, files: [String: String] = [:]
  ) throws -> (file: TestFile, project: TestProject) {
    var all = files
    all["orgloop.yaml"] = all["orgloop.yaml"] ?? Self.project
    all["tests/t.yaml"] = text
    let project = try TestProject(all)
    let loader = ConfigurationLoader(
      catalog: .test, environment: [:], home: project.home, workingDirectory: project.root)
    let loaded = loader.load()
    #expect(loaded.lines == [])
    #expect(loader.testFiles(of: loaded).contains(project.path("tests/t.yaml")))
    return (loader.readTests("tests/t.yaml", of: loaded), project)
  }

  private func lines(_ text: String) throws -> [String] {
    try read(text).file.diagnostics.map(\.description)
  }

  @Test func `a case is an event of which much is filled in, and what is expected of it`() throws {
    let (file, _) = try read(
      """
      apiVersion: orgloop/v1alpha1
      kind: Tests
      variables: { A: 1, B: x }
      mocks: { tidy: pass }
      tests:
        - name: first
          variables: { B: y }
          params: { default: { p: true } }
          event: { source: hook, payload: { n: 1 }, metadata: { k: v } }
          expect:
            routes:
              - all: { transformed: { payload.n: { numeric: [">", 0] } }, order_key: 7 }
        - name: second
          event: { source: clock, type: message.received, timestamp: 2026-01-02T03:04:05Z }
          mocks: { tidy: { drop: because } }
          expect: { no_match: true }
      """)
    #expect(file.diagnostics.map(\.description) == [])
    #expect(file.path == "tests/t.yaml")
    #expect(file.cases.map(\.name) == ["first", "second"])
    let first = try #require(file.cases.first)
    #expect(first.setting.variables == ["A": "1", "B": "y"])
    #expect(first.setting.parameters["default"]?["p"]?.text == "true")
    #expect(first.mocks == ["tidy": .pass])
    #expect(file.cases.last?.mocks == ["tidy": .drop(reason: "because")])
    #expect(
      JSONValue.object(try #require(first.steps.first?.event)) == [
        "source": "hook", "payload": ["n": 1], "metadata": ["k": "v"],
        "type": "resource.changed", "provenance": ["platform": "webhook"],
      ])
    #expect(file.cases.last?.steps.first?.event["provenance"] == ["platform": "cron"])
    let expectation = try #require(first.steps.first?.expectation)
    #expect(expectation.isExact)
    #expect(expectation.routes.first?.name == RouteAddress(module: "default", name: "all"))
    #expect(expectation.routes.first?.transformed.first?.origin.line == 12)
    #expect(expectation.routes.first?.orderKey?.condition == .equals("7"))
    #expect(file.cases.last?.steps.first?.expectation?.routes.isEmpty == true)
  }

  @Test func `an event may stand in a file, with more on top of it`() throws {
    let files = [
      "tests/knock.json":
        #"{"source": "hook", "type": "actor.stopped", "provenance": {"platform": "p", "author": "a"}, "payload": {"a": {"b": 1, "c": [1]}}}"#,
      "events/other.json": #"{"source": "hook"}"#,
    ]
    let (file, _) = try read(
      """
      tests:
        - name: as it is
          event: knock.json
          expect: { routes: [all] }
        - name: with more
          event: { file: knock.json, provenance: { author: z }, payload: { a: { c: [2] } } }
          expect: { routes: [all] }
        - name: below the root
          event: events/other.json
          expect: { routes: [all] }
      """, files: files)
    #expect(file.diagnostics.map(\.description) == [])
    let events = file.cases.compactMap { $0.steps.first.map { JSONValue.object($0.event) } }
    #expect(events[0]["payload"] == ["a": ["b": 1, "c": [1]]])
    #expect(events[1]["payload"] == ["a": ["b": 1, "c": [2]]])
    #expect(events[1]["provenance"] == ["platform": "p", "author": "z"])
    #expect(events[2]["provenance"] == ["platform": "webhook"])
  }

  @Test func `of several events each may have its expectation, or the last`() throws {
    let (file, _) = try read(
      """
      tests:
        - name: each
          events: [{ source: hook }, { source: hook }, { source: clock }]
          expect: [{ routes: [all] }, null, { no_match: true }]
        - name: last
          events: [{ source: hook }, { source: clock }]
          expect: { routes: { hourly: { matched: true }, all: { matched: false } } }
      """)
    #expect(file.diagnostics.map(\.description) == [])
    #expect(file.cases[0].steps.map { $0.expectation != nil } == [true, false, true])
    #expect(file.cases[1].steps.map { $0.expectation != nil } == [false, true])
    #expect(file.cases[1].steps.last?.expectation?.isExact == false)
  }

  @Test(arguments: [
    ("", ["1:1: error[test.value] the file: must be a map, not null"]),
    (
      "a: [",
      ["2:1: error[yaml.syntax] did not find expected node content (while parsing a flow node)"]
    ),
    ("{}", ["1:1: error[test.missing] the file has no \"tests\""]),
    (
      "kind: Project\ntests: []",
      ["1:7: error[file.kind] kind \"Project\" does not belong here; expected Tests"]
    ),
    (
      "apiVersion: v2\ntests: []",
      ["1:13: error[file.api-version] apiVersion \"v2\" is not known; this is orgloop/v1alpha1"]
    ),
    (
      "test: []\ntests: 5",
      [
        "1:1: error[test.key] the file: unknown key \"test\"; did you mean \"tests\"?",
        "2:8: error[test.value] tests: must be a list, not a number",
      ]
    ),
    ("tests: [x]", ["1:9: error[test.value] a test: must be a map, not a string"]),
    (
      "tests:\n  - event: { source: hook }\n    expect: { no_match: true }",
      ["2:5: error[test.missing] a test: \"name\" is missing"]
    ),
    (
      "tests:\n  - name: a",
      [
        "2:5: error[test.missing] test: \"event\" is missing",
        "2:5: error[test.missing] test: \"expect\" is missing",
      ]
    ),
    (
      "tests:\n  - { name: a, event: hook.json, events: [], expects: {}, expect: { no_match: true } }",
      [
        "2:42: error[test.value] events: \"event\" is there already; give one of them",
        "2:46: error[test.key] test: unknown key \"expects\"; did you mean \"expect\"?",
      ]
    ),
    (
      "mocks: { tidi: pass, tidy: { dro: x } }\nmodule: defalt\ntests: []",
      [
        "1:10: error[test.transform] no route uses a transform \"tidi\"; did you mean \"tidy\"?",
        "1:30: error[test.key] mocks.tidy: takes \"pass\", {drop: reason}, {error: text} or {event: {…}}; did you mean \"drop\"?",
        "2:9: error[test.module] no module \"defalt\"; did you mean \"default\"?",
      ]
    ),
    (
      "variables: { PLACES: x }\nparams: { default: { a: \"${C}\" } }\ntests:\n- name: a\n"
        + "  variables: { C: 1, D_: 2 }\n  event: { source: hook }\n  expect: { no_match: true }",
      [
        "1:14: error[test.unknown-variable] variables: nothing in the project refers to \"PLACES\"; did you mean \"PLACE\"?",
        "5:22: error[test.unknown-variable] variables: nothing in the project refers to \"D_\"",
      ]
    ),
    (
      "params: { ops: {} }\nvariables: { A: [1] }\ntests: []",
      [
        "2:17: error[test.value] variables.A: must be text, not a list"
      ]
    ),
  ])
  func `what is wrong with a file is told with its place`(text: String, expected: [String]) throws {
    #expect(try lines(text) == expected.map { "tests/t.yaml:" + $0 })
  }

  @Test(arguments: [
    ("{ source: hok }", ["20: error[test.source] no source \"hok\"; did you mean \"hook\"?"]),
    ("{}", ["10: error[test.missing] event: \"source\" is missing: hook, clock"]),
    ("{ source: 5 }", ["20: error[test.value] event.source: must be a string"]),
    (
      "{ source: hook, type: resource.change }",
      [
        "32: error[test.value] event.type: \"resource.change\" is none of resource.changed, actor.stopped, message.received; did you mean \"resource.changed\"?"
      ]
    ),
    (
      "{ source: hook, provenance: [] }",
      ["38: error[test.value] event.provenance: must be a map, not a list"]
    ),
    (
      "{ source: hook, timestamp: soon }",
      ["37: error[test.value] event.timestamp: must be an ISO 8601 time"]
    ),
    (
      "{ source: hook, payloud: {} }",
      ["26: error[test.key] event: unknown key \"payloud\"; did you mean \"payload\"?"]
    ),
    ("{ source: hook, module: x }", ["34: error[test.module] no module \"x\""]),
    ("none.json", ["10: error[test.file] there is no file none.json"]),
    (
      "t.yaml",
      ["10: error[test.file] t.yaml is not valid JSON: expected true at byte 0"]
    ),
    ("[]", ["10: error[test.value] event: must be a map, not a list"]),
  ])
  func `what is wrong with an event is told with its place`(
    event: String, expected: [String]
  ) throws {
    let text = "tests:\n- name: a\n  event: \(event)\n  expect: { no_match: true }"
    #expect(try lines(text) == expected.map { "tests/t.yaml:3:" + $0 })
  }

  @Test(arguments: [
    (
      "[]",
      [
        "11: error[test.value] expect: a list has an entry for each event: 1, not 0; null expects nothing"
      ]
    ),
    ("[null]", ["11: error[test.value] expect: nothing is expected of any event"]),
    (
      "{ routes: {} }",
      [
        "21: error[test.value] routes: an empty map expects nothing; [] is that no route matches"
      ]
    ),
    (
      "{ routes: { all: { transformed: {}, config: {}, prompt: [] } } }",
      [
        "43: error[test.value] all: transformed: an empty map expects nothing",
        "55: error[test.value] all: config: an empty map expects nothing",
        "67: error[test.value] all: prompt: an empty list expects nothing",
      ]
    ),
    (
      "{ routes: { all: { dropped: {} } } }",
      ["39: error[test.value] all: dropped: an empty map expects nothing"]
    ),
    (
      "{ routes: { all: { dropped: true, config: { a: 1 }, inbox: false } } }",
      [
        "45: error[test.value] all: config: nothing is left of an event that is dropped",
        "63: error[test.value] all: inbox: nothing is left of an event that is dropped",
      ]
    ),
    ("{}", ["11: error[test.missing] expect: \"routes\" or \"no_match\" is missing"]),
    ("{ no_match: false }", ["23: error[test.value] no_match: is true or is left out"]),
    (
      "{ routes: [], no_match: true }",
      ["35: error[test.value] no_match: \"routes\" is there already; give one of them"]
    ),
    ("{ routes: all }", ["21: error[test.value] routes: must be a list or a map, not a string"]),
    ("{ routes: [al] }", ["22: error[test.route] no route \"al\"; did you mean \"all\"?"]),
    ("{ routes: [all, all] }", ["27: error[test.route] route \"all\" is named twice"]),
    ("{ routes: [5] }", ["22: error[test.value] routes: an entry is a name or {name: {…}}"]),
    (
      "{ routes: [all: { matched: false }] }",
      [
        "22: error[test.value] all: a list names the routes that match; \"matched: false\" belongs in a map"
      ]
    ),
    (
      "{ routes: { all: { matched: false, config: { a: 1 } } } }",
      ["39: error[test.value] all: nothing more can be said of a route that does not match"]
    ),
    (
      "{ routes: { all: { transformd: {} } } }",
      ["30: error[test.key] all: unknown key \"transformd\"; did you mean \"transformed\"?"]
    ),
    (
      "{ routes: { all: { transformed: { a..b: 1, c: { prefx: x } } } } }",
      [
        "45: error[test.condition] all: transformed a..b: not a path: segments between dots must not be empty",
        "59: error[test.condition] all: transformed c: unknown operator \"prefx\"; did you mean \"prefix\"?",
      ]
    ),
    (
      "{ routes: { all: { dropped: { by: tdy, resaon: x } } } }",
      [
        "45: error[test.transform] all: dropped: the route has no transform \"tdy\"; did you mean \"tidy\"?",
        "50: error[test.key] all: dropped: unknown key \"resaon\"; did you mean \"reason\"?",
      ]
    ),
    (
      "{ routes: { all: { dropped: yes, prompt: 5 } } }",
      [
        "39: error[test.value] all: dropped: must be a map, not a string",
        "44: error[test.value] all: prompt: nothing is left of an event that is dropped",
        "52: error[test.value] all: prompt: must be a string, not a number; write \"5\" in quotes",
      ]
    ),
  ])
  func `what is wrong with an expectation is told with its place`(
    expect: String, expected: [String]
  ) throws {
    let text = "tests:\n- name: a\n  event: { source: hook }\n  expect: \(expect)"
    #expect(try lines(text) == expected.map { "tests/t.yaml:4:" + $0 })
  }

  @Test func `names are unique in a file, and one bad case leaves the others`() throws {
    let (file, _) = try read(
      """
      tests:
        - { name: a, event: { source: hook }, expect: { routes: [all] } }
        - { name: a, event: { source: hook }, expect: { routes: [all] } }
        - { name: b, event: { source: hook }, expect: { routes: [all] } }
      """)
    #expect(
      file.diagnostics.map(\.description) == [
        "tests/t.yaml:3:13: error[test.name] test \"a\" is already at tests/t.yaml:2:13"
      ])
    #expect(file.cases.map(\.name) == ["a", "b"])
    #expect(file.hasErrors)
  }

  @Test func `tests beside a module are found, and mean its own sources first`() throws {
    let module = """
      apiVersion: orgloop/v1alpha1
      kind: Module
      metadata: { name: m }
      sources: [{ id: hook, connector: webhook }]
      actors: [{ id: chat, connector: webhook, config: { url: "http://chat.example" } }]
      routes: [{ name: all, when: { source: hook }, then: { actor: chat } }]
      """
    let project = try TestProject([
      "orgloop.yaml": Self.project + "\nmodules: [./m]\n", "m/orgloop-module.yaml": module,
      "m/tests/b.yml": """
      tests:
        - { name: own, event: { source: hook }, expect: { routes: ["m:all"] } }
        - { name: other, event: { source: clock }, expect: { routes: [hourly] } }
        - { name: unclear, event: { source: hook }, expect: { routes: [all] } }
      """, "tests/a.yaml": "tests: []", "tests/notes.md": "", "tests/.hidden.yaml": "",
    ])
    let loader = ConfigurationLoader(
      catalog: .test, environment: [:], home: project.home, workingDirectory: project.root)
    let loaded = loader.load()
    #expect(loaded.lines == [])
    let files = loader.testFiles(of: loaded)
    #expect(files == [project.path("tests/a.yaml"), project.path("m/tests/b.yml")])
    let file = loader.readTests(files[1], of: loaded)
    #expect(file.path == "m/tests/b.yml")
    #expect(file.cases.map { $0.steps.first?.module } == ["m", nil])
    #expect(
      file.diagnostics.map(\.description) == [
        "m/tests/b.yml:4:66: error[test.route] several modules have a route \"all\"; write "
          + "\"default:all\" or \"m:all\""
      ])
  }

  @Test func `params of a test lie over those of the manifest`() throws {
    let module = """
      apiVersion: orgloop/v1alpha1
      kind: Module
      metadata: { name: m }
      params: { branch: { default: main } }
      sources: [{ id: hook, connector: webhook }]
      actors: [{ id: chat, connector: webhook, config: { url: "http://chat.example" } }]
      routes:
        - name: r
          when: { source: hook, filter: { payload.branch: "{{ params.branch }}" } }
          then: { actor: chat }
      """
    let project = try TestProject([
      "orgloop.yaml": "modules: [{ package: ./m, params: { branch: next } }]",
      "m/orgloop-module.yaml": module,
    ])
    func branch(_ given: [String: String]) -> String? {
      var options = LoadOptions()
      options.parameters = [
        "m": given.mapValues { .init($0, at: Origin(file: "t.yaml", line: 1, column: 1)) }
      ]
      let loaded = project.load(options: options)
      return loaded.module("m")?.routes.first?.filter.entries.first?.condition.description
    }
    #expect(branch([:]) == "\"next\"")
    #expect(branch(["branch": "wip"]) == "\"wip\"")
    #expect(branch(["brnch": "wip"]) == nil)
  }
}
