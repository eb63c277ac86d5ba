import Engine
import Foundation
import FoundationXML
import Testing

/// `orgloop test --all` (docs/testing.md).
@Suite(.timeLimit(.minutes(3))) struct TestRunTests {
  private static let failing = """
    tests:
      - name: a <b> & "c"
        event: { source: in, payload: { n: 1 } }
        expect:
          routes:
            - through: { transformed: { payload.n: 2 } }
      - name: fine
        event: { source: in }
        expect: { routes: [through] }
    """

  private static var examples: String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "examples").path
  }

  @Test func `the tests of every example pass, and cover its routes`() async throws {
    let work = try Workplace(project: nil)
    for name in try FileManager.default.contentsOfDirectory(atPath: Self.examples) {
      let outcome = try await work.run(
        "test", "--all", "--json", "-c", Self.examples + "/" + name)
      #expect(outcome.status == 0, "\(name): \(outcome.output)\(outcome.error)")
      let json = try outcome.json()
      #expect(json["passed"]?.int64 ?? 0 > 0, "\(name)")
      #expect(json["coverage"]?["unmatched"] == [], "\(name)")
    }
  }

  @Test func `a failure is shown where it is expected, with what is there instead`() async throws {
    let work = try Workplace()
    try work.write("tests/t.yaml", Self.failing)
    let outcome = try await work.run("test", "--all")
    #expect(outcome.status == 1)
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(
      lines.dropLast() == [
        "tests/t.yaml", #"  ✗ a <b> & "c""#, "      tests/t.yaml:6:37: through: payload.n",
        "        expected  2", "        actual    1", "  ✓ fine",
      ])
    #expect(lines.last?.hasPrefix("1 passed, 1 failed, 1 of 1 routes matched, ") == true)
    let quiet = try await work.run("test", "--all", "--quiet")
    #expect(quiet.status == 1)
    #expect(quiet.output == "")
    #expect(
      quiet.error
        == "  ✗ tests/t.yaml:6:37: a <b> & \"c\": through: payload.n: expected: 2; actual: 1\n")
    #expect(try await work.run("test", "--all", "--filter", "FINE").status == 0)
    #expect(try await work.run("test", "tests/t.yaml", "--filter", "fine").status == 0)
    #expect(try await work.run("test", "tests", "--filter", "nothing").status == 1)
  }

  /// Collects what a parser of somebody else's finds.
  private final class Reader: NSObject, XMLParserDelegate {
    var elements: [(name: String, attributes: [String: String])] = []
    var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      elements.append((name, attributes))
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
  }

  @Test func `JUnit XML is XML, whatever the names and values are`() async throws {
    let work = try Workplace()
    try work.write("tests/t.yaml", Self.failing)
    try work.write("tests/wrong.yaml", "tests: [{ name: 'x\\u0001', event: {}, expectt: 1 }]")
    try work.write(
      "tests/odd.yaml",
      """
      tests:
        - name: "bell \\a, esc \\e, ]]>, é, 🎉, \\t tab"
          event: { source: in, payload: { t: "<![CDATA[\\0\\uFFFE" } }
          expect: { routes: [{ through: { transformed: { payload.t: "no" } } }] }
      """.replacing("\\0", with: ""))
    let path = work.root + "/out.xml"
    #expect(try await work.run("test", "--all", "--junit", path).status == 1)
    let parser = XMLParser(data: try Data(contentsOf: URL(filePath: path)))
    let reader = Reader()
    parser.delegate = reader
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    let names = reader.elements.map(\.name)
    #expect(names.count { $0 == "testsuite" } == 3)
    #expect(names.count { $0 == "testcase" } == 4)
    #expect(names.count { $0 == "failure" } == 2)
    #expect(names.count { $0 == "error" } == 1)
    #expect(reader.elements.first?.attributes["tests"] == "4")
    #expect(reader.elements.first?.attributes["failures"] == "2")
    #expect(reader.elements.contains { $0.attributes["name"] == #"a <b> & "c""# })
    #expect(reader.text.contains("through: payload.n: expected: 2; actual: 1"))
  }

  @Test func `errors in a test file are told with their place, and the rest is run`() async throws {
    let work = try Workplace()
    try work.write("tests/a.yaml", "tests: [{ name: x, event: {}, expect: { routes: [thru] } }]")
    try work.write("tests/b.yaml", "tests: [{ name: y, event: {}, expect: { routes: [through] } }]")
    let outcome = try await work.run("test", "--all")
    #expect(outcome.status == 1)
    #expect(
      outcome.output.contains(
        "✗ tests/a.yaml:1:50: error[test.route] no route \"thru\""))
    #expect(outcome.output.contains("1 passed, 1 file with errors"))
    let json = try await work.run("test", "--all", "--json").json()
    #expect(json["diagnostics"]?.array?.first?["code"] == "test.route")
    #expect(json["errors"] == 1)
  }

  @Test func `unset variables stop no test, and a test can set them`() async throws {
    let work = try Workplace(
      project: Workplace.project(
        source: #"{ secret: "${DOOR_SECRET}" }"#,
        more: """
            - name: ours
              when: { source: in, filter: { payload.team: "${TEAM}" } }
              then: { actor: out, config: { url: "${URL}" } }
          """))
    try work.write(
      "tests/t.yaml",
      """
      tests:
        - name: set
          variables: { TEAM: blue, URL: "http://x.example" }
          event: { source: in, payload: { team: blue } }
          expect: { routes: [through, ours: { config: { url: "http://x.example" } }] }
        - name: not set
          event: { source: in, payload: { team: blue } }
          expect: { routes: { ours: { matched: false } } }
      """)
    let outcome = try await work.run("test", "--all")
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
    #expect(outcome.error.contains("DOOR_SECRET, TEAM, URL"))
  }

  @Test func `neither a variable nor a credential is told by a failure`() async throws {
    let work = try TestLeak.place()
    try work.write(
      "orgloop.yaml",
      try String(contentsOfFile: work.root + "/orgloop.yaml", encoding: .utf8)
        .replacing(
          "then: { actor: out }\ntransforms",
          with: "then: { actor: out, config: { note: 'x ${ACCOUNT}' } }\ntransforms"))
    try work.write(
      "tests/t.yaml",
      """
      tests:
        - name: leak
          event: { source: in, payload: { n: 1 } }
          expect:
            routes:
              leaking:
                transformed: { payload.leak: a, payload.long: a, payload.longer: a }
                config: { note: y }
      """)
    let path = work.root + "/out.xml"
    for options in [["--junit", path], ["--json"], ["--quiet"]] {
      let outcome = try await work.run(
        ["test", "--all"] + options,
        environment: TestLeak.environment.merging(["ACCOUNT": "q9z"]) { $1 })
      #expect(outcome.status == 1, "\(outcome.output)\(outcome.error)")
      let all =
        outcome.output + outcome.error + (try String(contentsOfFile: path, encoding: .utf8))
      #expect(all.contains("x ***") && all.contains("payload.longer"), "\(all)")
      #expect(!all.contains("q9z"), "\(all)")
      #expect(!all.contains(TestLeak.beginning), "\(all)")
    }
  }

  private static let keyed = Workplace.project(
    more: """
        - name: keyed
          when: { source: in }
          transforms: [tidy]
          then: { actor: out, config: { session_key: "k-{{ payload.n }}" } }
          with: { prompt_file: prompt.md }
          delivery: { order_key: payload.n }
      transforms:
        - { name: tidy, type: filter, on_error: drop, config: { exclude: { provenance.author_type: bot } } }
      """)

  private static let wrong = [
    "matched: false", "dropped: { reason: nope }", "error: nope", "transformed: { payload.n: 9 }",
    "config: { session_key: nope }", "prompt: nope", "order_key: nope", "inbox: true",
  ]

  /// What the transform does, and the expectations that hold then.
  @Test(arguments: [
    (
      "pass",
      [
        "matched: true", "transformed: { payload.n: 1 }", "config: { session_key: k-1 }",
        "prompt: Do this", "order_key: \"1\"", "inbox: false",
      ]
    ),
    (
      "{ drop: because }",
      ["matched: true", "dropped: { by: tidy, reason: because }", "order_key: 1"]
    ),
    ("{ error: boom }", ["matched: true", "error: boom", "order_key: 1"]),
  ])
  func `of two expectations each is looked at`(mock: String, right: [String]) async throws {
    let work = try Workplace(project: Self.keyed)
    try work.write("prompt.md", "Do this.")
    var lines: [String] = []
    var holding: [String] = []
    let all = right + Self.wrong
    for (index, first) in all.enumerated() {
      for second in all[(index + 1)...]
      where first.prefix(while: { $0 != ":" }) != second.prefix(while: { $0 != ":" }) {
        let name = "\(lines.count)"
        lines.append(
          "- { name: '\(name)', event: { source: in, payload: { n: 1 } }, "
            + "expect: { routes: { keyed: { \(first), \(second) } } } }")
        if right.contains(first), right.contains(second) { holding.append(name) }
      }
    }
    try work.write(
      "tests/t.yaml", "mocks: { tidy: \(mock) }\ntests:\n" + lines.joined(separator: "\n"))
    let json = try await work.run("test", "--all", "--json").json()
    let cases = json["files"]?.array?.first?["cases"]?.array ?? []
    let passed = cases.filter { $0["status"] == "passed" }.compactMap { $0["name"]?.string }
    let told = passed.filter { !holding.contains($0) }.compactMap { Int($0) }.map { lines[$0] }
    #expect(told == [])
    #expect(holding.allSatisfy(passed.contains), "\(json)")
    #expect(!holding.isEmpty)
  }

  @Test func `a report goes where it is wanted, and is never an old one`() async throws {
    let work = try Workplace()
    try work.write("tests/t.yaml", "tests: [{ name: x, event: {}, expect: { routes: [through] } }]")
    let files = FileManager.default
    let path = work.root + "/out.xml"
    try work.write("out.xml", "old")
    #expect(try await work.run("test", "--all", "--junit", path).status == 0)
    let mode = try files.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o644)
    #expect(
      try files.contentsOfDirectory(atPath: work.root).filter { $0.hasPrefix("out") }.count == 1)

    let link = work.root + "/link.xml"
    try work.write("aim.xml", String(repeating: "old", count: 5_000))
    try files.createSymbolicLink(atPath: link, withDestinationPath: "aim.xml")
    #expect(try await work.run("test", "--all", "--junit", link).status == 0)
    #expect(try files.destinationOfSymbolicLink(atPath: link) == "aim.xml")
    let text = try String(contentsOfFile: work.root + "/aim.xml", encoding: .utf8)
    #expect(text.hasPrefix("<?xml") && text.hasSuffix("</testsuites>\n"))

    let pipe = work.root + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    // Both ends, so that neither waits; the report is smaller than what a pipe holds.
    let descriptor = open(pipe, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    defer { close(descriptor) }
    #expect(try await work.run("test", "--all", "--junit", pipe).status == 0)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(descriptor, &buffer, buffer.count)
    #expect(String(decoding: buffer[..<max(count, 0)], as: UTF8.self).contains("testsuites"))

    try work.write("orgloop.yaml", Workplace.project(more: "runtime: 1"))
    #expect(try await work.run("test", "--all", "--junit", path).status == 78)
    let report = try String(contentsOfFile: path, encoding: .utf8)
    #expect(report.contains(#"<testsuite name="configuration" tests="1" failures="0" errors="1""#))
    #expect(report.contains("the configuration is invalid"))
    #expect(
      try await work.run("test", "--all", "--junit", work.root + "/no/such").status == 78)
  }

  @Test func `names and values are escaped also where only failures are printed`() async throws {
    let work = try Workplace()
    try work.write(
      "tests/t.yaml",
      #"tests: [{ name: "bell \a, esc \e", event: { payload: { n: "\e[2J" } }, expect: { routes: { through: { transformed: { payload.n: 1 } } } } }]"#
    )
    let outcome = try await work.run("test", "--all", "--quiet")
    #expect(outcome.status == 1)
    #expect(outcome.error.contains("bell"))
    #expect(!outcome.error.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
  }

  @Test func `what looks like a test file and is none is told`() async throws {
    let work = try Workplace()
    try work.write("tests/t.yaml", "tests: [{ name: x, event: {}, expect: { routes: [through] } }]")
    let files = FileManager.default
    try files.createSymbolicLink(
      atPath: work.root + "/tests/gone.yaml", withDestinationPath: "nowhere")
    try files.createDirectory(
      atPath: work.root + "/tests/inner.yaml", withIntermediateDirectories: false)
    #expect(mkfifo(work.root + "/tests/pipe.yml", 0o600) == 0)
    for call in [["test", "--all"], ["test", "tests"]] {
      let outcome = try await work.run(call)
      #expect(outcome.status == 1)
      for name in ["gone.yaml", "inner.yaml", "pipe.yml"] {
        #expect(outcome.output.contains("✗ tests/\(name):1:1: error[file.missing]"))
      }
      #expect(outcome.output.contains("1 passed, 3 files with errors"), "\(outcome.output)")
    }
  }

  @Test func `tests that cannot be read are told, and not passed over`() async throws {
    let work = try Workplace()
    try FileManager.default.createSymbolicLink(
      atPath: work.root + "/tests", withDestinationPath: "nowhere")
    let outcome = try await work.run("test", "--all")
    #expect(outcome.status == 1)
    #expect((outcome.output + outcome.error).contains("tests: the link leads nowhere"))
  }

  @Test func `a wrong param is told at its line in each test`() async throws {
    let work = try Workplace(project: "modules: [./m]")
    try work.write(
      "m/orgloop-module.yaml",
      """
      apiVersion: orgloop/v1alpha1
      kind: Module
      metadata: { name: m }
      params: { size: { type: number, default: 1 } }
      sources: [{ id: in, connector: webhook }]
      actors: [{ id: out, connector: exec, config: { command: [cat] } }]
      routes: [{ name: r, when: { source: in }, then: { actor: out } }]
      """)
    try work.write(
      "tests/t.yaml",
      """
      tests:
        - { name: a, event: {}, expect: { routes: [r] }, params: { m: { size: 2 } } }
        - { name: b, event: {}, expect: { routes: [r] }, params: { m: { siez: 2 } } }
        - { name: c, event: {}, expect: { routes: [r] }, params: { m: { siez: 2 } } }
        - { name: d, event: {}, expect: { routes: [r] }, params: { m: { size: big } } }
      """)
    let outcome = try await work.run("test", "--all", "--json")
    let cases = try outcome.json()["files"]?.array?.first?["cases"]?.array ?? []
    #expect(cases.map { $0["status"] } == ["passed", "error", "error", "error"])
    for (index, line) in [(1, 3), (2, 4), (3, 5)] {
      let text = cases[index]["error"]?.string ?? ""
      #expect(text.contains("tests/t.yaml:\(line):67: error[module.param]"), "\(text)")
    }
  }

  @Test func `routes that no test matches can be listed`() async throws {
    let work = try Workplace()
    try work.write(
      "tests/t.yaml", "tests: [{ name: x, event: { source: orgloop }, expect: { no_match: true } }]"
    )
    let outcome = try await work.run("test", "--all", "--coverage")
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
    #expect(
      outcome.output.contains("routes that no test matches\n  through  default  orgloop.yaml:13"))
    #expect(outcome.output.contains("0 of 1 routes matched"))
  }

  @Test func `an invalid configuration is 78, and an order of many cases is kept`() async throws {
    let work = try Workplace()
    let cases = (0..<60).map { "  - { name: c\($0), event: {}, expect: { routes: [through] } }" }
    try work.write("tests/t.yaml", "tests:\n" + cases.joined(separator: "\n"))
    let outcome = try await work.run("test", "--all", "--json")
    let names = try outcome.json()["files"]?.array?.first?["cases"]?.array?.map {
      $0["name"]?.string
    }
    #expect(names == (0..<60).map { "c\($0)" })
    try work.write("orgloop.yaml", Workplace.project(more: "runtime: 1"))
    #expect(try await work.run("test", "--all").status == 78)
  }
}
