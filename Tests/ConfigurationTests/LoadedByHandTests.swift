import Engine
import ProjectConfiguration
import Testing

/// `module load`: names, manifests, packages and parameters given by hand (config.md 10.2 to 10.4).
struct LoadedByHandTests {
  private func options(
    name: String? = nil, _ parameters: [String: String] = [:], neighbours: [Neighbour] = []
  ) -> LoadOptions {
    var options = LoadOptions()
    options.role = .module(name: name, parameters: parameters)
    options.neighbours = neighbours
    return options
  }

  // MARK: Manifests

  private let part = """
    kind: Module
    metadata: { name: part }
    params: { from: { type: source, default: hook }, to: { type: actor, default: chat } }
    routes:
      - { name: r, when: { source: "{{ params.from }}" }, then: { actor: "{{ params.to }}" } }
    """

  @Test func `a manifest brings each of its modules under its own name`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed().replacing("name: ops", with: "name: team")
        + "modules: [./part, { package: ./part, name: second, params: { from: github } }]\n",
      "part/orgloop-module.yaml": part,
    ])
    let boot = Neighbour(
      definition: ModuleDefinition(
        name: "default",
        sources: [
          SourceDefinition(id: "github", connector: "webhook"),
          SourceDefinition(id: "hook", connector: "webhook"),
        ]), isBoot: true)
    let loaded = project.load(".", options: options(neighbours: [boot]))
    #expect(loaded.lines == [])
    #expect(loaded.modules.map(\.name) == ["team", "part", "second"])
    #expect(loaded.modules.map(\.alias) == [nil, nil, nil])
    let routes = loaded.modules.dropFirst().compactMap(\.routes.first)
    // The project's own objects come before those of the boot project.
    #expect(
      routes.map(\.sources) == [
        [SourceReference(module: "team", id: "hook")],
        [SourceReference(module: "default", id: "github")],
      ])
    #expect(
      routes.map(\.actor) == Array(repeating: ActorReference(module: "team", id: "chat"), count: 2))
  }

  @Test func `a manifest without objects of its own needs no name`() throws {
    let project = try TestProject([
      "orgloop.yaml": "modules: [./ops]\n", "ops/orgloop.yaml": routed(),
    ])
    let loaded = project.load(".", options: options())
    #expect(loaded.lines == [])
    #expect(loaded.modules.map(\.name) == ["ops"])
  }

  @Test func `a manifest with objects and no name is called by its path`() throws {
    let project = try TestProject([
      "orgloop.yaml": """
      modules: [./ops]
      loggers: [{ name: log, type: console }]
      """, "ops/orgloop.yaml": routed(),
    ])
    let loaded = project.load(".", options: options())
    let name = try #require(loaded.modules.first?.name)
    #expect(name.wholeMatch(of: /mod-[0-9a-f]{12}/) != nil)
    #expect(
      loaded.lines == [
        "orgloop.yaml:1:1: warning[key.missing] the module has no metadata.name and is called "
          + name
      ])
    #expect(project.load("ops/../orgloop.yaml", options: options()).modules.first?.name == name)
    #expect(
      project.load(".", options: options(name: "mine")).modules.map(\.name) == ["mine", "ops"])
  }

  @Test func `only the boot project is called default`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed().replacing("name: ops", with: "name: default")
    ])
    let loaded = project.load(".", options: options())
    #expect(
      loaded.lines == [
        #"orgloop.yaml:3:19: error[id.reserved] "default" names the boot project"#
      ])
    #expect(loaded.modules.isEmpty)
  }

  @Test func `a directory with both files is a module when it is loaded by hand`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed(), "orgloop-module.yaml": "kind: Module\nmetadata: { name: part }\n",
    ])
    #expect(project.load(".", options: options()).modules.map(\.name) == ["part"])
    #expect(project.load(".").modules.map(\.alias) == ["ops"])
  }

  @Test func `a module file needs no kind`() throws {
    let project = try TestProject([
      "orgloop-module.yaml": part.replacing("kind: Module\n", with: "")
        + "\nsources: [{ id: hook, connector: webhook }]\nactors: [{ id: chat, connector: openclaw }]"
    ])
    #expect(project.load(".", options: options()).lines == [])
  }

  // MARK: Packages

  @Test(arguments: [
    ("./pkg", "pkg"), ("@acme/module-review", "modules/review"),
    ("@acme/module-review", "node_modules/@acme/module-review"),
    ("review", "~/.orgloop/modules/review"), ("~/pkg", "~/pkg"),
  ])
  func `a package is located as in a manifest`(_ specifier: String, _ directory: String) throws {
    let project = try TestProject(["\(directory)/orgloop-module.yaml": "kind: Module\n"])
    let loader = ConfigurationLoader(
      catalog: .test, environment: [:], home: project.home, workingDirectory: "/")
    #expect(
      loader.locate(package: specifier, root: project.root)
        == project.path(directory) + "/orgloop-module.yaml")
    #expect(loader.locate(package: "other", root: project.root) == nil)
  }

  // MARK: Parameters

  private let typed = """
    kind: Module
    metadata: { name: m }
    params:
      n: { type: number, default: 1 }
      b: { type: boolean, default: false }
      url: { default: "http://chat.example" }
      token: {}
      github_token: {}
      max_tokens: { type: number, default: 1 }
      secret_source: { type: source, default: hook }
    sources: [{ id: hook, connector: webhook }]
    actors:
      - id: chat
        connector: webhook
        config:
          url: "{{ params.url }}"
          headers: { authorization: "Bearer {{ params.token }}" }
    routes:
      - name: r
        when: { source: "{{ params.secret_source }}" }
        then:
          actor: chat
          config: { n: "{{ params.n }}", b: "{{ params.b }}", max: "{{ params.max_tokens }}" }
    """

  @Test func `a parameter takes variables from the runtime's environment`() throws {
    let project = try TestProject(["orgloop-module.yaml": typed, ".env": "HOST=of-the-module\n"])
    let loaded = project.load(
      ".", environment: ["HOST": "chat.local", "CHAT_TOKEN": "s3cret-value", "COUNT": "4"],
      options: options([
        "n": "${COUNT}", "b": "true", "url": "http://${HOST}/in", "token": "${CHAT_TOKEN}",
        "max_tokens": "100",
      ]))
    #expect(loaded.lines == [])
    let module = try #require(loaded.module("m"))
    #expect(module.routes.first?.config == ["n": 4, "b": true, "max": 100])
    #expect(module.actors.first?.config["url"] == "http://chat.local/in")
    #expect(
      module.actors.first?.config["headers"] == ["authorization": "Bearer s3cret-value"])
    #expect(loaded.secrets.contains("s3cret-value"))
    for value in ["s3cret-value", "chat.local"] {
      #expect(!module.documents.description.contains(value))
    }
    #expect(module.documents.description.contains(#""token":"${CHAT_TOKEN}""#))
  }

  @Test(arguments: [
    (["n": "many", "token": "${T}"], #"parameter "n": must be a number, not a string"#),
    (
      ["b": "yes", "token": "${T}"],
      #"parameter "b": must be true or false, not a string; write true"#
    ),
    (["channl": "x", "token": "${T}"], #"the module has no parameter "channl""#),
  ])
  func `a wrong parameter is reported at the option`(
    _ parameters: [String: String], _ message: String
  ) throws {
    let project = try TestProject(["orgloop-module.yaml": typed])
    let loaded = project.load(
      ".", environment: ["T": "s3cret-value"], options: options(parameters))
    #expect(loaded.lines == ["--param:1:1: error[module.param] \(message)"])
  }

  @Test func `a value given by hand is no template`() throws {
    let project = try TestProject(["orgloop-module.yaml": typed])
    let loaded = project.load(
      ".", environment: ["T": "s3cret-value"],
      options: options(["url": "http://{{ params.n }}.example", "token": "${T}"]))
    #expect(
      loaded.lines == [
        "--param:1:1: error[module.param] parameter \"url\": a value given by hand cannot name "
          + "another parameter ({{ params.… }}); write the value itself"
      ])
  }

  @Test func `a variable that the runtime does not have is an error`() throws {
    let project = try TestProject(["orgloop-module.yaml": typed, ".env": "T=of-the-module\n"])
    #expect(
      project.load(".", options: options(["token": "${T}"])).lines == [
        "--param:1:1: error[env.unset] variable T is not set"
      ])
  }

  @Test(arguments: ["token", "github_token"], ["s3cret-value", "${T:-s3cret-value}"])
  func `a credential is not given literally`(_ name: String, _ value: String) throws {
    let project = try TestProject(["orgloop-module.yaml": typed])
    let loaded = project.load(
      ".", environment: ["T": "other-value"],
      options: options(["token": "${T}"].merging([name: value]) { $1 }))
    #expect(
      loaded.lines == [
        "--param:1:1: error[module.param] parameter \"\(name)\": a credential must not be given "
          + "literally, because parameters are kept in the database; pass the name of a variable, "
          + "--param '\(name)=${VAR}'"
      ])
    #expect(loaded.modules.isEmpty)
  }
}
