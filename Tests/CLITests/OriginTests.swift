import CLI
import Engine
import Foundation
import TestSupport
import Testing

/// Whose a module is, and what it is read with: by hand, by the boot manifest, again.
@Suite(.timeLimit(.minutes(3))) struct OriginTests {
  private static let manifest = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: test }

    """

  /// A module with a parameter that its actor is given.
  private func writeParameterised(_ work: Workplace, _ directory: String = "files/opt") throws {
    try work.write(
      "\(directory)/orgloop-module.yaml",
      """
      apiVersion: orgloop/v1alpha1
      kind: Module
      metadata: { name: opt }
      params:
        channel: { type: string, required: true }
        retries: { type: string, default: "1" }
      actors:
        - id: out
          connector: exec
          config: { command: [echo, "{{ params.channel }}", "{{ params.retries }}"] }

      """)
  }

  private func parameters(_ work: Workplace) throws -> String? {
    try SQLiteFile(work.database).value("SELECT params FROM modules WHERE name = 'opt'")
  }

  @Test func `a module that is loaded again from its path keeps its parameters`() async throws {
    let work = try Workplace()
    _ = try await work.start()
    try writeParameterised(work)
    let first = try await work.run(
      "module", "load", "./files/opt", "--param", "channel=prod", "--param", "retries=5")
    #expect(first.status == 0, "\(first.error)")
    let again = try await work.run("module", "load", "./files/opt", "--json")
    #expect(again.status == 0, "\(again.error)")
    #expect(try again.json()["outcome"] == "unchanged")
    _ = try await work.run("module", "unload", "opt")
    #expect(try await work.run("module", "load", "./files/opt").status == 0)
    #expect(try parameters(work) == #"{"channel":"prod","retries":"5"}"#)
    _ = try await work.run("module", "unload", "opt")
    let named = try await work.run("module", "load", "opt", "--param", "retries=7")
    #expect(named.status == 0, "\(named.error)")
    #expect(try parameters(work) == #"{"channel":"prod","retries":"7"}"#)
  }

  @Test func `a module that the manifest adopts is the manifest's from then on`() async throws {
    let work = try Workplace(project: Self.manifest + "modules: []\n")
    _ = try await work.start()
    try writeParameterised(work)
    #expect(
      try await work.run("module", "load", "./files/opt", "--param", "channel=hand").status == 0)
    let named = "modules:\n  - { package: ./files/opt, params: { channel: prod } }\n"
    try work.write("orgloop.yaml", Self.manifest + named)
    #expect(try await work.run("apply").status == 0)
    let boot = try SQLiteFile(work.database).rows("SELECT name, from_boot FROM v_modules")
    #expect(boot.contains(["opt", "1"]))
    // It is read with the manifest's parameters, and goes when the manifest lets go of it.
    let reload = try await work.run("module", "reload", "opt", "--json")
    #expect(try reload.json()["outcome"] == "unchanged", "\(reload.error)")
    try work.write("orgloop.yaml", Self.manifest + "modules: []\n")
    let applied = try await work.run("apply", "--json")
    #expect(applied.status == 0, "\(applied.error)")
    let list = try await work.run("module", "list", "--json")
    #expect(!list.output.contains(#""opt""#))
  }

  @Test func `other modules and the runtime's settings are no part of the project's own module`()
    async throws
  {
    let work = try Workplace()
    _ = try await work.start()
    try work.module("a")
    try work.write("orgloop.yaml", Workplace.project(more: "modules:\n  - ./a"))
    let plan = try await work.run("plan", "--json")
    let modules = try plan.json()["modules"]?.array ?? []
    let changed = modules.filter { $0["action"] != "unchanged" }.compactMap { $0["name"]?.string }
    #expect(changed == ["a"], "\(plan.output)")
  }

  @Test func `a path goes from one module to another in one apply`() async throws {
    func module(_ name: String, path: String) -> String {
      """
      apiVersion: orgloop/v1alpha1
      kind: Module
      metadata: { name: \(name) }
      sources:
        - { id: in, connector: webhook, config: { path: \(path) } }

      """
    }
    let work = try Workplace(project: Self.manifest + "modules:\n  - ./a\n  - ./b\n")
    try work.write("a/orgloop-module.yaml", module("a", path: "/one"))
    try work.write("b/orgloop-module.yaml", module("b", path: "/two"))
    _ = try await work.start()
    try work.write("a/orgloop-module.yaml", module("a", path: "/two"))
    try work.write("b/orgloop-module.yaml", module("b", path: "/three"))
    let applied = try await work.run("apply", "--json")
    #expect(applied.status == 0, "\(applied.error)")
  }

  @Test func `of a project's modules none is loaded when one cannot have its name`() async throws {
    let work = try Workplace()
    _ = try await work.start()
    try work.module("elsewhere", name: "two")
    #expect(try await work.run("module", "load", "./elsewhere").status == 0)
    try work.module("p/one", name: "one")
    try work.module("p/two", name: "two")
    try work.write("p/orgloop.yaml", Self.manifest + "modules:\n  - ./one\n  - ./two\n")
    let refused = try await work.run("module", "load", "./p/orgloop.yaml", "--json")
    #expect(refused.status == 1)
    #expect(try refused.errorJSON()["error"]?["code"] == "MODULE_CONFLICT")
    let names = try SQLiteFile(work.database)
      .rows("SELECT name FROM v_modules WHERE state = 'active' ORDER BY name")
    #expect(names == [["default"], ["two"]])
  }

  @Test func `an order that is refused is logged with who gave it and why`() async throws {
    let work = try Workplace()
    let running = try await work.start()
    #expect(try await work.run("pause", "route/nope").status == 1)
    try work.write("orgloop.yaml", "no: [yaml")
    kill(running.pid, SIGHUP)
    let sql = """
      SELECT json_extract(fields, '$.metadata.action'), json_extract(fields, '$.metadata.by'),
        json_extract(fields, '$.error') IS NOT NULL
      FROM v_logs WHERE phase = 'operator.action' ORDER BY timestamp
      """
    let rows = try await eventually("both are logged") { () -> [[String?]]? in
      let rows = try? SQLiteFile(work.database).rows(sql)
      return rows?.count == 2 ? rows : nil
    }
    #expect(rows.map { $0[0] } == ["pause", "apply"])
    #expect(rows[1] == ["apply", "signal", "1"])
    #expect(rows[0][2] == "1")
  }
}
