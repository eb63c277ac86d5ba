import CLI
import Engine
import Foundation
import Testing

/// What `stop` leaves behind.
@Suite(.timeLimit(.minutes(3))) struct StopTests {
  @Test func `a lock that the last thread of a killed process holds is waited for`() async throws {
    let work = try Workplace()
    _ = try await work.start()
    try work.module("byhand")
    #expect(try await work.run("module", "load", "./byhand").status == 0)
    let pid = Int32(
      try #require(try await work.run("status", "--json").json()["pid"]?.int64))
    kill(pid, SIGKILL)
    // Takes the lock as soon as it is free, and has it while the first tries are made.
    let held = try await eventually("the file is free") {
      try? StoppedDatabase(path: work.database)
    }
    var tries = 0
    try await OperatorChanges.forget(inDatabase: work.database, limit: .seconds(120)) {
      tries += 1
      if tries == 3 { held.close() }
      try #require(tries <= 3)
    }
    #expect(tries == 3)
    #expect(try await work.moduleNames() == ["default"])
  }

  @Test func `a file that another runtime has by now is not waited for`() async throws {
    let work = try Workplace()
    _ = try await work.start()
    let error = await #expect(throws: EngineError.self) {
      try await OperatorChanges.forget(inDatabase: work.database) { Issue.record("waited") }
    }
    #expect(error?.code == .locked)
  }

  @Test func `a forced stop forgets what was loaded by hand`() async throws {
    let work = try Workplace()
    try work.module("byhand")
    for command in ["stop", "shutdown"] {
      _ = try await work.start()
      #expect(try await work.run("module", "load", "./byhand").status == 0)
      let answer = try await work.run(command, "--force", "--json")
      #expect(answer.status == 0)
      #expect(try answer.json()["warnings"] == nil, "\(answer.output)")
      #expect(try await work.moduleNames() == ["default"])
    }
  }
}
