import CLI
import Engine
import Foundation
import TestSupport
import Testing

/// What would change is shown before it changes, and nothing else changes then.
@Suite(.timeLimit(.minutes(3))) struct PlanTests {
  private func actions(_ plan: JSONValue, _ kind: String) -> [String] {
    (plan[kind]?.array ?? []).map {
      "\($0["action"]?.string ?? "") \($0["name"]?.string ?? "")"
    }
  }

  @Test func `before the first start everything is to be added`() async throws {
    let work = try Workplace()
    let plan = try await work.run("plan", "--json", "--detailed-exitcode")
    #expect(plan.status == 2, "\(plan.error)")
    let document = try plan.json()
    #expect(actions(document, "modules") == ["add default"])
    #expect(actions(document, "routes") == ["add through"])
    #expect(document["summary"] == ["add": 3, "change": 0, "remove": 0])
    #expect(document["base_generation"] == .null)
    #expect(document["impact"] == [])
    #expect(!FileManager.default.fileExists(atPath: work.database))
    let human = try await work.run("plan")
    #expect(human.status == 0)
    #expect(human.output.hasPrefix("+ module default"))
    #expect(human.output.contains("  + route through  in → out\n"))
    #expect(human.output.hasSuffix("Plan: 3 to add, 0 to change, 0 to remove\n"))
  }

  @Test func `without a runtime the plan compares with what ran last`() async throws {
    let work = try Workplace(project: "modules:\n  - ./a\n  - ./b\n")
    for name in ["a", "b", "c"] { try work.module(name) }
    _ = try await work.start()
    #expect(try await work.run("stop").status == 0)
    let none = try await work.run("plan", "--detailed-exitcode")
    #expect(none.status == 0, "\(none.output)")
    #expect(none.output.hasSuffix("No changes.\n"))
    try work.module("b", command: "cat > other")
    try work.write("orgloop.yaml", "modules:\n  - ./b\n  - ./c\n")
    let plan = try await work.run("plan", "--json", "--detailed-exitcode")
    #expect(plan.status == 2)
    #expect(try actions(plan.json(), "modules") == ["change b", "add c", "remove a"])
  }

  @Test func `a plan names what differs, what becomes of deliveries, and changes nothing`()
    async throws
  {
    let work = try Workplace()
    let running = try await work.start()
    #expect(try await work.run("pause", "route/through").status == 0)
    #expect(try await running.post("{}").status == 200)
    let before = try await work.run("plan", "--json", "--detailed-exitcode")
    #expect(before.status == 0, "\(before.output)\(before.error)")
    try work.write(
      "orgloop.yaml",
      Workplace.project(command: "cat >> changed").replacing("name: through", with: "name: next"))
    let plan = try await work.run("plan", "--json", "--detailed-exitcode")
    #expect(plan.status == 2, "\(plan.error)")
    let document = try plan.json()
    #expect(actions(document, "actors") == ["change out"])
    #expect(actions(document, "routes") == ["add next", "remove through"])
    #expect(actions(document, "sources") == ["unchanged in"])
    #expect(
      document["actors"]?.array?.first?["changes"] == [
        ["path": "config.command.2", "from": "cat > /dev/null", "to": "cat >> changed"]
      ])
    let impact: JSONValue = [
      "route": "through", "module": "default", "unsettled": 1, "fate": "parked",
    ]
    #expect(document["impact"] == [impact])
    #expect(document["needs_restart"] == [])
    let human = try await work.run("plan", "--on-removed", "drop")
    #expect(human.output.contains("\n- route through: 1 unsettled → dropped\n"))
    let status = try await work.run("module", "status", "default", "--json").json()
    #expect(status["route_list"]?.array?.first?["name"] == "through")
  }

  @Test func `apply does exactly what the plan said, and refuses a plan of another state`()
    async throws
  {
    let work = try Workplace(project: "modules:\n  - ./a\n  - ./b\n")
    for name in ["a", "b", "c"] { try work.module(name) }
    _ = try await work.start()
    try work.write("orgloop.yaml", "modules:\n  - ./b\n  - ./c\n")
    let plan = try await work.run("plan", "--out", "plan.json", "--json").json()
    let mode = try FileManager.default.attributesOfItem(atPath: work.root + "/plan.json")
    #expect(mode[.posixPermissions] as? Int == 0o600)
    #expect(try await work.run("plan", "--out", "plan.json").status == 1)
    #expect(try await work.run("plan", "--out", "plan.json", "--yes").status == 0)

    // What the files say has moved on since.
    try work.module("b", command: "cat > other")
    let stale = try await work.run("apply", "--plan", "plan.json", "--json")
    #expect(stale.status == 1)
    let error = try stale.errorJSON()["error"]
    #expect(error?["status"]?.int64 == 409)
    #expect(error?["code"] == "MODULE_CONFLICT")
    #expect(error?["message"] == "the plan was made against another state; make a new one")
    #expect(try await work.moduleNames().sorted() == ["a", "b"])

    try work.module("b")
    let applied = try await work.run("apply", "--plan", "plan.json", "--json")
    #expect(applied.status == 0, "\(applied.error)")
    let answer = try applied.json()
    #expect(answer["applied"] == true)
    #expect(answer["generation"]?.int64 ?? 0 > plan["base_generation"]?.int64 ?? 0)
    for key in try #require(plan.object?.keys) { #expect(answer[key] == plan[key], "\(key)") }
    #expect(try await work.moduleNames().sorted() == ["b", "c"])

    // It was a plan for the state before.
    #expect(try await work.run("apply", "--plan", "plan.json").status == 1)
    #expect(try await work.run("plan", "--detailed-exitcode").status == 0)
  }

  @Test func `a plan holds to what it said of deliveries`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    #expect(try await work.run("pause", "route/through").status == 0)
    let id = try #require(try await running.post("{}").body["event_id"]?.string)
    try work.write(
      "orgloop.yaml", Workplace.project().replacing("name: through", with: "name: next"))
    #expect(try await work.run("plan", "--on-removed", "drop", "--out", "p.json").status == 0)
    #expect(try await work.run("apply", "--plan", "p.json", "--on-removed", "park").status == 1)
    #expect(try await work.run("apply", "--plan", "p.json").status == 0)
    let event = try await work.untilSettled(id)
    #expect(event["deliveries"]?.array?.first?["state"] == "dropped")
  }

  @Test func `no secret is in a plan, and a changed one is told by its path`() async throws {
    let secret = "canary-plan-7715cd"
    func project(_ value: String) -> String {
      Workplace.project().replacing(
        "config: { command:", with: "config: { env: { T: \"\(value)\" }, command:")
    }
    let work = try Workplace(project: project("${CANARY_TOKEN}"))
    _ = try await work.start(environment: ["CANARY_TOKEN": secret])
    try work.write("orgloop.yaml", project("plain-text"))
    let plan = try await work.run("plan", "--json")
    #expect(plan.status == 0, "\(plan.error)")
    #expect(!plan.output.contains(secret))
    #expect(
      try plan.json()["actors"]?.array?.first?["changes"] == [
        ["path": "config.env.T", "from": "***", "to": "plain-text"]
      ])
  }

  @Test func `a plan and its file keep the credentials of an address`() async throws {
    func project(_ password: String) -> String {
      Workplace.project().replacing(
        "config: { command:",
        with: "config: { env: { AT: "
          + "\"https://user:\(password)@h/x?token=\(password)\" }, command:")
    }
    let work = try Workplace()
    _ = try await work.start()
    try work.write("orgloop.yaml", project("pw123456"))
    let plan = try await work.run("plan", "--out", "plan.json")
    let document = try await work.run("plan", "--json")
    let file = try work.read("plan.json")
    let applied = try await work.run("apply", "--plan", "plan.json")
    #expect(applied.status == 0, "\(applied.error)")
    for text in [plan.output, document.output, file, applied.output] {
      #expect(!text.contains("pw123456"))
      #expect(text.contains("https://***@h/x?token=***"))
    }
    try work.write("orgloop.yaml", project("pw654321"))
    #expect(try await work.run("plan").output.contains("config.env.AT: *** → ***"))
  }

  @Test func `a parameter that has changed is shown by its value`() async throws {
    let work = try Workplace(
      project: "modules: [{ package: ./deploy, params: { ch: hand, branch: main } }]\n")
    try work.write(
      "deploy/orgloop-module.yaml",
      """
      kind: Module
      metadata: { name: deploy }
      params: { ch: {}, branch: {} }
      sources: [{ id: in, connector: webhook }]
      actors:
        - id: out
          connector: exec
          config: { command: [cat], env: { CH: "{{ params.ch }}" } }
      routes:
        - name: through
          when: { source: in, filter: { payload.branch: "{{ params.branch }}" } }
          then: { actor: out }

      """)
    _ = try await work.start()
    try work.write(
      "orgloop.yaml", "modules: [{ package: ./deploy, params: { ch: prod, branch: next } }]\n")
    let plan = try await work.run("plan")
    #expect(plan.output.contains("config.env.CH: hand → prod\n"), "\(plan.output)")
    #expect(plan.output.contains("when.filter.payload.branch: main → next\n"))
  }

  @Test func `a plan of an invalid file marks its warnings as such`() async throws {
    let work = try Workplace(project: Workplace.project(more: "x: 1"))
    for command in ["plan", "validate"] {
      let outcome = try await work.run(command)
      let lines = outcome.error.split(separator: "\n")
      let warning = try #require(lines.first { $0.contains("key.unknown] unknown key \"x\"") })
      #expect(warning.hasPrefix("  ! orgloop.yaml:"), "\(command): \(outcome.error)")
    }
    try work.write(
      "orgloop.yaml", Workplace.project(more: "x: 1").replacing("actor: out", with: "actor: no"))
    let plan = try await work.run("plan")
    #expect(plan.status == 78)
    #expect(plan.error.contains("  ! orgloop.yaml:"))
    #expect(plan.error.contains("  ✗ orgloop.yaml:"))
  }

  @Test func `settings that only a restart brings are told, and an invalid file is 78`()
    async throws
  {
    let work = try Workplace()
    _ = try await work.start()
    try work.write(
      "orgloop.yaml", Workplace.project(more: "runtime: { http: { port: 9 }, poll_concurrency: 3 }")
    )
    let plan = try await work.run("plan", "--json").json()
    #expect(
      plan["needs_restart"] == [["path": "poll_concurrency", "from": 16, "to": 3]])
    #expect(
      try await work.run("apply").output
        .contains("! runtime.poll_concurrency: 16 → 3  needs a restart\n"))
    try work.write("orgloop.yaml", "kind: Project\nsources: [\n")
    for flags in [[], ["--detailed-exitcode"]] {
      #expect(try await work.run(["plan"] + flags).status == 78)
    }
  }

  @Test func `the modules of a stopped runtime are listed from the database`() async throws {
    let work = try Workplace()
    let first = try await work.start()
    for name in ["ops", "old"] {
      try work.module(name)
      #expect(try await work.run("module", "load", "./" + name).status == 0)
    }
    #expect(try await work.run("module", "unload", "old").status == 0)
    kill(first.pid, SIGKILL)
    _ = try await eventually("the process is gone") {
      ProcessIdentity(pid: first.pid) == nil ? true : nil
    }
    #expect(try await work.moduleNames() == ["default", "ops"])
    #expect(try await work.moduleNames("--all") == ["default", "old", "ops"])
    let status = try await work.run("module", "status", "ops", "--json").json()
    #expect(status["state"] == "removed")
    #expect(status["desired"] == "active")
    #expect(status["loaded_by"]?.string == NSUserName())
    #expect(status["path"]?.string?.hasSuffix("/ops/orgloop-module.yaml") == true)
    #expect(status["generation"]?.int64 ?? 0 > 0)
    let unknown = try await work.run("module", "status", "nowhere", "--json")
    #expect(unknown.status == 1)
    #expect(try unknown.errorJSON()["error"]?["code"] == "MODULE_NOT_FOUND")
  }
}
