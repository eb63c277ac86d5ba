import Engine
import Foundation
import TestSupport
import Testing

/// Every configuration that was at work can be looked at, compared, and brought back.
@Suite(.timeLimit(.minutes(3))) struct HistoryTests {
  private static let secret = "canary-history-51ab77"

  /// A project of everything: patterns, a symbolic link, routes that are found, inline groups,
  /// parameters, lower defaults, variables of two `.env` files, scripts and prompts.
  private func wholeProject() throws -> Workplace {
    let work = try Workplace(
      project: """
        apiVersion: orgloop/v1alpha1
        kind: Project
        metadata: { name: whole }
        defaults: { poll_interval: 45s }
        connectors:
          - connectors/*.yaml
          - { sources: [{ id: late, connector: webhook, config: {} }] }
        actors: [{ id: out, connector: exec, config: { command: [./run.sh], env: { T: "${TOKEN}" } } }]
        transforms: [{ name: clean, type: script, script: scripts/clean.sh }]
        modules:
          - ./plain
          - { package: ./given, name: twice, params: { who: "${WHO}", count: 3, source: in } }

        """)
    try work.write(".env", "WHO=root-who\n")
    try work.write("home/.orgloop/config.yaml", "defaults: { log_level: warn }\n")
    try work.write(
      "elsewhere/one.yaml", "kind: ConnectorGroup\nsources: [{ id: in, connector: webhook }]\n")
    try FileManager.default.createDirectory(
      atPath: work.root + "/connectors", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: work.root + "/connectors/one.yaml",
      withDestinationPath: work.root + "/elsewhere/one.yaml")
    try script(work, "run.sh", "cat > /dev/null")
    try script(work, "scripts/clean.sh", "cat")
    try work.write("routes/sops/review.md", "# Review\nLook twice.\n")
    try work.write(
      "routes/found.yaml",
      """
      kind: RouteGroup
      routes:
        - name: found
          when: { source: [in, late], filter: { z: 1, a: 2, "payload.k": [x, y] } }
          transforms: [clean]
          then: { actor: out, config: { z: "{{payload.z}}", a: 1, token: "written-secret" } }
          with: { prompt_file: sops/review.md }

      """)
    try work.module("plain")
    try work.write("given/.env", "OWN=own-value\n")
    try work.write(
      "given/orgloop-module.yaml",
      """
      kind: Module
      metadata: { name: given }
      params:
        who: { type: string, required: true }
        count: { type: number, default: 1 }
        source: { type: source, required: true }
        other: { type: string, default: "${OWN}" }
      actors: [{ id: out, connector: exec, config: { command: [cat] } }]
      routes:
        - name: r
          when: { source: "{{ params.source }}", filter: { n: "{{ params.count }}" } }
          then: { actor: out, config: { who: "{{ params.who }}", other: "{{ params.other }}" } }

      """)
    return work
  }

  private func script(_ work: Workplace, _ path: String, _ body: String) throws {
    try work.write(path, "#!/bin/sh\n\(body)\n")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: work.root + "/" + path)
  }

  private func hashes(_ work: Workplace) throws -> [String] {
    try SQLiteFile(work.database).rows(
      """
      SELECT module || ' ' || content_hash FROM v_generations WHERE generation IN (
        SELECT max(generation) FROM generations GROUP BY module
      ) ORDER BY module
      """
    ).compactMap { $0.first ?? nil }
  }

  @Test func `a rollback brings back exactly what was stored, whatever a project is made of`()
    async throws
  {
    let work = try wholeProject()
    let environment = ["TOKEN": Self.secret]
    _ = try await work.start(environment: environment)
    let before = try hashes(work)
    #expect(before.count == 3)
    // Nothing of what it was is left in the files, but for the literal credential.
    let route = try String(contentsOfFile: work.root + "/routes/found.yaml", encoding: .utf8)
    try work.write("routes/found.yaml", route.replacing("z: 1", with: "z: 7"))
    try FileManager.default.removeItem(atPath: work.root + "/connectors/one.yaml")
    try work.write(
      "connectors/two.yaml", "kind: ConnectorGroup\nsources: [{ id: in, connector: webhook }]\n")
    let manifest = try String(contentsOfFile: work.root + "/orgloop.yaml", encoding: .utf8)
    try work.write(
      "orgloop.yaml",
      manifest.replacing("45s", with: "50s").replacing("count: 3", with: "count: 4")
        .replacing("  - ./plain\n", with: ""))
    let applied = try await work.run("apply", "--json")
    #expect(applied.status == 0, "\(applied.error)")
    #expect(try hashes(work) != before)

    let plan = try await work.run("rollback", "@1", "--plan-only", "--json")
    #expect(plan.status == 0, "\(plan.error)")
    #expect(try plan.json()["applied"] == false)
    let back = try await work.run("rollback", "@1", "--json")
    #expect(back.status == 0, "\(back.error)")
    #expect(try back.json()["applied"] == true)
    #expect(try back.json()["rollback"]?["changed_files"] == [])
    #expect(try back.json()["plan_id"] == plan.json()["plan_id"])
    #expect(try hashes(work) == before)
    #expect(try await work.moduleNames() == ["default", "plain", "twice"])
    let last = try SQLiteFile(work.database).rows(
      "SELECT DISTINCT action, \"by\" FROM v_generations ORDER BY generation DESC LIMIT 1")
    #expect(last == [["rollback @1", NSUserName()]])

    // What runs is what is asked for.
    let again = try await work.run("rollback", "@1")
    #expect(again.status == 0, "\(again.error)")
    #expect(again.output == "No changes: this is generation 1.\n")
    let status = try await work.run("status", "--json").json()
    #expect(status["rollback"]?["files_differ"] == true)
    #expect(try await work.run("status").output.contains("rolled back to @1 by"))
    // The files have the last word.
    #expect(try await work.run("apply").status == 0)
    #expect(try await work.run("status", "--json").json()["rollback"] == nil)
    #expect(try hashes(work) != before)
    #expect(try !leaks(work))
  }

  @Test func `what a workspace lays over the files is brought back too`() async throws {
    let more = "  - { name: second, when: { source: in }, then: { actor: out } }"
    let work = try Workplace(project: Workplace.project())
    try work.write(
      "workspaces/default.yaml",
      """
      kind: Workspace
      variables: { WHO: ada }
      actors: [{ id: out, config: { env: { WHO: "${WHO}" } } }]
      routes: [{ name: through, enabled: false }]

      """)
    _ = try await work.start()
    let before = try hashes(work)
    try work.write("orgloop.yaml", Workplace.project(more: more))
    #expect(try await work.run("apply").status == 0)
    #expect(try hashes(work) != before)
    let plan = try await work.run("rollback", "@1", "--plan-only", "--json").json()
    #expect(plan["summary"] == ["add": 0, "change": 0, "remove": 1])
    #expect(plan["rollback"]?["variables"] == [])
    let back = try await work.run("rollback", "@1", "--json")
    #expect(back.status == 0, "\(back.error)")
    #expect(try hashes(work) == before)
    #expect(try await work.run("stop").status == 0)
    let stopped = try await work.run("plan", "--json").json()
    #expect(stopped["summary"] == ["add": 1, "change": 0, "remove": 0])
  }

  private func leaks(_ work: Workplace) throws -> Bool {
    for suffix in ["", "-wal"] {
      let data = try Data(contentsOf: URL(filePath: work.database + suffix))
      for secret in [Self.secret, "written-secret"] where data.range(of: Data(secret.utf8)) != nil {
        return true
      }
    }
    return false
  }

  @Test func `without a runtime a plan compares field by field, scripts line by line`()
    async throws
  {
    let work = try wholeProject()
    let environment = ["TOKEN": Self.secret]
    _ = try await work.start(environment: environment)
    #expect(try await work.run("stop").status == 0)
    let none = try await work.run(
      "plan", "--detailed-exitcode", "--json", environment: environment)
    #expect(none.status == 0, "\(none.output)\(none.error)")
    try script(work, "scripts/clean.sh", "exec cat")
    let route = try String(contentsOfFile: work.root + "/routes/found.yaml", encoding: .utf8)
    try work.write("routes/found.yaml", route.replacing("z: 1", with: "z: 7"))
    let plan = try await work.run("plan", "--json", environment: ["TOKEN": "another-value"])
    #expect(plan.status == 0, "\(plan.error)")
    let document = try plan.json()
    #expect(
      document["modules"]?.array?.map { $0["action"] } == ["change", "unchanged", "unchanged"])
    #expect(
      document["modules"]?.array?.first?["changes"] == [
        ["path": "variables.TOKEN", "from": "***", "to": "***"]
      ])
    let changes = document["routes"]?.array?.first?["changes"]?.array ?? []
    #expect(changes.map { $0["path"] } == ["when.filter.z", "transforms.clean.script"])
    #expect(changes.first?["from"]?.int64 == 1)
    #expect(changes.last?["diff"] == ["@@ 1", " #!/bin/sh", "-cat", "+exec cat"])
    #expect(!plan.output.contains(Self.secret))
  }

  @Test func `the log groups what one order did, and marks what runs`() async throws {
    let work = try Workplace(project: "modules:\n  - ./a\n  - ./b\n")
    for name in ["a", "b", "c"] { try work.module(name) }
    _ = try await work.start()
    try work.module("a", command: "cat > other")
    try work.write("orgloop.yaml", "modules:\n  - ./a\n  - ./c\n")
    #expect(try await work.run("apply").status == 0)
    let log = try await work.run("config", "log", "--json").json().array ?? []
    #expect(
      log.map { "\($0["generation"]?.int64 ?? 0) \($0["module"]?.string ?? "")" } == [
        "5 b", "4 c", "3 a", "2 b", "1 a",
      ])
    #expect(log.map { $0["change"]?.int64 } == [3, 3, 3, 1, 1])
    #expect(log.map { $0["running"] } == [false, true, true, false, false])
    #expect(log.map { $0["ended"] } == [true, false, false, false, false])
    #expect(
      log[2]["changes"] == [["action": "change", "kind": "actor", "name": "out"]])
    let human = try await work.run("config", "log").output
    #expect(
      human.split(separator: "\n").map { $0.replacing(/,? [0-9a-z ]*(just now|ago)/, with: "") }
        == [
          "apply by \(NSUserName())", "  @5  b  ended", "* @4  c  first", "* @3  a  ~ actor out",
          "start by boot", "  @2  b  first", "  @1  a  first",
        ])
    let one = try await work.run("config", "log", "--module", "a", "--limit", "1", "--json").json()
    #expect(one.array?.map { $0["generation"]?.int64 } == [3])

    // Any generation of an order stands for the moment after it.
    for name in ["@3", "@4", "@5", "@", "@running"] {
      let shown = try await work.run("config", "show", name, "--json").json()
      #expect(shown["modules"]?.array?.map { $0["module"] } == ["a", "c"], "\(name)")
    }
    let before = try await work.run("config", "show", "@-1", "--json").json()
    #expect(before["modules"]?.array?.map { $0["module"] } == ["a", "b"])
    #expect(try await work.run("config", "show", "@99").status == 1)
    #expect(try await work.run("config", "show", "12").status == 64)
    #expect(try await work.run("config", "diff", "@1", "@2").output == "No differences.\n")
  }

  @Test func `a configuration is shown without secrets, its files as they were`() async throws {
    let work = try wholeProject()
    _ = try await work.start(environment: ["TOKEN": Self.secret])
    try work.write("routes/sops/review.md", "# Review\nLook thrice.\n")
    #expect(try await work.run("apply").status == 0)
    let shown = try await work.run("config", "show", "@1", "--module", "default")
    #expect(shown.status == 0, "\(shown.error)")
    #expect(
      shown.output.contains("---\n# routes/found.yaml\nkind: RouteGroup\nroutes:\n  - name: found"))
    #expect(shown.output.contains("T: ${TOKEN}\n"))
    #expect(shown.output.contains("token: \"***\"\n"))
    #expect(shown.output.contains("# file routes/sops/review.md  sha256:"))
    let old = try await work.run("config", "show", "@1", "--file", "routes/sops/review.md")
    #expect(old.output == "# Review\nLook twice.\n", "\(old.error)")
    let document = try await work.run("config", "show", "@1", "--file", "given/orgloop-module.yaml")
    #expect(document.output.hasPrefix("kind: Module\n"))
    #expect(try await work.run("config", "show", "@1", "--file", "nothing").status == 1)
    let diff = try await work.run("config", "diff", "@1", "@", "--json").json()
    let change = diff["routes"]?.array?.first { $0["action"] == "change" }
    #expect(
      change?["changes"]?.array?.first?["diff"] == [
        "@@ 1", " # Review", "-Look twice.", "+Look thrice.",
      ])
    #expect(try await work.run("config", "diff", "@1", "@1").output == "No differences.\n")
    let files = try await work.run(
      "config", "diff", "@", "--json", environment: ["TOKEN": Self.secret]
    ).json()
    #expect(files["summary"] == ["add": 0, "change": 0, "remove": 0])
    for each in [shown.output, old.output, document.output] { #expect(!each.contains(Self.secret)) }
  }

  @Test func `a rollback says what it cannot bring back, and refuses what is dangerous`()
    async throws
  {
    let work = try wholeProject()
    let environment = ["TOKEN": Self.secret]
    _ = try await work.start(environment: environment)
    let route = try String(contentsOfFile: work.root + "/routes/found.yaml", encoding: .utf8)
    try work.write("routes/found.yaml", route.replacing("z: 1", with: "z: 7"))
    try work.write("routes/sops/review.md", "# Review\nLook thrice.\n")
    try work.write("given/.env", "OWN=next-value\n")
    try script(work, "scripts/clean.sh", "exec cat")
    #expect(try await work.run("apply").status == 0)
    let plan = try await work.run("rollback", "@1", "--plan-only")
    #expect(plan.status == 0, "\(plan.error)")
    #expect(plan.output.contains("! script scripts/clean.sh is not what it was (route found)\n"))
    #expect(
      plan.output.contains("! prompt routes/sops/review.md is not what it was (route found)\n"))
    #expect(plan.output.contains("! variable OWN has another value than then (module twice)"))
    let generations = "SELECT count(*) FROM generations"
    let count = try SQLiteFile(work.database).value(generations)
    let refused = try await work.run("rollback", "@1", "--json")
    #expect(refused.status == 1)
    #expect(try refused.errorJSON()["error"]?["status"]?.int64 == 409)
    #expect(try SQLiteFile(work.database).value(generations) == count)

    // A credential that stands nowhere any more cannot come back.
    try work.write(
      "routes/found.yaml", route.replacing("token: \"written-secret\"", with: "token: \"${TOKEN}\"")
    )
    let lost = try await work.run("rollback", "@1", "--allow-changed-files")
    #expect(lost.status == 78)
    #expect(lost.error.contains("routes/found.yaml: routes.0.then.config.token"), "\(lost.error)")
    #expect(lost.error.contains("into a variable"))
    #expect(try SQLiteFile(work.database).value(generations) == count)
    try work.write("routes/found.yaml", route)
    let allowed = try await work.run("rollback", "@1", "--allow-changed-files")
    #expect(allowed.status == 0, "\(allowed.error)")
    #expect(try await work.run("rollback", "@1", "--plan-only").output.contains("No changes"))
  }

  @Test func `a rollback of another state is refused, and modules loaded by hand are left alone`()
    async throws
  {
    let work = try Workplace(project: "modules:\n  - ./a\n  - ./b\n")
    for name in ["a", "b", "mine"] { try work.module(name) }
    _ = try await work.start()
    #expect(try await work.run("module", "load", "./mine").status == 0)
    try work.write("orgloop.yaml", "modules:\n  - ./a\n")
    #expect(try await work.run("apply").status == 0)
    let back = try await work.run("rollback", "@1", "--json")
    #expect(back.status == 0, "\(back.error)")
    #expect(try await work.moduleNames() == ["a", "b", "mine"])
    let none = try await work.run("rollback", "@-9")
    #expect(none.status == 1)
    #expect(try await work.run("rollback", "five").status == 64)
    #expect(try await work.run("stop").status == 0)
    #expect(try await work.run("rollback", "@1").status == 69)
    // What was loaded by hand has ended with the stop; the next start records it.
    _ = try await work.start()
    let shown = try await work.run("config", "show", "@", "--json").json()
    #expect(shown["modules"]?.array?.map { $0["module"] } == ["a"])
  }
}
