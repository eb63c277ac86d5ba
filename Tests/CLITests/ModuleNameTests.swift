import Engine
import Foundation
import Testing

/// Names of modules as people give them to commands (config.md 10.4, cli-http.md 2.3).
@Suite(.timeLimit(.minutes(3))) struct ModuleNameTests {
  private static let questions = [
    "events --module", "dlq list --module", "dlq list --count-by route --module",
    "dlq requeue --all --module", "dlq drop --all --module", "replay --dry-run --module",
    "replay --yes --module", "config log --module", "config show --module", "module status",
  ]

  /// A runtime with an event of `default`, whose alias is `test`.
  private func place() async throws -> (Workplace, id: String) {
    let work = try Workplace()
    let running = try await work.start()
    let id = try #require(try await running.post("{}").body["event_id"]?.string)
    _ = try await work.untilSettled(id)
    return (work, id)
  }

  @Test(arguments: [true, false])
  func `an alias names its module, and what names none is told`(isRunning: Bool) async throws {
    let (work, id) = try await place()
    if !isRunning { #expect(try await work.run("stop").status == 0) }
    func ask(_ question: String, _ name: String) async throws -> Workplace.Outcome {
      try await work.run(question.split(separator: " ").map(String.init) + [name, "--json"])
    }
    let own = try await ask("events --module", "test").json()["items"]?.array ?? []
    #expect(own.contains { $0["event_id"]?.string == id })
    #expect(own == (try await ask("events --module", "default").json()["items"]?.array ?? []))
    #expect(try await ask("config log --module", "test").json().array?.isEmpty == false)
    #expect(try await ask("replay --dry-run --module", "test").json()["matched"] == 1)
    for question in Self.questions {
      let known = try await ask(question, "test")
      #expect(known.status == 0, "\(question): \(known.error)")
      let unknown = try await ask(question, "tesst")
      #expect(unknown.status == 1, "\(question)")
      #expect(unknown.output == "", "\(question)")
      let error = try unknown.errorJSON()["error"]
      #expect(error?["code"] == "MODULE_NOT_FOUND", "\(question)")
      #expect(error?["message"] == "Module not found: tesst", "\(question)")
      #expect(
        error?["hint"]?.string?.hasPrefix("did you mean \"test\"?") == true, "\(question)")
      if isRunning { #expect(error?["status"] == 404 || question.hasPrefix("config")) }
    }
    let replay = try await work.run("replay", "--yes", "--module", "tesst")
    #expect(!replay.error.contains("rpl_"), "\(replay.error)")
    // A replay of nothing is not remembered as one that has begun: two are those of `test`.
    let replays = try await work.run("sql", "--json", "SELECT count(*) FROM replays").json()
    #expect(replays.array?.first?.object?.members.first?.value == 1)
  }

  @Test func `an alias names a module that was unloaded too`() async throws {
    let (work, _) = try await place()
    #expect(try await work.run("module", "unload", "test").status == 0)
    #expect(try await work.run("module", "status", "test").output.hasPrefix("default  removed"))
    let loaded = try await work.run("module", "load", "test", "--json")
    #expect(try loaded.json()["name"] == "default", "\(loaded.error)")
    // A package of that name goes before a name that nobody holds.
    #expect(try await work.run("module", "unload", "test").status == 0)
    try work.module("modules/test", name: "packaged")
    #expect(try await work.run("module", "load", "test", "--json").json()["name"] == "packaged")
  }

  @Test func `before the first start the list of modules is empty`() async throws {
    let work = try Workplace()
    let json = try await work.run("module", "list", "--json")
    #expect(json.status == 0)
    #expect(json.output == "[]\n")
    #expect(try await work.run("module", "list").output == "No modules.\n")
  }

  @Test func `a module that comes back at the next start is told from one that is gone`()
    async throws
  {
    let (work, _) = try await place()
    for name in ["kept", "gone"] {
      try work.module(name)
      #expect(try await work.run("module", "load", "./\(name)").status == 0)
    }
    #expect(try await work.run("module", "unload", "gone").status == 0)
    let status = try await work.run("status", "--json").json()
    kill(Int32(try #require(status["pid"]?.int64)), SIGTERM)
    _ = try await eventually("the runtime has stopped") {
      try await work.run("status", "--json").json()["last_run"]?["alive"] == false ? true : nil
    }
    let list = try await work.run("module", "list", "--all").output
    let lines = list.split(separator: "\n")
    #expect(lines.first { $0.hasPrefix("kept") }?.contains("comes back") == true, "\(list)")
    #expect(lines.first { $0.hasPrefix("gone") }?.contains("comes back") == false, "\(list)")
    #expect(lines.first { $0.hasPrefix("default") }?.contains("comes back") == true, "\(list)")
    let json = try await work.run("module", "list", "--all", "--json").json().array ?? []
    #expect(json.first { $0["name"] == "kept" }?["desired"] == "active")
    #expect(json.first { $0["name"] == "gone" }?["desired"] == "removed")
  }

  @Test func `what was loaded by hand can be inspected`() async throws {
    let (work, _) = try await place()
    try work.module("par")
    #expect(try await work.run("module", "load", "./par", "--name", "other").status == 0)
    let route = try await work.run("inspect", "route", "through", "--module", "other", "--json")
    #expect(try route.json()["module"] == "other", "\(route.error)")
    #expect(try route.json()["runtime"]?["queue"] != nil)
    let module = try await work.run("inspect", "module", "other", "--json").json()
    #expect(module["runtime"]?["state"] == "active")
    #expect(module["sources"] == ["in"])
    let unknown = try await work.run("inspect", "route", "through", "--module", "otter")
    #expect(unknown.status == 1)
    #expect(unknown.error.contains("no module \"otter\""))
  }

  @Test func `an event goes to the only module that has its source`() async throws {
    let (work, _) = try await place()
    try work.write(
      "par/orgloop-module.yaml",
      Workplace.module("par").replacing("id: in", with: "id: door")
        .replacing("source: in", with: "source: door"))
    #expect(try await work.run("module", "load", "./par").status == 0)
    func event(_ source: String) -> String {
      #"{"source": "\#(source)", "type": "resource.changed", "provenance": {"platform": "t"}}"#
    }
    let taken = try await work.run("test", "-", "--json", input: event("door"))
    #expect(taken.status == 0, "\(taken.error)")
    #expect(try taken.json()["event"]?["module"] == "par")
    try work.module("twin")
    #expect(try await work.run("module", "load", "./twin").status == 0)
    let several = try await work.run("test", "-", input: event("in"))
    #expect(several.status == 64)
    #expect(several.error.contains("several modules have a source in: default, twin"))
    #expect(several.error.contains("--module NAME says which"))
  }

  @Test func `what module load is given is named as it was given`() async throws {
    let (work, _) = try await place()
    let missing = try await work.run("module", "load", "./nope")
    #expect(missing.status == 78)
    #expect(missing.error.contains("there is no module at \(work.root)/nope\n"), "\(missing.error)")
    try work.module("home/x")
    let fromHome = try await work.run("module", "load", "~/x", "--name", "x", "--json")
    #expect(try fromHome.json()["name"] == "x", "\(fromHome.error)")
    let misspelt = try await work.run("module", "load", "defaul", "--json")
    #expect(misspelt.status == 1)
    let hint = try misspelt.errorJSON()["error"]?["hint"]?.string ?? ""
    #expect(hint.hasPrefix("did you mean \"default\"? a path contains a slash"), "\(hint)")
    let named = try await work.run("module", "load", "./home/x", "--name", "a b", "--json")
    #expect(named.status == 78)
    let detail = try named.errorJSON()["error"]?["details"]?.array?.first
    #expect(detail?["file"] == "--name")
    #expect(detail?["line"] == 1)
    #expect(detail?["message"]?.string?.contains("letters, digits") == true)
  }

  @Test func `what is wrong is told with its warnings, in the order of the files`() async throws {
    let (work, _) = try await place()
    let text = try work.read("orgloop.yaml")
    try work.write(
      "orgloop.yaml",
      "colour: red\n" + text.replacing("then: { actor: out }", with: "then: { actor: ouy }"))
    for call in ["plan", "apply", "start", "module reload default"] {
      let words = call.split(separator: " ").map(String.init)
      let human = try await work.run(words)
      #expect(human.status == 78, "\(call)")
      #expect(human.error.contains("orgloop.yaml:1:1: warning[key.unknown]"), "\(call)")
      let error = try await work.run(words + ["--json"]).errorJSON()["error"]
      let levels = error?["details"]?.array?.compactMap { $0["level"]?.string }
      #expect(levels?.prefix(1) == ["warning"], "\(call): \(levels ?? [])")
      #expect(levels?.contains("error") == true, "\(call)")
    }
  }
}
