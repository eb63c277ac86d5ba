import Engine
import ProjectConfiguration
import Testing

/// Modules that are loaded while others run (config.md 6.2, 10.3).
struct NeighbourTests {
  private func options(
    _ neighbours: [Neighbour], parameters: [String: String] = [:]
  ) -> LoadOptions {
    var options = LoadOptions()
    options.role = .module(name: nil, parameters: parameters)
    options.neighbours = neighbours
    return options
  }

  /// The boot project's own objects, as they run.
  private func boot(
    sources: [String] = ["github"], actors: [ActorDefinition] = []
  ) -> Neighbour {
    Neighbour(
      definition: ModuleDefinition(
        name: "default", alias: "ops", path: "/srv/ops/orgloop.yaml",
        sources: sources.map { SourceDefinition(id: $0, connector: "webhook") }, actors: actors),
      isBoot: true)
  }

  private func engineering(_ config: JSONObject = [:], routes: [RouteDefinition] = []) -> Neighbour
  {
    Neighbour(
      definition: ModuleDefinition(
        name: "engineering", path: "/srv/engineering/orgloop.yaml",
        sources: [SourceDefinition(id: "github", connector: "webhook", config: config)],
        actors: [ActorDefinition(id: "agent", connector: "openclaw")], routes: routes),
      isBoot: false)
  }

  /// A module with one route from the sources in `when`.
  private func watcher(_ when: String) -> String {
    """
    kind: Module
    metadata: { name: watcher }
    actors: [{ id: chat, connector: openclaw }]
    routes: [{ name: r, when: { source: \(when) }, then: { actor: chat } }]

    """
  }

  /// A module whose source and actor are wired in.
  private let wired = """
    kind: Module
    metadata: { name: wired }
    params: { from: { type: source, required: true }, to: { type: actor, required: true } }
    defaults: { delivery: { timeout: 2s, concurrency: 7 } }
    routes:
      - name: r
        when: { source: "{{ params.from }}" }
        then: { actor: "{{ params.to }}" }

    """

