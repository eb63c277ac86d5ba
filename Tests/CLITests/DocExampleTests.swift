import Engine
import Foundation
import Testing

/// Each YAML example of the documentation is loaded: what it shows must be what orgloop takes.
@Suite(.timeLimit(.minutes(5))) struct DocExampleTests {
  @Test(arguments: try DocExample.all())
  func `an example has no key, type or value that is not known`(_ example: DocExample) async throws
  {
    let work = try Workplace(project: nil)
    for file in example.files { try work.write(file.name, file.text) }
    let result = try await work.run("validate", "--json", "--allow-missing-env")
    let found = try result.json()["diagnostics"]?.array ?? []
    let wrong = found.filter { each in
      guard each["level"] != "notice", let code = each["code"]?.string else { return false }
      return !example.tolerates(code)
    }
    #expect(wrong.isEmpty, "\(example): \(wrong.map { JSONText($0).description })")
  }

  @Test func `the tests that the documentation shows are read, and those for an example pass`()
    async throws
  {
    let blocks = try DocExample.blocks(in: "docs/testing.md")
    #expect(blocks.count >= 5)
    for block in blocks {
      let work = try Workplace(project: nil)
      try FileManager.default.removeItem(atPath: work.root)
      try FileManager.default.copyItem(
        atPath: DocExample.root.appending(path: "examples/hello").path, toPath: work.root)
      try FileManager.default.createDirectory(
        atPath: work.root + "/home", withIntermediateDirectories: true)
      let isWhole = block.lines.first == "# tests/visitors.yaml"
      try work.write("tests/visitors.yaml", DocExample.tests(block.lines))
      try work.write(
        "tests/knock.json",
        #"{"source":"door","provenance":{"platform_event":"knock"},"payload":{"who":"Ada"}}"#)
      let result = try await work.run("test", "tests/visitors.yaml", "--json")
      let found = try #require(try result.json()["diagnostics"]?.array)
      // Routes, transforms and files of a part are elsewhere.
      let wrong = found.filter { each in
        let code = each["code"]?.string ?? ""
        return isWhole
          || ["key.", "yaml.", "test.value", "test.key"].contains(where: code.hasPrefix)
      }
      #expect(wrong.isEmpty, "\(block.place): \(result.output)")
      if isWhole { #expect(result.status == 0, "\(result.output)") }
    }
  }

  @Test func `there are examples to be loaded`() throws {
    let all = try DocExample.all()
    #expect(all.count >= 25)
    #expect(all.contains { $0.files.count > 1 })
  }
}

/// An example: whole files, or a part of one with what it needs around it.
struct DocExample: Sendable, CustomTestStringConvertible {
  struct File: Sendable {
    let name: String
    let text: String
  }

  /// `docs/configuration.md:16`.
  let place: String
  var files: [File]
  /// Whole files name their own, and nothing in them may be missing but variables.
  let isWhole: Bool

  var testDescription: String { place }

  /// What is elsewhere than in the example: files, other objects, secrets.
  func tolerates(_ code: String) -> Bool {
    if code == "env.unset" { return true }
    if code.hasPrefix("graph.") { return true }
    if isWhole { return false }
    return code.hasPrefix("ref.") || code.hasSuffix(".missing") || code == "module.not-found"
      || code == "script.not-executable"
  }

  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func all() throws -> [DocExample] {
    let docs = try FileManager.default.contentsOfDirectory(
      atPath: root.appending(path: "docs").path)
    // Tests of a configuration are no configuration.
    let names = docs.filter { $0.hasSuffix(".md") && $0 != "testing.md" }.sorted()
      .map { "docs/" + $0 }
    return try (["README.md"] + names).flatMap(examples)
  }

  private static func examples(in document: String) throws -> [DocExample] {
    var found: [DocExample] = []
    for (place, lines) in try blocks(in: document) {
      guard let name = fileName(lines.first ?? "") else {
        if let part = part(place, lines) { found.append(part) }
        continue
      }
      let file = File(name: name, text: lines.joined(separator: "\n") + "\n")
      // What follows a project file belongs to it.
      if name != "orgloop.yaml", let last = found.indices.last, found[last].isWhole {
        found[last].files.append(file)
      } else {
        found.append(DocExample(place: place, files: [file], isWhole: true))
      }
    }
    return found
  }

  /// The YAML blocks of a document, each with the place where it begins.
  static func blocks(in document: String) throws -> [(place: String, lines: [String])] {
    let text = try String(contentsOf: root.appending(path: document), encoding: .utf8)
    var found: [(place: String, lines: [String])] = []
    var block: (line: Int, lines: [String])?
    for (index, line) in text.components(separatedBy: "\n").enumerated() {
      if line == "```yaml" {
        block = (index + 1, [])
      } else if line == "```", let ended = block {
        block = nil
        found.append(("\(document):\(ended.line)", ended.lines))
      } else {
        block?.lines.append(line)
      }
    }
    return found
  }

  /// A file of tests around a part of one.
  static func tests(_ lines: [String]) -> String {
    let first = lines.first { !$0.isEmpty && !$0.hasPrefix("#") } ?? ""
    if first.hasPrefix("tests:") { return lines.joined(separator: "\n") + "\n" }
    if first.hasPrefix("- ") { return "tests:\n" + lines.map { "  " + $0 + "\n" }.joined() }
    let expectation = first.hasPrefix("expect:") ? "" : "    expect: { no_match: true }\n"
    return "tests:\n  - name: example\n    event: { source: door }\n" + expectation
      + lines.map { "    " + $0 + "\n" }.joined()
  }

  /// The name in a first line such as `# modules/ci/orgloop-module.yaml`.
  private static func fileName(_ line: String) -> String? {
    guard line.hasPrefix("# "), line.hasSuffix(".yaml") else { return nil }
    let name = String(line.dropFirst(2))
    return name.contains(" ") ? nil : name
  }

  private static let head = "apiVersion: orgloop/v1alpha1\nkind: Project\nmetadata: { name: doc }\n"
  private static let project: Set = [
    "connectors", "sources", "actors", "routes", "transforms", "loggers", "modules", "runtime",
    "defaults",
  ]

  /// A part of a file; nil for what is no part of a configuration's files.
  private static func part(_ place: String, _ lines: [String]) -> DocExample? {
    let text = lines.joined(separator: "\n") + "\n"
    let first = lines.first { !$0.isEmpty && !$0.hasPrefix("#") } ?? ""
    let key = String(first.prefix { $0 != ":" })
    let around: String? =
      if key == "apiVersion" || key == "kind" {
        text
      } else if project.contains(key) {
        head + text
      } else if first.hasPrefix("- ") {
        listed(text)
      } else {
        routed(key, lines)
      }
    return around.map {
      DocExample(place: place, files: [File(name: "orgloop.yaml", text: $0)], isWhole: false)
    }
  }

  private static func listed(_ text: String) -> String {
    let list =
      if !text.contains("connector:") {
        "transforms"
      } else if ["url:", "actors/"].contains(where: text.contains) {
        "actors"
      } else {
        "sources"
      }
    return head + "\(list):\n" + text
  }

  private static func routed(_ key: String, _ lines: [String]) -> String? {
    let parts = [
      "when": "when: { source: in }", "then": "then: { actor: out }", "with": "", "delivery": "",
    ]
    var text = head + "routes:\n  - name: example\n"
    if key == "filter" {
      text += "    then: { actor: out }\n    when:\n      source: in\n"
      return text + lines.map { "      " + $0 + "\n" }.joined()
    }
    guard parts[key] != nil else { return nil }
    for name in ["when", "then"] where name != key { text += "    \(parts[name] ?? "")\n" }
    return text + lines.map { "    " + $0 + "\n" }.joined()
  }
}
