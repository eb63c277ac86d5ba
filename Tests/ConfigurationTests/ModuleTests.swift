import Engine
import ProjectConfiguration
import Testing

/// Manifests, packages, parameters and names (config.md 10).
struct ModuleTests {
  /// The module of config.md 10.3.
  private let monitor = """
    apiVersion: orgloop/v1alpha1
    kind: Module
    metadata: { name: ci-monitor, description: "Reports failed CI runs" }
    params:
      github_source: { type: source, required: true, description: "Where runs come from" }
      agent_actor:   { type: actor, required: true }
      channel:       { type: string, default: "#dev" }
    routes:
      - name: failed-run
        when:
          source: "{{ params.github_source }}"
          events: [resource.changed]
          filter: { provenance.platform_event: workflow_run.completed }
        then:
          actor: "{{ params.agent_actor }}"
          config: { channel: "{{ params.channel }}" }
        with: { prompt_file: sops/ci.md }
    """

  private let shared = """
    sources:
      - { id: github, connector: "@orgloop/connector-github",
          config: { repo: "${REPO}", token: "${TOKEN}", events: [issue_comment] } }
    actors:
      - { id: platform-agent, connector: "@orgloop/connector-openclaw",
          config: { agent_id: platform } }

    """

  private let environment = ["REPO": "acme/api", "TOKEN": "ghp_123456"]

