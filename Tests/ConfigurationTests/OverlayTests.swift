import Engine
import ProjectConfiguration
import Testing

/// What a workspace's overlay makes of a project (config.md 11).
struct OverlayTests {
  private static let project =
    header + """
      defaults: { poll_interval: 5m }
      connectors: [connectors/github.yaml]
      actors: [{ id: chat, connector: webhook, config: { url: "http://chat.example", method: PUT } }]
      routes:
        - name: page
          when: { source: github, filter: { payload.a: 1, payload.b: 2 } }
          then: { actor: chat, config: { room: ops, tags: [a, b] } }

      """

  private static let group = """
    sources:
      - id: github
        connector: github
        poll: { interval: 10m, timeout: 2m }
        config: { repo: "${REPO}", token: "${TOKEN}", events: [issue_comment] }

    """

  private func load(
    _ overlay: String?, _ more: [String: String] = [:], workspace: String = "staging",
    environment: [String: String] = [:], _ change: (inout LoadOptions) -> Void = { _ in }
  ) throws -> LoadedProject {
    var files = ["orgloop.yaml": Self.project, "connectors/github.yaml": Self.group]
    files["workspaces/\(workspace).yaml"] = overlay
    let project = try TestProject(files.merging(more) { $1 })
    var options = LoadOptions()
    options.workspace = LoadOptions.Workspace(name: workspace)
    change(&options)
    let usual = ["REPO": "acme/api", "TOKEN": "token-of-environment"]
    return project.load(environment: usual.merging(environment) { $1 }, options: options)
  }

  private func module(_ overlay: String?) throws -> ModuleDefinition {
    let loaded = try load(overlay)
    #expect(loaded.lines == [])
    return try #require(loaded.module("default"))
  }

  @Test func `a project without an overlay is as its files say`() throws {
    let loaded = try load(nil)
    #expect(loaded.lines == [])
    #expect(loaded.overlay == nil)
    #expect(loaded.workspace == "staging")
    #expect(loaded.module("default")?.sources.first?.pollIntervalMs == 600_000)
  }

  @Test func `an object is patched where it was declared, in a group file too`() throws {
    let module = try module("kind: Workspace\nsources: [{ id: github, poll: { interval: 15s } }]\n")
    let source = try #require(module.sources.first)
    #expect(source.pollIntervalMs == 15_000)
    #expect(source.pollTimeoutMs == 120_000)
    #expect(source.origin?.file == "connectors/github.yaml")
    #expect(module.sources.count == 1)
  }

  @Test(arguments: ["routes/page.yaml", "routes/page.yml"])
  func `an object is patched in a discovered file`(_ path: String) throws {
    let base = """
      sources: [{ id: hook, connector: webhook }]
      actors: [{ id: chat, connector: webhook, config: { url: "http://chat.example" } }]

      """
    let project = try TestProject([
      "orgloop.yaml": header + base,
      path: "routes: [{ name: page, when: { source: hook }, then: { actor: chat } }]\n",
      "workspaces/staging.yaml": "routes: [{ name: page, enabled: false }]\n",
    ])
    var options = LoadOptions()
    options.workspace = LoadOptions.Workspace(name: "staging")
    let route = project.load(options: options).module("default")?.routes.first
    #expect(route?.isEnabled == false)
    #expect(route?.origin?.file == path)
  }

  @Test func `maps merge key by key, lists and scalars replace, null removes`() throws {
    let module = try module(
      """
      routes:
        - name: page
          when: { filter: { payload.a: null, payload.c: 3 } }
          then: { config: { room: staging, tags: [c] } }
      actors: [{ id: chat, config: { method: null } }]

      """)
    let route = try #require(module.routes.first)
    #expect(route.filter.entries.map(\.path.description).sorted() == ["payload.b", "payload.c"])
    #expect(route.config["room"] == "staging")
    #expect(route.config["tags"] == ["c"])
    // The default, now that nothing is written.
    #expect(module.actors.first?.config["method"] == "POST")
    #expect(module.actors.first?.config["url"] == "http://chat.example")
  }

  @Test func `null leaves nothing where the project has no such map`() throws {
    let loaded = try load(
      """
      routes:
        - name: page
          when: { filter: { payload.a: null, payload.b: 2 } }
          then: { config: { room: { a: null, b: { c: null } }, tags: [null] } }

      """,
      ["orgloop.yaml": Self.project.replacing(", filter: { payload.a: 1, payload.b: 2 }", with: "")]
    )
    #expect(loaded.lines == [])
    let route = try #require(loaded.module("default")?.routes.first)
    #expect(route.filter.entries.map(\.path.description) == ["payload.b"])
    #expect(route.config["room"] == ["b": [:]])
    #expect(route.config["tags"] == [nil])
    #expect(loaded.overrides.map(\.path).contains("routes.page.when.filter"))
    #expect(loaded.overrides.allSatisfy { !JSONText($0.shown).description.contains("payload.a") })
  }

  @Test func `null is a value in an object that is the overlay's own`() throws {
    let module = try module(
      """
      routes:
        - { name: absent, when: { source: github, filter: { payload.a: null } }, then: { actor: chat } }

      """)
    let route = try #require(module.routes.first { $0.name == "absent" })
    #expect(route.filter.entries.map(\.path.description) == ["payload.a"])
  }

