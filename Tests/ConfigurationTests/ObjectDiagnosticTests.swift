import Engine
import ProjectConfiguration
import Testing

/// What is said of a source or an actor, and of its `config`.
struct ObjectDiagnosticTests {
  /// Each is the source and actor of the project.
  @Test(arguments: [
    (
      "source", "connector: githbu",
      [
        #"orgloop.yaml:6:18: error[connector.unknown] no connector "githbu"; "#
          + #"did you mean "github"?"#
      ]
    ),
    (
      "source", "connector: connector-github",
      [
        #"orgloop.yaml:6:18: error[connector.unknown] no connector "connector-github"; "#
          + #"write "github""#
      ]
    ),
    (
      "source", "connector: ./mine.js",
      [
        #"orgloop.yaml:6:18: error[connector.unknown] no connector "./mine.js"; connectors are "#
          + #"built in, a program of your own is run by "exec""#
      ]
    ),
    (
      "source", "connector: openclaw",
      [
        #"orgloop.yaml:6:18: error[connector.role] "openclaw" is only an actor, it cannot be a "#
          + "source"
      ]
    ),
    (
      "actor", "connector: cron",
      [
        #"orgloop.yaml:8:18: error[connector.role] "cron" is only a source, it cannot be an actor"#
      ]
    ),
    (
      "source", "connector: github, config: { repo: a/b, events: [] }",
      ["orgloop.yaml:6:34: error[connector.config] token: required by github"]
    ),
    (
      "source",
      "connector: github, config: { repo: a/b, token: \"${T}\", events: [issue_comments] }",
      [
        #"orgloop.yaml:6:71: warning[connector.event] events: this connector has no "#
          + #""issue_comments""#
      ]
    ),
    (
      "source", "connector: github, config: { repo: a/b, token: \"${EMPTY}\", events: [] }",
      [
        "orgloop.yaml:6:54: error[env.unset] token: variable EMPTY is empty; a credential must "
          + "not be"
      ]
    ),
    (
      "source", "connector: webhook, config: { secret: \"\" }",
      ["orgloop.yaml:6:45: error[connector.config] secret: a credential must not be empty"]
    ),
    (
      "source", "connector: cron, config: { schedules: [{ name: a, cron: \"* *\" }] }",
      ["orgloop.yaml:6:63: error[connector.config] schedules.cron: needs five fields"]
    ),
    (
      "source", "connector: webhook, poll: { interval: 30s }",
      [
        #"orgloop.yaml:6:35: notice[poll.ignored] poll.interval has no effect: "webhook" is "#
          + "pushed to"
      ]
    ),
    (
      "source", "connector: webhook, config: { buffer_dir: x }",
      [
        "orgloop.yaml:6:37: notice[state.ignored] buffer_dir has no effect: state is kept in the "
          + "database"
      ]
    ),
    (
      "source", "connector: webhook, config: { path: /metrics/x }",
      [#"orgloop.yaml:6:43: error[http.path-conflict] path: "/metrics/x" is reserved"#]
    ),
    (
      "source", "connector: webhook, emits: [actor.stopped]",
      [
        #"orgloop.yaml:10:5: warning[graph.event-type-mismatch] route "r" waits for "#
          + #"resource.changed, which source "s" does not emit"#
      ]
    ),
    (
      "actor", "connector: webhook, config: { url: \"http://localhost:4800/webhook/s\" }",
      [#"orgloop.yaml:10:5: warning[graph.self-loop] route "r" sends to its own source "s""#]
    ),
    (
      "actor", "connector: exec, config: { command: [./missing.sh] }",
      [
        #"orgloop.yaml:8:44: error[script.missing] command: no program "./missing.sh" beside the "#
          + "file, in the project root or on PATH"
      ]
    ),
    (
      "actor", "connector: exec, config: { command: [./plain.txt] }",
      [
        "orgloop.yaml:8:44: error[script.not-executable] command: plain.txt is not executable; "
          + "run chmod +x"
      ]
    ),
  ])
  func `an object with one fault`(_ role: String, _ text: String, _ lines: [String]) throws {
    let source = role == "source" ? text : "connector: webhook"
    let actor = role == "actor" ? text : "connector: openclaw"
    let project = try TestProject([
      "plain.txt": "",
      "orgloop.yaml": header + """
        sources:
          - { id: s,
              \(source) }
        actors: [{ id: a,
              \(actor) }]
        routes:
          - { name: r, when: { source: s, events: resource.changed }, then: { actor: a } }
        """,
    ])
    let found = project.load(environment: ["T": "ghp_123456", "EMPTY": ""]).lines
    #expect(found == lines)
  }

  /// Each is one key of an actor's `config`.
  @Test(arguments: [
    ("method: POSTS", "method: \"POSTS\" is none of POST, PUT; did you mean \"POST\"?"),
    (
      "timeout: 30",
      "timeout: a duration needs a unit: \"30s\", \"30m\", …"
    ),
    (
      "max_bytes: 1XB",
      "max_bytes: a size is a number with B, KB, MB or GB, such as \"1MB\" or \"512KiB\""
    ),
    (
      "max_bytes: 1.5",
      "max_bytes: a size is a number with B, KB, MB or GB, such as \"1MB\" or \"512KiB\""
    ),
    (
      "limit: 5/y",
      "limit: a rate is a positive number per s, m, h or d, such as \"10/m\""
    ),
    ("field: .a", "field: not a path: segments between dots must not be empty"),
    ("retries: 6", "retries: must be from 0 to 5"),
    ("retries: 1.5", "retries: must be a whole number"),
    ("ratio: 1.01", "ratio: must be from 0 to 1"),
    ("verify: yes", "verify: must be true or false, not a string; write true"),
    (
      "type: changed",
      "type: \"changed\" is none of resource.changed, actor.stopped, message.received"
    ),
    ("headers: [a]", "headers: must be a map, not a list"),
    ("headers: { A: 5 }", "headers.A: must be a string, not a number; write \"5\" in quotes"),
    ("proxy: {}", "proxy.host: required by \"proxy\""),
  ])
  func `a value of the wrong type`(_ text: String, _ message: String) throws {
    let project = try TestProject([
      "orgloop.yaml": routed().replacing("chat.example\"", with: "chat.example\", \(text)")
    ])
    let lines = project.load().lines
    #expect(lines.count == 1)
    #expect(lines.first?.hasSuffix("error[connector.config] " + message) ?? false, "\(lines)")
  }

  @Test(arguments: [
    ("ftp://a.example", "url: must begin with http:// or https://"),
    (
      "https://me:pass@a.example",
      "url: must not hold a user or password; send an Authorization header"
    ),
    ("https://", "url: is no URL"), ("https://a b", "url: is no URL"),
  ])
  func `a wrong URL`(_ url: String, _ message: String) throws {
    let text = routed().replacing("http://chat.example", with: url)
    #expect(
      try TestProject(["orgloop.yaml": text]).load().lines
        == ["orgloop.yaml:5:57: error[connector.config] " + message])
  }

  @Test func `an object with a wrong id is checked to its end, and references to it are right`()
    throws
  {
    let project = try TestProject([
      "orgloop.yaml": header + """
        sources:
          - { id: "a b", connector: webhook, poll: { interval: 5 }, confg: {} }
          - { connector: github, config: { repo: a/b, events: [] } }
        actors: [{ id: "x/y", connector: webhook, enabled: 5, delivery: { timeout: 5 } }]
        transforms: [{ type: filter, config: { nonsense: 1 } }]
        loggers: [{ name: " c", type: console, config: { level: loud } }]
        routes:
          - { when: { source: a b }, then: { actor: x/y }, transforms: [{ ref: none, timeout: 5 }] }
        """
    ])
    let unit = "a duration needs a unit: \"5s\", \"5m\", …"
    let characters =
      #"must be letters, digits, ".", "_" and "-", at most 128, the first a letter or digit"#
    #expect(
      project.load().lines == [
        #"orgloop.yaml:5:11: error[id.invalid] source id "a b" "# + characters,
        #"orgloop.yaml:5:46: notice[poll.ignored] poll.interval has no effect: "webhook" is "#
          + "pushed to",
        "orgloop.yaml:5:56: error[key.type] poll.interval: " + unit,
        #"orgloop.yaml:5:61: warning[key.unknown] source: unknown key "confg"; "#
          + #"did you mean "config"?"#,
        #"orgloop.yaml:6:5: error[key.missing] source: "id" is missing"#,
        "orgloop.yaml:6:34: error[connector.config] token: required by github",
        "orgloop.yaml:7:10: error[connector.config] url: required by webhook",
        #"orgloop.yaml:7:16: error[id.invalid] actor id "x/y" "# + characters,
        "orgloop.yaml:7:52: error[key.type] actor.enabled: must be true or false, not a number",
        "orgloop.yaml:7:76: error[key.type] delivery.timeout: " + unit,
        #"orgloop.yaml:8:14: error[key.missing] transform: "name" is missing"#,
        #"orgloop.yaml:8:40: warning[key.unknown] unknown key "nonsense""#,
        "orgloop.yaml:9:19: error[id.invalid] logger name must be 1 to 128 printable characters "
          + "without blanks around them",
        #"orgloop.yaml:9:57: error[connector.config] level: "loud" is none of debug, info, warn, "#
          + "error",
        #"orgloop.yaml:11:5: error[key.missing] route: "name" is missing"#,
        #"orgloop.yaml:11:72: error[ref.transform] transforms: no transform "none" in module "#
          + "default",
        "orgloop.yaml:11:87: error[key.type] transforms.timeout: " + unit,
      ])
  }

