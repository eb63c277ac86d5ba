import Engine
import Foundation
import Testing

/// Workspaces that are made, shown and deleted.
@Suite(.timeLimit(.minutes(3))) struct WorkspaceStateTests {
  private let own = ["ORGLOOP_DB": ""]

  @Test func `a new workspace has an overlay with a port of its own, and a database`() async throws
  {
    let work = try Workplace()
    try work.write(
      "workspaces/staging.yaml",
      "kind: Workspace\nvariables: { A: 'a \"b\"', N: 7, T: \"${TOKEN}\" }\n"
        + "runtime: { http: { port: 4801 } }\n")
    try work.write("workspaces/wild.yaml", "runtime: { http: { port: 99999 } }\n")
    let made = try await work.run("workspace", "new", "qa", "--from", "staging", environment: own)
    #expect(made.status == 0, "\(made.error)")
    let overlay = try String(contentsOfFile: work.root + "/workspaces/qa.yaml", encoding: .utf8)
    #expect(
      overlay.hasSuffix(
        """
        kind: Workspace
        variables:
          A: "a \\"b\\""
          N: 7
          T: "${TOKEN}"
        runtime: { http: { port: 4802 } }

        """), "\(overlay)")
    let list = try await work.run("workspace", "list", "--json", environment: own).json()
    let item = try #require(list.array?.first { $0["name"] == "qa" })
    #expect(item["exists"] == true)
    #expect(item["selected"] == false)
    let database = try #require(item["db"]?.string)
    let mode = try FileManager.default.attributesOfItem(atPath: database)[.posixPermissions]
    #expect(mode as? Int == 0o600)
    #expect(
      try await work.run(
        "validate", "--strict", "-w", "qa", environment: own.merging(["TOKEN": "t"]) { $1 }
      ).status == 0)
    for arguments in [["qa"], ["qa", "--from", "staging"], ["default"]] {
      let again = try await work.run(["workspace", "new"] + arguments, environment: own)
      if arguments == ["default"] {
        // The default one has no overlay yet, and gets one.
        #expect(again.status == 0)
        // It listens where it always did.
        let text = try String(
          contentsOfFile: work.root + "/workspaces/default.yaml", encoding: .utf8)
        #expect(!text.contains("port"), "\(text)")
      } else {
        #expect(again.status == 1)
        #expect(again.error.contains("the workspace \"qa\" exists"))
      }
    }
    #expect(try await work.run("workspace", "new", "../x", environment: own).status == 64)
    let unknown = try await work.run(
      "workspace", "new", "b", "--from", "stagin", environment: own)
    #expect(unknown.error.contains("did you mean \"staging\"?"))
    #expect(!FileManager.default.fileExists(atPath: work.root + "/workspaces/b.yaml"))
  }

  @Test func `a workspace is shown merged, without secrets, with the places of what it changes`()
    async throws
  {
    let work = try Workplace(
      project: Workplace.project(source: "{ secret: \"${HOOK}\", path: /hook }", more: "x: 1"))
    try work.write(
      "workspaces/staging.yaml",
      """
      kind: Workspace
      variables: { HOOK: "${STAGING_HOOK}" }
      sources: [{ id: in, config: { path: /staging } }]
      routes: [{ name: through, delivery: { timeout: 5s } }]

      """)
    let environment = own.merging(["STAGING_HOOK": "hidden-secret-of-staging"]) { $1 }
    let shown = try await work.run("workspace", "show", "staging", environment: environment)
    #expect(shown.status == 0, "\(shown.error)")
    #expect(!shown.output.contains("hidden-secret"))
    #expect(
      shown.output == """
        # workspace staging, with workspaces/staging.yaml, whose places are marked
        variables:
          HOOK: "***"  # workspaces/staging.yaml:2:20
        sources:
          - id: in
            connector: webhook
            config:
              secret: "***"
              path: /staging  # workspaces/staging.yaml:3:37
        actors:
          - id: out
            connector: exec
            config:
              command:
                - sh
                - "-c"
                - "cat > /dev/null"
        routes:
          - name: through
            when:
              source: in
            then:
              actor: out
            delivery:  # workspaces/staging.yaml:4:37
              timeout: "5s"

        """, "\(shown.output)")
    let json = try await work.run(
      "workspace", "show", "--json", "-w", "staging", environment: environment
    ).json()
    #expect(json["name"] == "staging")
    #expect(json["configuration"]?["sources"]?.array?.first?["config"]?["path"] == "/staging")
    #expect(json["overridden"]?.array?.first?["path"] == "sources.in.config.path")
    #expect(json["overridden"]?.array?.first?["origin"] == "workspaces/staging.yaml:3:37")
    #expect(
      json["overridden"]?.array?.first?["replaced"]?.string?.hasPrefix("orgloop.yaml:7:") == true)
    #expect(json["variables"]?["HOOK"] == "workspaces/staging.yaml:2:20")
  }

  @Test func `a deleted workspace loses its database and nothing else`() async throws {
    let work = try Workplace(project: Workplace.project(command: "exit 1"))
    try work.write("workspaces/staging.yaml", "runtime: { http: { port: 0 } }\n")
    let report = try await work.run(
      "start", "--daemon", "--json", "-w", "staging", environment: own
    )
    .json()
    let running = try work.noted(report)
    #expect(try await running.post("{}").status == 200)
    #expect(try await work.run("stop", "-w", "staging", environment: own).status == 0)
    let directory = work.home + "/.orgloop/workspaces/staging"
    let refused = try await work.run("workspace", "delete", "staging", "--yes", environment: own)
    #expect(refused.status == 1)
    #expect(refused.error.contains("1 delivery in \(directory)/orgloop.db is not settled"))
    let deleted = try await work.run(
      "workspace", "delete", "staging", "--force", "--yes", environment: own)
    #expect(deleted.status == 0, "\(deleted.error)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: directory) == ["orgloop.db.lock"])
    #expect(FileManager.default.fileExists(atPath: work.root + "/workspaces/staging.yaml"))
    let again = try await work.run("workspace", "delete", "staging", "--yes", environment: own)
    #expect(again.status == 1)
    #expect(again.error.contains("has no database"))
    let usual = try await work.run("workspace", "delete", "default", environment: own)
    #expect(usual.status == 1)
    #expect(usual.error.contains("cannot be deleted"))
  }

  @Test(arguments: [[], ["--no-interactive"], ["--json"], ["--quiet"], ["--force"]])
  func `nothing is deleted without consent`(_ flags: [String]) async throws {
    let work = try Workplace()
    #expect(try await work.run("workspace", "new", "brief", environment: own).status == 0)
    let call = ["workspace", "delete", "brief"] + flags
    let refused = try await work.run(call, environment: own)
    #expect(refused.status == 64)
    #expect(refused.error.contains("--yes deletes it"), "\(refused.error)")
    let database = work.home + "/.orgloop/workspaces/brief/orgloop.db"
    #expect(FileManager.default.fileExists(atPath: database))
    #expect(try await work.run(call + ["--yes"], environment: own).status == 0)
    #expect(!FileManager.default.fileExists(atPath: database))
  }

  @Test func `a new overlay is for those who may read the one that it is made of`() async throws {
    let work = try Workplace()
    let made = try await work.run("workspace", "new", "staging", environment: own)
    #expect(made.status == 0, "\(made.error)")
    #expect(try work.mode("workspaces") == 0o755)
    #expect(try work.mode("workspaces/staging.yaml") == 0o644)
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o600], ofItemAtPath: work.root + "/workspaces/staging.yaml")
    let copied = try await work.run(
      "workspace", "new", "qa", "--from", "staging", environment: own)
    #expect(copied.status == 0, "\(copied.error)")
    #expect(try work.mode("workspaces/qa.yaml") == 0o600)
  }

  @Test func `a runtime that does not answer is not stopped`() async throws {
    let work = try Workplace()
    try work.write("workspaces/staging.yaml", "runtime: { http: { port: 0 } }\n")
    let report = try await work.run(
      "start", "--daemon", "--json", "-w", "staging", environment: own
    ).json()
    let running = try work.noted(report)
    kill(running.pid, SIGSTOP)
    defer { kill(running.pid, SIGCONT) }
    async let shown = work.run("workspace", "list", environment: own)
    let json = try await work.run("workspace", "list", "--json", environment: own).json()
    let item = try #require(json.array?.first { $0["name"] == "staging" })
    #expect(item["running"] == true)
    #expect(item["answers"] == false)
    #expect(item["pid"]?.int64 == Int64(running.pid))
    #expect(json.array?.first?["running"] == false)
    let text = try await shown.output
    #expect(text.contains("does not answer, PID \(running.pid)"), "\(text)")
  }

  @Test func `a selected workspace that is gone can be left, and does not keep from a database`()
    async throws
  {
    let work = try Workplace()
    #expect(try await work.run("workspace", "new", "brief", environment: own).status == 0)
    #expect(try await work.run("workspace", "select", "brief", environment: own).status == 0)
    for path in ["/workspaces/brief.yaml", "/home/.orgloop/workspaces/brief"] {
      try FileManager.default.removeItem(atPath: work.root + path)
    }
    let refused = try await work.run("validate", environment: own)
    #expect(refused.status == 1)
    #expect(refused.error.contains("orgloop workspace select default"), "\(refused.error)")
    let other = try await work.run("status", "--json", "--db", work.database, environment: own)
    #expect(try other.json()["db"]?.string == work.database, "\(other.error)")
    #expect(try await work.run("workspace", "select", "default", environment: own).status == 0)
    #expect(try await work.run("validate", environment: own).status == 0)
  }

  @Test func `the selected workspace that is gone with its database is selected no more`()
    async throws
  {
    let work = try Workplace()
    #expect(try await work.run("workspace", "new", "brief", environment: own).status == 0)
    try FileManager.default.removeItem(atPath: work.root + "/workspaces/brief.yaml")
    #expect(try await work.run("workspace", "select", "brief", environment: own).status == 0)
    let deleted = try await work.run("workspace", "delete", "brief", "--yes", environment: own)
    #expect(deleted.status == 0, "\(deleted.error)")
    #expect(deleted.error.contains("Switched to workspace \"default\""))
    #expect(
      try await work.run("validate", "--json", environment: own).json()["workspace"] == "default")
  }

  @Test func `a default database that cannot be read stops only who may mean another workspace`()
    async throws
  {
    let work = try Workplace()
    try work.write("home/.orgloop/orgloop.db", String(repeating: "not a database. ", count: 999))
    #expect(try await work.run("validate", environment: own).status == 0)
    try work.write("workspaces/staging.yaml", "kind: Workspace\n")
    let refused = try await work.run("validate", environment: own)
    #expect(refused.status == 74)
    #expect(refused.error.contains("cannot tell which workspace is selected"))
    #expect(try await work.run("validate", "-w", "staging", environment: own).status == 0)
  }

  @Test(arguments: [["list"], ["select", "a"], ["new", "a"], ["show"]])
  func `without a project there are only databases`(_ command: [String]) async throws {
    let work = try Workplace(project: nil)
    let outcome = try await work.run(["workspace"] + command, environment: own)
    #expect(outcome.status == (command == ["list"] ? 0 : 78), "\(outcome.error)")
    #expect(try await work.run("workspace", environment: own).status == 64)
  }
}
