import Engine
import ProjectConfiguration
import Testing

/// What makes a module another one, and what does not (config.md 1.3, 10.6).
struct ContentHashTests {
  private static let boot = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: ops }
    defaults: { delivery: { timeout: 1s } }
    sources: [{ id: hook, connector: webhook }]
    actors: [{ id: chat, connector: openclaw }]
    routes: [{ name: all, when: { source: hook }, then: { actor: chat } }]
    modules: [{ package: ./m, params: { channel: a, host: "${HOST}" } }]

    """

  private static let module = """
    apiVersion: orgloop/v1alpha1
    kind: Module
    metadata: { name: m }
    params: { channel: {}, host: {} }
    actors:
      - id: chat
        connector: webhook
        config: { url: "http://{{ params.host }}/", headers: { a: "${OWN}", b: "1" } }
    transforms: [{ name: t, type: script, script: t.sh, config: { x: 1, y: 2 } }]
    routes:
      - name: r
        when: { source: orgloop, events: [resource.changed], filter: { type: x } }
        transforms: [t]
        then: { actor: chat, config: { channel: "{{ params.channel }}", z: 1 } }
        with: { prompt_file: p.md }

    """

  private static let environment = ["HOST": "one.example", "OWN": "own-value", "USER_TIME": "1d"]

  private func project() throws -> TestProject {
    try TestProject([
      "orgloop.yaml": ContentHashTests.boot, "m/orgloop-module.yaml": ContentHashTests.module,
      "m/t.sh": "#!/bin/sh\ncat\n", "m/p.md": "Do it.\n",
      "~/.orgloop/config.yaml": "defaults: { event_retention: \"${USER_TIME}\" }\n",
    ])
  }

  private func hash(
    _ project: TestProject, environment: [String: String] = ContentHashTests.environment
  ) throws -> String {
    let loaded = project.load(environment: environment)
    try #require(loaded.lines == [])
    return try #require(loaded.module("m")).contentHash
  }

  /// A file, what stands in it, and what stands there after the change.
  @Test(arguments: [
    ("m/t.sh", "#!/bin/sh\ncat\n", "#!/bin/sh\ncat -\n"),
    ("m/p.md", "Do it.\n", "Do it now.\n"),
    ("orgloop.yaml", boot, boot.replacing("channel: a", with: "channel: b")),
    ("orgloop.yaml", boot, boot.replacing("timeout: 1s", with: "timeout: 2s")),
    (
      "~/.orgloop/config.yaml", "defaults: { event_retention: \"${USER_TIME}\" }\n",
      "defaults: { event_retention: 3d }\n"
    ),
    ("m/orgloop-module.yaml", module, module.replacing("type: x", with: "type: y")),
    // Within `config` an actor and a script can see the order of keys.
    ("m/orgloop-module.yaml", module, module.replacing("x: 1, y: 2", with: "y: 2, x: 1")),
    (
      "m/orgloop-module.yaml", module,
      module.replacing(
        #"channel: "{{ params.channel }}", z: 1"#, with: #"z: 1, channel: "{{ params.channel }}""#)
    ),
  ])
  func `what has an effect changes the hash`(
    _ file: String, _ before: String, _ after: String
  ) throws {
    try #require(before != after)
    let project = try project()
    let first = try hash(project)
    try project.write(file, after)
    #expect(try hash(project) != first)
    try project.write(file, before)
    #expect(try hash(project) == first)
  }

  @Test(arguments: [("OWN", "other-value"), ("HOST", "two.example"), ("USER_TIME", "2d")])
  func `another value of a variable changes the hash`(_ name: String, _ value: String) throws {
    let project = try project()
    let first = try hash(project)
    let second = try hash(
      project, environment: ContentHashTests.environment.merging([name: value]) { $1 })
    #expect(first != second)
    let other = try hash(
      project, environment: ContentHashTests.environment.merging(["UNUSED": value]) { $1 })
    #expect(first == other)
  }

  @Test(arguments: [
    ("m/orgloop-module.yaml", "# A comment.\n\n" + module + "# Another.\n"),
    (
      "m/orgloop-module.yaml",
      module.replacing(
        "source: orgloop, events: [resource.changed]",
        with: "events: [resource.changed], source: orgloop")
    ),
    (
      "m/orgloop-module.yaml",
      "metadata: { name: m }\n" + module.replacing("metadata: { name: m }\n", with: "")
    ),
    (
      "m/orgloop-module.yaml",
      module.replacing("name: t, type: script", with: "type: 'script', name: \"t\"")
    ),
    ("orgloop.yaml", boot.replacing("id: hook,", with: "description: Another, id: hook,")),
  ])
  func `what has no effect on the module leaves the hash`(_ file: String, _ text: String) throws {
    let project = try project()
    let first = try hash(project)
    try project.write(file, text)
    #expect(try hash(project) == first)
  }

  @Test func `a step knows the content of its script`() throws {
    let project = try project()
    func step() throws -> TransformStep {
      let loaded = project.load(environment: ContentHashTests.environment)
      return try #require(loaded.module("m")?.routes.first?.transforms.first)
    }
    let first = try step()
    #expect(
      first.contentHash == "be2bb79ee3ec9a659644c659209f2e068fd069fdb1c1c6c4053f9fe0be48746c")
    try project.write("m/t.sh", "#!/bin/sh\ncat -\n")
    let second = try step()
    #expect(first.kind == second.kind)
    #expect(first.contentHash != second.contentHash)
  }

  @Test func `a built-in step has no content of its own`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed("    transforms: [t]\n") + "transforms: [{ name: t, type: filter }]\n"
    ])
    let step = try #require(project.load().module("default")?.routes.first?.transforms.first)
    #expect(step.contentHash == nil)
  }

  @Test func `a parameter given by hand is content`() throws {
    let project = try project()
    func hash(_ parameters: [String: String]) throws -> String {
      var options = LoadOptions()
      options.role = .module(name: nil, parameters: parameters)
      let loaded = project.load("m", environment: ContentHashTests.environment, options: options)
      try #require(loaded.lines == [])
      return try #require(loaded.modules.first).contentHash
    }
    let first = try hash(["channel": "a", "host": "one.example"])
    #expect(try hash(["host": "one.example", "channel": "a"]) == first)
    #expect(try hash(["channel": "b", "host": "one.example"]) != first)
    #expect(try hash(["channel": "a", "host": "${HOST}"]) != first)
  }
}
