import Connectors
import Engine
import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite(.timeLimit(.minutes(2)))
struct CommandRunnerTests {
  private let workspace: Workspace
  private let runner = Fixture.runner()

  init() throws { workspace = try Workspace() }

  private func command(_ body: String, _ extra: [String] = []) throws -> Command {
    Command(
      [try workspace.script(body)] + extra, environment: runner.baseEnvironment,
      directory: workspace.path)
  }

  @Test func `arguments reach the program as they are, without a shell`() async throws {
    let command = try command(
      #"for a in "$@"; do printf '%s\n' "$a"; done"#, ["$HOME", "a b", "-n"])
    let result = try await runner.run(command, input: [])
    #expect(String(decoding: result.output, as: UTF8.self) == "$HOME\na b\n-n\n")
  }

  @Test func `a command sees the given environment and nothing of ours`() async throws {
    setenv("ORGLOOP_SECRET_FOR_TEST", "canary", 1)
    defer { unsetenv("ORGLOOP_SECRET_FOR_TEST") }
    let command = Command(
      ["/usr/bin/env"], environment: runner.baseEnvironment.merging(["A": "x=y\nz"]) { $1 },
      directory: workspace.path)
    let result = try await runner.run(command, input: [])
    let text = String(decoding: result.output, as: UTF8.self)
    let names = text.split(separator: "\n").compactMap { $0.split(separator: "=").first }
    #expect(Set(names) == ["PATH", "HOME", "LANG", "A", "z"])
    #expect(text.contains("A=x=y\nz"))
  }

  @Test func `only PATH, HOME and LANG are taken from our own environment`() {
    let own = ["PATH": "p", "HOME": "h", "LANG": "l", "TOKEN": "t", "ORGLOOP_DB": "d"]
    #expect(Command.baseEnvironment(from: own) == ["PATH": "p", "HOME": "h", "LANG": "l"])
  }

  @Test func `a command runs in the given directory and in a group of its own`() async throws {
    let result = try await runner.run(
      try command("pwd; cut -d' ' -f1,5 /proc/$$/stat"), input: [])
    let lines = String(decoding: result.output, as: UTF8.self).split(separator: "\n")
    #expect(lines.first.map(String.init) == workspace.path)
    let numbers = try #require(lines.last).split(separator: " ")
    #expect(numbers[0] == numbers[1])
  }

  @Test func `a child has no files but 0, 1 and 2`() async throws {
    let inheritable = open("/dev/null", O_RDONLY)  // not close-on-exec, on purpose
    defer { close(inheritable) }
    let result = try await runner.run(
      try command("exec /bin/ls /proc/self/fd"), input: [])
    let names = String(decoding: result.output, as: UTF8.self).split(separator: "\n")
    // 3 is the directory that ls itself has open.
    #expect(Set(names) == ["0", "1", "2", "3"])
  }

  @Test func `input larger than any pipe is written while output is read`() async throws {
    let input = [UInt8](repeating: 0x78, count: 3 << 20)
    let result = try await runner.run(try command("exec cat"), input: input)
    #expect(result.output == input)
  }

  @Test(arguments: ["exit 0", "exec <&-; echo done", "exec 0</dev/null; echo x"])
  func `a command that does not read its input is no error`(_ body: String) async throws {
    let result = try await runner.run(
      try command(body), input: [UInt8](repeating: 0x78, count: 1 << 20))
    #expect(result.ending == .exited(0))
  }

  @Test func `exit status and signal are told apart`() async throws {
    #expect(try await runner.run(try command("exit 75"), input: []).ending == .exited(75))
    #expect(try await runner.run(try command("kill -9 $$"), input: []).ending == .signaled(9))
  }

  @Test func `a program that is missing or not executable cannot start`() async throws {
    for program in ["/nowhere/tool", "no-such-tool-anywhere", "/etc/passwd"] {
      let error = await #expect(throws: ConnectorError.self) {
        try await runner.run(
          Command([program], environment: [:], directory: workspace.path), input: [])
      }
      #expect(error?.code == .cannotStart)
      #expect(error?.description.contains(program) == true)
    }
  }

