import CLI
import Engine
import Foundation
import Testing

/// `orgloop workspace`, and that every command works in the workspace that is selected.
@Suite(.timeLimit(.minutes(3))) struct WorkspaceTests {
  /// The directories of the scale design, section 5.1.
  private func enterprise() throws -> Workplace {
    let work = try Workplace(
      project: """
        apiVersion: orgloop/v1alpha1
        kind: Project
        metadata: { name: orgloop-enterprise }
        defaults: { poll_interval: 5m }
        sources:
          - { id: in, connector: webhook }
          - { id: clock, connector: cron, config: { schedules: [{ name: beat, cron: every 1h }] } }
        actors:
          - { id: out, connector: exec, config: { command: [sh, -c, 'cat > /dev/null; echo "$WHERE"'], env: { WHERE: "${WHERE:-base}" } } }
        routes: ["teams/*/routes.yaml"]
        modules:
          - { package: team-standard, params: { source: in, actor: out } }
          - { package: compliance-audit, params: { source: in, actor: out } }
        runtime: { http: { port: 0 } }

        """)
    for module in ["team-standard", "compliance-audit"] {
      try work.write(
        "modules/\(module)/orgloop-module.yaml",
        """
        apiVersion: orgloop/v1alpha1
        kind: Module
        metadata: { name: \(module) }
        params: { source: { type: source, required: true }, actor: { type: actor, required: true }, level: { default: low } }
        routes:
          - name: \(module)-route
            when: { source: "{{ params.source }}" }
            then: { actor: "{{ params.actor }}", config: { level: "{{ params.level }}" } }

        """)
    }
    for team in ["platform", "frontend", "ml-infra", "security"] {
      try work.write(
        "teams/\(team)/routes.yaml",
        "routes: [{ name: \(team), when: { source: \(team == "security" ? "clock" : "in") }, "
          + "then: { actor: out } }]\n")
    }
    for name in ["staging", "production"] {
      try work.write(
        "workspaces/\(name).yaml",
        """
        kind: Workspace
        variables: { WHERE: "\(name)" }
        defaults: { poll_interval: \(name == "staging" ? "30s" : "10m") }
        routes: [{ name: ml-infra, enabled: \(name == "production") }]
        modules: [{ name: compliance-audit, params: { level: \(name) } }]

        """)
    }
    return work
  }

  /// Each workspace has its own database, so no test names one.
  private let own = ["ORGLOOP_DB": ""]

  @Test func `the session of the scale design`() async throws {
    let work = try enterprise()
    #expect(try await work.run("validate", "--strict", environment: own).status == 0)
    let list = try await work.run("workspace", "list", environment: own)
    let firsts = list.output.split(separator: "\n").map { $0.split(separator: " ")[0] }
    #expect(firsts == ["default*", "production", "staging"])
    let switched = try await work.run("workspace", "select", "production", environment: own)
    #expect(switched.output == "Switched to workspace \"production\"\n", "\(switched.error)")
    let now = try await work.run("workspace", "list", "--json", environment: own).json()
    #expect(now.array?.first { $0["selected"] == true }?["name"] == "production")
    #expect(now.array?.map { $0["running"] } == [false, false, false])
    let item = try #require(now.array?.first { $0["name"] == "production" })
    #expect(item["db"]?.string == work.home + "/.orgloop/workspaces/production/orgloop.db")
    #expect(item["overlay"]?.string?.hasSuffix("/workspaces/production.yaml") == true)
    // For this project alone.
    try work.write("elsewhere/orgloop.yaml", Workplace.project())
    let other = try await work.run(
      "workspace", "list", "--json", "-c", "elsewhere", environment: own
    ).json()
    #expect(other.array?.map { $0["name"] } == ["default"])
    #expect(other.array?.first?["selected"] == true)
  }

  @Test func `two workspaces of one project run side by side, each with its own state`()
    async throws
  {
    let work = try enterprise()
    let names = ["staging", "production"]
    var running: [String: Running] = [:]
    for name in names {
      let outcome = try await work.run(
        "start", "--daemon", "--json", "-w", name, environment: own)
      try #require(outcome.status == 0, "\(outcome.error)")
      let report = try outcome.json()
      #expect(report["workspace"]?.string == name)
      running[name] = try work.noted(report)
    }
    #expect(running["staging"]?.address != running["production"]?.address)
    for name in names {
      let id = try #require(try await running[name]?.post("{}").body["event_id"]?.string)
      let event = try await eventually("\(id) is settled") {
        let event = try await work.run("events", "show", id, "-w", name, "--json", environment: own)
          .json()
        return event["state"] == "settled" ? event : nil
      }
      let deliveries = event["deliveries"]?.array ?? []
      let routes = Set(deliveries.compactMap { $0["route"]?.string })
      #expect(routes.contains("ml-infra") == (name == "production"))
      let outputs = Set(deliveries.compactMap { $0["attempts"]?.array?.first?["output"]?.string })
      #expect(outputs == [name + "\n"], "\(event)")
      let others = names.filter { $0 != name }
      #expect(
        try await work.run("events", "show", id, "-w", others[0], environment: own).status == 1)
      let status = try await work.run("status", "--json", "-w", name, environment: own).json()
      #expect(status["workspace"]?.string == name)
      #expect(status["pid"]?.int64 == (running[name]?.pid).map(Int64.init))
    }
    let list = try await work.run("workspace", "list", environment: own)
    #expect(list.output.matches(of: /running, PID \d+, 127.0.0.1:\d+/).count == 2, "\(list.output)")
    let refused = try await work.run(
      "workspace", "delete", "staging", "--force", environment: own)
    #expect(refused.status == 1)
    #expect(refused.error.contains("is running"))
    for name in names {
      #expect(try await work.run("stop", "-w", name, environment: own).status == 0)
    }
    for name in names {
      let status = try await work.run("status", "--json", "-w", name, environment: own).json()
      #expect(status["running"] == false)
    }
  }

  @Test func `a runtime keeps its workspace when files or the selection change`() async throws {
    let work = try enterprise()
    _ = try await work.run("workspace", "select", "staging", environment: own)
    let report = try await work.run("start", "--daemon", "--json", environment: own).json()
    let running = try work.noted(report)
    #expect(report["workspace"] == "staging")
    #expect(try await work.run("plan", "--detailed-exitcode", environment: own).status == 0)

    try work.write(
      "workspaces/staging.yaml",
      "kind: Workspace\nroutes: [{ name: platform, enabled: false }]\n"
        + "runtime: { shutdown_timeout: 5s }\n")
    let planned = try await work.run("plan", "--json", environment: own).json()
    #expect(planned["workspace"] == "staging")
    #expect(planned["overlay"] == "workspaces/staging.yaml")
    let route = planned["routes"]?.array?.first { $0["name"] == "platform" }
    #expect(route?["action"] == "change")
    #expect(route?["changes"]?.array?.first?["path"] == "enabled")
    #expect(planned["needs_restart"]?.array?.first?["path"] == "shutdown_timeout")
    let applied = try await work.run("apply", "--json", environment: own)
    #expect(applied.status == 0, "\(applied.error)")

    _ = try await work.run("workspace", "select", "production", environment: own)
    kill(running.pid, SIGHUP)
    try work.write(
      "workspaces/staging.yaml", "kind: Workspace\nroutes: [{ name: frontend, enabled: false }]\n")
    kill(running.pid, SIGHUP)
    _ = try await eventually("the hang-up is applied") {
      let plan = try await work.run("plan", "--json", "-w", "staging", environment: self.own).json()
      return plan["summary"]?["change"] == 0 ? true : nil
    }
    let id = try #require(try await running.post("{}").body["event_id"]?.string)
    let event = try await work.run(
      "events", "show", id, "-w", "staging", "--json", environment: own
    )
    .json()
    let routes = Set((event["deliveries"]?.array ?? []).compactMap { $0["route"]?.string })
    #expect(routes.contains("platform") && !routes.contains("frontend"), "\(routes)")
    // Another start of the project, in its workspace, is an apply.
    let again = try await work.run("start", "-w", "staging", "--json", environment: own)
    #expect(try again.json()["pid"]?.int64 == Int64(running.pid))
    let mixed = try await work.run(
      "start", "--db", work.home + "/.orgloop/workspaces/staging/orgloop.db", environment: own)
    #expect(mixed.status == 1)
    #expect(mixed.error.contains("works in the workspace staging, not in production"))
    #expect(try await work.run("stop", "-w", "staging", environment: own).status == 0)
  }

  @Test func `the selection is written by the runtime that has the default database`() async throws
  {
    let work = try enterprise()
    let report = try await work.run("start", "--daemon", "--json", environment: own).json()
    _ = try work.noted(report)
    let outcome = try await work.run("workspace", "select", "staging", environment: own)
    #expect(outcome.status == 0, "\(outcome.error)")
    let list = try await work.run("workspace", "list", "--json", environment: own).json()
    #expect(list.array?.map { $0["selected"] == true } == [false, false, true])
    #expect(list.array?.first?["running"] == true)
    #expect(try await work.run("stop", "-w", "default", environment: own).status == 0)
    let status = try await work.run("status", "--json", environment: own).json()
    #expect(status["db"]?.string == work.home + "/.orgloop/workspaces/staging/orgloop.db")
  }

  @Test func `a workspace is chosen by flag, by variable, by selection, in this order`()
    async throws
  {
    let work = try enterprise()
    _ = try await work.run("workspace", "select", "staging", environment: own)
    func chosen(_ arguments: [String], _ variable: String? = nil) async throws -> JSONValue? {
      var environment = own
      environment["ORGLOOP_WORKSPACE"] = variable
      return try await work.run(["validate", "--json"] + arguments, environment: environment)
        .json()["workspace"]
    }
    #expect(try await chosen([]) == "staging")
    #expect(try await chosen([], "production") == "production")
    #expect(try await chosen(["-w", "default"], "production") == "default")
    let warned = try await work.run(
      "workspace", "select", "default",
      environment: own.merging(["ORGLOOP_WORKSPACE": "production"]) { $1 })
    #expect(warned.error.contains("ORGLOOP_WORKSPACE is set and comes first"))
    #expect(try await chosen([]) == "default")
    // The database alone is another's.
    let other = try await work.run(
      "status", "--json", "-w", "staging", environment: ["ORGLOOP_DB": work.database]
    ).json()
    #expect(other["db"]?.string == work.database)
  }

  @Test(arguments: [["validate"], ["status"], ["plan"], ["start"], ["workspace", "select"]])
  func `a workspace that is not there is refused with the one that was meant`(
    _ command: [String]
  ) async throws {
    let work = try enterprise()
    let arguments = command.count > 1 ? command + ["stagng"] : command + ["-w", "stagng"]
    let outcome = try await work.run(arguments, environment: own)
    #expect(outcome.status == 1)
    #expect(
      outcome.error.hasPrefix(
        "  ✗ there is no workspace \"stagng\"; did you mean \"staging\"?\n"), "\(outcome.error)")
    #expect(try await work.run("validate", "-w", "-x", environment: own).status == 64)
  }
}

extension Workplace {
  /// A runtime that is ended with the test.
  func noted(_ report: JSONValue) throws -> Running {
    let running = try Running(report)
    let known = (try? String(contentsOfFile: root + "/pids", encoding: .utf8)) ?? ""
    try write("pids", known + "\(running.pid)\n")
    return running
  }
}
