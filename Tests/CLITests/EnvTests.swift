import Engine
import Testing

/// `orgloop env` (cli-http.md 2.1).
@Suite(.timeLimit(.minutes(3))) struct EnvTests {
  private static let project = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: env }
    # ${ONLY_A_COMMENT} is no reference
    sources:
      - id: in
        connector: webhook
        config: { secret: "${HOOK_SECRET}", path: "/${PLACE:-in}" }
    actors:
      - id: out
        connector: exec
        config: { command: [cat], env: [PASSED, NOT_PASSED] }
      - id: web
        connector: webhook
        config: { url: "https://${HOST}/x", auth: { type: bearer, token: "${TOKEN}" } }
    routes:
      - { name: a, when: { source: in }, then: { actor: out, config: { host: "${HOST}" } } }
      - { name: b, when: { source: in }, then: { actor: web } }

    """

  private let environment = [
    "HOOK_SECRET": "value-of-hook-secret", "PASSED": "value-passed", "NOT_ASKED_FOR": "x",
  ]

  private func workplace(host: Bool) throws -> Workplace {
    let work = try Workplace(project: Self.project)
    try work.write(".env", "TOKEN=value-of-token\n")
    try work.write(
      "workspaces/staging.yaml", "variables: { TOKEN: \"${STAGING}\", HOST: staging.example }\n")
    if host { try work.write(".env", "TOKEN=value-of-token\nHOST=host.example\n") }
    return work
  }

  @Test func `each variable is named with its places and where it comes from`() async throws {
    let work = try workplace(host: false)
    let shown = try await work.run("env", environment: environment)
    #expect(shown.status == 0, "\(shown.error)")
    #expect(
      shown.output == """
        ✓  HOOK_SECRET  environment          orgloop.yaml:8
        ✗  HOST         not set              orgloop.yaml:15, orgloop.yaml:17
        !  NOT_PASSED   not set, not passed  orgloop.yaml:12
        ✓  PASSED       environment          orgloop.yaml:12
        ✓  PLACE        default "in"         orgloop.yaml:8
        ✓  TOKEN        .env                 orgloop.yaml:15
        4 of 6 variables set, 1 missing

        """, "\(shown.output)")
    #expect(!shown.output.contains("value-"))
    let json = try await work.run("env", "--json", environment: environment).json()
    #expect(json["set"]?.int64 == 4)
    #expect(json["missing"]?.int64 == 1)
    let variables = try #require(json["variables"])
    #expect(
      variables["HOST"] == [
        "set": false, "source": "orgloop.yaml", "line": 15, "column": 20,
        "places": ["orgloop.yaml:15:20", "orgloop.yaml:17:74"],
      ])
    #expect(variables["TOKEN"]?["origin"] == ".env")
    #expect(variables["PLACE"]?["origin"] == "default")
    #expect(variables["PLACE"]?["default"] == "in")
    #expect(variables["HOOK_SECRET"]?["origin"] == "environment")
    #expect(variables["ONLY_A_COMMENT"] == nil)
  }

  @Test func `the default of a credential is not shown`() async throws {
    let work = try Workplace(
      project: Self.project.replacing("${HOOK_SECRET}", with: "${HOOK_SECRET:-open-sesame-1}")
        .replacing("${TOKEN}", with: "${ENTRY:-open-sesame-2}")
        .replacing("[cat]", with: "[cat, \"${API_KEY:-open-sesame-3}\", \"${NO_TOKEN:-}\"]"))
    let shown = try await work.run("env")
    #expect(!shown.output.contains("open-sesame"), "\(shown.output)")
    #expect(shown.output.contains("default \"***\""))
    let variables = try await work.run("env", "--json").json()["variables"]
    for name in ["HOOK_SECRET", "ENTRY", "API_KEY"] {
      #expect(variables?[name]?["default"] == "***", "\(name)")
    }
    #expect(variables?["NO_TOKEN"]?["default"] == "")
    #expect(variables?["PLACE"]?["default"] == "in")
  }

  @Test func `a check fails while one is missing`() async throws {
    #expect(
      try await workplace(host: false).run("env", "check", environment: environment).status == 1)
    let json = try await workplace(host: false).run(
      "env", "check", "--json", environment: environment)
    #expect(json.status == 1)
    #expect(try json.json()["missing"]?.int64 == 1)
    #expect(json.error == "")
    #expect(
      try await workplace(host: true).run("env", "check", environment: environment).status == 0)
  }

  @Test func `a variable of the workspace, and what it is made of`() async throws {
    let work = try workplace(host: false)
    let json = try await work.run("env", "--json", "-w", "staging", environment: environment).json()
    #expect(json["variables"]?["HOST"]?["origin"] == "workspace")
    // It stands for one that is not set.
    #expect(json["variables"]?["TOKEN"]?["set"] == false)
    #expect(json["variables"]?["STAGING"]?["source"] == "workspaces/staging.yaml")
    let check = try await work.run(
      "env", "check", "-w", "staging",
      environment: environment.merging(["STAGING": "value-of-staging"]) { $1 })
    #expect(check.status == 0, "\(check.output)")
    #expect(!check.output.contains("value-"))
  }

  @Test func `a module has variables of its own, and what is not read is not passed over`()
    async throws
  {
    let work = try Workplace(project: "modules: [./a, ./b]\n")
    for name in ["a", "b"] {
      try work.write(
        "\(name)/orgloop-module.yaml",
        Workplace.project(source: "{ path: \"/\(name)/${SHARED}\" }").replacing(
          "Project", with: "Module"
        )
        .replacing("name: test", with: "name: \(name)"))
    }
    try work.write("a/.env", "SHARED=of-a\n")
    let json = try await work.run("env", "--json").json()
    let shared = try #require(json["variables"]?["SHARED"])
    #expect(shared["set"] == false)
    #expect(shared["source"] == "b/orgloop-module.yaml")
    try work.write("b/.env", "SHARED=of-b\n")
    #expect(try await work.run("env", "check").status == 0)
    try work.write("b/orgloop-module.yaml", "routes: [\n")
    let broken = try await work.run("env")
    #expect(broken.status == 78)
    #expect(
      broken.error.contains("b/orgloop-module.yaml:2:1: error[yaml.syntax]"), "\(broken.error)")
    #expect(
      try await Workplace(project: "defaults: {}\n").run("env").output
        == "no value refers to a variable\n")
  }
}
