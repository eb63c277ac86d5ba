import Engine
import ProjectConfiguration

/// What came of running test files.
struct TestResults: Sendable {
  var files: [File]
  /// Routes that can match, and those that some case matched.
  var routes: [(name: RouteAddress, origin: Origin?)]
  var matched: Set<RouteAddress>
  var durationMs: Int64

  /// One test file, in the order in which the files were found.
  struct File: Sendable {
    let path: String
    let diagnostics: [Diagnostic]
    var cases: [Case]

    var hasErrors: Bool { diagnostics.contains { $0.level == .error } }
  }

  /// One case, in the order of its file.
  struct Case: Sendable {
    let name: String
    let origin: Origin
    var unmet: [UnmetExpectation] = []
    /// Why it could not be run.
    var error: String?
    var durationMs: Int64 = 0

    func hiding(_ redact: (String) -> String) -> Case {
      var hidden = Case(name: redact(name), origin: origin)
      hidden.unmet = unmet.map { $0.hiding(redact) }
      hidden.error = error.map(redact)
      hidden.durationMs = durationMs
      return hidden
    }

    var status: Status { error != nil ? .error : unmet.isEmpty ? .passed : .failed }
  }

  /// Broken before a case was run: one error.
  init(failure: Failure) {
    let place = failure.exit == .configuration ? "configuration" : "orgloop test"
    let told = failure.details.filter { $0["level"] == "error" }.map { detail in
      "\(detail["file"]?.string ?? ""):\(detail["line"]?.int64 ?? 1): "
        + "\(detail["message"]?.string ?? "")"
    }
    var broken = Case(
      name: "can be run", origin: Origin(file: place, line: 1, column: 1))
    broken.error = ([failure.message] + told).joined(separator: "\n")
    self.init(
      files: [File(path: place, diagnostics: [], cases: [broken])], routes: [], matched: [],
      durationMs: 0)
  }

  init(
    files: [File], routes: [(name: RouteAddress, origin: Origin?)], matched: Set<RouteAddress>,
    durationMs: Int64
  ) {
    self.files = files
    self.routes = routes
    self.matched = matched
    self.durationMs = durationMs
  }

  enum Status: String, Sendable { case passed, failed, error }

  func count(_ status: Status) -> Int {
    files.reduce(0) { $0 + $1.cases.count { $0.status == status } }
  }

  var caseCount: Int { files.reduce(0) { $0 + $1.cases.count } }
  var unmatched: [(name: RouteAddress, origin: Origin?)] {
    routes.filter { !matched.contains($0.name) }
  }

  /// Files that could not be read count as much as a case that failed.
  var isSuccess: Bool {
    files.allSatisfy { !$0.hasErrors && $0.cases.allSatisfy { $0.status == .passed } }
  }
}

extension TestResults {
  /// The same with every credential hidden, before anything escapes or cuts the texts.
  func hiding(_ redact: (String) -> String) -> TestResults {
    var results = self
    results.files = files.map { file in
      File(
        path: redact(file.path),
        diagnostics: file.diagnostics.map { each in
          var each = each
          each.message = redact(each.message)
          return each
        }, cases: file.cases.map { $0.hiding(redact) })
    }
    return results
  }

  var json: JSONValue {
    [
      "passed": JSONValue(count(.passed)), "failed": JSONValue(count(.failed)),
      "errors": JSONValue(count(.error) + files.count(where: \.hasErrors)),
      "duration_ms": JSONValue(durationMs),
      "files": .array(
        files.map {
          ["file": .string($0.path), "cases": .array($0.cases.map(TestResults.json))]
        }),
      "coverage": [
        "routes": JSONValue(routes.count), "matched": JSONValue(routes.count - unmatched.count),
        "unmatched": .array(
          unmatched.map {
            [
              "route": .string($0.name.name), "module": .string($0.name.module),
              "file": JSONValue($0.origin?.file),
              "line": $0.origin.map { JSONValue($0.line) } ?? .null,
            ]
          }),
      ],
      "diagnostics": .array(files.flatMap(\.diagnostics).map(\.json)),
    ]
  }

  private static func json(_ each: Case) -> JSONValue {
    var object: JSONObject = [
      "name": .string(each.name), "line": JSONValue(each.origin.line),
      "status": .string(each.status.rawValue), "duration_ms": JSONValue(each.durationMs),
      "failures": .array(
        each.unmet.map {
          [
            "file": .string($0.origin.file), "line": JSONValue($0.origin.line),
            "column": JSONValue($0.origin.column), "subject": .string($0.subject),
            "expected": .string($0.expected), "actual": .string($0.actual),
          ]
        }),
    ]
    object["error"] = each.error.map(JSONValue.string)
    return .object(object)
  }
}

/// The results for people.
enum TestText {
  static func text(_ results: TestResults, listsUnmatched: Bool) -> String {
    var lines: [String] = []
    for file in results.files {
      lines.append(safe(file.path))
      lines += file.diagnostics.map {
        "  \($0.level == .error ? "✗" : "!") \(safe($0.description))"
      }
      for each in file.cases {
        lines.append("  \(each.status == .passed ? "✓" : "✗") \(safe(each.name))")
        lines += details(each).map { "      " + $0 }
      }
    }
    if listsUnmatched, !results.unmatched.isEmpty {
      lines.append("routes that no test matches")
      lines += Table.aligned(
        results.unmatched.map { route in
          [
            "  " + safe(route.name.name), safe(route.name.module),
            route.origin.map { "\(safe($0.file)):\($0.line)" } ?? "",
          ]
        })
    }
    return (lines + [summary(results)]).joined(separator: "\n")
  }

  private static func details(_ each: TestResults.Case) -> [String] {
    if let error = each.error { return ["\(each.origin): \(safe(error))"] }
    return each.unmet.flatMap { unmet in
      [
        "\(safe("\(unmet.origin)")): \(safe(unmet.subject))",
        "  expected  \(safe(unmet.expected))", "  actual    \(safe(unmet.actual))",
      ]
    }
  }

  /// One line for each failure, for a call that wants nothing else.
  static func failures(_ results: TestResults) -> [String] {
    results.files.flatMap { file in
      file.diagnostics.filter { $0.level == .error }.map { safe($0.description) }
        + file.cases.flatMap { each -> [String] in
          let name = safe(each.name)
          return each.error.map { ["\(safe("\(each.origin)")): \(name): \(safe($0))"] }
            ?? each.unmet.map {
              "\(safe("\($0.origin)")): \(name): \(safe($0.subject)): "
                + "expected: \(safe($0.expected)); actual: \(safe($0.actual))"
            }
        }
    }
  }

  private static func summary(_ results: TestResults) -> String {
    let broken = results.files.count(where: \.hasErrors)
    var words = ["\(results.count(.passed)) passed"]
    let failed = results.count(.failed) + results.count(.error)
    if failed > 0 { words.append("\(failed) failed") }
    if broken > 0 { words.append("\(broken) \(broken == 1 ? "file" : "files") with errors") }
    let covered = results.routes.count - results.unmatched.count
    words.append("\(covered) of \(results.routes.count) routes matched")
    let tenths = results.durationMs / 100
    return words.joined(separator: ", ") + ", \(tenths / 10).\(tenths % 10) s"
  }

  private static func safe(_ text: String) -> String { EventTestText.safe(text) }
}
