import Engine
import Foundation
import ProjectConfiguration
import Testing

/// Files that are made to keep the loader from ending, and places that are no files.
struct HostileFileTests {
  /// What was said of a project with this file, within a minute of a processor.
  private func lines(
    _ text: String, _ more: [String: String] = [:], environment: [String: String] = [:]
  ) throws -> [String] {
    var files = more
    files["orgloop.yaml"] = text
    let project = try TestProject(files)
    let loaded = bounded(project, environment)
    #expect(loaded.diagnostics.allSatisfy { $0.message.utf8.count < 8_000 })
    return loaded.lines
  }

  private func bounded(
    _ project: TestProject, _ environment: [String: String] = [:]
  ) -> LoadedProject {
    var loaded = project.load("none", environment: environment)
    let time = threadTime { loaded = project.load(environment: environment) }
    #expect(time < .seconds(60))
    return loaded
  }

  private static let long = String(repeating: "x", count: 500_000)

  @Test func `a million keys are too many`() throws {
    let text = "x: {" + (0..<100_000).map { "k\($0): 1" }.joined(separator: ", ") + "}\n"
    let found = try lines(String(text.prefix(1 << 20)))
    #expect(found.contains { $0.contains("more than 100000 values") }, "\(found.prefix(2))")
  }

  @Test func `as many unknown keys as fit are all named`() throws {
    let keys = (0..<10_000).map { "key\($0): 1" }.joined(separator: "\n")
    let found = try lines(header + keys)
    #expect(found.count == 10_000)
  }

  @Test func `tens of thousands of names nearly right cost no more than they must`() throws {
    let routes = (0..<3_000).map {
      "  - { name: r\($0), when: { source: sorce\($0) }, then: { actor: actr\($0) } }"
    }
    let sources = (0..<3_000).map { "  - { id: source\($0), connector: webhook }" }
    let project = try TestProject([
      "orgloop.yaml": header + "connectors: [s.yaml]\nroutes:\n"
        + routes.joined(separator: "\n"),
      "s.yaml": "sources:\n" + sources.joined(separator: "\n"),
    ])
    #expect(bounded(project).diagnostics.count == 6_000)
  }

