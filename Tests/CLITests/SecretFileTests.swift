import Engine
import Foundation
import Testing

/// No value of a variable gets into the file or out of the process, wherever it stands in the
/// configuration (config.md 3.3).
@Suite(.timeLimit(.minutes(3))) struct SecretFileTests {
  private static let canaries = [
    "HOOK": "canary-hook-secret-1111111", "TOKEN": "canary-token-2222222222",
    "BASIC": "canary-password-33333333", "PARAM": "canary-param-4444444444",
    "STAGE": "canary-stage-5555555555", "CONTROL": "canary-control-6666666666",
    "CRON_NOTE": "canary-credential-777777",
  ]

  private static let project = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: canary }
    runtime: { control: { token: "${CONTROL}" } }
    sources:
      - { id: in, connector: webhook, config: { path: /in } }
      - { id: signed, connector: webhook, config: { secret: ["${HOOK}"] } }
    actors:
      - id: out
        connector: webhook
        config: { url: "http://127.0.0.1:9/x", headers: { x-key: "Key ${TOKEN}" }, auth: { type: basic, username: u, password: "${BASIC}" } }
      - { id: loud, connector: exec, config: { command: [sh, -c, 'echo "$TOKEN $STAGE_TOKEN"; echo "$TOKEN" >&2; exit 65'], env: { TOKEN: "${TOKEN}", STAGE_TOKEN: "${STAGE_TOKEN}" } } }
    routes:
      - { name: a, when: { source: in }, then: { actor: out, config: { api_key: "${TOKEN}" } }, delivery: { retry: { max_attempts: 1 } } }
      - { name: b, when: { source: in, filter: { payload.x: { anything-but: "${TOKEN}" } } }, then: { actor: loud } }
      - { name: c, when: { source: signed }, then: { actor: loud } }
    modules: [{ package: ./m, params: { api_token: "${PARAM}" } }]

    """

  private static let module = """
    kind: Module
    metadata: { name: m }
    params: { api_token: { required: true } }
    sources: [{ id: t, connector: webhook }]
    actors: [{ id: o, connector: webhook, config: { url: "http://127.0.0.1:9/", secret: "{{ params.api_token }}" } }]
    routes: [{ name: r, when: { source: t }, then: { actor: o } }]

    """

  private func workplace() throws -> Workplace {
    let work = try Workplace(project: Self.project)
    try work.write("m/orgloop-module.yaml", Self.module)
    try work.write(
      "workspaces/staging.yaml",
      "variables: { STAGE_TOKEN: \"${STAGE}\" }\nactors: [{ id: out, config: { timeout: 5s } }]\n")
    return work
  }

  @Test func `the file and its log hold no value of a variable`() async throws {
    let work = try workplace()
    var environment = Self.canaries
    environment["ORGLOOP_WORKSPACE"] = "staging"
    let running = try await work.start(environment: environment)
    let id = try #require(try await running.post("{\"x\": 1}").body["event_id"]?.string)
    let event = try await work.untilSettled(id)
    #expect(event["deliveries"]?.array?.count == 2)
    #expect(try await running.post("{}", to: "signed").status == 401)
    try expectClean(work, "after an event")
    let calls = [
      ["plan"], ["plan", "--json"], ["validate", "--json"], ["routes", "--json"],
      ["routes", "--dot"],
      ["env"], ["env", "--json"], ["workspace", "show"], ["workspace", "show", "--json"],
      ["inspect", "actor", "out"], ["inspect", "actor", "loud", "--json"],
      ["inspect", "source", "signed", "--json"], ["inspect", "route", "b", "--json"],
      ["inspect", "actor", "o", "--json"], ["inspect", "module", "m", "--json"], ["apply"],
      ["events", "--json"], ["events", "show", id, "--json"], ["why", id, "--json"],
      ["status", "--json"], ["module", "status", "m", "--json"], ["doctor", "--json"],
    ]
    for call in calls {
      let outcome = try await work.run(call, environment: environment)
      #expect(outcome.status == 0 || call[0] == "doctor", "\(call): \(outcome.error)")
      clean(outcome.output + outcome.error, call.joined(separator: " "))
    }
    // A changed secret is seen, and not told.
    try work.write(
      "workspaces/staging.yaml",
      "variables: { STAGE_TOKEN: \"${CRON_NOTE}\" }\nactors: [{ id: out, config: { timeout: 6s } }]\n"
    )
    let plan = try await work.run("plan", "--json", environment: environment)
    clean(plan.output, "plan of a changed secret")
    let actors = try plan.json()["actors"]?.array ?? []
    #expect(
      actors.filter { $0["action"] == "change" }.compactMap { $0["name"]?.string }
        == ["out", "loud"], "\(plan.output)")
    #expect(try await work.run("apply", environment: environment).status == 0)
    let again = try #require(try await running.post("{\"x\": 1}").body["event_id"]?.string)
    _ = try await work.untilSettled(again)
    try expectClean(work, "after an apply")
    #expect(try await work.run("stop", environment: environment).status == 0)
    try expectClean(work, "after a stop")
    clean(
      try String(contentsOfFile: work.home + "/.orgloop/logs/daemon.log", encoding: .utf8), "log")
  }

  /// Every byte of the database, its write-ahead log and its index.
  private func expectClean(_ work: Workplace, _ moment: String) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: work.root)
      .filter { $0.hasPrefix("orgloop.db") }
    #expect(names.contains("orgloop.db"))
    for name in names {
      let bytes = try Data(contentsOf: URL(filePath: work.root + "/" + name))
      for (variable, value) in Self.canaries {
        #expect(bytes.range(of: Data(value.utf8)) == nil, "\(variable) is in \(name) \(moment)")
      }
    }
  }

  private func clean(_ text: String, _ place: String) {
    for (variable, value) in Self.canaries {
      #expect(!text.contains(value), "\(variable) is shown by \(place)")
    }
  }
}
