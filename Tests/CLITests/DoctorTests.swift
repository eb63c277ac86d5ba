import Engine
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct DoctorTests {
  private func checks(_ report: JSONValue) -> [String: JSONValue] {
    let list = report["checks"]?.array ?? []
    return Dictionary(
      list.compactMap { check in check["name"]?.string.map { ($0, check) } },
      uniquingKeysWith: { first, _ in first })
  }

  private var invariants: [String] {
    get throws {
      let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      return try FileManager.default.contentsOfDirectory(
        atPath: root.appending(path: "Sources/Invariants").path
      ).filter { $0.hasSuffix(".sql") }.map {
        root.appending(path: "Sources/Invariants/" + $0).path
      }
    }
  }

  @Test func `what a runtime left and leaves is well, by every rule`() async throws {
    let work = try Workplace(
      project: Workplace.project(
        command: """
          read line; case $line in *refuse*) exit 65;; \
          *twice*) [ -e t ] || { : > t; exit 1; };; esac
          """,
        more: "defaults: { delivery: { retry: { initial_delay: 1ms, jitter: none } } }"))
    let running = try await work.start()
    for body in [#"{"a": 1}"#, #"{"a": "refuse"}"#, #"{"a": "twice"}"#] {
      let id = try #require(try await running.post(body).body["event_id"]?.string)
      _ = try await work.untilSettled(id)
    }
    // With the runtime and without it.
    for _ in 0..<2 {
      let outcome = try await work.run("doctor", "--data", "--json")
      #expect(outcome.status == 0, "\(outcome.output)")
      let report = try outcome.json()
      #expect(report["status"] == "ok")
      #expect(report["project"] == "test")
      let checks = checks(report)
      for path in try invariants {
        let name = URL(filePath: path).deletingPathExtension().lastPathComponent
        #expect(checks[name]?["status"] == "ok", "\(name)")
        #expect(checks[name]?["violations"] == 0, "\(name)")
      }
      for name in ["integrity", "file", "file-system", "free-space", "log", "sqlite", "project"] {
        #expect(checks[name]?["status"] == "ok", "\(name)")
      }
      let text = try await work.run("doctor", "--data")
      #expect(text.output.hasSuffix("all is well\n"))
      #expect(try await work.run("stop").status == 0)
    }
  }

  @Test func `broken rows are told with the rule, the first of them, and what to do`() async throws
  {
    let work = try await workedPlace()
    try SQLiteFile(work.database, writable: true).rows(
      """
      WITH RECURSIVE n(i) AS (SELECT 7 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
      INSERT INTO queue (lane, delivery, route, generation) SELECT 1, i << 16, 1, 1 FROM n
      """)
    let outcome = try await work.run("doctor", "--data", "--json")
    #expect(outcome.status == 1)
    let report = try outcome.json()
    #expect(report["status"] == "error")
    let check = checks(report)["belongs_to_event"]
    #expect(check?["status"] == "error")
    #expect(check?["violations"] == 14)
    #expect(check?["rows"]?.array?.count == 10)
    #expect(
      check?["rows"]?.array?.first == ["table": "queue", "delivery": JSONValue(7 << 16)])
    #expect(check?["description"]?.string?.contains("belongs to an event") == true)
    #expect(check?["hint"]?.string?.isEmpty == false)
    #expect(checks(report)["integrity"]?["status"] == "ok")
    let text = try await work.run("doctor", "--data")
    #expect(text.status == 1)
    #expect(text.output.contains("✗ belongs_to_event"))
    #expect(text.output.contains("table queue, delivery \(7 << 16)"))
    #expect(text.output.contains("and 4 more"))
    // Without --data nobody looks.
    #expect(try await work.run("doctor").status == 0)
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3")))
  func `the same files can be run with sqlite3`() async throws {
    let work = try await workedPlace()
    for path in try invariants {
      let sql = try String(contentsOfFile: path, encoding: .utf8)
      #expect(
        try await output(of: "sqlite3", "-readonly", work.database, input: sql) == "", "\(path)")
    }
    try SQLiteFile(work.database, writable: true).rows("DELETE FROM settled")
    let path = try #require(try invariants.first { $0.hasSuffix("/deliveries_complete.sql") })
    let sql = try String(contentsOfFile: path, encoding: .utf8)
    #expect(
      try await output(of: "sqlite3", "-readonly", work.database, input: sql)
        == "deliveries_complete|1|1|0\n")
  }

  @Test func `a damaged page is told`() async throws {
    let work = try await workedPlace()
    let root = try #require(
      try SQLiteFile(work.database).integer(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'settled'"))
    let handle = try FileHandle(forUpdating: URL(filePath: work.database))
    try handle.seek(toOffset: UInt64(root - 1) * 8_192)
    try handle.write(contentsOf: Data(repeating: 0xA5, count: 8_192))
    try handle.close()
    let outcome = try await work.run("doctor", "--data", "--json")
    #expect(outcome.status == 1)
    let found = checks(try outcome.json())
    #expect(found["integrity"]?["status"] == "error")
    #expect(found["integrity"]?["detail"]?.string?.isEmpty == false)
    // A check that could not be made has not passed.
    #expect(found["deliveries_complete"]?["status"] == "error")
    #expect(found["one_node"]?["status"] == "ok")
  }

  @Test func `without a database there is nothing to check, and that is no fault before a start`()
    async throws
  {
    let work = try Workplace()
    let outcome = try await work.run("doctor", "--json")
    #expect(outcome.status == 0, "\(outcome.output)")
    #expect(!FileManager.default.fileExists(atPath: work.database))
    #expect(try await work.run("doctor", "--data").status == 74)
  }

  @Test func `a file that others may read, and one that is not ours, are told`() async throws {
    let work = try await workedPlace()
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o644], ofItemAtPath: work.database)
    let open = try await work.run("doctor", "--json")
    #expect(open.status == 1)
    #expect(try open.json()["status"] == "degraded")
    #expect(checks(try open.json())["permissions"]?["hint"]?.string?.contains("chmod") == true)

    let other = work.root + "/other.db"
    try SQLiteFile(other, writable: true).rows("CREATE TABLE theirs (a)")
    let foreign = try await work.run("doctor", "--data", "--json", "--db", other)
    #expect(foreign.status == 1)
    #expect(checks(try foreign.json())["file"]?["status"] == "error")
    #expect(checks(try foreign.json())["integrity"] == nil)
  }

  @Test func `an invalid project is 78, and the database is looked at all the same`() async throws {
    let work = try await workedPlace()
    try work.write("orgloop.yaml", Workplace.project(more: "runtime: 1"))
    let outcome = try await work.run("doctor", "--data", "--json")
    #expect(outcome.status == 78)
    let found = checks(try outcome.json())
    #expect(found["project"]?["status"] == "error")
    #expect(found["integrity"]?["status"] == "ok")
    // Where there is no project, only the database counts.
    try FileManager.default.removeItem(atPath: work.root + "/orgloop.yaml")
    let alone = try await work.run("doctor", "--data", "--json")
    #expect(alone.status == 0, "\(alone.output)")
    #expect(try alone.json()["project"]?.isNull == true)
  }
}