  @Test func `defaults and the runtime block lie over the project's`() throws {
    let loaded = try load(
      "defaults: { poll_interval: 30s }\nruntime: { http: { port: 4801 } }\n",
      ["connectors/github.yaml": Self.group.replacing("interval: 10m, ", with: "")])
    #expect(loaded.lines == [])
    #expect(loaded.settings.port == 4_801)
    #expect(loaded.module("default")?.sources.first?.pollIntervalMs == 30_000)
  }

  @Test func `what the project does not have is added, by name or by path`() throws {
    let loaded = try load(
      """
      sources: [{ id: canary, connector: webhook }]
      routes: [extra.yaml, { name: canary, when: { source: canary }, then: { actor: chat } }]

      """,
      [
        "workspaces/extra.yaml":
          "routes: [{ name: more, when: { source: canary }, then: { actor: chat } }]\n"
      ])
    #expect(loaded.lines == [])
    let module = try #require(loaded.module("default"))
    #expect(module.sources.map(\.id) == ["github", "canary"])
    #expect(module.routes.map(\.name) == ["page", "more", "canary"])
    #expect(module.sources.last?.origin?.file == "workspaces/staging.yaml")
  }

  @Test func `a variable of the workspace comes before that of the environment and .env`() throws {
    let loaded = try load(
      "variables: { REPO: acme/staging, TOKEN: \"${STAGING_TOKEN}\", N: 5 }\n",
      [".env": "REPO=acme/file\nSTAGING_TOKEN=from-the-file"])
    #expect(loaded.lines == [])
    let source = try #require(loaded.module("default")?.sources.first)
    #expect(source.config["repo"] == "acme/staging")
    #expect(source.config["token"] == "from-the-file")
    #expect(loaded.secrets.contains("from-the-file"))
    let uses = Dictionary(grouping: loaded.variables, by: \.name)
    #expect(uses["REPO"]?.map(\.source) == [.workspace])
    #expect(uses["TOKEN"]?.map(\.source) == [.workspace])
    #expect(uses["STAGING_TOKEN"]?.map(\.source) == [.dotEnv])
  }

  @Test func `a variable that is replaced need not be set`() throws {
    let loaded = try load(
      "sources: [{ id: github, config: { repo: fixed } }]\n",
      ["connectors/github.yaml": Self.group.replacing("${REPO}", with: "${NOWHERE}")])
    #expect(loaded.lines == [])
    #expect(loaded.module("default")?.sources.first?.config["repo"] == "fixed")
  }