  @Test func `a long text that aliases repeat is refused before it is everywhere`() throws {
    let aliases = Array(repeating: "*a", count: 50_000).joined(separator: ",")
    let found = try lines(header + "x: &a \"\(Self.long)\"\ny: [\(aliases)]\n")
    #expect(found.count == 1)
    #expect(
      found.first?.contains("error[yaml.syntax] larger than 64 MiB, aliases expanded") ?? false,
      "\(found.map { $0.prefix(200) })")
  }

  @Test func `a long value that parameters repeat is refused before it is everywhere`() throws {
    let uses = (0..<5_000).map { "k\($0): \"a {{ params.x }}\"" }.joined(separator: ", ")
    let module = """
      kind: Module
      metadata: { name: m }
      params: { x: { default: "\(Self.long)" } }
      actors: [{ id: a, connector: openclaw }]
      routes:
        - { name: r, when: { source: orgloop }, then: { actor: a, config: { \(uses) } } }
      """
    let found = try lines(header + "modules: [./m]\n", ["m/orgloop-module.yaml": module])
    #expect(
      found.map { $0.drop { $0 != " " } } == [
        " error[env.syntax] variables and parameters make the configuration larger than 64 MiB"
      ])
  }

  @Test func `a large module that is used a thousand times is refused`() throws {
    let entries = (0..<2_000).map { "  - { package: ./m, name: m\($0) }" }
    let found = try lines(
      header + "modules:\n" + entries.joined(separator: "\n"),
      [
        "m/orgloop-module.yaml":
          "kind: Module\nmetadata: { name: m, description: \"\(Self.long)\" }\n"
      ])
    #expect(found.contains { $0.contains("all files together are larger than 64 MiB") })
  }

  @Test(arguments: ["{{", "${", "$", "{{ params.", "\\{{", "}}", "${A:-"])
  func `a text of nothing but openings ends`(_ opening: String) throws {
    let text = String(repeating: opening, count: 200_000 / opening.utf8.count)
    let quoted = "'" + text + "'"
    let found = try lines(
      routed(then: "then: { actor: chat, config: { a: \(quoted) } }"))
    #expect(found.count <= 1)
  }

  @Test func `a hundred thousand directives end`() throws {
    let text = (0..<50_000).map { "%TAG !t\($0)! tag:x,2000:\n" }.joined()
    _ = try lines(String(text.prefix(1 << 20)) + "--- {}\n")
  }

  @Test(arguments: [
    "? ", "- ", "&a ", "!!str ", "\"", "'", "|\n ", "a: ", "{a: ", "[", "[{", "# ", "\n", "\r",
    "<<: ", "*a ", "%", "---\n", "...\n", "\u{85}", "a:\n ",
  ])
  func `a file of one thing over and over ends`(_ piece: String) throws {
    _ = try lines(String(repeating: piece, count: (200 << 10) / piece.utf8.count))
  }

  @Test func `ten MiB are refused before they are parsed`() throws {
    let found = try lines(String(repeating: "# a comment of some length\n", count: 400_000))
    #expect(
      found == [
        "orgloop.yaml:1:1: error[yaml.syntax] orgloop.yaml: the file is larger than 1 MiB"
      ])
  }

  @Test func `a binary file and one in UTF-16 are no text`() throws {
    let project = try TestProject()
    try project.write("orgloop.yaml", (0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 37) })
    #expect(project.load().diagnostics.map(\.code) == ["yaml.syntax"])
    let utf16: [UInt8] = [0xFF, 0xFE] + "kind: Project\n".utf16.flatMap { [UInt8($0 & 0xFF), 0] }
    try project.write("orgloop.yaml", utf16)
    #expect(
      project.load().lines == [
        "orgloop.yaml:1:1: error[yaml.syntax] the file is UTF-16; save it as UTF-8"
      ])
  }

  @Test func `what a message quotes is short and acts on no terminal`() throws {
    let found = try lines(
      header + "\"\\e[2Jx\\u202E\\ny\": 1\n\(Self.long.prefix(900)): 1\n"
        + "loggers: [{ name: c, type: \"\(Self.long)\" }]\n")
    #expect(
      found.first
        == #"orgloop.yaml:4:1: warning[key.unknown] unknown key "\u{1b}[2Jx\u{202e}\u{a}y""#)
    #expect(found.count == 3)
    #expect(found.allSatisfy { $0.utf8.count < 1_200 })
  }

  @Test func `directories, pipes, devices and loops of links are no files`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        connectors: [directory, pipe, /dev/zero, loop, link-to-nothing, "none/*.yaml"]
        loggers: ["/dev/full"]
        """
    ])
    try project.makeDirectory("directory")
    #expect(mkfifo(project.path("pipe"), 0o600) == 0)
    #expect(symlink(project.path("loop"), project.path("loop")) == 0)
    #expect(symlink(project.path("nowhere"), project.path("link-to-nothing")) == 0)
    #expect(
      project.load().lines == [
        "orgloop.yaml:4:14: error[file.missing] directory: not a regular file",
        "orgloop.yaml:4:25: error[file.missing] pipe: not a regular file",
        "orgloop.yaml:4:31: error[file.missing] /dev/zero: not a regular file",
        "orgloop.yaml:4:42: error[file.missing] loop: cannot be read: Too many levels of symbolic links",
        "orgloop.yaml:4:48: error[file.missing] link-to-nothing: the link leads nowhere",
        "orgloop.yaml:4:65: warning[file.missing] connectors: no file matches none/*.yaml",
        "orgloop.yaml:5:11: error[file.missing] /dev/full: not a regular file",
      ])
  }

  @Test func `a pattern that would go through the whole machine is cut off`() throws {
    let project = try TestProject(["orgloop.yaml": header + "connectors: [\"d*/d*/d*/x\"]\n"])
    for first in 0..<4 {
      for second in 0..<4 { try project.makeDirectory("d\(first)/d\(second)/d0") }
    }
    #expect(
      project.load().lines == [
        "orgloop.yaml:4:14: warning[file.missing] connectors: no file matches d*/d*/d*/x"
      ])
    try project.write("orgloop.yaml", header + "connectors: [\"/*/*/*/*/*/*/*/nothing-there\"]\n")
    #expect(bounded(project).diagnostics.allSatisfy { $0.code == "file.missing" })
  }

  @Test(arguments: [
    ("a*.yaml", "abc.yaml", true), ("a*.yaml", "b.yaml", false), ("?.y[am]ml", "x.yaml", true),
    ("[!a]*", "b", true), ("[!a]*", "a", false), ("[0-9]x", "5x", true), ("[]]", "]", true),
    ("[a", "[a", true), ("\\*", "*", true), ("\\*", "x", false), ("*", "", true),
    ("*b*b*b*b*b*b*b*b*b*b*b*b*c", String(repeating: "b", count: 250), false),
  ])
  func `patterns match names`(_ pattern: String, _ name: String, _ isMatch: Bool) throws {
    guard !name.isEmpty else { return }
    let project = try TestProject([
      "orgloop.yaml": header + "loggers: [\"d/\(pattern.replacing("\\", with: "\\\\"))\"]\n",
      "d/\(name)": "loggers: [{ name: c, type: console }]\n",
    ])
    #expect(project.load().lines.isEmpty == isMatch)
  }
}