/// What `orgloop doctor` says of a project and of what it needs.
@Suite(.timeLimit(.minutes(3))) struct ProjectDoctorTests {
  private func checks(
    _ work: Workplace, _ arguments: String..., environment: [String: String] = [:]
  ) async throws -> (report: JSONValue, status: Int32, checks: [JSONValue]) {
    let outcome = try await work.run(["doctor", "--json"] + arguments, environment: environment)
    let report = try outcome.json()
    return (report, outcome.status, report["checks"]?.array ?? [])
  }

  private static let needy = Workplace.project(
    command: "true",
    more: """
        - name: relayed
          when: { source: in }
          transforms: [pick, stamp]
          then: { actor: far, config: { repo: "${GITHUB_REPO}" } }
      transforms:
        - { name: pick, type: filter, config: { jq: "true" } }
        - { name: stamp, type: script, script: stamp.sh }
      """
  ).replacing(
    "actors:\n",
    with: """
      actors:
        - id: far
          connector: webhook
          config: { url: "http://127.0.0.1:1/x" }

      """)

  private func place(interpreter: String = "/usr/bin/env sh") throws -> Workplace {
    let work = try Workplace(project: Self.needy)
    try work.write("stamp.sh", "#!\(interpreter)\ncat\n")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: work.root + "/stamp.sh")
    return work
  }

  private func find(_ checks: [JSONValue], _ category: String, _ name: String) -> JSONValue? {
    checks.first { $0["category"]?.string == category && $0["name"]?.string == name }
  }

  @Test func `programs, variables, routes and the port each have their check`() async throws {
    let work = try place()
    let (report, status, found) = try await checks(
      work, "--offline", environment: ["GITHUB_REPO": "acme/api"])
    #expect(status == 0, "\(report)")
    #expect(report["status"] == "ok")
    #expect(find(found, "dependency", "jq")?["detail"]?.string?.hasSuffix("/jq") == true)
    #expect(find(found, "dependency", "sh")?["description"]?.string?.contains("stamp") == true)
    #expect(find(found, "dependency", "stamp.sh")?["status"] == "ok")
    let variable = find(found, "credential", "GITHUB_REPO")
    #expect(variable?["detail"] == "from environment")
    #expect(variable?["description"] == "repository, owner/name")
    #expect(find(found, "route-graph", "routes")?["detail"] == "2 routes, all connected")
    #expect(find(found, "service", "port")?["status"] == "ok")
    #expect(find(found, "service", "127.0.0.1:1") == nil)
    // No value is told.
    #expect(!Self.text(report).contains("acme/api"))
  }

  private static func text(_ json: JSONValue) -> String { JSONText(json).description }

  @Test func `what is missing is told, with what to do`() async throws {
    let work = try place(interpreter: "/usr/bin/env no-such-interpreter")
    let (report, status, found) = try await checks(work, "--offline")
    // A variable that is not set keeps the project from being started.
    #expect(status == 78)
    #expect(report["status"] == "error")
    #expect(find(found, "credential", "GITHUB_REPO")?["status"] == "missing")
    let (set, degraded, again) = try await checks(
      work, "--offline", environment: ["GITHUB_REPO": "x"])
    #expect(degraded == 1)
    #expect(set["status"] == "degraded")
    #expect(find(again, "dependency", "no-such-interpreter")?["status"] == "missing")
  }

  @Test func `hosts of actors are looked for, and one that is away is no error`() async throws {
    let work = try place()
    let (report, status, found) = try await checks(work, environment: ["GITHUB_REPO": "x"])
    #expect(status == 1)
    #expect(report["status"] == "degraded")
    let service = find(found, "service", "127.0.0.1:1")
    #expect(service?["status"] == "warning")
    #expect(service?["detail"]?.string?.hasPrefix("not checked: ") == true)
  }

  @Test func `a host that answers, our own port and a taken one are told apart`() async throws {
    let work = try Workplace(project: nil)
    try work.write("orgloop.yaml", Workplace.project())
    let running = try await work.start()
    let own = try await checks(work)
    #expect(
      find(own.checks, "service", "port")?["detail"]?.string?.contains(running.address) == true)
    let other = try Workplace(
      project: Self.needy.replacing("127.0.0.1:1/", with: running.address + "/"))
    try other.write("stamp.sh", "#!/bin/sh\ncat\n")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: other.root + "/stamp.sh")
    let port = String(running.address.split(separator: ":").last ?? "")
    let found = try await checks(
      other, environment: ["GITHUB_REPO": "x", "ORGLOOP_PORT": port])
    #expect(find(found.checks, "service", running.address)?["status"] == "ok")
    #expect(find(found.checks, "service", "port")?["status"] == "error")
    #expect(found.status == 1)
  }

  @Test func `what no route uses is a warning of its own`() async throws {
    let work = try Workplace(
      project: Workplace.project().replacing(
        "sources:\n", with: "sources:\n  - { id: unused, connector: webhook }\n"))
    let (report, status, found) = try await checks(work, "--offline")
    #expect(status == 1, "\(report)")
    #expect(find(found, "route-graph", "unused")?["status"] == "warning")
    #expect(find(found, "config", "project")?["status"] == "ok")
  }
}
