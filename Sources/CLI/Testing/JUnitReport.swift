import Engine
import ProjectConfiguration

/// Test results as JUnit XML, the form that CI systems read.
///
/// A suite for each file, in which a file that cannot be used is a case of its own.
///
/// Source: <https://github.com/testmoapp/junitxml>
enum JUnitReport {
  static func text(_ results: TestResults) -> String {
    var lines = [
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
      tag(
        "testsuites",
        [("name", "orgloop test")] + totals(results.files, durationMs: results.durationMs)),
    ]
    for file in results.files {
      let spentMs = file.cases.reduce(0) { $0 + $1.durationMs }
      lines.append(
        "  " + tag("testsuite", [("name", file.path)] + totals([file], durationMs: spentMs)))
      lines += broken(file) + file.cases.flatMap { testCase($0, in: file) }
      lines.append("  </testsuite>")
    }
    return (lines + ["</testsuites>"]).joined(separator: "\n") + "\n"
  }

  private static func totals(
    _ files: [TestResults.File], durationMs: Int64
  ) -> [(String, String)] {
    func count(_ status: TestResults.Status) -> Int {
      files.reduce(0) { $0 + $1.cases.count { $0.status == status } }
    }
    let broken = files.count(where: \.hasErrors)
    return [
      ("tests", "\(files.reduce(0) { $0 + $1.cases.count } + broken)"),
      ("failures", "\(count(.failed))"), ("errors", "\(count(.error) + broken)"),
      ("skipped", "0"), ("time", seconds(durationMs)),
    ]
  }

  private static func broken(_ file: TestResults.File) -> [String] {
    let errors = file.diagnostics.filter { $0.level == .error }
    guard let first = errors.first else { return [] }
    return [
      "    " + tag("testcase", [("classname", file.path), ("name", "is a test file")]),
      "      " + tag("error", [("message", first.description), ("type", first.code)])
        + escaped(errors.map(\.description).joined(separator: "\n")) + "</error>",
      "    </testcase>",
    ]
  }

  private static func testCase(_ each: TestResults.Case, in file: TestResults.File) -> [String] {
    let head = tag(
      "testcase",
      [
        ("classname", file.path), ("name", each.name), ("file", each.origin.file),
        ("line", "\(each.origin.line)"), ("time", seconds(each.durationMs)),
      ])
    var body: [String] = []
    if let error = each.error {
      body.append(tag("error", [("message", error), ("type", "error")]) + "</error>")
    }
    body += each.unmet.map { unmet in
      let message = "\(unmet.subject): expected: \(unmet.expected); actual: \(unmet.actual)"
      return tag("failure", [("message", message), ("type", "expectation")])
        + escaped("\(unmet.origin): \(message)") + "</failure>"
    }
    guard !body.isEmpty else { return ["    " + head + "</testcase>"] }
    return ["    " + head] + body.map { "      " + $0 } + ["    </testcase>"]
  }

  private static func tag(_ name: String, _ attributes: [(String, String)]) -> String {
    "<\(name)" + attributes.map { " \($0)=\"\(escaped($1))\"" }.joined() + ">"
  }

  private static func seconds(_ ms: Int64) -> String {
    let rest = String(ms % 1_000)
    return "\(ms / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }

  /// Text as XML 1.0 can hold it: what no document may contain becomes U+FFFD, and line ends and
  /// tabs are written as references, because parsers make blanks of them in attributes.
  ///
  /// Source: <https://www.w3.org/TR/xml/#charsets>
  private static func escaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result.append(contentsOf: "&amp;".unicodeScalars)
      case "<": result.append(contentsOf: "&lt;".unicodeScalars)
      case ">": result.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
      case "\t", "\n", "\r": result.append(contentsOf: "&#\(scalar.value);".unicodeScalars)
      case "\u{0}"..<"\u{20}", "\u{FFFE}", "\u{FFFF}": result.append("\u{FFFD}")
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}
