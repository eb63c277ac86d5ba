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
}
