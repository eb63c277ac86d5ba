import CLI
import Engine
import Foundation
import TestSupport
import Testing

/// Modules that come and go while the runtime keeps running, as users of one host see it.
@Suite(.timeLimit(.minutes(3))) struct ModuleTests {
  @Test func `the shared host plays through as it is written`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    try work.module("engineering", command: "cat >> eng")
    try work.module("ops-alerts", command: "cat >> ops")

    let alice = try await work.run("module", "load", "./engineering")
    #expect(alice.output == "Loaded \"engineering\" into runtime (PID \(running.pid))\n")
    let bob = try await work.run("module", "load", "./ops-alerts")
    #expect(bob.output == "Loaded \"ops-alerts\" into runtime (PID \(running.pid))\n")

    try work.module("engineering", command: "cat >> again")
    let reload = try await work.run("module", "reload", "engineering")
    #expect(reload.output == "Unloaded \"engineering\", reloaded with updated config\n")
    let same = try await work.run("module", "reload", "engineering")
    #expect(same.output == "\"engineering\" is unchanged\n")

    let list = try await work.run("module", "list")
    let rows = list.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(rows.first == ["NAME", "STATUS", "SOURCES", "ROUTES", "UPTIME"])
    #expect(rows.dropFirst().map(\.[0]).sorted() == ["default", "engineering", "ops-alerts"])
    #expect(rows.dropFirst().allSatisfy { $0[1...3] == ["active", "1", "1"] })

    #expect(try await running.post("{}", to: "engineering/in").status == 200)
    _ = try await eventually("the reloaded module delivers") {
      (try? work.read("engineering/again")).map { $0.isEmpty ? nil : true } ?? nil
    }
    #expect(ProcessIdentity(pid: running.pid) != nil)
  }

  @Test func `a name belongs to the path that it was loaded from`() async throws {
    let work = try Workplace()
    _ = try await work.start()
    try work.module("a", name: "engineering")
    try work.module("b", name: "engineering")
    #expect(try await work.run("module", "load", "./a").status == 0)
    let refused = try await work.run("module", "load", "./b", "--json")
    #expect(refused.status == 1)
    let error = try refused.errorJSON()["error"]
    #expect(error?["code"] == "MODULE_CONFLICT")
    #expect(error?["status"]?.int64 == 409)
    let message = try #require(error?["message"]?.string)
    #expect(message.contains("/a/orgloop-module.yaml"))
    #expect(message.contains("/b"))
    // From the same path it is a reload.
    let again = try await work.run("module", "load", "./a", "--json")
    #expect(try again.json()["outcome"] == "unchanged")
  }

  @Test func `what does not exist is told by its code`() async throws {
    let work = try Workplace()
    _ = try await work.start()
    for command in [
      ["load", "nowhere"], ["unload", "nowhere"], ["reload", "nowhere"], ["status", "nowhere"],
    ] {
      let outcome = try await work.run(["module"] + command + ["--json"])
      #expect(outcome.status == 1, "\(command)")
      #expect(try outcome.errorJSON()["error"]?["code"] == "MODULE_NOT_FOUND")
    }
  }

  @Test func `an invalid module is refused with every diagnostic and leaves no trace`() async throws
  {
    let work = try Workplace()
    _ = try await work.start()
    try work.write("bad/orgloop-module.yaml", Workplace.module("bad", actor: "nobody"))
    let refused = try await work.run("module", "load", "./bad", "--json")
    #expect(refused.status == 78)
    let error = try refused.errorJSON()["error"]
    #expect(error?["code"] == "CONFIG_ERROR")
    #expect(error?["details"]?.array?.isEmpty == false)
    let human = try await work.run("module", "load", "./bad")
    #expect(human.error.contains("orgloop-module.yaml:"))
    #expect(human.error.contains("nobody"))
    let names = try await work.moduleNames()
    #expect(names == ["default"])
  }

  @Test func `an invalid change leaves the old configuration at work`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    try work.module("ops")
    #expect(try await work.run("module", "load", "./ops").status == 0)
    try work.write("ops/orgloop-module.yaml", Workplace.module("ops", actor: "nobody"))
    #expect(try await work.run("module", "reload", "ops").status == 78)
    #expect(try await running.post("{}", to: "ops/in").status == 200)
  }

  @Test func `an unloaded module takes no more events and comes back by its name`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    try work.module("ops")
    #expect(try await work.run("module", "load", "./ops").status == 0)
    let gone = try await work.run("module", "unload", "ops", "--drain", "5s")
    #expect(gone.output == "Unloaded \"ops\"\n")
    #expect(try await running.post("{}", to: "ops/in").status != 200)
    #expect(try await running.post("{}").status == 200)
    #expect(try await work.moduleNames() == ["default"])
    #expect(try await work.moduleNames("--all").sorted() == ["default", "ops"])
    #expect(try await work.run("module", "load", "ops").status == 0)
    #expect(try await running.post("{}", to: "ops/in").status == 200)
  }

  @Test func `what was loaded by hand comes back after a kill, and not after a stop`() async throws
  {
    let work = try Workplace()
    let first = try await work.start()
    try work.module("ops")
    #expect(try await work.run("module", "load", "./ops").status == 0)
    kill(first.pid, SIGKILL)
    _ = try await eventually("the process is gone") {
      ProcessIdentity(pid: first.pid) == nil ? true : nil
    }
    _ = try await work.start()
    #expect(try await work.moduleNames().sorted() == ["default", "ops"])
    #expect(try await work.run("stop", "--all").status == 0)
    _ = try await work.start()
    #expect(try await work.moduleNames() == ["default"])
  }

  @Test func `a module that cannot come back does not keep the others from starting`() async throws
  {
    let work = try Workplace()
    let first = try await work.start()
    try work.module("ops")
    try work.module("personal")
    #expect(try await work.run("module", "load", "./ops").status == 0)
    #expect(try await work.run("module", "load", "./personal").status == 0)
    kill(first.pid, SIGKILL)
    _ = try await eventually("the process is gone") {
      ProcessIdentity(pid: first.pid) == nil ? true : nil
    }
    try FileManager.default.removeItem(atPath: work.root + "/ops")
    _ = try await work.start()
    #expect(try await work.moduleNames().sorted() == ["default", "personal"])
    #expect(try work.read("home/.orgloop/logs/daemon.log").contains("module ops"))
  }

  @Test func `start in a running project applies its files`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    try work.write("orgloop.yaml", Workplace.project(command: "cat >> changed"))
    for flags in [["start"], ["start", "--daemon"]] {
      let again = try await work.run(flags + ["--json"])
      #expect(again.status == 0, "\(again.error)")
      #expect(try again.json()["pid"]?.int64 == Int64(running.pid))
    }
    #expect(try await running.post("{}").status == 200)
    _ = try await eventually("the changed command runs") {
      FileManager.default.fileExists(atPath: work.root + "/changed") ? true : nil
    }
    try work.write("orgloop.yaml", "kind: Project\nsources: [\n")
    let broken = try await work.run("start", "--json")
    #expect(broken.status == 78)
    #expect(try await running.post("{}").status == 200)
  }

  @Test func `start and stop in another project concern its module alone`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    try work.write("other/orgloop.yaml", Workplace.project().replacing("test", with: "other"))
    let elsewhere = ["-c", work.root + "/other"]

    let early = try await work.run(["stop"] + elsewhere)
    #expect(early.status == 1)
    #expect(ProcessIdentity(pid: running.pid) != nil)

    let started = try await work.run(["start", "--daemon"] + elsewhere)
    #expect(started.output == "Loaded \"other\" into runtime (PID \(running.pid))\n")
    #expect(try await running.post("{}", to: "other/in").status == 200)

    let stopped = try await work.run(["stop", "--json"] + elsewhere)
    #expect(stopped.status == 0)
    let document = try stopped.json()
    #expect(document["module"] == "other")
    #expect(document["daemonStopped"] == false)
    #expect(document["remainingModules"] == ["default"])
    #expect(try await running.post("{}").status == 200)

    #expect(try await work.run(["start"] + elsewhere).status == 0)
    let all = try await work.run("stop", "--json")
    #expect(try all.json()["all"] == true)
    #expect(ProcessIdentity(pid: running.pid) == nil)
  }

  @Test func `a project with a manifest loads each of its modules beside others`() async throws {
    let work = try Workplace()
    _ = try await work.start()
    try work.module("team/modules/ops", name: "ops")
    try work.module("team/modules/ci", name: "ci")
    try work.write(
      "team/orgloop.yaml", "modules:\n  - ./modules/ops\n  - { package: ci, name: nightly }\n")
    let team = ["-c", work.root + "/team"]
    #expect(try await work.run(["start"] + team).status == 0)
    #expect(try await work.moduleNames().sorted() == ["default", "nightly", "ops"])
    #expect(try await work.run("module", "reload", "nightly").status == 0)
    let stopped = try await work.run(["stop", "--json"] + team)
    #expect(try stopped.json()["modules"]?.array?.count == 2)
    #expect(try await work.moduleNames() == ["default"])
  }

  @Test func `apply and SIGHUP follow the manifest`() async throws {
    let work = try Workplace(project: "modules:\n  - ./a\n  - ./b\n")
    for name in ["a", "b", "c"] { try work.module(name) }
    let running = try await work.start()
    #expect(try await work.moduleNames().sorted() == ["a", "b"])
    try work.write("orgloop.yaml", "modules:\n  - ./b\n  - ./c\n")
    let applied = try await work.run("apply", "--json")
    #expect(try applied.json()["summary"] == ["add": 3, "change": 0, "remove": 3])
    #expect(try await work.moduleNames().sorted() == ["b", "c"])

    try work.write("orgloop.yaml", "modules:\n  - ./missing\n")
    let refused = try await work.run("apply", "--json")
    #expect(refused.status == 78)
    #expect(try await work.moduleNames().sorted() == ["b", "c"])

    try work.write("orgloop.yaml", "modules:\n  - ./a\n")
    kill(running.pid, SIGHUP)
    _ = try await eventually("the signal is applied") {
      try await work.moduleNames() == ["a"] ? true : nil
    }
    #expect(ProcessIdentity(pid: running.pid) != nil)
  }

  @Test func `a boot module that was unloaded stays away until it is loaded`() async throws {
    let work = try Workplace(project: "modules:\n  - ./a\n  - ./b\n")
    for name in ["a", "b"] { try work.module(name) }
    let first = try await work.start()
    #expect(try await work.run("module", "unload", "a").status == 0)
    kill(first.pid, SIGKILL)
    _ = try await eventually("the process is gone") {
      ProcessIdentity(pid: first.pid) == nil ? true : nil
    }
    _ = try await work.start()
    #expect(try await work.moduleNames() == ["b"])
    #expect(
      try work.read("home/.orgloop/logs/daemon.log")
        .contains("module a stays unloaded (orgloop module load a)"))
    #expect(try await work.run("module", "load", "a").status == 0)
    #expect(try await work.moduleNames().sorted() == ["a", "b"])
  }

  @Test func `what is paused waits and says so`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    let paused = try await work.run("pause", "route/through", "--reason", "noise", "--json")
    #expect(paused.status == 0, "\(paused.error)")
    #expect(try paused.json()["paused"]?.array?.first?["target"] == "route/through")
    let id = try #require(try await running.post("{}").body["event_id"]?.string)
    _ = try await eventually("the delivery waits") {
      let event = try await work.run("events", "show", id, "--json").json()
      return event["deliveries"]?.array?.first?["wait_reason"]?.string
    }
    #expect(try await work.run("pause", "route/none").status == 1)
    #expect(try await work.run("resume", "--all").status == 0)
    _ = try await work.untilSettled(id)
  }

  @Test func `every order is logged with the user who gave it`() async throws {
    let work = try Workplace(
      project: Workplace.project(
        more: "loggers: [{ name: all, type: console, config: { level: debug } }]"))
    _ = try await work.start()
    try work.module("ops")
    let orders = [
      ["module", "load", "./ops"], ["module", "reload", "ops"], ["pause", "module/ops"],
      ["resume", "module/ops"], ["apply"], ["module", "unload", "ops"], ["shutdown"],
    ]
    for order in orders { #expect(try await work.run(order).status == 0, "\(order)") }
    let lines = try work.read("home/.orgloop/logs/daemon.log").split(separator: "\n")
    let results = lines.filter { $0.contains("operator.action") }
      .compactMap { $0.split(separator: "result=").last.map(String.init) }
    let done = [
      "load module/ops", "reload module/ops", "pause module/ops", "resume module/ops", "apply",
      "unload module/ops", "shutdown",
    ]
    #expect(results == done.map { "\($0) by \(NSUserName())" })
  }

  @Test func `shutdown ends the runtime`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    let ended = try await work.run("shutdown", "--json")
    #expect(try ended.json() == ["shutdown": true, "pid": JSONValue(Int64(running.pid))])
    #expect(ProcessIdentity(pid: running.pid) == nil)
  }

  @Test func `a module whose file has another name now is not doubled without a word`() async throws
  {
    let work = try Workplace()
    _ = try await work.start()
    try work.write("h/orgloop-module.yaml", Workplace.module("h"))
    #expect(try await work.run("module", "load", "./h").error.isEmpty)
    try work.write("h/orgloop-module.yaml", Workplace.module("other"))
    let loaded = try await work.run("module", "load", "./h", "--json")
    #expect(loaded.status == 0, "\(loaded.error)")
    let warnings = try loaded.json()["warnings"]?.array?.compactMap(\.string) ?? []
    #expect(warnings.count == 1)
    #expect(warnings.first?.contains("runs as h already, and now a second time as other") ?? false)
  }

  @Test func `a variable that only the caller's shell has is missed where it is looked for`()
    async throws
  {
    let work = try Workplace()
    _ = try await work.start()
    try work.write(
      "late/orgloop-module.yaml",
      Workplace.module("late", config: "{ command: [cat], env: { T: \"${ONLY_HERE}\" } }"))
    let outcome = try await work.run(
      "module", "load", "./late", environment: ["ONLY_HERE": "value"])
    #expect(outcome.status == 78)
    #expect(
      outcome.error.contains(
        "error[env.unset] variable ONLY_HERE is not set in the environment of the runtime"))
  }

  @Test func `a secret of a module loaded later leaves the process no more than one of the first`()
    async throws
  {
    let secret = "canary-module-41f09ab2"
    let work = try Workplace()
    let running = try await work.start(environment: ["CANARY_TOKEN": secret])
    try work.write(
      "loud/orgloop-module.yaml",
      Workplace.module(
        "loud",
        config: "{ command: [sh, -c, 'echo \"$T\" >&2; exit 3'], "
          + "env: { T: \"${CANARY_TOKEN}\" } }"))
    // The command's own environment does not matter: the runtime's does.
    let loaded = try await work.run("module", "load", "./loud", "--json")
    #expect(loaded.status == 0, "\(loaded.error)")
    let id = try #require(
      try await running.post("{}", to: "loud/in").body["event_id"]?.string)
    let shown = try await eventually("an attempt has failed") {
      let event = try await work.run("events", "show", id, "--json")
      return event.output.contains("\"error\"") ? event.output : nil
    }
    #expect(!shown.contains(secret))
    #expect(shown.contains("***"))
  }
}

extension Workplace {
  /// The text of a module with a webhook source `in` that leads to a command.
  static func module(
    _ name: String, config: String = "{ command: [cat] }", actor: String = "out"
  ) -> String {
    """
    apiVersion: orgloop/v1alpha1
    kind: Module
    metadata: { name: \(name) }
    sources:
      - { id: in, connector: webhook }
    actors:
      - { id: out, connector: exec, config: \(config) }
    routes:
      - name: through
        when: { source: in }
        then: { actor: \(actor) }

    """
  }

  /// Writes a module into a directory, under the directory's name or another.
  func module(_ path: String, name: String? = nil, command: String = "cat") throws {
    try write(
      path + "/orgloop-module.yaml",
      Workplace.module(name ?? path, config: "{ command: [sh, -c, '\(command)'] }"))
  }

  func moduleNames(_ flags: String...) async throws -> [String] {
    let list = try await run(["module", "list", "--json"] + flags)
    return try (list.json().array ?? []).compactMap { $0["name"]?.string }
  }
}
