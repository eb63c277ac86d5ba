import Engine
import Foundation
import Testing

/// `orgloop init` and `orgloop add` (cli-http.md 2.1).
@Suite(.timeLimit(.minutes(3))) struct AddTests {
  private static let adding: [[String]] = [
    ["route", "plain"], ["connector", "inbox"], ["connector", "cron"],
    ["connector", "exec", "--type", "source"],
    ["connector", "agent", "--type", "actor"],
    ["connector", "shell", "--type", "actor", "--connector", "exec"],
    ["connector", "beat", "--connector", "cron"], ["transform", "tidy up"],
    ["transform", "filter"], ["transform", "mine", "--type", "package"], ["transform", "dedup"],
    ["logger", "second"], ["route", "more: of \"it\"", "--source", "in", "--actor", "out"],
    ["module", "side"],
  ]

  /// Layouts of the project file in which lists are added to.
  private static let layouts: [String: @Sendable (String) -> String] = [
    "as it is": { $0 },
    "with comments": { "# top\n" + $0 + "# the end\n" },
    "with CRLF": { $0.replacing("\n", with: "\r\n") },
    "with lists in brackets": {
      $0 + "connectors: [] # none yet\ntransforms: [\n  ]\nloggers: []\nmodules: []\n"
    },
    "with empty keys": { $0 + "connectors:\ntransforms: # later\nloggers:\nmodules:" },
  ]

  @Test(arguments: layouts.keys.sorted())
  func `what is added is listed, and the project is as valid as before`(
    layout: String
  ) async throws {
    let work = try Workplace(project: Self.layouts[layout]?(Workplace.project()))
    for arguments in Self.adding {
      let outcome = try await work.run(["add"] + arguments + ["--json"])
      #expect(outcome.status == 0, "\(arguments): \(outcome.error)")
      let json = try outcome.json()
      #expect(json["created"]?.array?.isEmpty == false, "\(arguments)")
      #expect(json["to_add"] == nil, "\(arguments): \(outcome.output)")
      let isRoute = arguments[0] == "route"
      #expect(json["edited"] == (isRoute ? [] : ["orgloop.yaml"]), "\(arguments)")
      // One layout is enough for what does not depend on it.
      guard layout == "as it is" else { continue }
      let checked = try await work.run("validate")
      #expect(checked.status == 0, "\(arguments): \(checked.error)")
      // Nothing is overwritten.
      let again = try await work.run(["add"] + arguments)
      #expect(again.status == 1, "\(arguments)")
    }
    #expect(try await work.run("validate").status == 0)
    let text = try String(contentsOfFile: work.root + "/orgloop.yaml", encoding: .utf8)
    if layout == "with comments" { #expect(text.hasPrefix("# top\n")) }
    if layout == "with CRLF" { #expect(!text.replacing("\r\n", with: "").contains("\n")) }
    let running = try await work.start()
    let answer = try await running.post("{}", path: "/webhook/side/inbox")
    let id = try #require(answer.body["event_id"]?.string)
    #expect(try await work.untilSettled(id)["deliveries"]?.array?.first?["state"] == "delivered")
  }

  @Test func `what is found without being listed is not listed`() async throws {
    let work = try Workplace(
      project: Workplace.project(more: "connectors: [\"connectors/*.yaml\"]"))
    let before = try String(contentsOfFile: work.root + "/orgloop.yaml", encoding: .utf8)
    let outcome = try await work.run("add", "connector", "inbox", "--json")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(try outcome.json()["edited"] == [])
    #expect(try String(contentsOfFile: work.root + "/orgloop.yaml", encoding: .utf8) == before)
  }

  @Test func `a list that cannot be edited is left, and the line to add is told`() async throws {
    let work = try Workplace(
      project: Workplace.project(more: "metadata2: &none []\nconnectors: *none"))
    let outcome = try await work.run("add", "connector", "inbox")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.contains("add to orgloop.yaml:\nconnectors:\n  - connectors/inbox.yaml"))
    #expect(FileManager.default.fileExists(atPath: work.root + "/connectors/inbox.yaml"))
  }

  @Test func `what does not fit is taken back`() async throws {
    let work = try Workplace()
    let before = try String(contentsOfFile: work.root + "/orgloop.yaml", encoding: .utf8)
    // The project has such a source already.
    let outcome = try await work.run("add", "connector", "in", "--json")
    #expect(outcome.status == 1)
    #expect(try outcome.errorJSON()["error"]?["details"]?.array?.first?["code"] == "id.duplicate")
    #expect(!FileManager.default.fileExists(atPath: work.root + "/connectors/in.yaml"))
    #expect(try String(contentsOfFile: work.root + "/orgloop.yaml", encoding: .utf8) == before)
    #expect(try await work.run("add", "route", "r", "--source", "nope").status == 1)
  }

  @Test(arguments: [0o644, 0o640])
  func `the project file keeps its mode, and of what is refused no directory stays`(
    mode: Int
  ) async throws {
    let work = try Workplace()
    try FileManager.default.setAttributes(
      [.posixPermissions: mode], ofItemAtPath: work.root + "/orgloop.yaml")
    let before = try FileManager.default.contentsOfDirectory(atPath: work.root).sorted()
    for arguments in [["connector", "in"], ["module", "default"]] {
      #expect(try await work.run(["add"] + arguments).status == 1)
      #expect(try work.mode("orgloop.yaml") == mode)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: work.root).sorted() == before)
    }
    let added = try await work.run("add", "connector", "inbox")
    #expect(added.status == 0, "\(added.error)")
    #expect(try work.mode("orgloop.yaml") == mode)
    #expect(try work.mode("connectors") == 0o755)
  }

  @Test func `an error that was there does not keep from adding, wherever it moves`() async throws {
    let work = try Workplace(
      project: Workplace.project()
        .replacing("sources:", with: "loggers:\n  - { name: one, type: console }\nsources:")
        .replacing(
          "routes:",
          with: "routes:\n  - { name: through, when: { source: in }, then: { actor: out } }"
        ))
    let checked = try await work.run("validate")
    #expect((checked.output + checked.error).contains("is already at orgloop.yaml:"))
    let added = try await work.run("add", "logger", "second", "--json")
    #expect(added.status == 0, "\(added.error)")
    #expect(try added.json()["edited"] == ["orgloop.yaml"])
    let again = try await work.run("add", "connector", "in")
    #expect(again.status == 1, "one more of what is wrong is new")
  }

  @Test(arguments: [
    ("add", 64, "SUBCOMMANDS"), ("add connector", 64, "<name>"),
    ("add connector github", 64, "not built in yet"),
    ("add connector a/b", 64, "letters, digits"),
    ("add connector x --connector nonsense", 64, "available: cron, exec, webhook"),
    ("add connector x --connector cron --type actor", 64, "cannot be an actor"),
    ("add transform x --type nonsense", 64, "script"),
    ("add route r --source in -c nowhere", 78, "file.missing"),
    ("add module default", 1, "already taken"),
  ])
  func `what cannot be added has its exit code`(
    call: String, status: Int, message: String
  ) async throws {
    let work = try Workplace()
    let outcome = try await work.run(call.split(separator: " ").map(String.init) + ["--json"])
    #expect(outcome.status == Int32(status))
    let plain = try await work.run(call.split(separator: " ").map(String.init))
    #expect((plain.error + outcome.error).contains(message), "\(plain.error) \(outcome.error)")
  }

  @Test func `without a project the files that were looked for are named`() async throws {
    let work = try Workplace(project: nil)
    let outcome = try await work.run("add", "route", "x")
    #expect(outcome.status == 78)
    #expect(outcome.error.contains("tried \(work.root)/orgloop.yaml, \(work.root)/orgloop.yml"))
    let doctor = try await work.run("doctor", "--offline")
    #expect(doctor.output.contains("there is no project here"), "\(doctor.output)")
    #expect(doctor.output.contains(work.root))
  }

  @Test func `init writes no tests of a route that it keeps`() async throws {
    let work = try Workplace(project: nil)
    try work.write(
      "routes/example.yaml",
      """
      apiVersion: orgloop/v1alpha1
      kind: RouteGroup
      routes:
        - { name: mine, when: { source: webhook }, then: { actor: log } }

      """)
    let made = try await work.run("init", "--json")
    #expect(try made.json()["skipped"] == ["routes/example.yaml"], "\(made.output)")
    #expect(try made.json()["created"]?.array?.contains("tests/example.yaml") == false)
    let again = try await work.run("init", "--json")
    #expect(again.status == 1)
    let error = try again.errorJSON()["error"]
    #expect(error?["code"] == "IO_ERROR")
    #expect(error?["message"]?.string == "\(work.root)/orgloop.yaml exists")
  }

  @Test(arguments: ["webhook", "cron", "cron,webhook"])
  func `what init writes passes its checks and its tests, runs and delivers`(
    connectors: String
  ) async throws {
    let work = try Workplace(project: nil)
    let made = try await work.run("init", "--connectors", connectors, "--json")
    #expect(made.status == 0, "\(made.error)")
    let created = try made.json()["created"]?.array?.compactMap(\.string) ?? []
    #expect(
      Set(created).isSuperset(of: [
        "orgloop.yaml", "routes/example.yaml", "transforms/transforms.yaml",
        "transforms/drop-bot-noise.sh", "loggers/default.yaml", "sops/example.md",
        "tests/example.yaml", ".env.example", ".gitignore",
      ]))
    for directory in ["routes", "sops"] { #expect(try work.mode(directory) == 0o755) }
    let checked = try await work.run("validate", "--strict")
    #expect(checked.status == 0, "\(checked.output)\(checked.error)")
    let tested = try await work.run("test", "--all", "--json")
    #expect(tested.status == 0, "\(tested.output)\(tested.error)")
    #expect(try tested.json()["coverage"]?["unmatched"] == [])
    #expect(try await work.run("doctor", "--json").status == 0)
    let running = try await work.start()
    guard connectors.contains("webhook") else { return }
    let id = try #require(
      try await running.post(#"{"type": "hello"}"#, to: "webhook").body["event_id"]?.string)
    #expect(try await work.untilSettled(id)["deliveries"]?.array?.first?["state"] == "delivered")
    let log = try String(contentsOfFile: work.root + "/deliveries.log", encoding: .utf8)
    #expect(log.contains(id) && log.contains("What the actor is to do"))
  }
}
