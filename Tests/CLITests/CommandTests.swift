import Engine
import Foundation
import Testing

@Suite(.timeLimit(.minutes(3))) struct CommandTests {
  struct Call: Sendable, CustomTestStringConvertible {
    let arguments: String
    let status: Int32
    let stdout: String
    let stderr: String

    init(_ arguments: String, _ status: Int32, stdout: String = "", stderr: String = "") {
      self.arguments = arguments
      self.status = status
      self.stdout = stdout
      self.stderr = stderr
    }

    var testDescription: String { "orgloop " + arguments }
  }

  @Test(arguments: [
    Call("", 64, stderr: "SUBCOMMANDS"),
    Call("nonsense", 64, stderr: "nonsense"),
    Call("status --nonsense", 64, stderr: "--nonsense"),
    Call("--nonsense status", 64, stderr: "--nonsense"),
    Call("validat", 64, stderr: "did you mean \"validate\"?"),
    Call("modul list", 64, stderr: "did you mean \"module\"?"),
    Call("events lst", 64, stderr: "did you mean \"list\"?"),
    Call("help frob", 64, stderr: "no command \"frob\""),
    Call("help events list", 0, stdout: "--follow"),
    Call("help", 0, stdout: "SUBCOMMANDS"),
    Call("start --port many", 64, stderr: "many"),
    Call("start --port 65536", 64, stderr: "--port must be a number from 0 to 65535"),
    Call("start --port -1", 64, stderr: "--port must be a number from 0 to 65535"),
    Call("start --db ./", 74, stderr: "is a directory"),
    Call("status --db home", 74, stderr: "home is a directory, not a database file"),
    Call("module unload x --drain -5s", 64, stderr: "--drain must be a duration"),
    Call("pause route/a --for 0s", 64, stderr: "longer than 0"),
    Call("stop --help", 0, stdout: "At a terminal"),
    Call("start --db", 64, stderr: "--db"),
    Call("validate --config=", 64, stderr: "--config"),
    Call("stop --timeout 30", 64, stderr: "duration"),
    Call("events --limit 0", 64, stderr: "1 to 1000"),
    Call("events --after x", 64, stderr: "--after"),
    Call("events --since yesterday", 64, stderr: "--since"),
    Call("events --type nothing", 64, stderr: "resource.changed"),
    Call("events show", 64, stderr: "<id>"),
    Call("trace", 64, stderr: "<id>"),
    Call("trace evt_x", 74, stderr: "no database"),
    Call("trace evt_x --limit 0", 64, stderr: "1 to 1000"),
    Call("trace evt_x --limit 1001", 64, stderr: "1 to 1000"),
    Call("trace --help", 0, stdout: "--limit"),
    Call("why", 64, stderr: "<id>"),
    Call("why evt_x", 74, stderr: "no database"),
    Call("why --help", 0, stdout: "--route"),
    Call("completions tcsh", 64, stderr: "fish"),
    Call("module load", 64, stderr: "<name-or-path>"),
    Call("module load x --param a", 64, stderr: "KEY=VALUE"),
    Call("module load x --param a=1 --param a=2", 64, stderr: "twice"),
    Call("module unload x --drain 5", 64, stderr: "duration"),
    Call("module unload x --on-removed burn", 64, stderr: "park"),
    Call("module", 64, stderr: "SUBCOMMANDS"),
    Call("module --json", 64, stderr: "\"USAGE\""),
    Call("--quiet module", 64, stderr: "SUBCOMMANDS"),
    Call("module -h", 0, stdout: "SUBCOMMANDS"),
    Call("module nonsense", 64, stderr: "nonsense"),
    Call("pause", 64, stderr: "--all"),
    Call("pause --all route/a", 64, stderr: "--all"),
    Call("pause --all --module x", 64, stderr: "--all"),
    Call("resume --all --module x", 64, stderr: "--all"),
    Call("pause route/r module/a --module b", 64, stderr: "module/a"),
    Call("resume module/a --module a", 64, stderr: "module/a"),
    Call("pause pager", 64, stderr: "route/NAME"),
    Call("pause route/a --for ever", 64, stderr: "duration"),
    Call("resume", 64, stderr: "--all"),
    Call("stop -c nowhere", 0, stderr: "not running"),
    Call("shutdown", 0, stderr: "not running"),
    Call("module load ./x", 69, stderr: "orgloop start"),
    Call("module unload x", 69, stderr: "orgloop start"),
    Call("module reload x", 69, stderr: "orgloop start"),
    Call("module list", 0, stdout: "No modules."),
    Call("module status x", 74, stderr: "no database"),
    Call("plan", 0, stdout: "3 to add"),
    Call("plan --detailed-exitcode", 2, stdout: "3 to add"),
    Call("plan -c nowhere", 78, stderr: "file.missing"),
    Call("plan --on-removed burn", 64, stderr: "park"),
    Call("apply --plan missing.json", 74, stderr: "missing.json"),
    Call("apply --plan event.json", 64, stderr: "no plan"),
    Call("apply", 69, stderr: "orgloop start"),
    Call("pause route/a", 69, stderr: "orgloop start"),
    Call("resume --all", 69, stderr: "orgloop start"),
    Call("init --connectors github", 64, stderr: "available: cron, webhook"),
    Call("init --connectors nonsense", 64, stderr: "no connector nonsense"),
    Call("-w ../x status", 64, stderr: "workspace"),
    Call("--help", 0, stdout: "SUBCOMMANDS"),
    Call("start -h", 0, stdout: "--daemon"),
    Call("-V", 0, stdout: "sqlite"),
    Call("version", 0, stdout: "orgloop"),
    Call("validate", 0, stdout: "0 errors, 0 warnings"),
    Call("--quiet validate", 0),
    Call("validate -c nowhere", 78, stdout: "1 error", stderr: "file.missing"),
    Call("status", 0, stdout: "not running"),
    Call("status --quiet", 0),
    Call("stop", 0, stderr: "not running"),
    Call("events", 74, stderr: "no database"),
    Call("events show evt_x", 74, stderr: "no database"),
    Call("events inject event.json", 69, stderr: "no runtime"),
    Call("events inject missing.json", 74, stderr: "missing.json"),
    Call("completions bash", 0, stdout: "complete"),
    Call("completions zsh", 0, stdout: "compdef"),
    Call("completions fish", 0, stdout: "complete"),
  ])
  func `every way to end has its exit code`(call: Call) async throws {
    let work = try Workplace()
    try work.write("event.json", "{}")
    let outcome = try await work.run(call.arguments.split(separator: " ").map(String.init))
    #expect(outcome.status == call.status)
    if call.stdout.isEmpty {
      #expect(outcome.output == "")
    } else {
      #expect(outcome.output.contains(call.stdout))
    }
    if call.stderr.isEmpty {
      #expect(outcome.error == "")
    } else {
      #expect(outcome.error.contains(call.stderr))
    }
  }

  @Test(arguments: [
    ("status", ["running"]), ("version", ["orgloop", "platform", "sqlite"]),
    ("stop", ["all", "pid", "stopped"]), ("shutdown", ["pid", "shutdown"]),
    ("completions bash", ["script", "shell"]),
    (
      "validate",
      ["diagnostics", "envWarnings", "errors", "graphWarnings", "results", "warnings"]
    ), ("init --dir new", ["created", "hook_installed", "skipped", "variables"]),
  ])
  func `a result in JSON is one document and nothing else`(
    command: String, keys: [String]
  ) async throws {
    let work = try Workplace()
    let arguments = command.split(separator: " ").map(String.init)
    // Flags may stand before the command or behind it.
    for words in [["--json"] + arguments, arguments + ["--json"]] {
      let outcome = try await work.run(words)
      #expect(outcome.status == (words.contains("init") && words.last == "--json" ? 1 : 0))
      guard outcome.status == 0 else { continue }
      #expect(outcome.error == "")
      #expect(Set(keys).isSubset(of: Set(try outcome.json().object?.keys ?? [])))
      #expect(outcome.output.hasPrefix("{\n  \""))
    }
  }

  @Test(arguments: [
    ("nonsense", 64, "USAGE"), ("events show evt_x", 74, "IO_ERROR"),
    ("events inject event.json", 69, "UNAVAILABLE"), ("module status x", 74, "IO_ERROR"),
    ("plan -c nowhere", 78, "CONFIG_ERROR"),
    ("apply", 69, "UNAVAILABLE"), ("pause", 64, "USAGE"),
    ("start -c nowhere", 78, "CONFIG_ERROR"),
  ])
  func `an error in JSON goes to stderr`(
    command: String, status: Int32, code: String
  ) async throws {
    let work = try Workplace()
    try work.write("event.json", "{}")
    let outcome = try await work.run(
      command.split(separator: " ").map(String.init) + ["--json"])
    #expect(outcome.status == status)
    #expect(outcome.output == "")
    let error = try outcome.errorJSON()["error"]
    #expect(error?["code"]?.string == code)
    #expect(error?["exit"]?.int64 == Int64(status))
    #expect(error?["details"]?.array != nil)
  }

  @Test(arguments: [
    (["module", "load", ""], "the path or name of the module must not be empty"),
    (["module", "load", "./x", "--name", ""], "--name must not be empty"),
    (["module", "reload", ""], "the module's name must not be empty"),
    (["module", "unload", ""], "the module's name must not be empty"),
    (["module", "status", ""], "the module's name must not be empty"),
  ])
  func `an empty name is a mistake of the call`(words: [String], message: String) async throws {
    let outcome = try await Workplace().run(words)
    #expect(outcome.status == 64)
    #expect(outcome.error.contains(message), "\(outcome.error)")
  }

  @Test func `a port in a variable is checked as one in a flag`() async throws {
    let outcome = try await Workplace().run("start", environment: ["ORGLOOP_PORT": "70000"])
    #expect(outcome.status == 64)
    #expect(outcome.error.contains("ORGLOOP_PORT must be a number from 0 to 65535"))
  }

  @Test(arguments: ["webhook", "cron", "webhook,cron"])
  func `what init writes passes validate and starts`(connectors: String) async throws {
    let work = try Workplace(project: nil)
    let made = try await work.run(
      "init", "--name", "acme", "--description", #"Say "hi" to ${HOME}: #1"#, "--connectors",
      connectors)
    #expect(made.status == 0)
    let checked = try await work.run("validate", "--strict")
    #expect(checked.status == 0, "\(checked.output)\(checked.error)")
    let again = try await work.run("init")
    #expect(again.status == 1)
    #expect(try await work.run("init", "--force", "--connectors", connectors).status == 0)
    _ = try await work.start()
  }

  @Test func `the examples pass the strict check`() async throws {
    let work = try Workplace()
    let examples = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "examples").path
    for name in try FileManager.default.contentsOfDirectory(atPath: examples) {
      let outcome = try await work.run("validate", "--strict", "-c", examples + "/" + name)
      #expect(outcome.status == 0, "\(name): \(outcome.error)")
    }
  }

  @Test func `events can be injected, listed, filtered and shown`() async throws {
    let work = try Workplace()
    _ = try await work.start()
    let body = """
      {"source": "in", "type": "resource.changed", "payload": {"n": 1},
       "provenance": {"platform": "test", "platform_event": "made.up"}}
      """
    let first = try await work.run("events", "inject", "--idempotency-key", "k", input: body)
    let again = try await work.run(
      "events", "inject", "-", "--json", "--idempotency-key", "k", input: body)
    let id = try #require(try again.json()["event_id"]?.string)
    #expect(try again.json()["duplicate"] == true)
    #expect(first.output == id + "\n")
    _ = try await work.untilSettled(id)

    func count(_ filters: String...) async throws -> Int? {
      try await work.run(["events", "--json"] + filters).json()["items"]?.array?.count
    }
    // The same answers through the socket and from the file.
    for _ in 0..<2 {
      #expect(try await count() == 1)
      #expect(try await count("--platform-event", "made.up", "--actor", "out") == 1)
      #expect(try await count("--since", "1h", "--source", "in", "--route", "through") == 1)
      #expect(try await count("--state", "settled", "--type", "resource.changed") == 1)
      #expect(try await count("--platform-event", "other") == 0)
      #expect(try await count("--until", "1h") == 0)
      #expect(try await work.run("events", "show", id).output.contains("delivered"))
      #expect(try await work.run("events", "show", "evt_none").status == 1)
      #expect(try await work.run("stop").status == 0)
    }
  }

  @Test func `a database that a runtime is just making has no runtime yet`() async throws {
    let work = try Workplace()
    try work.write("orgloop.db", "")
    let status = try await work.run("status", "--json")
    #expect(status.status == 0)
    #expect(try status.json()["running"] == false)
    #expect(try await work.run("events").status == 1)
  }

  @Test func `a command that needs no input leaves it unread`() async throws {
    let work = try Workplace()
    // More than a pipe holds: the program has ended before all of it is written.
    let unread = String(repeating: "x", count: 1 << 20)
    let outcome = try await work.run("--version", input: unread)
    #expect(outcome.status == 0)
    #expect(try await output(of: "echo", "done", input: unread) == "done\n")
  }

  @Test func `a refused event says why`() async throws {
    let work = try Workplace()
    _ = try await work.start()
    let outcome = try await work.run("events", "inject", "--json", input: "{}")
    #expect(outcome.status == 1)
    let error = try outcome.errorJSON()["error"]
    #expect(error?["code"] == "SCHEMA_ERROR")
    #expect(error?["status"]?.int64 == 422)
  }

  @Test(arguments: ["validate", "start", "plan"])
  func `an empty path is not the working directory`(_ command: String) async throws {
    let outcome = try await Workplace().run([command, "-c", ""])
    #expect(outcome.status == 64)
    #expect(
      outcome.error.contains("-c, --config needs a path, and got an empty one"), "\(outcome.error)")
  }
}
