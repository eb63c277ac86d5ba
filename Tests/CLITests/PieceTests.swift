import CLI
import Engine
import Foundation
import Testing

/// The pure parts, without a process.
@Suite struct PieceTests {
  @Test(arguments: [
    ("--json status", "status --json"), ("status --json", "status --json"),
    ("--db a.db events list --limit 3", "events list --limit 3 --db a.db"),
    ("--db=a.db events", "events --db=a.db"), ("events -- --json", "events -- --json"),
    ("-c x start --port 0 -v", "start --port 0 -c x -v"), ("start --db", "start --db"),
    ("module unload x --drain -5s --json", "module unload x --drain=-5s --json"),
    ("start --port -1", "start --port=-1"), ("status --db -v", "status --db -v"), ("", ""),
  ])
  func `global flags move behind the command`(given: String, expected: String) {
    let flags = GlobalFlags(given.split(separator: " ").map(String.init))
    #expect(flags.arguments.joined(separator: " ") == expected)
  }

  @Test func `a version may be asked for anywhere`() {
    #expect(GlobalFlags(["start", "-V"]).asksVersion)
    #expect(GlobalFlags(["--version"]).asksVersion)
    #expect(!GlobalFlags(["start", "--", "-V"]).asksVersion)
  }

  @Test func `the socket lies beside the database`() {
    #expect(SocketPath.path(database: "/a/b.db", runtimeDirectory: "/run") == "/a/b.sock")
    #expect(SocketPath.path(database: "/a/b.sqlite", runtimeDirectory: nil) == "/a/b.sqlite.sock")
  }

  @Test func `a socket whose path would be too long lies elsewhere, one place per database`() {
    let long = "/" + String(repeating: "d", count: 200)
    let one = SocketPath.path(database: long + "/a.db", runtimeDirectory: "/run/user/1")
    let other = SocketPath.path(database: long + "/b.db", runtimeDirectory: "/run/user/1")
    #expect(one.hasPrefix("/run/user/1/orgloop-"))
    #expect(one != other)
    #expect(one == SocketPath.path(database: long + "/a.db", runtimeDirectory: "/run/user/1"))
    let fallback = SocketPath.path(database: long + "/a.db", runtimeDirectory: long)
    #expect(fallback.hasPrefix("/tmp/"))
    #expect(fallback.utf8.count < 108)
  }

  @Test(arguments: [
    (0, "0s"), (9_000, "9s"), (250_000, "4m 10s"), (12_120_000, "3h 22m"),
    (100_800_000, "1d 4h"),
  ])
  func `uptime shows its two largest units`(ms: Int64, text: String) {
    #expect(TimeText.uptime(ms: ms) == text)
  }

  @Test(arguments: [
    (0, "just now"), (-120_000, "2 min ago"), (-3_600_000, "1 hour ago"),
    (-7_200_000, "2 hours ago"), (5_000, "in 5 s"), (3_599_900, "in 1 hour"), (59_600, "in 1 min"),
    (-3_599_900, "59 min ago"), (86_399_000, "in 1 day"),
  ])
  func `times are relative to now`(distance: Int64, text: String) {
    #expect(TimeText.relative(1_000_000_000 + distance, nowMs: 1_000_000_000) == text)
  }

  @Test func `a process is known by its start, not by its number alone`() throws {
    let own = try #require(ProcessIdentity(pid: getpid()))
    #expect(own.isAlive)
    #expect(ProcessIdentity(pid: 0x3FFF_FFFF) == nil)
  }

  @Test func `a failure survives the way from a daemon to its starter`() throws {
    var failure = Failure(.tryAgain, .tryAgain, "taken", hint: "wait")
    failure.details = [["line": 1]]
    let copy = try #require(Failure(failure.json))
    #expect(copy.json == failure.json)
    #expect(Failure(["report": []]) == nil)
  }
}
