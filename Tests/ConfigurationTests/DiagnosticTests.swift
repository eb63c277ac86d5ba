import Engine
import ProjectConfiguration
import Testing

/// Every code of config.md 13.2 with the line that a user sees.
struct DiagnosticTests {
  @Test func `a file that cannot be read is in the list of files`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + "connectors: [broken.yaml, whole.yaml]\n", "broken.yaml": "a: [",
      "whole.yaml": "sources: [{ id: s, connector: webhook }]\nroutes: [{ name: r }]\n",
    ])
    #expect(
      project.load().files.map { "\($0.path): \($0.summary)" } == [
        "broken.yaml: cannot be read", "whole.yaml: 1 source", "orgloop.yaml: project ops",
      ])
  }

  @Test(arguments: [
    ("a\u{202E}b", false), ("a\u{200B}b", false), ("\u{A0}a", false), ("a b", true),
    ("a\u{A0}b", true),
    ("👩‍💻", true), ("Ü", true),
  ])
  func `a name has no invisible characters`(_ name: String, _ isRight: Bool) {
    #expect(NameRule.isName(name) == isRight)
  }

  @Test func `no configuration file is an error that names what was tried`() throws {
    let project = try TestProject()
    let loaded = project.load()
    #expect(loaded.hasErrors)
    #expect(loaded.configFile == nil)
    #expect(
      loaded.lines == [
        "\(project.root)/orgloop.yaml:1:1: error[file.missing] no configuration file; "
          + "tried \(project.root)/orgloop.yaml, \(project.root)/orgloop.yml"
      ])
  }

  /// One file each; the lines are all there are.
  @Test(arguments: [
    (
      "connectors: [nothing.yaml]",
      ["orgloop.yaml:4:14: error[file.missing] nothing.yaml: there is no such file"]
    ),
    (
      "connectors: [\"none/*.yaml\"]",
      ["orgloop.yaml:4:14: warning[file.missing] connectors: no file matches none/*.yaml"]
    ),
    (
      "transform: []",
      [
        #"orgloop.yaml:4:1: warning[key.unknown] unknown key "transform"; "#
          + #"did you mean "transforms"?"#
      ]
    ),
    (
      "params: {}",
      [#"orgloop.yaml:4:1: warning[key.unknown] key "params" belongs to a Module file"#]
    ),
    (
      "routes: 5",
      ["orgloop.yaml:4:9: error[key.type] routes: must be a list, not a number"]
    ),
    (
      "actors: [{ connector: exec }]",
      [
        #"orgloop.yaml:4:10: error[connector.config] command: required by exec"#,
        #"orgloop.yaml:4:10: error[key.missing] actor: "id" is missing"#,
      ]
    ),
    (
      "actors: [{ id: \"a b\", connector: openclaw }]",
      [
        #"orgloop.yaml:4:16: error[id.invalid] actor id "a b" must be letters, digits, ".", "_" "#
          + #"and "-", at most 128, the first a letter or digit"#
      ]
    ),
    (
      "sources: [{ id: orgloop, connector: webhook }]",
      [#"orgloop.yaml:4:17: error[id.reserved] "orgloop" names the runtime's own events"#]
    ),
    (
      "loggers: [{ name: c, type: console }, { name: c, type: console }]",
      [#"orgloop.yaml:4:47: error[id.duplicate] logger "c" is already at orgloop.yaml:4:19"#]
    ),
    (
      "loggers: [{ name: c, type: \"@orgloop/logger-consol\" }]",
      [
        #"orgloop.yaml:4:28: error[connector.unknown] no logger "@orgloop/logger-consol"; "#
          + #"did you mean "console"?"#
      ]
    ),
    (
      "loggers: [{ name: c, type: console, config: { level: wran } }]",
      [
        #"orgloop.yaml:4:54: error[connector.config] level: "wran" is none of debug, info, warn, "#
          + #"error"#
      ]
    ),
    (
      "runtime: { bus: nats }",
      [
        #"orgloop.yaml:4:17: error[key.unknown-value] runtime.bus: "nats" is none of "#
          + "sqlite, memory"
      ]
    ),
    (
      "defaults: { checkpoint: { dir: x } }",
      [
        "orgloop.yaml:4:27: notice[state.ignored] defaults.checkpoint.dir has no effect: "
          + "checkpoints are kept in the database"
      ]
    ),
    (
      "defaults: { poll_interval: 30 }",
      [
        #"orgloop.yaml:4:28: error[key.type] defaults.poll_interval: a duration needs a unit: "#
          + #""30s", "30m", …"#
      ]
    ),
    (
      "runtime: { control: { token: abc } }",
      [
        "orgloop.yaml:4:30: warning[env.literal-secret] runtime.control.token: a credential is "
          + "written in the file; put it in a variable",
        "orgloop.yaml:4:30: error[key.type] runtime.control.token: must have at least 16 "
          + "characters",
      ]
    ),
    (
      "loggers: [{ name: \"${WHO}\", type: console }]",
      ["orgloop.yaml:4:19: error[env.unset] variable WHO is not set"]
    ),
    (
      "loggers: [{ name: \"${WHO\", type: console }]",
      [
        #"orgloop.yaml:4:19: error[env.syntax] "${" without "}"; write "$${" for a literal "${""#
      ]
    ),
    (
      "loggers: [{ name: \"${WHO-x}\", type: console }]",
      [
        #"orgloop.yaml:4:19: error[env.syntax] "${WHO-x}" is no variable: write ${NAME} or "#
          + #"${NAME:-default}, or "$${" for a literal "${""#
      ]
    ),
    (
      "loggers: [{ name: \"{{ params.who }}\", type: console }]",
      ["orgloop.yaml:4:19: error[module.param] no parameter \"who\" is declared"]
    ),
    (
      "modules: [./nothing]",
      [
        "orgloop.yaml:4:11: error[module.not-found] no module \"./nothing\": there is no file or "
          + "directory there"
      ]
    ),
  ])
  func `a project file with one fault`(_ text: String, _ lines: [String]) throws {
    #expect(try TestProject(["orgloop.yaml": header + text + "\n"]).load().lines == lines)
  }

  @Test(arguments: [
    (
      "kind: Projekt",
      #"orgloop.yaml:2:7: error[file.kind] kind "Projekt" does not belong here; expected Project "#
        + #"or Module; did you mean "Project"?"#
    ),
    (
      "kind: RouteGroup",
      #"orgloop.yaml:2:7: error[file.kind] kind "RouteGroup" does not belong here; expected "#
        + #"Project or Module"#
    ),
  ])
  func `a wrong kind`(_ kind: String, _ line: String) throws {
    let text = header.replacing("kind: Project", with: kind)
    #expect(try TestProject(["orgloop.yaml": text]).load().lines == [line])
  }

  @Test func `another apiVersion`() throws {
    let text = header.replacing("v1alpha1", with: "v2")
    #expect(
      try TestProject(["orgloop.yaml": text]).load().lines == [
        #"orgloop.yaml:1:13: error[file.api-version] apiVersion "orgloop/v2" is not known; "#
          + "this is orgloop/v1alpha1"
      ])
  }

  @Test func `a referenced file of another kind`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + "connectors: [a.yaml]\n",
      "a.yaml": "kind: RouteGroup\nroutes: []\n",
    ])
    #expect(
      project.load().lines == [
        #"a.yaml:1:7: error[file.kind] kind "RouteGroup" does not belong here; expected "#
          + "ConnectorGroup"
      ])
  }

  /// Each replaces `then`, or adds to a route that is right.
  @Test(arguments: [
    (
      "then: { actor: chta }",
      [
        #"orgloop.yaml:9:20: error[ref.actor] then.actor: no actor "chta" in module default"#
      ]
    ),
    (
      "then: { actor: chatt }",
      [
        #"orgloop.yaml:9:20: error[ref.actor] then.actor: no actor "chatt" in module default; "#
          + #"did you mean "chat"?"#
      ]
    ),
    (
      "then: { actor: chat }\n    transforms: [unknown]",
      [
        #"orgloop.yaml:10:18: error[ref.transform] transforms: no transform "unknown" in module "#
          + "default"
      ]
    ),
    (
      "then: { actor: chat }\n    with: { prompt_file: sops/x.md }",
      ["orgloop.yaml:10:26: error[prompt.missing] with.prompt_file: no file sops/x.md"]
    ),
    (
      "then: { actor: chat }\n    with: { prompt_file: . }",
      [
        "orgloop.yaml:10:26: error[prompt.missing] with.prompt_file: "
          + "{root}: not a regular file"
      ]
    ),
    (
      "then: { actor: chat, delivery: {} }\n    delivery: {}",
      [
        #"orgloop.yaml:10:5: error[key.type] a route has "delivery" or "then.delivery", not both"#
      ]
    ),
    (
      "then: { actor: chat, config: { inbox: true } }",
      [
        #"orgloop.yaml:9:34: error[key.missing] then.config: inbox: true needs "session_key""#
      ]
    ),
    (
      "then: { actor: chat, config: { inbox: true, session_key: \"\" } }",
      [
        "orgloop.yaml:9:62: error[key.type] then.config.session_key: must not be empty with "
          + "inbox: true"
      ]
    ),
    (
      "then: { actor: chat, config: { headers: { Authorization: Bearer x } } }",
      [
        "orgloop.yaml:9:62: warning[env.literal-secret] then.config.headers.Authorization: a "
          + "credential is written in the file; put it in a variable"
      ]
    ),
  ])
  func `a route with one fault`(_ then: String, _ lines: [String]) throws {
    let project = try TestProject(["orgloop.yaml": routed(then: then)])
    #expect(
      project.load().lines == lines.map { $0.replacing("{root}", with: project.root) })
  }

  @Test(arguments: [
    (
      "source: hok",
      [
        #"orgloop.yaml:8:21: error[ref.source] when.source: no source "hok" in module default; "#
          + #"did you mean "hook"?"#
      ]
    ),
    (
      "source: [hook, \"other:thing\"]",
      [
        #"orgloop.yaml:8:28: warning[ref.module] when.source: no module "other" is loaded"#
      ]
    ),
    (
      "source: [hook, \"ops:thing\"]",
      [#"orgloop.yaml:8:28: error[ref.source] when.source: no source "thing" in module default"#]
    ),
    (
      "source: hook, events: resource.change",
      [
        #"orgloop.yaml:8:35: error[key.unknown-value] when.events: "resource.change" is none of "#
          + #"resource.changed, actor.stopped, message.received; did you mean "resource.changed"?"#
      ]
    ),
    (
      "source: hook, events: []",
      [
        "orgloop.yaml:8:35: error[key.type] when.events: an empty list matches nothing; "
          + "leave the key out"
      ]
    ),
  ])
  func `a condition with one fault`(_ when: String, _ lines: [String]) throws {
    let text = routed().replacing("source: hook }", with: when + " }")
    #expect(try TestProject(["orgloop.yaml": text]).load().lines == lines)
  }

  @Test func `what nothing uses is named`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        sources: [{ id: s, connector: webhook }]
        actors: [{ id: a, connector: openclaw }]
        transforms: [{ name: t, type: filter }]
        """
    ])
    #expect(
      project.load().lines == [
        #"orgloop.yaml:4:11: warning[graph.dead-source] source "s" is used by no route"#,
        #"orgloop.yaml:5:10: warning[graph.unreachable-actor] actor "a" is used by no route"#,
        #"orgloop.yaml:6:14: warning[graph.orphan-transform] transform "t" is used by no route"#,
      ])
  }

  @Test func `two sources cannot have one path`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed().replacing(
        "{ id: hook, connector: webhook }",
        with: """
          { id: hook, connector: webhook, config: { path: /in } },
            { id: two, connector: webhook, config: { path: /in } }
          """)
    ])
    #expect(
      project.load().lines.contains(
        #"orgloop.yaml:5:50: error[http.path-conflict] path: "/in" is already taken at "#
          + "orgloop.yaml:4:59"))
  }

  @Test func `problems of all files come together, sorted`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + "connectors: [b.yaml, a.yaml]\nnonsense: 1\n",
      "a.yaml": "sources: [\n",
      "b.yaml": "actors: [{ id: x, connector: nothing }]\n",
      "routes/r.yml": "routes: [{ name: n }]\n",
    ])
    let codes = project.load().diagnostics.map { "\($0.file) \($0.code)" }
    #expect(
      codes == [
        "a.yaml yaml.syntax", "b.yaml connector.unknown", "orgloop.yaml key.unknown",
        "routes/r.yml key.missing", "routes/r.yml key.missing",
      ])
  }

  @Test func `strict makes warnings errors`() throws {
    var options = LoadOptions()
    options.strict = true
    let loaded = try TestProject(["orgloop.yaml": header + "transform: []\n"])
      .load(options: options)
    #expect(
      loaded.lines == [
        #"orgloop.yaml:4:1: error[key.unknown] unknown key "transform"; did you mean "transforms"?"#
      ])
    #expect(loaded.modules.isEmpty)
    #expect(loaded.invalidModules == ["default"])
  }

  @Test func `missing variables may be tolerated`() throws {
    var options = LoadOptions()
    options.allowMissingEnvironment = true
    let text = routed().replacing("http://chat.example", with: "${URL}")
    let loaded = try TestProject(["orgloop.yaml": text]).load(options: options)
    #expect(
      loaded.lines == ["orgloop.yaml:5:57: warning[env.unset] variable URL is not set"])
    #expect(!loaded.hasErrors)
  }

  @Test func `a file that everyone may write is doubtful`() throws {
    let project = try TestProject()
    try project.write("orgloop.yaml", Array(header.utf8), mode: 0o666)
    #expect(
      project.load().lines == [
        "orgloop.yaml:1:1: warning[file.writable] everyone may write this file, and so decide "
          + "what runs"
      ])
  }

  @Test func `a diagnostic as JSON has all its parts`() throws {
    let loaded = try TestProject(["orgloop.yaml": header + "transform: []\n"]).load()
    let json = try #require(loaded.diagnostics.first?.json)
    #expect(
      JSONText(json).description
        == #"{"file":"orgloop.yaml","line":4,"column":1,"level":"warning","code":"key.unknown","#
        + #""message":"unknown key \"transform\"","hint":"did you mean \"transforms\"?","#
        + #""suggestion":"transforms","#
        + #""subject":null}"#)
  }
}
