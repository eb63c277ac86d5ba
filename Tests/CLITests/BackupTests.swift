import CLI
import Engine
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct BackupTests {
  /// What is in the test's directory beside the file and what belongs to the database.
  private func leftovers(_ work: Workplace) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: work.root)
      .filter { $0.contains("partial") }
  }

  private func hash(_ path: String) async throws -> String {
    String(try await output(of: "sha256sum", path).prefix(64))
  }

  @Test func `copies made under load are whole, and hold what was answered before`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    let isOver = Counter()
    let answered = Counter()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for sender in 0..<4 {
        group.addTask {
          while isOver.value == 0 {
            let answer = try await running.post(#"{"sender": \#(sender)}"#)
            if answer.status == 200 { answered.increase() }
          }
        }
      }
      for number in Int64(1)...4 {
        _ = try await eventually("more is stored") { answered.value > number * 20 ? true : nil }
        let before = answered.value
        let file = work.root + "/copy\(number).db"
        let outcome = try await work.run("backup", file, "--json")
        try #require(outcome.status == 0, "\(outcome.error)")
        let report = try outcome.json()
        let events = try #require(report["events"]?.int64)
        #expect(events >= before)
        #expect(report["file"]?.string?.hasSuffix("/copy\(number).db") == true)
        #expect(report["sha256"]?.string == (try await hash(file)))
        #expect(try Invariants.violations(inFile: file) == [])
        let copy = try SQLiteFile(file)
        #expect(try copy.integer("SELECT count(*) FROM events") == events)
        #expect(
          try copy.integer("SELECT count(*) FROM v_deliveries") == report["deliveries"]?.int64)
        let facts = try FileManager.default.attributesOfItem(atPath: file)
        #expect(facts[.posixPermissions] as? Int == 0o600)
        #expect(facts[.size] as? Int64 == report["bytes"]?.int64)
      }
      isOver.increase()
      try await group.waitForAll()
    }
    #expect(try leftovers(work) == [])
    #expect(try await work.run("stop").status == 0)
    #expect(try Invariants.violations(inFile: work.database) == [])
  }

  @Test func `after a kill the copy has what is only in the log, and a start from it goes on`()
    async throws
  {
    let work = try Workplace(
      project: Workplace.project(command: "[ -e open ] && exec cat > /dev/null; exec sleep 600"))
    let running = try await work.start()
    let id = try #require(try await running.post("{}").body["event_id"]?.string)
    kill(running.pid, SIGKILL)
    _ = try await eventually("the process is gone") {
      ProcessIdentity(pid: running.pid) == nil ? true : nil
    }
    let backup = try await work.run("backup", "copy.db", "--json")
    #expect(backup.status == 0)
    #expect(try backup.json()["events"]?.int64 == 1)
    // One file is all there is, and it can be read where nothing can be written.
    #expect(!FileManager.default.fileExists(atPath: work.root + "/copy.db-wal"))
    #expect(try SQLiteFile(work.root + "/copy.db").value("PRAGMA journal_mode") == "delete")

    try work.write("open", "")
    let database = ["ORGLOOP_DB": work.root + "/copy.db"]
    _ = try await work.start(environment: database)
    let event = try await eventually("the copy's delivery is settled") {
      let event = try await work.run("events", "show", id, "--json", environment: database).json()
      return event["state"] == "settled" ? event : Optional.none
    }
    #expect(event["deliveries"]?.array?.first?["state"] == "delivered")
    #expect(try await work.run("stop", environment: database).status == 0)
    #expect(try Invariants.violations(inFile: work.root + "/copy.db") == [])
  }

  @Test func `a file that exists stays unless it may be replaced`() async throws {
    let work = try await workedPlace()
    try work.write("copy.db", "mine")
    let refused = try await work.run("backup", "copy.db")
    #expect(refused.status == 1)
    #expect(refused.error.contains("--force"))
    #expect(try work.read("copy.db") == "mine")
    #expect(try leftovers(work) == [])
    #expect(try await work.run("backup", "copy.db", "--force").status == 0)
    #expect(try SQLiteFile(work.root + "/copy.db").integer("SELECT count(*) FROM events") == 1)
    let mode = try FileManager.default.attributesOfItem(atPath: work.root + "/copy.db")
    #expect(mode[.posixPermissions] as? Int == 0o600)
  }

  @Test func `the database itself is never overwritten, by whatever name`() async throws {
    let work = try await workedPlace()
    let files = FileManager.default
    try files.linkItem(atPath: work.database, toPath: work.root + "/hard.db")
    try files.createSymbolicLink(
      atPath: work.root + "/link.db", withDestinationPath: work.database)
    let before = files.contents(atPath: work.database)
    for name in ["orgloop.db", "orgloop.db-wal", "orgloop.db.lock", "hard.db", "link.db"] {
      let outcome = try await work.run("backup", name, "--force")
      #expect(outcome.status == 1, "\(name)")
      #expect(outcome.error.contains("itself"), "\(outcome.error)")
      #expect(files.contents(atPath: work.database) == before)
      #expect(try leftovers(work) == [])
    }
  }

  @Test func `a database in use elsewhere is not overwritten`() async throws {
    let work = try await workedPlace()
    let other = ["ORGLOOP_DB": work.root + "/other.db"]
    _ = try await work.start(environment: other)
    let outcome = try await work.run("backup", "other.db", "--force")
    #expect(outcome.status == 1)
    #expect(outcome.error.contains("in use"))
    #expect(try await work.run("stop", environment: other).status == 0)
  }

  @Test func `a place where no file can be is told`() async throws {
    let work = try await workedPlace()
    for name in ["nowhere/copy.db", "/dev/null", "home", "/dev/null/copy.db"] {
      let outcome = try await work.run("backup", name, "--force")
      #expect(outcome.status == 74, "\(name): \(outcome.error)")
      #expect(outcome.error.contains("✗ "))
    }
  }

  @Test func `a damaged database gives 74 and no copy`() async throws {
    let work = try await workedPlace()
    let handle = try FileHandle(forUpdating: URL(filePath: work.database))
    let size = try handle.seekToEnd()
    // Not the first pages: the schema can be read, and only a check of all pages finds it.
    let root = try SQLiteFile(work.database).integer(
      "SELECT rootpage FROM sqlite_schema WHERE name = 'settled'")
    let place = UInt64(try #require(root) - 1) * 8_192
    #expect(place < size)
    try handle.seek(toOffset: place)
    try handle.write(contentsOf: Data(repeating: 0xA5, count: 8_192))
    try handle.close()
    let outcome = try await work.run("backup", "copy.db", "--json")
    #expect(outcome.status == 74)
    #expect(outcome.output == "")
    #expect(try outcome.errorJSON()["error"]?["code"] == "IO_ERROR")
    #expect(!FileManager.default.fileExists(atPath: work.root + "/copy.db"))
    #expect(try leftovers(work) == [])
  }

  @Test func `without a database, or with another program's, there is nothing to copy`()
    async throws
  {
    let work = try Workplace()
    #expect(try await work.run("backup", "copy.db").status == 74)
    try SQLiteFile(work.database, writable: true).rows("CREATE TABLE theirs (a)")
    let outcome = try await work.run("backup", "copy.db")
    #expect(outcome.status == 74)
    #expect(outcome.error.contains("not an orgloop database"))
    #expect(!FileManager.default.fileExists(atPath: work.root + "/copy.db"))
  }
}
