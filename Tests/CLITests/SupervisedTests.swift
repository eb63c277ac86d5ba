import Engine
import Foundation
import TestSupport
import Testing

/// `orgloop start --supervised` (cli-http.md 2.2).
@Suite(.timeLimit(.minutes(3))) struct SupervisedTests {
  private func parent(of pid: Int32) throws -> Int32 {
    let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    return try #require(Int32(fields[1]))
  }

  private func isThere(_ pid: Int32) -> Bool {
    let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    return status.contains("State:") && !status.contains("State:\tZ")
  }

  private func pid(of work: Workplace) async throws -> Int32? {
    let status = try await work.run("status", "--json").json()
    return status["running"] == true ? status["pid"]?.int64.map { Int32($0) } : nil
  }

  @Test func `a runtime that is killed comes back with what it had`() async throws {
    let work = try Workplace()
    let first = try await work.start("--supervised")
    let supervisor = try parent(of: first.pid)
    try work.note(supervisor)
    let id = try #require(try await first.post("{}").body["event_id"]?.string)
    kill(first.pid, SIGKILL)
    let second = try await eventually("another runtime answers") {
      let pid = try await self.pid(of: work)
      return pid == first.pid ? nil : pid
    }
    try work.note(second)
    #expect(try parent(of: second) == supervisor)
    #expect(try await work.untilSettled(id)["id"]?.string == id)
    let row = try SQLiteFile(work.database).value("SELECT supervisor_pid FROM v_runtime")
    #expect(row == "\(supervisor)")
    let stopped = try await work.run("stop", "--json")
    #expect(stopped.status == 0)
    _ = try await eventually("the supervisor is gone") { self.isThere(supervisor) ? nil : true }
    #expect(try await pid(of: work) == nil)
  }

  @Test func `who is stopped by force is not started again`() async throws {
    let work = try Workplace()
    let running = try await work.start("--supervised")
    let supervisor = try parent(of: running.pid)
    try work.note(supervisor)
    #expect(try await work.run("stop", "--force").status == 0)
    _ = try await eventually("the supervisor is gone") { self.isThere(supervisor) ? nil : true }
    #expect(try await pid(of: work) == nil)
  }

  @Test func `stop reaches a supervisor between two starts, from its own project`() async throws {
    let work = try Workplace()
    try work.write("extra/orgloop-module.yaml", Workplace.module("extra"))
    try work.write("other/orgloop.yaml", Workplace.project())
    let running = try await work.start("--supervised")
    let supervisor = try parent(of: running.pid)
    try work.note(supervisor)
    #expect(try await work.run("module", "load", "./extra").status == 0)
    // What it is started with again cannot be started.
    try work.write("orgloop.yaml", "nonsense: [\n")
    kill(running.pid, SIGKILL)
    _ = try await eventually("the runtime is gone") { self.isThere(running.pid) ? nil : true }
    #expect(try await work.run("stop", "-c", "other").status == 1)
    #expect(isThere(supervisor))
    let stopped = try await work.run("stop", "--json")
    #expect(stopped.status == 0, "\(stopped.error)")
    #expect(try stopped.json()["stopped"] == true)
    #expect(!isThere(supervisor))
    // A stop forgets what was loaded by hand.
    try work.write("orgloop.yaml", Workplace.project())
    _ = try await work.start()
    let modules = try await work.run("module", "list", "--json").json().array ?? []
    #expect(modules.map { $0["name"] } == ["default"])
  }

  @Test func `a runtime that is asked to end by a signal is not started again`() async throws {
    let work = try Workplace()
    let running = try await work.start("--supervised")
    let supervisor = try parent(of: running.pid)
    try work.note(supervisor)
    // The second one ends it at once, with 143.
    kill(running.pid, SIGTERM)
    kill(running.pid, SIGTERM)
    _ = try await eventually("both are gone") {
      self.isThere(supervisor) || self.isThere(running.pid) ? nil : true
    }
    #expect(try await pid(of: work) == nil)
  }

  @Test func `a project that cannot be started is not tried again`() async throws {
    let work = try Workplace(project: "nonsense: [\n")
    for arguments in [["--supervised"], ["--supervised", "--daemon"]] {
      let outcome = try await work.run(["start", "--port", "0"] + arguments)
      #expect(outcome.status == 78, "\(arguments) \(outcome.error)")
      #expect(outcome.error.contains("yaml.syntax"))
    }
  }

  @Test func `a signal to the supervisor stops both`() async throws {
    let work = try Workplace()
    let running = try await work.start("--supervised")
    let supervisor = try parent(of: running.pid)
    try work.note(supervisor)
    try work.write("orgloop.yaml", Workplace.project(command: "cat > /dev/zero"))
    kill(supervisor, SIGHUP)
    _ = try await eventually("the project is applied") {
      let plan = try await work.run("plan", "--json").json()
      return plan["summary"] == ["add": 0, "change": 0, "remove": 0] ? true : nil
    }
    kill(supervisor, SIGTERM)
    _ = try await eventually("both are gone") {
      self.isThere(supervisor) || self.isThere(running.pid) ? nil : true
    }
    let row = try SQLiteFile(work.database).value("SELECT state FROM v_runtime")
    #expect(row == "stopped")
  }
}