  @Test(arguments: [
    ("engineering:github", "engineering", "github"), ("engineering:agent", "engineering", "agent"),
    ("ops:github", "default", "github"), ("default:orgloop", "default", "orgloop"),
  ])
  func `a running module's source is found by name and by alias`(
    _ written: String, _ module: String, _ id: String
  ) throws {
    let project = try TestProject(["orgloop-module.yaml": watcher("\"\(written)\"")])
    let loaded = project.load(".", options: options([boot(), engineering()]))
    #expect(loaded.lines == [])
    #expect(
      loaded.module("watcher")?.routes.first?.sources == [SourceReference(module: module, id: id)])
  }

  @Test func `a module that does not run is a warning, and the reference stays as written`() throws
  {
    let project = try TestProject(["orgloop-module.yaml": watcher("\"engineerin:github\"")])
    let loaded = project.load(".", options: options([boot(), engineering()]))
    #expect(
      loaded.lines == [
        #"orgloop-module.yaml:4:37: warning[ref.module] when.source: no module "engineerin" is "#
          + #"loaded; did you mean "engineering"?"#
      ])
    #expect(
      loaded.module("watcher")?.routes.first?.sources
        == [SourceReference(module: "engineerin", id: "github")])
  }

  @Test func `a running module without that source is an error`() throws {
    let project = try TestProject(["orgloop-module.yaml": watcher("\"engineering:githb\"")])
    #expect(
      project.load(".", options: options([engineering()])).lines == [
        #"orgloop-module.yaml:4:37: error[ref.source] when.source: no source "githb" in module "#
          + #"engineering; did you mean "github"?"#
      ])
  }

  @Test func `an id from a parameter is the module's own, else the boot project's`() throws {
    let project = try TestProject(["orgloop-module.yaml": wired])
    let agent = ActorDefinition(
      id: "agent", connector: "openclaw",
      delivery: DeliveryPolicy(queueDepth: 9, concurrency: 1, breaker: nil))
    let loaded = project.load(
      ".",
      options: options(
        [engineering(), boot(actors: [agent])], parameters: ["from": "github", "to": "agent"]))
    #expect(loaded.lines == [])
    let route = try #require(loaded.module("wired")?.routes.first)
    #expect(route.sources == [SourceReference(module: "default", id: "github")])
    #expect(route.actor == ActorReference(module: "default", id: "agent"))

    try project.write(
      "orgloop-module.yaml", wired + "sources: [{ id: github, connector: webhook }]\n")
    let own = project.load(
      ".", options: options([boot(actors: [agent])], parameters: ["from": "github", "to": "agent"]))
    #expect(own.module("wired")?.routes.first?.sources == [SourceReference(id: "github")])
  }

  @Test func `a route inherits the delivery of the boot project's actor`() throws {
    let project = try TestProject(["orgloop-module.yaml": wired])
    let agent = ActorDefinition(
      id: "agent", connector: "openclaw",
      delivery: DeliveryPolicy(
        ratePerSecond: 2, queueDepth: 9, overflow: .park, concurrency: 1,
        orderKey: DotPath("source"),
        retry: RetryPolicy(attemptsMax: 3, backoff: .linear, jitter: .full), breaker: nil))
    let loaded = project.load(
      ".",
      options: options(
        [boot(actors: [agent])], parameters: ["from": "github", "to": "agent"]))
    var expected = agent.delivery
    // Only the timeout is the actor's built-in one, so the module's own default applies.
    expected.timeoutMs = 2_000
    #expect(loaded.module("wired")?.routes.first?.delivery == expected)
    #expect(loaded.module("wired")?.routes.first?.hasOwnLane == false)
  }

  @Test func `wired in later is the same as wired in at the start`() throws {
    let files = [
      "orgloop.yaml": """
      apiVersion: orgloop/v1alpha1
      kind: Project
      metadata: { name: ops }
      sources: [{ id: github, connector: webhook }]
      actors:
        - id: agent
          connector: openclaw
          delivery:
            order_key: source
            queue_depth: 9
            retry: { max_attempts: 3, jitter: none }
            circuit_breaker: { cooldown: 1s }
      modules: [{ package: ./wired, params: { from: github, to: agent } }]
      """, "wired/orgloop-module.yaml": wired,
    ]
    let project = try TestProject(files)
    let atStart = project.load()
    #expect(atStart.lines == [])
    let running = try #require(atStart.module("default"))
    let later = project.load(
      "wired",
      options: options(
        [Neighbour(definition: running, isBoot: true)],
        parameters: ["from": "github", "to": "agent"]))
    #expect(later.lines == [])
    let (one, other) = (
      try #require(atStart.module("wired")?.routes.first),
      try #require(later.module("wired")?.routes.first)
    )
    #expect(one.sources == other.sources)
    #expect(one.actor == other.actor)
    #expect(one.delivery == other.delivery)
  }

  @Test func `a parameter reaches no other running module`() throws {
    let project = try TestProject(["orgloop-module.yaml": wired])
    let loaded = project.load(
      ".",
      options: options([engineering(), boot()], parameters: ["from": "github", "to": "agent"]))
    #expect(
      loaded.lines == [
        #"--param:1:1: error[ref.actor] then.actor: no actor "agent" in module wired or the boot "#
          + "project"
      ])
  }

  @Test func `a path that a running source has is taken`() throws {
    let project = try TestProject([
      "orgloop-module.yaml": watcher("hook")
        + "sources: [{ id: hook, connector: webhook, config: { path: /gh } }]\n"
    ])
    let other = engineering(["path": "/gh"])
    #expect(
      project.load(".", options: options([other])).lines == [
        #"orgloop-module.yaml:5:59: error[http.path-conflict] path: "/gh" is already taken by "#
          + #"source "github" of module engineering"#
      ])
    var itself = other
    itself.definition.name = "watcher"
    #expect(project.load(".", options: options([itself])).lines == [])
  }

  @Test func `a source that a running module listens to is not dead`() throws {
    let project = try TestProject([
      "orgloop-module.yaml": """
      kind: Module
      metadata: { name: feed }
      sources: [{ id: hook, connector: webhook }]

      """
    ])
    #expect(
      project.load(".", options: options([engineering()])).lines == [
        #"orgloop-module.yaml:3:11: warning[graph.dead-source] source "hook" is used by no route"#
      ])
    let route = RouteDefinition(
      name: "r", sources: [SourceReference(module: "feed", id: "hook")],
      actor: ActorReference(id: "agent"))
    #expect(project.load(".", options: options([engineering(routes: [route])])).lines == [])
  }

  @Test func `a reloaded module does not see what it was before`() throws {
    let project = try TestProject(["orgloop-module.yaml": watcher("\"watcher:hook\"")])
    let before = Neighbour(
      definition: ModuleDefinition(
        name: "watcher", sources: [SourceDefinition(id: "hook", connector: "webhook")]),
      isBoot: false)
    #expect(
      project.load(".", options: options([before])).lines == [
        #"orgloop-module.yaml:4:37: error[ref.source] when.source: no source "hook" in module "#
          + "watcher"
      ])
  }

  @Test func `a boot project that is read again is its own boot project`() throws {
    let project = try TestProject([
      "orgloop.yaml": "modules: [{ package: ./wired, params: { from: github, to: agent } }]\n",
      "wired/orgloop-module.yaml": wired,
    ])
    var options = LoadOptions()
    let agent = ActorDefinition(id: "agent", connector: "openclaw")
    options.neighbours = [boot(actors: [agent])]
    #expect(
      project.load(options: options).lines == [
        #"orgloop.yaml:1:47: error[ref.source] when.source: no source "github" in module wired "#
          + "or the boot project",
        #"orgloop.yaml:1:59: error[ref.actor] then.actor: no actor "agent" in module wired or "#
          + "the boot project",
      ])
  }

  @Test func `a boot project may listen to modules that were loaded by hand`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        actors: [{ id: chat, connector: openclaw }]
        routes: [{ name: r, when: { source: "engineering:github" }, then: { actor: chat } }]

        """
    ])
    var options = LoadOptions()
    #expect(
      project.load(options: options).lines == [
        #"orgloop.yaml:5:37: warning[ref.module] when.source: no module "engineering" is loaded"#
      ])
    options.neighbours = [engineering()]
    #expect(project.load(options: options).lines == [])
  }

  @Test func `hundreds of running modules cost a load next to nothing`() throws {
    let project = try TestProject(["orgloop-module.yaml": wired])
    let routes = (0..<4).map { number in
      RouteDefinition(
        name: "r\(number)", sources: [SourceReference(module: "default", id: "github")],
        actor: ActorReference(module: "default", id: "agent"))
    }
    let others = (0..<500).map { number in
      var other = engineering(["path": .string("/\(number)")], routes: routes)
      other.definition.name = "engineering-\(number)"
      return other
    }
    let agent = ActorDefinition(id: "agent", connector: "openclaw")
    let options = options(
      others + [boot(actors: [agent])], parameters: ["from": "github", "to": "agent"])
    let durations = try (0..<10).map { _ in
      try ContinuousClock().measure {
        try #require(project.load(".", options: options).lines == [])
      }
    }
    // The best of ten, because other tests run beside it. A reload may take 50 ms in all, in a
    // release build.
    #expect(try #require(durations.min()) < .milliseconds(100))
  }
}
