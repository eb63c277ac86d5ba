import CLI
import Engine
import Foundation
import Testing

/// What a start says, in the foreground and in the background.
@Suite(.timeLimit(.minutes(3))) struct StartTests {
  @Test func `a daemon says all that a start in the foreground says of a broken file`() async throws
  {
    let work = try Workplace(
      project: Workplace.project(more: "x: 1").replacing("actor: out", with: "actor: no"))
    let lines = try await [["start"], ["start", "--daemon"]].asyncMap { command in
      let outcome = try await work.run(command + ["--port", "0"])
      #expect(outcome.status == 78)
      return outcome.error.split(separator: "\n")
    }
    #expect(lines[0] == lines[1])
    #expect(lines[1].contains { $0.hasPrefix("  ✗ orgloop.yaml:") && $0.contains("[ref.actor]") })
    #expect(lines[1].contains { $0.hasPrefix("  ! orgloop.yaml:") && $0.contains("\"x\"") })
  }

  @Test func `a daemon says what it has left out and what is not loaded again`() async throws {
    let work = try Workplace(project: "modules: [./a, ./b]\n")
    for name in ["a", "b", "kept", "lost"] { try work.module(name) }
    let first = try await work.start()
    for name in ["kept", "lost"] {
      #expect(try await work.run("module", "load", "./" + name).status == 0)
    }
    kill(first.pid, SIGKILL)
    _ = try await eventually("the process is gone") {
      ProcessIdentity(pid: first.pid) == nil ? true : nil
    }
    try work.write("b/orgloop-module.yaml", Workplace.module("b", actor: "nobody"))
    try FileManager.default.removeItem(atPath: work.root + "/lost")
    let started = try await work.run("start", "--daemon", "--force", "--port", "0")
    _ = try await work.untilRunning()
    #expect(started.status == 0)
    #expect(started.error.contains("  ✗ b/orgloop-module.yaml:"), "\(started.error)")
    #expect(started.error.contains("  ! module lost is not loaded again: "))
    #expect(started.output.contains("module kept\n"))
    #expect(try await work.run("stop", "--force").status == 0)

    let report = try await work.run("start", "--daemon", "--force", "--port", "0", "--json")
    _ = try await work.untilRunning()
    #expect(report.error == "")
    let warnings = try report.json()["warnings"]?.array?.compactMap(\.string) ?? []
    #expect(warnings.contains { $0.hasPrefix("b/orgloop-module.yaml:") }, "\(report.output)")
  }

  @Test func `a module that stays unloaded is told by a daemon too`() async throws {
    let work = try Workplace(project: "modules: [./a, ./b]\n")
    for name in ["a", "b"] { try work.module(name) }
    let first = try await work.start()
    #expect(try await work.run("module", "unload", "a").status == 0)
    kill(first.pid, SIGKILL)
    _ = try await eventually("the process is gone") {
      ProcessIdentity(pid: first.pid) == nil ? true : nil
    }
    let started = try await work.run("start", "--daemon", "--port", "0")
    _ = try await work.untilRunning()
    #expect(started.error == "module a stays unloaded (orgloop module load a)\n")
  }

  @Test func `a start names addresses that answer, and actors of other modules with theirs`()
    async throws
  {
    func module(_ name: String, _ sources: String) -> String {
      """
      kind: Module
      metadata: { name: \(name) }
      params: { to: { type: actor, default: agent } }
      sources: [\(sources)]
      routes: [{ name: r, when: { source: github }, then: { actor: "{{ params.to }}" } }]

      """
    }
    let work = try Workplace(
      project: """
        metadata: { name: test }
        modules: [./one, ./two]
        actors: [{ id: agent, connector: exec, config: { command: [cat] } }]
        sources:
          - { id: mounted, connector: webhook, config: { path: /hooks/in } }
          - { id: off, connector: webhook, enabled: false }
        routes: [{ name: own, when: { source: mounted }, then: { actor: agent } }]

        """)
    let github = "{ id: github, connector: webhook }"
    try work.write("one/orgloop-module.yaml", module("one", github))
    try work.write(
      "two/orgloop-module.yaml", module("two", github + ", { id: off, connector: webhook }"))
    let started = try await work.run("start", "--daemon", "--port", "0")
    let running = try await work.untilRunning()
    #expect(
      started.output.split(separator: "\n").dropLast() == [
        "module default", "  source mounted  webhook /hooks/in", "  actor agent  exec",
        "  route own  → agent", "module one", "  source github  webhook /webhook/one/github",
        "  route r  → default:agent", "module two", "  source github  webhook /webhook/two/github",
        "  source off  webhook /webhook/off", "  route r  → default:agent",
      ], "\(started.error)")
    for path in started.output.matches(of: /webhook (\S+)/).map(\.output.1) {
      #expect(try await running.post("{}", path: String(path)).status == 200, "\(path)")
    }
  }
}

extension Sequence {
  fileprivate func asyncMap<Value>(
    _ body: (Element) async throws -> Value
  ) async throws -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