  @Test func `what an overlay says wrongly is reported in it`() throws {
    let loaded = try load(
      """
      kind: Workspace
      sources:
        - id: githb
          poll: { interval: 15s }
        - { id: github, poll: { interval: 5 } }
        - { id: github, enabled: true }
        - { poll: {} }
      routs: []
      variables: { REPOO: x, "a-b": y, TOKEN: literal-secret, LIST: [1], M: "${MISSING}" }
      runtime: { http: { port: high } }

      """)
    #expect(
      loaded.lines == [
        "workspaces/staging.yaml:3:5: error[key.missing] source: \"connector\" is missing; the "
          + "project has nothing of that name, so what stands here is new and must be whole",
        "workspaces/staging.yaml:3:9: warning[overlay.unmatched] the project has no source "
          + "\"githb\", so the workspace adds it; did you mean \"github\"?",
        "workspaces/staging.yaml:5:37: error[key.type] poll.interval: a duration needs a unit: "
          + "\"5s\", \"5m\", …",
        "workspaces/staging.yaml:6:11: error[id.duplicate] sources: \"github\" is already at "
          + "workspaces/staging.yaml:5:11",
        "workspaces/staging.yaml:7:5: error[key.missing] sources of a workspace: \"id\" is "
          + "missing",
        "workspaces/staging.yaml:8:1: warning[key.unknown] unknown key \"routs\"; did you mean "
          + "\"routes\"?",
        "workspaces/staging.yaml:9:14: warning[overlay.unmatched] nothing refers to the variable "
          + "\"REPOO\"; did you mean \"REPO\"?",
        "workspaces/staging.yaml:9:24: error[env.syntax] variables: \"a-b\" cannot be the name "
          + "of a variable",
        "workspaces/staging.yaml:9:41: warning[env.literal-secret] variables.TOKEN: a credential "
          + "is written in the file; name a variable of the environment, ${…}",
        "workspaces/staging.yaml:9:63: error[key.type] variables.LIST: must be text, not a list",
        "workspaces/staging.yaml:9:71: error[env.unset] variable MISSING is not set",
        "workspaces/staging.yaml:10:26: error[key.type] runtime.http.port: must be a whole "
          + "number, not a string",
      ])
  }

  @Test func `a key that an overlay takes away is missed with the place of the overlay`() throws {
    let loaded = try load("kind: Workspace\nroutes:\n  - { name: page, then: null }\n")
    #expect(
      loaded.lines.last
        == "orgloop.yaml:8:5: error[key.missing] route: \"then\" is missing; it is removed at "
        + "workspaces/staging.yaml:3:25")
  }

  @Test func `an entry whose name is none is not passed over`() throws {
    let loaded = try load(
      "actors: [{ id: 5, enabled: false }, { id: null }]\nroutes: { page: { enabled: false } }\n"
        + "loggers: [7]\n")
    #expect(
      loaded.lines == [
        "workspaces/staging.yaml:1:16: error[key.type] actors.id: must be a string, not a number; "
          + "write \"5\" in quotes",
        "workspaces/staging.yaml:1:43: error[key.type] actors.id: must be a string, not null",
        "workspaces/staging.yaml:2:9: error[key.type] routes: must be a list, not a map",
        "workspaces/staging.yaml:3:11: error[key.type] loggers: an entry is a path or a map, "
          + "not a number",
      ])
  }

  @Test func `a list that is null is removed from the project's file, and only from there`() throws
  {
    let loaded = try load(
      "routes: null\nconnectors: null\n",
      [
        "routes/more.yaml":
          "routes: [{ name: more, when: { source: orgloop }, then: { actor: chat } }]\n"
      ])
    #expect(loaded.lines == [])
    #expect(loaded.module("default")?.routes.map(\.name) == ["more"])
    #expect(loaded.module("default")?.sources.isEmpty == true)
  }

  @Test func `a variable that nothing refers to is asked about when it is close to one`() throws {
    let loaded = try load("variables: { REPOO: x, UNRELATED: y }\n")
    #expect(
      loaded.lines == [
        "workspaces/staging.yaml:1:14: warning[overlay.unmatched] nothing refers to the variable "
          + "\"REPOO\"; did you mean \"REPO\"?"
      ])
  }

  @Test func `a variable of the workspace that cannot be told takes no other value`() throws {
    let loaded = try load("variables: { REPO: \"${MISSING}\" }\n") {
      $0.allowMissingEnvironment = true
    }
    #expect(
      loaded.lines == [
        "workspaces/staging.yaml:1:20: warning[env.unset] variable MISSING is not set"
      ])
    #expect(loaded.module("default")?.sources.first?.config["repo"] != "acme/api")
  }

  @Test(arguments: [
    "sources: [\n", "- a list\n", "kind: RouteGroup\nroutes: []\n", "apiVersion: orgloop/v9\n",
    "a: 1\na: 2\n", "\u{1}",
  ])
  func `with an overlay that cannot be used nothing is started`(_ text: String) throws {
    let loaded = try load(text)
    #expect(loaded.hasErrors)
    #expect(loaded.modules.isEmpty)
    #expect(loaded.invalidModules == ["default"])
    #expect(loaded.lines.allSatisfy { $0.hasPrefix("workspaces/staging.yaml:") }, "\(loaded.lines)")
  }

  @Test func `an empty overlay changes nothing but that it was read`() throws {
    let loaded = try load("# nothing yet\n")
    #expect(loaded.lines == [])
    #expect(loaded.overlay == "workspaces/staging.yaml")
    #expect(loaded.overrides == [])
    #expect(loaded.files.map(\.path).contains("workspaces/staging.yaml"))
  }

  @Test func `what is different is told with its place and the place of what it replaced`() throws {
    let loaded = try load(
      """
      sources:
        - { id: github, poll: { interval: 15s, timeout: null }, config: { token: "${TOKEN}x" } }
      loggers: [{ name: out, type: console }]

      """)
    #expect(loaded.lines == [])
    #expect(
      loaded.overrides.map { "\($0.path) \($0.action.rawValue) \(JSONText($0.shown)) \($0.origin)" }
        == [
          "sources.github.poll.interval replace \"15s\" workspaces/staging.yaml:2:37",
          "sources.github.poll.timeout remove null workspaces/staging.yaml:2:51",
          "sources.github.config.token replace \"***x\" workspaces/staging.yaml:2:76",
          "loggers.out add {\"name\":\"out\",\"type\":\"console\"} workspaces/staging.yaml:3:11",
        ])
    #expect(
      loaded.overrides.first?.replaced
        == Origin(file: "connectors/github.yaml", line: 4, column: 23))
  }

  @Test func `the content hash shows a change of the overlay, but not of its runtime block`() throws
  {
    func hash(_ overlay: String?) throws -> String? {
      try load(overlay).module("default")?.contentHash
    }
    let plain = try hash(nil)
    let slow = try hash("sources: [{ id: github, poll: { interval: 1h } }]\n")
    let slower = try hash("sources: [{ id: github, poll: { interval: 2h } }]\n")
    #expect(Set([plain, slow, slower]).count == 3)
    let port = try hash("runtime: { http: { port: 4801 } }\n")
    #expect(try port == hash("runtime: { http: { port: 4802 } }\n"))
    let repo = try hash("variables: { REPO: a }\n")
    #expect(try repo != hash("variables: { REPO: b }\n"))
    #expect(
      try load("variables: { REPO: b, TOKEN: hidden-secret }\n").module("default")?
        .documents.description.contains("hidden-secret") == false)
  }
}
