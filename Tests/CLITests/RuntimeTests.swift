import CLI
import Engine
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct RuntimeTests {
  @Test func `what a killed runtime answered with 200 is still there and delivered`() async throws {
    let work = try Workplace(project: Workplace.project(command: "cat >> deliveries"))
    let first = try await work.start()
    let answer = try await first.post(#"{"type": "hello", "text": "one"}"#)
    #expect(answer.status == 200)
    let id = try #require(answer.body["event_id"]?.string)
    let event = try await work.untilSettled(id)
    #expect(event["deliveries"]?.array?.first?["state"] == "delivered")
    #expect(try work.read("deliveries").contains(#""text": "one""#))

    kill(first.pid, SIGKILL)
    _ = try await eventually("the process is gone") {
      ProcessIdentity(pid: first.pid) == nil ? true : nil
    }
    let stopped = try await work.run("status", "--json").json()
    #expect(stopped["running"] == false)
    #expect(stopped["last_run"]?["pid"]?.int64 == Int64(first.pid))

    let second = try await work.start()
    #expect(second.pid != first.pid)
    let list = try await work.run("events", "--json").json()
    #expect(list["items"]?.array?.compactMap { $0["event_id"]?.string } == [id])
    #expect(try await work.run("stop").status == 0)
    #expect(try Invariants.violations(inFile: work.database) == [])
  }

  @Test func `a delivery that a kill cut off is made again at the next start`() async throws {
    // The first attempt never ends; the second finds the file that the first one made.
    let work = try Workplace(
      project: Workplace.project(
        command: "[ -e begun ] && exec cat > /dev/null; echo $$ > begun; exec sleep 600",
        more: "defaults: { delivery: { retry: { initial_delay: 1ms, jitter: none } } }"))
    let first = try await work.start()
    let id = try #require(try await first.post("{}").body["event_id"]?.string)
    let child = try await eventually("the command runs") {
      (try? work.read("begun")).flatMap { Int32($0.dropLast()) }
    }
    kill(first.pid, SIGKILL)
    _ = try await eventually("the command has ended with the runtime") {
      ProcessIdentity(pid: child) == nil ? true : nil
    }
    _ = try await work.start()
    let event = try await work.untilSettled(id)
    let delivery = try #require(event["deliveries"]?.array?.first)
    #expect(delivery["state"] == "delivered")
    #expect(
      delivery["attempts"]?.array?.compactMap { $0["outcome"]?.string }
        == ["interrupted", "delivered"])
  }

  @Test func `of two starts at once one runs, and the other changes nothing`() async throws {
    let work = try Workplace()
    async let one = work.run("start", "--daemon", "--port", "0", "--json")
    async let other = work.run("start", "--daemon", "--port", "0", "--json")
    let outcomes = try await [one, other]
    // The later one is refused the database, or finds the runtime and applies the same project.
    #expect(outcomes.contains { $0.status == 0 })
    #expect(outcomes.allSatisfy { [0, 75].contains($0.status) })
    let pids = try outcomes.filter { $0.status == 0 }.map { try $0.json()["pid"] }
    #expect(Set(pids).count == 1)
    #expect(try await work.run("stop").status == 0)
  }

  @Test func `a port in use is told with 75, by a daemon too`() async throws {
    let work = try Workplace()
    let port = try #require(try await work.start().address.split(separator: ":").last)
    for flags in [["start"], ["start", "--daemon"]] {
      let outcome = try await work.run(
        flags + ["--port", String(port)], environment: ["ORGLOOP_DB": work.root + "/other.db"])
      #expect(outcome.status == 75)
      #expect(outcome.error.contains("127.0.0.1:\(port): the port is in use"))
    }
  }

  @Test(arguments: [("/proc/orgloop/t.db", 74), ("/dev/null/t.db", 74)])
  func `a database that cannot be made says why`(path: String, status: Int32) async throws {
    let work = try Workplace()
    for flags in [["start"], ["start", "--daemon"]] {
      let outcome = try await work.run(flags + ["--port", "0", "--db", path])
      #expect(outcome.status == status)
      #expect(outcome.error.contains("✗ cannot "))
    }
  }

  @Test(.enabled(if: geteuid() != 0, "nothing is forbidden to root"))
  func `a directory that may not be written is 77`() async throws {
    let work = try Workplace()
    try FileManager.default.createDirectory(
      atPath: work.root + "/closed", withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o500])
    let outcome = try await work.run(
      "start", "--port", "0", "--db", work.root + "/closed/t.db")
    #expect(outcome.status == 77)
  }

  @Test func `stop ends the process, and the row says so`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    let stopped = try await work.run("stop", "--json", "--timeout", "5s")
    #expect(stopped.status == 0)
    #expect(try stopped.json()["pid"]?.int64 == Int64(running.pid))
    #expect(ProcessIdentity(pid: running.pid) == nil)
    #expect(!FileManager.default.fileExists(atPath: work.socket))
    let status = try await work.run("status", "--json").json()
    #expect(status["last_run"]?["state"] == "stopped")
    #expect(try await work.run("stop").status == 0)
  }

  @Test func `stop --force leaves a database that the next start takes over`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    #expect(try await work.run("stop", "--force").status == 0)
    #expect(ProcessIdentity(pid: running.pid) == nil)
    _ = try await work.start()
    #expect(try Invariants.violations(inFile: work.database) == [])
  }

  @Test func `stop in another project leaves the runtime alone`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    try work.write("other/orgloop.yaml", Workplace.project())
    let refused = try await work.run("stop", "-c", work.root + "/other")
    #expect(refused.status == 1)
    #expect(ProcessIdentity(pid: running.pid) != nil)
    // Nor may a slip of the finger.
    #expect(try await work.run("stop", "-c", work.root + "/nowhere").status == 78)
    #expect(ProcessIdentity(pid: running.pid) != nil)
    #expect(try await work.run("stop", "--all", "-c", work.root + "/other").status == 0)
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `a signal ends a runtime in the foreground with 0`(number: Int32) async throws {
    let work = try Workplace()
    async let ended = work.run("start", "--port", "0")
    kill(try await work.untilRunning().pid, number)
    let outcome = try await ended
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("source in  webhook /webhook/in"))
    #expect(outcome.output.contains("OrgLoop is running. PID"))
  }

  @Test func `a second signal ends it at once`() async throws {
    let work = try Workplace(
      project: Workplace.project(command: "echo > begun; exec sleep 600"))
    async let ended = work.run("start", "--port", "0")
    let running = try await work.untilRunning()
    #expect(try await running.post("{}").status == 200)
    _ = try await eventually("the command runs") {
      FileManager.default.fileExists(atPath: work.root + "/begun") ? true : nil
    }
    kill(running.pid, SIGTERM)
    _ = try await eventually("webhooks are refused") {
      try await running.post("{}").status == 503 ? true : nil
    }
    kill(running.pid, SIGTERM)
    #expect(try await ended.status == 128 + SIGTERM)
  }

  @Test func `an unsigned webhook is not opened to other machines`() async throws {
    let work = try Workplace()
    let outcome = try await work.run("start", "--port", "0", "--host", "0.0.0.0")
    #expect(outcome.status == 78)
    #expect(outcome.error.contains("source in"))
  }

  @Test func `broken YAML is told with file, line and column, by a daemon too`() async throws {
    let work = try Workplace(project: "kind: Project\nsources: [\n  {id: a\n")
    for flags in [["start"], ["start", "--daemon"]] {
      let outcome = try await work.run(flags + ["--port", "0", "--json"])
      #expect(outcome.status == 78)
      let error = try outcome.errorJSON()["error"]
      #expect(error?["code"] == "CONFIG_ERROR")
      let detail = error?["details"]?.array?.first
      #expect(detail?["file"] == "orgloop.yaml")
      #expect(detail?["line"]?.int64 ?? 0 > 1)
      #expect(detail?["column"]?.int64 ?? 0 > 0)
    }
    #expect(!FileManager.default.fileExists(atPath: work.database))
  }
}

extension Workplace {
  func read(_ path: String) throws -> String {
    try String(contentsOfFile: root + "/" + path, encoding: .utf8)
  }
}
