import Engine
import Testing

/// Layouts of config.md 14 that say what happens at run time.
@Suite(.timeLimit(.minutes(3))) struct LayoutRunTests {
  @Test func `a webhook without actor and route starts, answers and says that nothing matched`()
    async throws
  {
    let work = try Workplace(
      project: """
        apiVersion: orgloop/v1alpha1
        kind: Project
        metadata: { name: lonely }
        connectors: [connectors/hook.yaml]
        loggers: [{ name: console, type: "@orgloop/logger-console" }]

        """)
    try work.write(
      "connectors/hook.yaml",
      "sources: [{ id: hook, connector: \"@orgloop/connector-webhook\", config: { path: /webhook } }]\n"
    )
    let checked = try await work.run("validate", "--json").json()
    #expect(checked["warnings"]?.int64 == 1)
    #expect(
      checked["diagnostics"]?.array?.compactMap { $0["code"]?.string } == ["graph.dead-source"])
    let running = try await work.start()
    for path in ["/webhook/hook", "/webhook"] {
      let answer = try await running.post("{}", path: path)
      #expect(answer.status == 200)
      let id = try #require(answer.body["event_id"]?.string)
      let event = try await work.run("events", "show", id, "--json").json()
      #expect(event["deliveries"] == [])
      #expect(event["source"] == "hook")
      #expect(event["state"] == "unrouted", "\(event)")
    }
  }

  @Test func `two projects of one name cannot both be loaded`() async throws {
    let work = try Workplace()
    try work.write("second/orgloop.yaml", Workplace.project())
    _ = try await work.start()
    let refused = try await work.run("start", "-c", "second")
    #expect(refused.status == 1)
    #expect(refused.error.contains("test"), "\(refused.error)")
  }
}