  @Test func `the manifest of the reference`() throws {
    let project = try TestProject([
      "orgloop.yaml": shared + """
        modules:
          - package: "@acme/module-code-review"
            params: { github_source: github, agent_actor: platform-agent }
          - package: ./modules/ci-monitor
            name: ci-nightly
            params: { github_source: github, agent_actor: platform-agent, channel: "#ci" }
          - ./ops
        """,
      "modules/code-review/orgloop-module.yaml":
        monitor.replacing("name: ci-monitor", with: "name: code-review"),
      "modules/code-review/sops/ci.md": "review",
      "modules/ci-monitor/orgloop-module.yaml": monitor,
      "modules/ci-monitor/sops/ci.md": "nightly",
      "ops/orgloop.yaml": routed(),
    ])
    let loaded = project.load(environment: environment)
    #expect(
      loaded.lines == [
        #"orgloop.yaml:1:1: warning[key.missing] Project: "apiVersion", "kind", "metadata" are "#
          + "missing"
      ])
    #expect(loaded.modules.map(\.name) == ["default", "code-review", "ci-nightly", "ops"])
    let nightly = try #require(loaded.module("ci-nightly")?.routes.first)
    #expect(nightly.sources == [SourceReference(module: "default", id: "github")])
    #expect(nightly.actor == ActorReference(module: "default", id: "platform-agent"))
    #expect(nightly.config == ["channel": "#ci"])
    #expect(nightly.prompt?.captured == "nightly")
    #expect(loaded.module("code-review")?.routes.first?.config == ["channel": "#dev"])
    #expect(loaded.module("ci-nightly")?.root == project.path("modules/ci-monitor"))
    #expect(loaded.module("ops")?.routes.first?.actor == ActorReference(id: "chat"))
  }

  @Test func `a pure manifest makes no module of its own`() throws {
    let loaded = try TestProject([
      "orgloop.yaml": "modules: [./ops]\n", "ops/orgloop.yaml": routed(),
    ]).load()
    #expect(loaded.lines == [])
    #expect(loaded.modules.map(\.name) == ["ops"])
  }

  @Test(arguments: [
    ("./pkg", "pkg"), ("@acme/module-review", "modules/review"),
    ("@acme/module-review", "modules/module-review"),
    ("@acme/module-review", "modules/@acme/module-review"),
    ("@acme/module-review", "node_modules/@acme/module-review"),
    ("review", "~/.orgloop/modules/review"), ("~/pkg", "~/pkg"),
  ])
  func `where a package is found`(_ specifier: String, _ directory: String) throws {
    let project = try TestProject([
      "orgloop.yaml": "modules: [\"\(specifier)\"]\n",
      "\(directory)/orgloop-module.yaml":
        "apiVersion: orgloop/v1alpha1\nkind: Module\nmetadata: { name: found }\n",
    ])
    let loaded = project.load()
    #expect(loaded.lines == [])
    #expect(loaded.module("found")?.root == project.path(directory))
  }

  /// Each is the `params:` of the manifest's entry.
  @Test(arguments: [
    ("{}", "orgloop.yaml:2:14: error[module.param] parameter \"where\" is required"),
    (
      "{ where: x, channl: y }",
      "orgloop.yaml:3:33: error[module.param] the module has no parameter \"channl\"; did you mean "
        + "\"channel\"?"
    ),
    (
      "{ where: 5 }",
      "orgloop.yaml:3:22: error[module.param] parameter \"where\": must be a string, not a number; "
        + "write \"5\" in quotes"
    ),
    (
      "{ where: x, count: many }",
      "orgloop.yaml:3:32: error[module.param] parameter \"count\": must be a number, not a string"
    ),
    (
      "{ where: x, channel: c }",
      "orgloop.yaml:3:34: error[module.param] parameter \"channel\": \"c\" is none of a, b"
    ),
  ])
  func `a wrong parameter is an error at the manifest`(_ params: String, _ line: String) throws {
    let project = try TestProject([
      "orgloop.yaml": "modules:\n  - package: ./m\n    params: \(params)\n",
      "m/orgloop-module.yaml": """
      apiVersion: orgloop/v1alpha1
      kind: Module
      metadata: { name: m }
      params:
        where: { required: true }
        count: { type: number, default: 1 }
        channel: { enum: [a, b], default: a }
      loggers: [{ name: "{{ params.where }}", type: console }]
      """,
    ])
    let loaded = project.load()
    #expect(loaded.lines == [line])
    #expect(loaded.modules.isEmpty)
    #expect(loaded.invalidModules == ["m"])
  }

  @Test func `a parameter keeps its type when it stands alone`() throws {
    let project = try TestProject([
      "orgloop.yaml": "modules: [{ package: ./m, params: { n: \"${N}\", b: false } }]\n",
      "m/orgloop-module.yaml": """
      apiVersion: orgloop/v1alpha1
      kind: Module
      metadata: { name: m }
      params: { n: { type: number }, b: { type: boolean }, s: { default: x } }
      sources: [{ id: hook, connector: webhook }]
      actors: [{ id: chat, connector: openclaw }]
      routes:
        - name: r
          when: { source: hook }
          then:
            actor: chat
            config: { n: "{{ params.n }}", b: "{{params.b}}", t: "{{ params.s }}-{{ params.n }}",
              event: "{{ payload.x }}", literal: '\\{{ params.s }}' }
      """,
    ])
    let loaded = project.load(environment: ["N": "42"])
    #expect(loaded.lines == [])
    #expect(
      loaded.module("m")?.routes.first?.config == [
        "n": 42, "b": false, "t": "x-42", "event": "{{ payload.x }}",
        "literal": "\\{{ params.s }}",
      ])
  }

  @Test func `a plain id does not reach outside its module`() throws {
    let project = try TestProject([
      "orgloop.yaml": shared + "modules: [./m]\n",
      "m/orgloop-module.yaml": """
      apiVersion: orgloop/v1alpha1
      kind: Module
      metadata: { name: m }
      routes:
        - { name: r, when: { source: github }, then: { actor: platform-agent } }
        - { name: s, when: { source: "default:github" }, then: { actor: platform-agent } }
      """,
    ])
    let loaded = project.load(environment: environment)
    #expect(
      loaded.diagnostics.filter { $0.level == .error }.map { "\($0.line) \($0.code)" }
        == ["5 ref.source", "5 ref.actor", "6 ref.actor"])
    #expect(loaded.modules.map(\.name) == ["default"])
    #expect(loaded.invalidModules == ["m"])
  }

  @Test func `another module's source is named with its module`() throws {
    let project = try TestProject([
      "orgloop.yaml": shared + "modules: [./m]\n",
      "m/orgloop-module.yaml": """
      kind: Module
      metadata: { name: m }
      actors: [{ id: a, connector: openclaw }]
      routes: [{ name: r, when: { source: ["default:github", "m:orgloop"] }, then: { actor: a } }]
      """,
    ])
    let loaded = project.load(environment: environment)
    #expect(
      loaded.module("m")?.routes.first?.sources == [
        SourceReference(module: "default", id: "github"), SourceReference(id: "orgloop"),
      ])
  }

  @Test func `variables do not leak from one module to another`() throws {
    let module = """
      kind: Module
      metadata: { name: NAME }
      loggers: [{ name: "${WHO}", type: console }]
      """
    let project = try TestProject([
      "orgloop.yaml": "modules: [./a, ./b]\n", ".env": "WHO=boot\n",
      "a/orgloop-module.yaml": module.replacing("NAME", with: "a"), "a/.env": "WHO=own\n",
      "b/orgloop-module.yaml": module.replacing("NAME", with: "b"),
    ])
    let loaded = project.load()
    #expect(
      loaded.lines == ["b/orgloop-module.yaml:3:19: error[env.unset] variable WHO is not set"])
    #expect(loaded.module("a")?.loggers.first?.name == "own")
    #expect(loaded.invalidModules == ["b"])
  }

  @Test func `a module that is not found is told with the places that were tried`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        modules:
          - "@acme/module-reveiw"
          - ./empty
          - ./opps
          - empty
        """,
      "modules/review/orgloop-module.yaml": "kind: Module\nmetadata: { name: review }\n",
      "ops/orgloop-module.yaml": "kind: Module\nmetadata: { name: ops }\n",
      "empty/notes.md": "x", "modules/empty/notes.md": "x",
    ])
    let home = project.home
    let files = "no orgloop-module.yaml, no orgloop.yaml, no orgloop.yml"
    #expect(
      project.load().lines == [
        "orgloop.yaml:5:5: error[module.not-found] no module \"@acme/module-reveiw\"; tried "
          + "modules/@acme/module-reveiw, modules/module-reveiw, modules/reveiw, "
          + "node_modules/@acme/module-reveiw, \(home)/.orgloop/modules/@acme/module-reveiw, "
          + "\(home)/.orgloop/modules/module-reveiw, \(home)/.orgloop/modules/reveiw",
        "orgloop.yaml:6:5: error[module.not-found] no module \"./empty\": the directory empty has "
          + files,
        "orgloop.yaml:7:5: error[module.not-found] no module \"./opps\": there is no file or "
          + "directory there; did you mean \"./ops\"?",
        "orgloop.yaml:8:5: error[module.not-found] no module \"empty\": the directory "
          + "modules/empty has " + files,
      ])
  }

  @Test func `an enum that allows nothing says so`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + "modules: [{ package: ./m, params: { c: x } }]\n",
      "m/orgloop-module.yaml":
        "kind: Module\nmetadata: { name: m }\nparams: { c: { enum: [] } }\n",
    ])
    #expect(
      project.load().lines.contains(
        "orgloop.yaml:4:40: error[module.param] parameter \"c\": \"x\" is not allowed: its enum "
          + "is empty"), "\(project.load().lines)")
  }

  @Test func `names of modules`() throws {
    let module = "kind: Module\nmetadata: { name: NAME }\n"
    let project = try TestProject([
      "orgloop.yaml": header + """
        sources: [{ id: s, connector: webhook }]
        modules: [./a, ./b, ./c, ./d, { package: ./a, enabled: false }]
        """,
      "a/orgloop-module.yaml": module.replacing("NAME", with: "ops"),
      "b/orgloop-module.yaml": module.replacing("NAME", with: "default"),
      "c/orgloop-module.yaml": "kind: Module\n",
      "d/orgloop-module.yaml": module.replacing("NAME", with: "-x") + "modules: [./e]\n",
    ])
    let loaded = project.load()
    let errors = loaded.lines.filter { $0.contains("error[") }
    #expect(
      errors == [
        "d/orgloop-module.yaml:2:19: error[id.invalid] \"-x\" cannot be the name of a module: "
          + "it must be letters, digits, \".\", \"_\" and \"-\", at most 128, the first a letter "
          + "or digit",
        "d/orgloop-module.yaml:3:1: error[file.kind] modules do not nest: \"modules\" belongs to "
          + "the boot project",
        "orgloop.yaml:5:11: error[module.name-taken] the name \"ops\" is already taken at "
          + "orgloop.yaml:1:1",
        "orgloop.yaml:5:16: error[module.name-taken] the name \"default\" is already taken at "
          + "orgloop.yaml:1:1",
      ])
    let unnamed = try #require(loaded.modules.last?.name)
    #expect(unnamed.hasPrefix("mod-"))
    #expect(unnamed.count == 16)
    #expect(
      loaded.lines.contains(
        "c/orgloop-module.yaml:1:1: warning[key.missing] the module has no metadata.name and is "
          + "called \(unnamed)"))
  }

  @Test func `a module loaded by hand has its own name and parameters`() throws {
    let project = try TestProject([
      "m/orgloop-module.yaml": monitor, "m/sops/ci.md": "x",
    ])
    var options = LoadOptions()
    options.role = .module(name: nil, parameters: ["agent_actor": "a", "github_source": "orgloop"])
    let loaded = project.load("m", options: options)
    #expect(
      loaded.lines == [
        "--param:1:1: error[ref.actor] then.actor: no actor \"a\" in module ci-monitor or the boot "
          + "project"
      ])
    #expect(loaded.invalidModules == ["ci-monitor"])
    options.role = .module(name: "mine", parameters: [:])
    #expect(
      project.load("m", options: options).lines == [
        "orgloop-module.yaml:1:1: error[module.param] parameter \"agent_actor\" is required",
        "orgloop-module.yaml:1:1: error[module.param] parameter \"github_source\" is required",
      ])
  }

  @Test func `a module's defaults lie above the boot project's`() throws {
    let project = try TestProject([
      "orgloop.yaml": """
      defaults: { event_retention: 1d, on_error: drop, delivery: { timeout: 1s, concurrency: 2 } }
      actors: [{ id: shared, connector: openclaw, delivery: { queue_depth: 9 } }]
      modules: [{ package: ./m, params: { target: shared } }]
      """,
      "m/orgloop-module.yaml": """
      kind: Module
      metadata: { name: m }
      defaults: { event_retention: 2d, delivery: { timeout: 2s } }
      params: { target: { type: actor } }
      transforms: [{ name: t, type: filter }]
      routes:
        - { name: r, when: { source: orgloop }, transforms: [t],
              then: { actor: "{{ params.target }}" } }
      """,
    ])
    let loaded = project.load()
    #expect(!loaded.hasErrors)
    #expect(loaded.module("default")?.eventRetentionMs == 86_400_000)
    let module = try #require(loaded.module("m"))
    #expect(module.eventRetentionMs == 2 * 86_400_000)
    let route = try #require(module.routes.first)
    #expect(route.actor == ActorReference(module: "default", id: "shared"))
    #expect(
      route.delivery == DeliveryPolicy(queueDepth: 9, concurrency: 2, timeoutMs: 2_000))
    #expect(!route.hasOwnLane)
    #expect(route.transforms.map(\.onError) == [.drop])
  }

  @Test func `a file of a module is named by its whole path outside the project`() throws {
    let project = try TestProject([
      "orgloop.yaml": "modules: [~/m]\n",
      "~/m/orgloop-module.yaml": "kind: Module\nmetadata: { name: m }\nnonsense: 1\n",
    ])
    #expect(
      project.load().lines == [
        "\(project.home)/m/orgloop-module.yaml:3:1: warning[key.unknown] unknown key \"nonsense\""
      ])
  }

  @Test func `a valid module is still there beside a broken one`() throws {
    let loaded = try TestProject([
      "orgloop.yaml": "modules: [./good, ./bad]\n", "good/orgloop.yaml": routed(),
      "bad/orgloop.yaml": routed(then: "then: { actor: nobody }").replacing("ops", with: "bad"),
    ]).load()
    #expect(loaded.hasErrors)
    #expect(loaded.modules.map(\.name) == ["ops"])
    #expect(loaded.invalidModules == ["bad"])
  }
}
