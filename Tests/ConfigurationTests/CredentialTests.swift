import Engine
import ProjectConfiguration
import Testing

/// Credentials: empty ones are refused, literal ones are told and hidden, wherever they come from.
struct CredentialTests {
  /// A project with that secret at its source.
  private static func project(_ secret: String) -> String {
    routed().replacing(
      "{ id: hook, connector: webhook }",
      with: "{ id: hook, connector: webhook, config: { secret: \(secret) } }")
  }

  private static func load(
    _ secret: String, environment: [String: String] = [:]
  ) throws -> LoadedProject {
    try TestProject(["orgloop.yaml": project(secret)]).load(environment: environment)
  }

  @Test(arguments: [
    ("", "connector.config] secret: a credential must not be left blank; write a variable, or "),
    ("null", "connector.config] secret: a credential must not be left blank; write a variable, "),
    ("\"\"", "connector.config] secret: a credential must not be empty"),
    ("\"${E}\"", "env.unset] secret: variable E is empty; a credential must not be"),
    ("\"whsec_${E}\"", "env.unset] secret: variable E is empty; a credential must not be"),
    ("\"${FULL}${E}\"", "env.unset] secret: variable E is empty; a credential must not be"),
    (
      "\"whsec_${NO:-}\"",
      "env.unset] secret: variable NO is not set, and its default is empty; a credential must not be"
    ),
  ])
  func `an empty secret never switches a check off`(_ secret: String, _ words: String) throws {
    let loaded = try Self.load(secret, environment: ["E": "", "FULL": "value-of-full"])
    let errors = loaded.diagnostics.filter { $0.level == .error }.map(\.description)
    #expect(errors.count == 1)
    #expect(errors.first?.contains(": error[" + words) ?? false, "\(errors)")
    #expect(loaded.modules.isEmpty)
  }

  @Test func `no secret is wanted where there is no key`() throws {
    #expect(try TestProject(["orgloop.yaml": routed()]).load().lines == [])
  }