  @Test(arguments: [
    ("source", "interval: 5s", #"source: key "interval" belongs in "poll""#),
    ("source", "delivery: {}", #"source: key "delivery" belongs to an actor or a route"#),
    ("source", "when: {}", #"source: key "when" belongs to a route"#),
    ("actor", "poll: {}", #"actor: key "poll" belongs to a source"#),
    ("actor", "retry: {}", #"actor: key "retry" belongs in "delivery""#),
    ("actor", "modules: []", #"actor: unknown key "modules""#),
    ("actor", "conection: x", #"actor: unknown key "conection"; did you mean "connector"?"#),
  ])
  func `a key that belongs elsewhere is told where`(
    _ role: String, _ text: String, _ message: String
  ) throws {
    let project = try TestProject([
      "orgloop.yaml": routed()
        .replacing(
          role == "source" ? "connector: webhook }]" : "connector: webhook, config",
          with: role == "source"
            ? "connector: webhook, \(text) }]" : "connector: webhook, \(text), config")
    ])
    let lines = project.load().lines
    #expect(lines.count == 1)
    #expect(lines.first?.hasSuffix("warning[key.unknown] " + message) ?? false, "\(lines)")
  }

  /// The value of a variable is hidden, whether it is a credential or not (config.md 3.3).
  @Test(arguments: [
    ("timeout: \"${V}\"", "timeout: a duration needs a unit"),
    ("method: \"${V}\"", "method: \"***\" is none of POST, PUT"),
    ("retries: \"${V}\"", "retries: must be from 0 to 5"),
    ("proxy: { host: a, \"${V}\": 1 }", #"unknown key "proxy.${V}""#),
  ])
  func `a message does not tell what a variable holds`(
    _ text: String, _ message: String
  ) throws {
    let project = try TestProject([
      "orgloop.yaml": routed().replacing("chat.example\"", with: "chat.example\", \(text)")
    ])
    let lines = project.load(environment: ["V": "12345678"]).lines
    #expect(lines.count == 1)
    #expect(lines.first?.hasSuffix("] " + message) ?? false, "\(lines)")
  }

  @Test func `a file that a variable names is not told`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + "loggers: [\"x/${V}.yaml\"]\n"
    ])
    #expect(
      project.load(environment: ["V": "12345678"]).lines == [
        "orgloop.yaml:4:11: error[file.missing] x/***.yaml: there is no such file"
      ])
  }

  @Test func `right values are handed on, with defaults and absolute paths`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        connectors: [connectors/a.yaml]
        routes: [{ name: r, when: { source: orgloop }, then: { actor: run } }]
        """,
      "connectors/a.yaml": """
      actors:
        - id: run
          connector: exec
          config:
            command: [./run.sh, --fast]
            env: { LEVEL: 5, NAME: "${NAME}" }
            kubeconfig: kube.conf
      """,
      "connectors/run.sh": "#!/bin/sh\n", "kube.conf": "",
    ])
    let loaded = project.load(environment: ["NAME": "x"])
    #expect(loaded.lines == [])
    #expect(
      loaded.module("default")?.actors.first?.config == [
        "command": [.string(project.path("connectors/run.sh")), "--fast"],
        "env": ["LEVEL": "5", "NAME": "x"],
        "kubeconfig": .string(project.path("kube.conf")),
      ])
  }

  @Test func `a program is looked up on PATH, a variable to pass in the environment`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        actors:
          - id: run
            connector: exec
            config: { command: [tool.sh], env: [GIVEN, ABSENT] }
        routes: [{ name: r, when: { source: orgloop }, then: { actor: run } }]
        """,
      "bin/tool.sh": "",
    ])
    let loaded = project.load(environment: ["PATH": project.path("bin"), "GIVEN": "1"])
    #expect(
      loaded.lines == [
        "orgloop.yaml:7:48: warning[env.unset] env: variable ABSENT is not set and will not be "
          + "passed"
      ])
    #expect(
      loaded.module("default")?.actors.first?.config == [
        "command": [.string(project.path("bin/tool.sh"))], "env": ["GIVEN": "1"],
      ])
  }

  @Test(arguments: [
    ("1MiB", 1_048_576), ("1.5 kb", 1_536), ("2048", 2_048), ("0.5GB", 536_870_912),
  ])
  func `sizes`(_ text: String, _ bytes: Int) throws {
    let loaded = try TestProject([
      "orgloop.yaml": header + "runtime: { http: { max_body: \(text) } }\n"
    ]).load()
    #expect(loaded.lines == [])
    #expect(loaded.settings.bodyBytesMax == bytes)
  }

  @Test(arguments: [
    ("1h30m", 5_400_000), ("2m500ms", 120_500), ("1d", 86_400_000), ("1s", 1_000),
    ("3650d", 315_360_000_000),
  ])
  func `durations`(_ text: String, _ ms: Int64) throws {
    let loaded = try TestProject([
      "orgloop.yaml": header + "runtime: { log_retention: \(text) }\n"
    ]).load()
    #expect(loaded.lines == [])
    #expect(loaded.settings.logRetentionMs == ms)
  }
}
