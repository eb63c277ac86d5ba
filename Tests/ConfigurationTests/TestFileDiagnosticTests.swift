import Engine
import ProjectConfiguration
import Testing

/// What is said of the files in `tests/`.
struct TestFileDiagnosticTests {
  /// Each is a case of a test file.
  @Test(arguments: [
    (
      "event: none.json\n    expect: { no_match: true }",
      "3:12: error[test.file] there is no file none.json"
    ),
    (
      "evnt: 1\n    event: { source: hook }\n    expect: { no_match: true }",
      #"3:5: error[test.key] test: unknown key "evnt"; did you mean "event"?"#
    ),
    ("expect: { no_match: true }", #"2:5: error[test.missing] test: "event" is missing"#),
    (
      "event: 5\n    expect: { no_match: true }",
      "3:12: error[test.value] event: must be a map, not a number"
    ),
    (
      "event: { source: hok }\n    expect: { no_match: true }",
      #"3:22: error[test.source] no source "hok"; did you mean "hook"?"#
    ),
    (
      "module: nothing\n    event: { source: hook }\n    expect: { no_match: true }",
      #"3:13: error[test.module] no module "nothing""#
    ),
    (
      "event: { source: hook }\n    expect: { routes: [al] }",
      #"4:24: error[test.route] no route "al"; did you mean "all"?"#
    ),
    (
      "event: { source: hook }\n    expect: { routes: [all, all] }",
      #"4:29: error[test.route] route "all" is named twice"#
    ),
    (
      "event: { source: hook }\n    expect: { no_match: true }\n    mocks: { none: pass }",
      #"5:14: error[test.transform] no route uses a transform "none""#
    ),
    (
      "event: { source: hook }\n    expect: { routes: [{ all: { transformed: { a..b: 1 } } }] }",
      "4:48: error[test.condition] all: transformed a..b: not a path: segments between dots must not be "
        + "empty"
    ),
    (
      "event: { source: hook }\n    expect: { no_match: true }\n"
        + "  - name: one\n    event: { source: hook }\n    expect: { no_match: true }",
      #"5:11: error[test.name] test "one" is already at tests/a.yaml:2:11"#
    ),
  ])
  func `a test with one fault`(_ text: String, _ line: String) throws {
    let project = try TestProject([
      "orgloop.yaml": routed(),
      "tests/a.yaml": "tests:\n  - name: one\n    \(text)\n",
    ])
    let loaded = project.load()
    let loader = ConfigurationLoader(
      catalog: .test, environment: [:], home: project.home, workingDirectory: project.root)
    let file = loader.readTests("tests/a.yaml", of: loaded)
    #expect(file.diagnostics.map(\.description) == ["tests/a.yaml:" + line])
  }
}
