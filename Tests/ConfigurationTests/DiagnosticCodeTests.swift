import Foundation
import ProjectConfiguration
import Testing

/// The list of codes, the documentation, the sources and the tests say the same.
struct DiagnosticCodeTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// The texts of all Swift files of a folder.
  private static func sources(_ folder: String) throws -> [String] {
    let base = root.appending(path: folder)
    let names =
      FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
    return try names.filter { $0.hasSuffix(".swift") }
      .map { try String(contentsOf: base.appending(path: $0), encoding: .utf8) }
  }

  private static let codes = Set(DiagnosticCode.all.map(\.code))

  @Test func `each code stands once in the list`() {
    #expect(Self.codes.count == DiagnosticCode.all.count)
  }

  @Test func `docs/diagnostics.md has a row for each code, with level, cause and cure`() throws {
    let document = try Self.text("docs/diagnostics.md")
    // The first column of such a row is a code; that of other tables has no dot.
    let rows = document.split(separator: "\n").filter { row in
      row.hasPrefix("| `") && row.split(separator: "`")[1].contains(".")
    }
    let expected = DiagnosticCode.all.map {
      "| `\($0.code)` | \($0.level.rawValue) | \($0.cause) | \($0.cure) |"
    }
    #expect(
      rows.map(String.init) == expected, "write these rows: \n\(expected.joined(separator: "\n"))")
  }

  /// What stands where a code is reported.
  @Test func `every code that the loader can emit is in the list, and the reverse`() throws {
    let families = Set(Self.codes.compactMap { $0.split(separator: ".").first.map(String.init) })
    let pattern = try Regex(#""([a-z]+)\.([a-z]+(?:-[a-z]+)*)""#)
    var found: Set<String> = []
    for text in try Self.sources("Sources/Configuration") where !text.contains("enum Tables") {
      guard !text.contains("struct DiagnosticCode") else { continue }
      for match in text.matches(of: pattern) {
        let words = String(text[match.range].dropFirst().dropLast())
        let family = String(words.prefix { $0 != "." })
        guard families.contains(family), !Self.notCodes.contains(words) else { continue }
        found.insert(words)
      }
    }
    #expect(found.subtracting(Self.codes) == [], "add them to DiagnosticCode")
    #expect(Self.codes.subtracting(found) == [], "nothing reports them")
  }

  /// Labels of keys that look like codes.
  private static let notCodes: Set = ["module.yaml"]

  @Test func `the line of each code is tested as a user sees it`() throws {
    let tests = try Self.sources("Tests/ConfigurationTests") + Self.sources("Tests/CLITests")
    let untested = Self.codes.filter { code in
      !tests.contains { $0.contains("[\(code)] ") }
    }
    #expect(untested == [])
  }
}