  @Test func `a directory that is missing is named`() async throws {
    let error = await #expect(throws: ConnectorError.self) {
      try await runner.run(
        Command(["/bin/true"], environment: [:], directory: "/nowhere/at/all"), input: [])
    }
    #expect(error?.code == .cannotStart)
    #expect(error?.message.contains("/nowhere/at/all") == true)
  }

  @Test func `more than 10 MiB of output stops the command`() async throws {
    let error = await #expect(throws: ConnectorError.self) {
      try await runner.run(try command("exec cat /dev/zero"), input: [])
    }
    #expect(error?.code == .outputLimit)
  }

  @Test func `the last 64 KiB of stderr are kept`() async throws {
    let result = try await runner.run(
      try command("head -c 200000 /dev/zero | tr '\\0' a >&2; echo >&2; echo 'the end' >&2"),
      input: [])
    #expect(result.errorTail.count == 64 << 10)
    #expect(result.lastErrorLine == "the end")
  }

  @Test func `control characters in stderr cannot forge a line`() async throws {
    let result = try await runner.run(
      try command(#"printf 'a\033[31mb\302\205c\rd' >&2; exit 3"#), input: [])
    #expect(result.failureText == #"exit status 3: d"# || result.failureText.contains("\\u001b"))
    #expect(!result.failureText.unicodeScalars.contains { $0.value < 0x20 })
  }

  @Test func `a grandchild that holds the pipes open delays nothing and is killed`() async throws {
    let result = try await runner.run(
      try command("sleep 1000 & echo $!; exit 0"), input: [])
    let text = String(decoding: result.output, as: UTF8.self)
    let grandchild = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    try await Fixture.eventually { !Fixture.isRunning(grandchild) }
  }

  @Test func `cancelling ends the whole group with SIGTERM`() async throws {
    let started = workspace.path + "/started"
    let command = try command(
      "sleep 1000 & echo \"$$ $!\" > \(started).tmp; mv \(started).tmp \(started); wait")
    await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [runner] in _ = try await runner.run(command, input: []) }
      group.addTask {
        try await Fixture.eventually { FileManager.default.fileExists(atPath: started) }
      }
      // The first to end is the one that waits for the file.
      try? await group.next()
      group.cancelAll()
      let result = await group.nextResult()
      #expect(throws: CancellationError.self) { try result?.get() }
    }
    let pids = try #require(workspace.text("started")).split(whereSeparator: \.isWhitespace)
    for pid in pids.compactMap({ pid_t($0) }) {
      try await Fixture.eventually { !Fixture.isRunning(pid) }
    }
    #expect(pids.count == 2)
  }

  @Test func `a command that ignores SIGTERM is killed after 5 s`() async throws {
    let started = workspace.path + "/started"
    let command = try command("trap '' TERM; : > \(started); while :; do sleep 1; done")
    let clock = ContinuousClock()
    let begin = clock.now
    await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [runner] in _ = try await runner.run(command, input: []) }
      group.addTask {
        try await Fixture.eventually { FileManager.default.fileExists(atPath: started) }
      }
      try? await group.next()
      group.cancelAll()
      await #expect(throws: CancellationError.self) { try await group.next() }
    }
    #expect(clock.now - begin >= .seconds(4))
  }

  @Test func `a hundred runs leave no zombie and no open file`() async throws {
    let command = try command("echo $$")
    _ = try await runner.run(command, input: [1])
    let before = try Fixture.openFileCount()
    var ids: [String] = []
    for _ in 0..<100 {
      let output = try await runner.run(command, input: [1]).output
      ids.append(String(decoding: output, as: UTF8.self).trimmingCharacters(in: .newlines))
    }
    // Other tests run beside this one, so a few files may be theirs; a leak would be a hundred.
    #expect(try Fixture.openFileCount() < before + 60)
    // A zombie still has its directory.
    #expect(ids.count { FileManager.default.fileExists(atPath: "/proc/\($0)") } == 0)
    #expect(Set(ids).count == 100)
  }

  @Test func `the guard is told of each command and forgets it when it has ended`() async throws {
    let reaper = try workspace.script(
      "while read line; do echo \"$line\" >> \(workspace.path)/lines; done\n"
        + ": > \(workspace.path)/eof", name: "reaper.sh")
    let childGuard = try ChildGuard(executable: "/bin/sh", argument: reaper)
    let guarded = Fixture.runner(childGuard)
    let result = try await guarded.run(try command("echo $$"), input: [])
    let pid = String(decoding: result.output, as: UTF8.self).trimmingCharacters(in: .newlines)
    childGuard.close()
    try await Fixture.eventually { workspace.text("eof") != nil }
    #expect(workspace.text("lines") == "+\(pid)\n-\(pid)\n")
    // The reaper itself is waited for too: a zombie would still have its directory.
    try await Fixture.eventually {
      !FileManager.default.fileExists(atPath: "/proc/\(childGuard.reaperID)")
    }
  }

  @Test func `no command inherits the pipe to the reaper`() async throws {
    let reaper = try workspace.script(
      "while read line; do :; done; : > \(workspace.path)/eof", name: "reaper.sh")
    let childGuard = try ChildGuard(executable: "/bin/sh", argument: reaper)
    let started = workspace.path + "/started"
    let command = try command(": > \(started); exec sleep 1000")
    await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await Fixture.runner(childGuard).run(command, input: []) }
      group.addTask {
        try await Fixture.eventually { FileManager.default.fileExists(atPath: started) }
      }
      try? await group.next()
      childGuard.close()
      // Were the pipe open in the command too, the reaper would never see its end.
      try? await Fixture.eventually { workspace.text("eof") != nil }
      group.cancelAll()
    }
    #expect(workspace.text("eof") != nil)
  }

  @Test func `a reaper kills the groups that are left at the end of file`() async throws {
    let started = workspace.path + "/started"
    let command = try command("echo $$ > \(started).tmp; mv \(started).tmp \(started); sleep 1000")
    let result = try await withThrowingTaskGroup(of: CommandResult?.self) { group in
      group.addTask { [runner] in try await runner.run(command, input: []) }
      group.addTask {
        try await Fixture.eventually { FileManager.default.fileExists(atPath: started) }
        return nil
      }
      _ = try await group.next()
      let pid = try #require(workspace.text("started")).trimmingCharacters(in: .newlines)
      var ends: [Int32] = [0, 0]
      #expect(pipe(&ends) == 0)
      let lines = Array("+\(pid)\n+1\n+0\n+-1\n".utf8)
      #expect(write(ends[1], lines, lines.count) == lines.count)
      close(ends[1])
      Reaper.run(readingFrom: ends[0])
      close(ends[0])
      return try await group.next() ?? nil
    }
    #expect(result?.ending == .signaled(SIGKILL))
  }

  @Test func `a reaper never takes a group that would reach others`() {
    var groups = Reaper.Groups()
    groups.take(Array("+1\n+0\n+-1\n+x\n+\n\n-\n+12".utf8))
    groups.take(Array("34\n+77\n-77\n".utf8))
    #expect(groups.living == [1_234])
  }

  @Test func `a kill -9 of the engine ends its commands`() async throws {
    let directory = workspace.path
    let reaper = try workspace.script(
      "while read l; do case $l in +*) g=${l#+}; : > \(directory)/told;; esac; done\n"
        + "kill -9 -$g", name: "reaper.sh")
    let script = try workspace.script("sleep 1000 & echo \"$$ $!\" > pids; wait")
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [directory = directory as String, reaper = reaper as String, script = script as String] in
      let runner = Fixture.runner(try ChildGuard(executable: "/bin/sh", argument: reaper))
      let command = Command(
        [script], environment: runner.baseEnvironment, directory: directory)
      async let result = runner.run(command, input: [])
      try await Fixture.eventually {
        let text = try? String(contentsOfFile: directory + "/pids", encoding: .utf8)
        return text?.hasSuffix("\n") == true
          && FileManager.default.fileExists(atPath: directory + "/told")
      }
      kill(getpid(), SIGKILL)
      _ = try await result
    }
    let pids = try #require(workspace.text("pids")).split(whereSeparator: \.isWhitespace)
    #expect(pids.count == 2)
    for pid in pids.compactMap({ pid_t($0) }) {
      try await Fixture.eventually { !Fixture.isRunning(pid) }
    }
  }

  @Test func `a reaper that cannot start says so`() {
    #expect(throws: ConnectorError.self) { try ChildGuard(executable: "/nowhere/orgloop") }
  }
}
