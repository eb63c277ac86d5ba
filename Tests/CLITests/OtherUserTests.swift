import CLI
import Engine
import Foundation
import Testing

/// Users of one host of whom the other may not so much as see what the first one runs.
@Suite(
  .enabled(
    if: geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv"),
    "only root can be another user"), .timeLimit(.minutes(3)))
struct OtherUserTests {
  /// `nobody`, by its usual number; it need not exist.
  private static let stranger: UInt32 = 65_534

  @Test(arguments: [true, false])
  func `who may not enter the directory of a database is refused, and told no lies`(
    isRunning: Bool
  ) async throws {
    let work = try Workplace()
    try FileManager.default.createDirectory(
      atPath: work.root + "/closed", withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o750])
    let database = work.root + "/closed/orgloop.db"
    let running = isRunning ? try await work.start("--db", database) : nil
    let commands = [
      ["stop"], ["stop", "--force"], ["shutdown"], ["status"], ["module", "list"],
      ["module", "status", "default"], ["plan"], ["events"], ["apply"], ["module", "unload", "x"],
      ["backup", "copy.db"], ["sql", "SELECT 1"], ["doctor", "--data"],
    ]
    for command in commands {
      let outcome = try await work.run(
        command + ["--db", database, "--json"], user: Self.stranger)
      #expect(outcome.status == 77, "\(command): \(outcome.error)")
      #expect(outcome.output == "")
      #expect(try outcome.errorJSON()["error"]?["code"] == "PERMISSION")
    }
    if let running { #expect(ProcessIdentity(pid: running.pid) != nil) }
  }

  @Test(arguments: [
    ("routes", 0o000, "routes: cannot be read: Permission denied"),
    // The names can be read, and what they lead to cannot.
    ("routes", 0o444, "routes/a.yaml: cannot be read: Permission denied"),
    ("teams/one", 0o000, "teams/one/r.yaml: cannot be read: Permission denied"),
    ("teams", 0o000, "teams: cannot be read: Permission denied"),
    ("workspaces", 0o000, "workspaces/default.yaml: cannot be read: Permission denied"),
    (".env", 0o000, ".env: cannot be read: Permission denied"),
  ])
  func `what may not be read is an error, and not as if nothing were there`(
    _ name: String, _ mode: Int, _ words: String
  ) async throws {
    let work = try Workplace(
      project: """
        apiVersion: orgloop/v1alpha1
        kind: Project
        metadata: { name: test }
        sources: [{ id: in, connector: webhook }]
        actors:
          - { id: out, connector: exec, config: { command: [cat], env: { A: "${A}" } } }
        routes: [ "teams/*/r.yaml" ]
        """)
    let route = "routes: [{ name: NAME, when: { source: in }, then: { actor: out } }]\n"
    try work.write("routes/a.yaml", route.replacing("NAME", with: "a"))
    try work.write("teams/one/r.yaml", route.replacing("NAME", with: "r"))
    try work.write("workspaces/default.yaml", "kind: Workspace\n")
    try work.write(".env", "A=1\n")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o777], ofItemAtPath: work.root + "/home")
    let before = try await work.run(["validate"], user: Self.stranger)
    #expect(before.status == 0, "\(before.output)\(before.error)")
    try FileManager.default.setAttributes(
      [.posixPermissions: mode], ofItemAtPath: work.root + "/" + name)
    for command in [["validate"], ["plan", "--json"]] {
      let outcome = try await work.run(command, user: Self.stranger)
      #expect(outcome.status == 78, "\(command): \(outcome.output)")
      #expect((outcome.output + outcome.error).contains(words), "\(outcome.output)\(outcome.error)")
    }
  }
}
