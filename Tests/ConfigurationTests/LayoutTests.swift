import Engine
import ProjectConfiguration
import Testing

/// The layouts of config.md 14, and where files are looked for (1.1, 4, 5.1).
struct LayoutTests {
  @Test func `a webhook and a console logger and nothing else`() throws {
    let loaded = try TestProject([
      "orgloop.yaml": header + "connectors: [connectors/hook.yaml]\nloggers: [loggers/c.yaml]\n",
      "connectors/hook.yaml": """
      apiVersion: orgloop/v1alpha1
      kind: ConnectorGroup
      sources:
        - id: hook
          connector: "@orgloop/connector-webhook"
          config: { path: /webhook }
      """,
      "loggers/c.yaml": """
      kind: LoggerGroup
      loggers: [{ name: console, type: "@orgloop/logger-console" }]
      """,
    ]).load()
    #expect(
      loaded.lines == [
        #"connectors/hook.yaml:4:5: warning[graph.dead-source] source "hook" is used by no route"#
      ])
    let module = try #require(loaded.module("default"))
    #expect(module.alias == "ops")
    #expect(module.sources.map(\.config) == [["path": "/webhook"]])
    #expect(module.loggers.map(\.type) == ["console"])
    #expect(module.loggers.map(\.config) == [["level": "info"]])
    #expect(
      loaded.files == [
        CheckedFile(path: "connectors/hook.yaml", summary: "1 source"),
        CheckedFile(path: "loggers/c.yaml", summary: "1 logger"),
        CheckedFile(path: "orgloop.yaml", summary: "project ops"),
      ])
  }

  @Test func `everything inline loads as in files of its own`() throws {
    let source = #"{ id: hook, connector: webhook }"#
    let actor = #"{ id: chat, connector: webhook, config: { url: "http://a.example" } }"#
    let route = #"{ name: r, when: { source: hook }, then: { actor: chat } }"#
    let logger = #"{ name: c, type: console }"#
    let inline = try TestProject([
      "orgloop.yaml": header
        + "sources: [\(source)]\nactors: [\(actor)]\nroutes: [\(route)]\nloggers: [\(logger)]\n"
    ]).load()
    let apart = try TestProject([
      "orgloop.yaml": header + "connectors: [c.yaml]\nloggers: [l.yaml]\n",
      "c.yaml": "sources: [\(source)]\nactors: [\(actor)]\n",
      "l.yaml": "loggers: [\(logger)]\n",
      "routes/r.yaml": "routes: [\(route)]\n",
    ]).load()
    for loaded in [inline, apart] {
      #expect(loaded.lines == [])
      let module = try #require(loaded.module("default"))
      #expect(module.sources.map(\.id) == ["hook"])
      #expect(module.actors.map(\.config) == [["url": "http://a.example", "method": "POST"]])
      #expect(module.routes.map(\.name) == ["r"])
      #expect(module.loggers.map(\.name) == ["c"])
    }
  }

  @Test func `prompts are found beside the file, then in the root`() throws {
    let route = """
      routes:
        - name: NAME
          when: { source: hook }
          then: { actor: chat }
          with: { prompt_file: ./sops/x.md }
      """
    let project = try TestProject([
      "orgloop.yaml": header + """
        connectors: [connectors/all.yaml]
        transforms: [transforms/all.yaml]
        loggers: [loggers/all.yaml]
        routes: [teams/a/routes.yaml]
        """,
      "connectors/all.yaml": """
      kind: ConnectorGroup
      metadata: { name: all }
      sources: [{ id: hook, connector: webhook }]
      actors: [{ id: chat, connector: openclaw }]
      """,
      "connectors/unused.yaml": "# only a comment\n",
      "transforms/all.yaml": "# only a comment\n",
      "loggers/all.yaml": "metadata: { name: l }\nloggers: [{ name: c, type: console }]\n",
      "routes/engineering.yml": route.replacing("NAME", with: "discovered"),
      "teams/a/routes.yaml": route.replacing("NAME", with: "listed"),
      "sops/x.md": "---\nagent: ops\n---\nroot\n",
      "teams/a/sops/x.md": "beside\n",
    ])
    let loaded = project.load()
    #expect(loaded.lines == [])
    let routes = try #require(loaded.module("default")).routes
    #expect(routes.map(\.name) == ["listed", "discovered"])
    #expect(
      routes.map { $0.prompt?.path } == [
        project.path("teams/a/sops/x.md"), project.path("sops/x.md"),
      ])
    #expect(routes.map { $0.prompt?.captured } == ["beside\n", "---\nagent: ops\n---\nroot\n"])
    #expect(routes.map { $0.prompt?.metadata } == [.null, ["agent": "ops"]])
  }

  @Test func `prompts of an inline project are found beside its file, from anywhere`() throws {
    let project = try TestProject([
      "deep/orgloop.yaml": routed("    with: { prompt_file: ./sops/x.md }\n"),
      "deep/sops/x.md": "Look.\n", "sops/x.md": "Not this.\n",
    ])
    let loaded = project.load("deep")
    #expect(loaded.lines == [])
    #expect(loaded.module("default")?.routes.first?.prompt?.captured == "Look.\n")
  }

  @Test func `discovered routes come in byte order, listed ones once and first`() throws {
    func route(_ name: String) -> String {
      "routes: [{ name: \(name), when: { source: hook }, then: { actor: chat } }]"
    }
    let project = try TestProject([
      "orgloop.yaml": header + """
        sources: [{ id: hook, connector: webhook }]
        actors: [{ id: chat, connector: openclaw }]
        routes: [routes/b.yaml, "extra/*.yaml"]
        """,
      "routes/a.yaml": route("a"), "routes/b.yaml": route("b"), "routes/B.yml": route("B"),
      "routes/deep/x.yaml": route("deep"), "routes/.hidden.yaml": route("hidden"),
      "routes/notes.txt": "no", "extra/2.yaml": route("two"), "extra/1.yaml": route("one"),
    ])
    let loaded = project.load()
    #expect(loaded.lines == [])
    #expect(loaded.module("default")?.routes.map(\.name) == ["b", "one", "two", "B", "a"])
  }

  @Test func `the file to load is a file, a directory, or the working directory`() throws {
    let project = try TestProject([
      "orgloop.yml": header, "sub/orgloop-module.yaml": "kind: Module\nmetadata: { name: m }\n",
      "sub/other.yaml": header,
    ])
    #expect(project.load().configFile == project.path("orgloop.yml"))
    #expect(project.load("sub").configFile == project.path("sub/orgloop-module.yaml"))
    #expect(project.load("sub/other.yaml").configFile == project.path("sub/other.yaml"))
    #expect(
      project.load(project.path("sub")).projectRoot == project.path("sub"))
    #expect(
      project.load("nothing.yaml").lines == [
        "\(project.root)/nothing.yaml:1:1: error[file.missing] no configuration file; "
          + "tried \(project.root)/nothing.yaml"
      ])
  }

  @Test func `a path below the home directory`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + "loggers: [~/shared/l.yaml]\n",
      "~/shared/l.yaml":
        "loggers: [{ name: f, type: file, config: { path: logs/x.log } }]\n",
    ])
    let loaded = project.load()
    #expect(loaded.lines == [])
    #expect(
      loaded.module("default")?.loggers.first?.config["path"]
        == .string(project.path("logs/x.log")))
  }

  @Test func `the user's defaults lie below the project's`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        defaults: { poll_interval: 10s, delivery: { timeout: 5s } }
        sources: [{ id: gh, connector: cron, config: { schedules: [] } }]
        actors: [{ id: chat, connector: openclaw }]
        routes: [{ name: r, when: { source: gh }, then: { actor: chat } }]
        loggers: [{ name: c, type: console }]
        """,
      "~/.orgloop/config.yaml": """
      defaults:
        poll_interval: 99s
        event_retention: 1d
        log_level: debug
        checkpoint: { store: memory }
        delivery: { timeout: 1s, concurrency: 7 }
      other: ignored
      """,
    ])
    let loaded = project.load()
    #expect(loaded.lines == [])
    let module = try #require(loaded.module("default"))
    #expect(module.sources.first?.pollIntervalMs == 10_000)
    #expect(module.sources.first?.forgetsCheckpoint == true)
    #expect(module.eventRetentionMs == 86_400_000)
    #expect(module.routes.first?.delivery.timeoutMs == 5_000)
    #expect(module.routes.first?.delivery.concurrency == 7)
    #expect(module.loggers.first?.config["level"] == "debug")
    // Only the defaults are read.
    try project.write("~/.orgloop/config.yaml", "defaults: {}\nother: \"${UNSET}\"\n")
    #expect(project.load().lines == [])
    try project.write("~/.orgloop/config.yaml", "- defaults\n")
    #expect(
      project.load().lines == [
        "\(project.home)/.orgloop/config.yaml:1:1: error[key.type] the file must hold a map, "
          + "not a list"
      ])
    try project.write("~/.orgloop/config.yaml", "defaults: { poll_interval: soon }\n")
    #expect(
      project.load().lines == [
        "\(project.home)/.orgloop/config.yaml:1:28: error[key.type] defaults.poll_interval: "
          + "a duration is numbers with units d h m s ms, such as \"30s\" or \"1h30m\""
      ])
  }

  @Test func `the runtime block of the reference`() throws {
    let loaded = try TestProject([
      "orgloop.yaml": header + """
        runtime:
          http: { host: 127.0.0.1, port: 4800, max_body: 1MiB }
          control: { tcp: false, token: "${ORGLOOP_TOKEN}", socket_group: orgloop,
                     allowed_hosts: [], allowed_origins: [] }
          metrics: { port: 9464 }
          shutdown_timeout: 30s
          poll_concurrency: 16
          bus: sqlite
          log_retention: 24h
          loop: { warn_depth: 3, max_depth: 5, window: 5m }
          audit: { enabled: true, hold_on_critical: false, allowed_domains: [],
                   echo_threshold: 0.7 }
        """
    ]).load(environment: ["ORGLOOP_TOKEN": "0123456789abcdef"])
    #expect(loaded.lines == [])
    var expected = RuntimeSettings()
    expected.controlToken = "0123456789abcdef"
    expected.socketGroup = "orgloop"
    expected.metricsPort = 9_464
    expected.audit = AuditPolicy()
    #expect(loaded.settings == expected)
  }

  @Test func `the project of the reference`() throws {
    let project = try TestProject([
      "orgloop.yaml": """
      apiVersion: orgloop/v1alpha1
      kind: Project
      metadata: { name: ops }
      connectors: [connectors/pager.yaml]
      sources:
        - id: nightly
          connector: "@orgloop/connector-cron"
          config: { schedules: [{ name: sweep, cron: "0 3 * * *" }] }
      actors:
        - id: chat
          connector: "@orgloop/connector-webhook"
          config: { url: "${CHAT_URL}" }
      routes:
        - routes-extra/audit.yaml
        - name: sweep-to-chat
          when: { source: nightly, events: [resource.changed] }
          then: { actor: chat }
      """,
      "connectors/pager.yaml": "actors: [{ id: pager, connector: openclaw }]\n",
      "routes-extra/audit.yaml":
        "routes: [{ name: audit, when: { source: orgloop }, then: { actor: pager } }]\n",
    ])
    let loaded = project.load(environment: ["CHAT_URL": "https://chat.example/hook"])
    #expect(loaded.lines == [])
    #expect(loaded.module("default")?.routes.map(\.name) == ["audit", "sweep-to-chat"])
    #expect(loaded.module("default")?.sources.first?.origin?.description == "orgloop.yaml:6:5")
  }

  @Test func `a project without a header is warned of`() throws {
    let loaded = try TestProject(["orgloop.yaml": "loggers: []\n"]).load()
    #expect(
      loaded.lines == [
        #"orgloop.yaml:1:1: warning[key.missing] Project: "apiVersion", "kind", "metadata" are "#
          + "missing"
      ])
  }
}
