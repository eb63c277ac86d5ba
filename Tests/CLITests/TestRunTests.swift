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
