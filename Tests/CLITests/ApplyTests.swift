import Engine
import Foundation
import TestSupport
import Testing

/// Orders that change several modules: one after the other, each as a whole.
@Suite(.timeLimit(.minutes(3))) struct ApplyTests {
  @Test func `a failing apply says what failed and changes nothing`() async throws {
    let work = try Workplace(project: "modules:\n  - ./a\n  - ./b\n  - ./c\n")
    for name in ["a", "b", "c"] { try work.module(name) }
    _ = try await work.start()
    let file = try SQLiteFile(work.database)
    let before = try await work.run("module", "list", "--json").json().array ?? []
    for name in ["a", "b", "c"] { try work.module(name, command: "cat > other") }
    // The disk of the last one, as it were.
    try SQLiteFile(work.database, writable: true).rows(
      """
      CREATE TRIGGER broken BEFORE INSERT ON generations
      WHEN NEW.module = (SELECT key FROM modules WHERE name = 'c')
      BEGIN SELECT RAISE(ABORT, 'injected'); END
      """)
    let failed = try await work.run("apply", "--json")
    #expect(failed.status != 0)
    let message = try failed.errorJSON()["error"]?["message"]?.string ?? ""
    #expect(message.hasPrefix("module c: "), "\(message)")
    #expect(message.hasSuffix("; a, b brought back, so nothing is changed"), "\(message)")
    let plan = try await work.run("plan", "--json").json()
    #expect(plan["summary"] == ["add": 0, "change": 3, "remove": 0])
    let after = try await work.run("module", "list", "--json").json().array ?? []
    #expect(after.map { $0["state"] } == before.map { $0["state"] })
    try SQLiteFile(work.database, writable: true).rows("DROP TRIGGER broken")
    #expect(try await work.run("apply").status == 0)
    #expect(try await work.run("plan", "--detailed-exitcode").status == 0)
    #expect(try file.value("SELECT count(*) FROM generations WHERE action = 'undo'") == "2")
  }

  @Test func `applies from several processes, a signal and reloads are carried out one by one`()
    async throws
  {
    let work = try Workplace(project: "modules:\n  - ./a\n  - ./b\n")
    for name in ["a", "b"] { try work.module(name) }
    let running = try await work.start()
    for round in 1...3 {
      for name in ["a", "b"] { try work.module(name, command: "cat > r\(round)") }
      try await withThrowingTaskGroup(of: Workplace.Outcome?.self) { group in
        for _ in 0..<2 { group.addTask { try await work.run("apply", "--json") } }
        for name in ["a", "b"] {
          group.addTask { try await work.run("module", "reload", name, "--json") }
        }
        group.addTask {
          kill(running.pid, SIGHUP)
          return nil
        }
        for try await outcome in group {
          guard let outcome else { continue }
          #expect(outcome.status == 0, "\(outcome.error)")
        }
      }
      let plan = try await work.run("plan", "--json", "--detailed-exitcode")
      #expect(plan.status == 0, "round \(round): \(plan.output)\(plan.error)")
    }
    // Each content became one generation, whoever brought it first.
    let contents = try SQLiteFile(work.database).rows(
      "SELECT module, count(*), count(DISTINCT content_hash) FROM v_generations GROUP BY module")
    #expect(contents == [["a", "4", "4"], ["b", "4", "4"]])
  }

  @Test func `a plan is stale after another apply, also of the same content`() async throws {
    let work = try Workplace()
    _ = try await work.start()
    try work.write("orgloop.yaml", Workplace.project(command: "cat > a"))
    #expect(try await work.run("plan", "--out", "a.json").status == 0)
    #expect(try await work.run("apply").status == 0)
    let same = try await work.run("apply", "--plan", "a.json", "--json")
    #expect(same.status == 1)
    #expect(try same.errorJSON()["error"]?["status"]?.int64 == 409)
    // There and back: the content is what it was, the state is not.
    try work.write("orgloop.yaml", Workplace.project())
    #expect(try await work.run("apply").status == 0)
    try work.write("orgloop.yaml", Workplace.project(command: "cat > a"))
    #expect(try await work.run("apply", "--plan", "a.json").status == 1)
  }

  @Test func `the file of a plan is never open to others`() async throws {
    let work = try Workplace()
    try work.write("p.json", "{}")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o644], ofItemAtPath: work.root + "/p.json")
    #expect(try await work.run("plan", "--out", "p.json").status == 1)
    #expect(try await work.run("plan", "--out", "p.json", "--yes").status == 0)
    let mode = try FileManager.default.attributesOfItem(atPath: work.root + "/p.json")
    #expect(mode[.posixPermissions] as? Int == 0o600)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: work.root).filter {
        $0.contains("p.json")
      }
        == ["p.json"])
    #expect(try await work.run("plan", "--out", "no/such/p.json").status == 74)
  }
}
