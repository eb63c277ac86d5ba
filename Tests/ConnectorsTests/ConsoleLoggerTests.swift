import Connectors
import Engine
import Testing

@Suite struct ConsoleLoggerTests {
  private let output = Recorder<[UInt8]>()

  private func lines(
    _ entries: [LogEntry], _ config: JSONObject = [:],
    terminal: ConsoleTerminal = ConsoleTerminal(isTerminal: false)
  ) async -> String {
    let output = output
    let logger = ConsoleLogger(
      config, terminal: terminal, output: ConsoleOutput { output.append($0) })
    await logger.write(entries)
    return String(decoding: output.values.joined(), as: UTF8.self)
  }

  private let entry = LogEntry(
    .deliverFailure, timestampMs: 1_772_600_767_089, source: "github", target: "sink",
    route: "r1", transform: "t", eventType: "resource.changed", result: "error", durationMs: 45,
    error: "HTTP 500", metadata: ["a": ["b": 1]])

  @Test func `a line has its parts in order, and only those there are`() async {
    let text = await lines([entry, LogEntry(.routeMatch, timestampMs: 0, source: "s")])
    let parts = text.split(separator: "\n")
    let expected =
      " ✗ deliver.failure src=github tgt=sink route=r1 xform=t type=resource.changed"
      + " result=error 45ms err=HTTP 500"
    #expect(parts.first.map { String($0.dropFirst(12)) } == expected)
    #expect(parts.first?.prefix(12).wholeMatch(of: /\d\d:\d\d:07\.089/) != nil)
    #expect(parts.last?.dropFirst(12) == " ► route.match src=s")
  }

  @Test func `entries below the level are not shown, and an unknown level is info`() async {
    let some = [
      LogEntry(.deliverAttempt, timestampMs: 0), LogEntry(.routeMatch, timestampMs: 0),
      LogEntry(.deliverRetry, timestampMs: 0), LogEntry(.deliverFailure, timestampMs: 0),
    ]
    for (level, count) in [("debug", 4), ("info", 3), ("warn", 2), ("error", 1), ("loud", 3)] {
      let before = output.values.count
      let text = await lines(some, ["level": .string(level)])
      #expect(output.values.count == before + 1)
      let last = String(decoding: output.values.last ?? [], as: UTF8.self)
      #expect(last.split(separator: "\n").count == count)
      #expect(text.hasSuffix(last))
    }
  }

  @Test(
    arguments: [
      (["NO_COLOR": "1"], true, false), (["NO_COLOR": ""], true, true), ([:], true, true),
      ([:], false, false), (["CLICOLOR_FORCE": "1"], false, true),
      (["CLICOLOR_FORCE": "0"], false, false),
      (["NO_COLOR": "1", "CLICOLOR_FORCE": "1"], true, false),
    ] as [([String: String], Bool, Bool)])
  func `colours depend on terminal and variables`(
    _ environment: [String: String], _ isTerminal: Bool, _ expected: Bool
  ) async {
    let terminal = ConsoleTerminal(isTerminal: isTerminal, environment: environment)
    #expect(await lines([entry], terminal: terminal).contains("\u{1B}[") == expected)
  }

  @Test func `colours are as in the table, and color false switches them off`() async {
    let terminal = ConsoleTerminal(isTerminal: true)
    let text = await lines([entry], terminal: terminal)
    #expect(text.hasPrefix("\u{1B}[2m"))
    #expect(text.contains("\u{1B}[31m✗\u{1B}[0m \u{1B}[31mdeliver.failure\u{1B}[0m"))
    #expect(text.contains("\u{1B}[31merr=HTTP 500\u{1B}[0m"))
    let before = output.values.count
    _ = await lines([entry], ["color": false], terminal: terminal)
    #expect(output.values[before].contains(0x1B) == false)
  }

  @Test func `control and bidirectional characters cannot forge a line`() async {
    let bad = "a\r\n12:00:00.000 ✓ deliver.success\u{1B}[2J\u{202E}\u{0}\u{85}\u{2028}b\tc"
    let text = await lines([LogEntry(.systemError, timestampMs: 0, source: bad, error: bad)])
    #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == 2)
    #expect(text.contains(#"a\r\n12:00"#))
    #expect(text.contains(#"\u001b[2J\u202e\u0000\u0085\u2028b\tc"#))
  }

  @Test func `a value of a megabyte is cut to 4 KiB`() async {
    let text = await lines([
      LogEntry(.systemError, timestampMs: 0, error: String(repeating: "x", count: 1 << 20))
    ])
    #expect(text.utf8.count < 5_000)
    #expect(text.hasSuffix("x…\n"))
  }

  @Test func `metadata is shown only when asked for, below its line`() async {
    #expect(await !lines([entry]).contains("metadata"))
    let text = await lines([entry], ["compact": false, "show_payload": true])
    #expect(
      text.hasSuffix("  metadata:\n    {\n      \"a\": {\n        \"b\": 1\n      }\n    }\n"))
  }
}