  @Test func `null is a value in what is handed on`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed().replacing(
        "then: { actor: chat }", with: "then: { actor: chat, config: { token: null } }")
    ])
    let loaded = project.load()
    #expect(loaded.lines == [])
    #expect(loaded.module("default")?.routes.first?.config["token"] == JSONValue.null)
  }

  private static let module = """
    apiVersion: orgloop/v1alpha1
    kind: Module
    metadata: { name: m }
    params: { tok: {}, api: { default: "Bearer literal-default" } }
    sources: [{ id: hook, connector: webhook, config: { secret: "{{ params.tok }}" } }]
    actors:
      - id: chat
        connector: webhook
        config: { url: "http://c.example", headers: { Authorization: "{{ params.api }}" } }
    routes:
      - { name: r, when: { source: hook }, then: { actor: chat } }

    """

  private static func load(
    params: String, environment: [String: String] = [:]
  ) throws -> LoadedProject {
    var options = LoadOptions()
    options.describes = true
    return try TestProject([
      "orgloop.yaml": "modules:\n  - package: ./m\n    params: \(params)\n",
      "m/orgloop-module.yaml": module,
    ]).load(environment: environment, options: options)
  }

  @Test func `a parameter without a value is no secret`() throws {
    let loaded = try Self.load(params: "{ api: \"${T}\" }", environment: ["T": "value-of-t"])
    #expect(
      loaded.lines == [
        "m/orgloop-module.yaml:5:61: error[connector.config] secret: {{ params.tok }} has no value; "
          + "a credential must not be empty"
      ])
  }

  @Test func `a credential written as a parameter is told where it is written, and hidden`() throws
  {
    let loaded = try Self.load(params: "{ tok: literal-secret-1 }")
    #expect(
      loaded.lines == [
        "m/orgloop-module.yaml:4:36: warning[env.literal-secret] headers.Authorization: a credential "
          + "is written in the file; put it in a variable",
        "orgloop.yaml:3:20: warning[env.literal-secret] secret: a credential is written in the file; "
          + "put it in a variable",
      ])
    let module = try #require(loaded.module("m"))
    #expect(module.sources.first?.config["secret"] == "literal-secret-1")
    let everything = [
      module.documents.description, try #require(loaded.merged).text,
      JSONText(try #require(loaded.shown["m"])).description,
      loaded.redacting("literal-default and literal-secret-1"),
    ]
    for text in everything { #expect(!text.contains("literal-"), "\(text)") }
    #expect(
      try Self.load(params: "{ tok: \"${T}\", api: \"Bearer ${T}\" }", environment: ["T": "value1"])
        .lines == [])
  }

  @Test func `a literal credential with an escaped placeholder in it is one`() throws {
    let loaded = try Self.load("\"lit$${x}eral-secret\"")
    #expect(
      loaded.lines == [
        "orgloop.yaml:4:61: warning[env.literal-secret] secret: a credential is written in the file; "
          + "put it in a variable"
      ])
    let module = try #require(loaded.module("default"))
    #expect(module.sources.first?.config["secret"] == "lit${x}eral-secret")
    #expect(!module.documents.description.contains("eral-secret"))
    #expect(loaded.redacting("lit${x}eral-secret, lit$${x}eral-secret") == "***, ***")
  }

  @Test func `a default in the place of a credential is told when it is used, and never stored`()
    throws
  {
    let loaded = try Self.load("\"${TOK:-default-token}\"")
    #expect(
      loaded.lines == [
        "orgloop.yaml:4:61: notice[env.literal-secret] secret: variable TOK is not set, so the "
          + "credential is the default written in the file"
      ])
    #expect(loaded.redacting("got default-token") == "got ***")
    let given = try Self.load("\"${TOK:-default-token}\"", environment: ["TOK": "given-token"])
    #expect(given.lines == [])
    for module in [loaded, given].map({ $0.module("default") }) {
      let documents = try #require(module).documents.description
      #expect(documents.contains("${TOK:-***}"))
      #expect(!documents.contains("default-token"))
    }
    #expect(!JSONText(try #require(loaded.shown["default"])).description.contains("default-token"))
  }

  @Test(arguments: ["X-Api-Key", "Api-Key", "api_key", "X-Auth-Token", "X-TOKEN", "Authorization"])
  func `a header that carries a credential is one`(_ name: String) throws {
    let text = routed().replacing(
      "url: \"http://chat.example\"",
      with: "url: \"http://chat.example\", headers: { \(name): literal-key }")
    let loaded = try TestProject(["orgloop.yaml": text]).load()
    #expect(
      loaded.lines == [
        "orgloop.yaml:5:\(93 + name.count): warning[env.literal-secret] headers.\(name): a credential "
          + "is written in the file; put it in a variable"
      ])
    #expect(loaded.module("default")?.documents.description.contains("literal-key") == false)
  }

  @Test func `what an event brings in is no literal credential`() throws {
    let then = """
      then: { actor: chat, config: { password: "{{ payload.pw }}", token: "Bearer {{ a }}{{ b }}" } }
      """
    #expect(try TestProject(["orgloop.yaml": routed(then: then)]).load().lines == [])
    let mixed = then.replacing("{{ payload.pw }}", with: "abc{{ payload.pw }}")
    #expect(
      try TestProject(["orgloop.yaml": routed(then: mixed)]).load().diagnostics.map(\.code)
        == ["env.literal-secret"])
  }

  @Test func `a default cannot hold a variable`() throws {
    let loaded = try Self.load("\"${A:-${B}}\"", environment: ["A": "value-of-a", "B": "b"])
    #expect(
      loaded.lines == [
        "orgloop.yaml:4:61: error[env.syntax] the default of ${A:-…} cannot hold a variable"
      ])
  }

  @Test func `nothing beside a message tells the value of a variable`() throws {
    let named = routed().replacing("id: chat", with: "id: \"${V}\"")
    let wrong = named.replacing("actor: chat", with: "actor: supersecretvalu")
    let unused = named.replacing("then: { actor: chat }", with: "then: { actor: other }")
      .replacing("actors: [", with: "actors: [{ id: other, connector: webhook, ")
      .replacing("webhook, { id", with: "webhook, config: { url: \"http://a.example\" } }, { id")
    for (text, code) in [(wrong, "ref.actor"), (unused, "graph.unreachable-actor")] {
      let loaded = try TestProject(["orgloop.yaml": text]).load(environment: ["V": "supersecretval"]
      )
      #expect(loaded.diagnostics.map(\.code) == [code])
      #expect(loaded.diagnostics.first?.suggestion == nil)
      for each in loaded.diagnostics {
        #expect(!JSONText(each.json).description.contains("supersecretval\""), "\(each)")
      }
    }
  }

  @Test func `the name of a project and of a module may come from a variable`() throws {
    let project = header.replacing("name: ops", with: "name: \"${NM}-ops\"")
    let files = [
      "orgloop.yaml": project + "modules: [./m]\n",
      "m/orgloop-module.yaml": Self.module.replacing("name: m ", with: "name: \"${NM}\" ")
        .replacing("tok: {}", with: "tok: { default: \"${T}\" }")
        .replacing("Bearer literal-default", with: "Bearer ${T}"),
    ]
    let environment = ["NM": "mine", "T": "value-of-t"]
    let loaded = try TestProject(files).load(environment: environment)
    #expect(loaded.lines == [])
    #expect(loaded.modules.map(\.name) == ["mine"])
    #expect(loaded.name == "mine-ops")
    var parameter = files
    parameter["m/orgloop-module.yaml"]?.replace("${NM}", with: "{{ params.tok }}")
    #expect(
      try TestProject(parameter).load(environment: environment).lines.first
        == "m/orgloop-module.yaml:3:19: error[id.invalid] metadata.name: a parameter cannot be used "
        + "here, because values are given to a module by its name; give the entry in the manifest "
        + "a name")
  }

  @Test func `a credential that the database would keep in clear is told`() throws {
    let then = "then: { actor: chat, config: { inbox: true, session_key: \"IB-${KEY}\" } }"
    let cron = """
      { id: hook, connector: cron, config: { schedules: [{ name: n, cron: "0 3 * * *", payload: {
        a: ["${API_TOKEN}", "${PLAIN}"] } }] } }
      """
    func lines(_ key: String) throws -> [String] {
      let text = routed(then: then.replacing("KEY", with: key))
        .replacing("{ id: hook, connector: webhook }", with: cron)
      return try TestProject(["orgloop.yaml": text]).load(
        environment: [
          "API_TOKEN": "value-of-token", "PLAIN": "plain", "TOK_SECRET": "value-of-tok",
        ]
      ).lines
    }
    let payload =
      "orgloop.yaml:5:7: warning[env.stored-secret] schedules.payload: the value of API_TOKEN is kept "
      + "in the database in clear, in events"
    #expect(try lines("PLAIN") == [payload])
    // What is no credential by its name is one by its use.
    let used = try TestProject([
      "orgloop.yaml": routed(
        then: then.replacing(
          "actor: chat, config: {", with: "actor: chat, config: { token: \"${KEY}\","))
    ]).load(environment: ["KEY": "value-of-key"])
    #expect(used.diagnostics.map(\.code) == ["env.stored-secret"])
    #expect(
      try lines("TOK_SECRET") == [
        payload,
        "orgloop.yaml:10:62: warning[env.stored-secret] then.config.session_key: the value of "
          + "TOK_SECRET is kept in the database in clear, in the keys of batches",
      ])
  }

  @Test func `a misspelt key of the user's file is told`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed(), "~/.orgloop/config.yaml": "other: x\ndefualts: {}\n",
    ])
    #expect(
      project.load().lines == [
        "\(project.home)/.orgloop/config.yaml:2:1: warning[key.unknown] unknown key \"defualts\"; did "
          + "you mean \"defaults\"?"
      ])
  }
}
