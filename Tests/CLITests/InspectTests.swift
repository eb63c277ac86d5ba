import Engine
import Testing

/// `orgloop inspect`, and `routes --dot` (cli-http.md 2.1).
@Suite(.timeLimit(.minutes(3))) struct InspectTests {
  private static let project = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: test }
    connectors: [connectors/in.yaml]
    actors:
      - id: out
        connector: exec
        config: { command: [cat], env: { TOKEN: "${TOKEN}" } }
    transforms:
      - { name: never, type: filter, config: { exclude: { payload.bad: true } } }
    routes:
      - name: through
        when: { source: in }
        transforms: [never]
        then: { actor: out }
        with: { prompt_file: sops/do.md }
    loggers: [{ name: quiet, type: console, config: { level: error } }]

    """
  private let environment = ["SECRET": "secret-of-the-hook", "TOKEN": "token-of-the-actor"]

  private func workplace() throws -> Workplace {
    let work = try Workplace(project: Self.project)
    try work.write(
      "connectors/in.yaml",
      "sources:\n  - id: in\n    connector: webhook\n    config: { event_type: \"${KIND:-resource.changed}\", path: /in }\n"
        + "  - { id: beat, connector: cron, config: { schedules: [{ name: b, cron: every 1h }] } }\n"
    )
    try work.write("sops/do.md", "---\ntitle: Do\n---\nDo what is asked.\n")
    return work
  }

  private func inspect(_ work: Workplace, _ words: String...) async throws -> JSONValue {
    let outcome = try await work.run(["inspect"] + words + ["--json"], environment: environment)
    try #require(outcome.status == 0, "\(outcome.error)")
    #expect(!outcome.output.contains("token-of") && !outcome.output.contains("secret-of"))
    return try outcome.json()
  }

  @Test func `an object is shown as its file has it`() async throws {
    let work = try workplace()
    let source = try await inspect(work, "source", "in")
    #expect(source["origin"] == "connectors/in.yaml:2:5")
    #expect(source["config"]?["path"] == "/in")
    #expect(source["module"] == "default")
    #expect(source.object?.keys.contains("runtime") == false)
    let actor = try await inspect(work, "actor", "out")
    #expect(actor["config"]?["env"]?["TOKEN"] == "***")
    let route = try await inspect(work, "route", "through")
    #expect(route["prompt"]?["text"]?.string?.hasSuffix("Do what is asked.\n") == true)
    #expect(route["prompt"]?["metadata"]?["title"] == "Do")
    #expect(try await inspect(work, "transform", "never")["routes"] == ["through"])
    #expect(try await inspect(work, "logger", "quiet")["config"]?["level"] == "error")
    let module = try await inspect(work, "module", "test")
    #expect(module["name"] == "default")
    #expect(module["sources"] == ["in", "beat"])
    let text = try await work.run("inspect", "route", "through", environment: environment)
    #expect(
      text.output.hasPrefix(
        """
        # route of module default, orgloop.yaml:12:5
        name: through
        when:
          source: in

        """), "\(text.output)")
    #expect(text.output.contains("Do what is asked."))
  }

  @Test(arguments: [
    (["source", "inn"], 1, "there is no source \"inn\"; did you mean \"in\"?"),
    (
      ["route", "through", "--module", "tes"], 1,
      "the project has no module \"tes\"; did you mean"
    ),
    (["module", "nowhere"], 1, "the project has no module \"nowhere\""),
    (["thing", "in"], 64, "thing"),
  ])
  func `what is not there is refused`(_ words: [String], _ status: Int32, _ text: String)
    async throws
  {
    let outcome = try await workplace().run(["inspect"] + words, environment: environment)
    #expect(outcome.status == status)
    #expect(outcome.error.contains(text), "\(outcome.error)")
  }

  @Test func `what came and went is counted, with a runtime and without one`() async throws {
    let work = try workplace()
    let running = try await work.start(environment: environment)
    let id = try #require(try await running.post("{}").body["event_id"]?.string)
    _ = try await work.untilSettled(id)
    let dropped = try #require(try await running.post("{\"bad\": true}").body["event_id"]?.string)
    _ = try await work.untilSettled(dropped)
    #expect(try await work.run("pause", "route/through").status == 0)
    let last = try #require(try await running.post("{}").body["event_id"]?.string)

    func check(_ isRunning: Bool) async throws {
      let source = try #require(try await inspect(work, "source", "in")["runtime"])
      #expect(source["counts"]?["24h"]?["events"] == 3)
      #expect(source["counts"]?["7d"]?["events"] == 3)
      #expect(source["counts"]?["at_least"] == false)
      #expect(source["last_event"]?["id"]?.string == last)
      #expect(source["status"] == "healthy")
      let beat = try #require(try await inspect(work, "source", "beat")["runtime"])
      #expect((beat["next_poll_at"]?.string != nil) == isRunning)
      let route = try #require(try await inspect(work, "route", "through")["runtime"])
      #expect(route["counts"]?["24h"] == ["delivered": 1, "dropped": 1])
      #expect(route["last_event"]?["id"]?.string == dropped)
      #expect(route["paused"]?["target"] == "route/through")
      let queue = try #require(route["queue"])
      let waiting = ["pending", "waiting", "parked"].compactMap { queue[$0]?.int64 }.reduce(0, +)
      #expect(waiting == 1, "\(queue)")
      #expect(queue["circuit"] == "closed")
      let actor = try #require(try await inspect(work, "actor", "out")["runtime"])
      #expect(actor["counts"]?["7d"] == ["delivered": 1, "dropped": 1])
      let module = try #require(try await inspect(work, "module", "default")["runtime"])
      #expect(module["state"] == (isRunning ? "active" : "removed"))
      let text = try await work.run("inspect", "source", "in", environment: environment)
      #expect(text.output.contains("counts 24h events"), "\(text.output)")
    }
    try await check(true)
    #expect(try await work.run("stop").status == 0)
    try await check(false)
  }

  @Test func `an object of one name in several modules needs its module`() async throws {
    let work = try workplace()
    try work.write("orgloop.yaml", Self.project + "modules: [./ops]\n")
    try work.write(
      "ops/orgloop-module.yaml",
      Workplace.project().replacing("Project", with: "Module").replacing(
        "name: test", with: "name: ops"))
    let both = try await work.run("inspect", "actor", "out", environment: environment)
    #expect(both.status == 64)
    #expect(both.error.contains("one actor \"out\" each: default, ops"), "\(both.error)")
    #expect(try await inspect(work, "actor", "out", "--module", "ops")["module"] == "ops")
  }

  @Test func `what a workspace changes is marked with its place`() async throws {
    let work = try workplace()
    try work.write("workspaces/staging.yaml", "routes: [{ name: through, enabled: false }]\n")
    let route = try await inspect(work, "route", "through", "-w", "staging")
    #expect(route["enabled"] == false)
    #expect(route["origin"] == "orgloop.yaml:12:5")
    #expect(route["overridden"]?.array?.first?["origin"] == "workspaces/staging.yaml:1:36")
    let text = try await work.run(
      "inspect", "route", "through", "-w", "staging", environment: environment)
    #expect(
      text.output.contains("enabled: false  # workspaces/staging.yaml:1:36"), "\(text.output)")
  }

  @Test func `routes can be drawn`() async throws {
    let work = try workplace()
    let drawn = try await work.run("routes", "--dot", environment: environment)
    #expect(drawn.output.hasPrefix("digraph \"test\" {\n"), "\(drawn.error)")
    #expect(drawn.output.contains("[label=\"through\\nvia never\"]"))
    #expect(try await work.run("routes", "--dot", "--json", environment: environment).status == 64)
    let json = try await work.run("routes", "--json", environment: environment).json()
    #expect(json["edges"]?.array?.count == 1)
  }
}
