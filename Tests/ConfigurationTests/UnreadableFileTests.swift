import Foundation
import ProjectConfiguration
import Testing

/// What lies in the place of a file and cannot be read is an error, and never as if nothing were there:
/// what it holds would be taken for removed.
struct UnreadableFileTests {
  private static let objects =
    header + """
      sources: [{ id: hook, connector: webhook }]
      actors: [{ id: chat, connector: webhook, config: { url: "http://chat.example" } }]

      """

  private static func routes(_ name: String) -> String {
    "routes: [{ name: \(name), when: { source: hook }, then: { actor: chat } }]\n"
  }

  private static func link(_ name: String, in project: TestProject) throws {
    try FileManager.default.createSymbolicLink(
      atPath: project.path(name), withDestinationPath: "nowhere")
  }

  /// A project with a route, and something else.
  private static func project(_ more: String = "") throws -> TestProject {
    try TestProject(["orgloop.yaml": objects + more, "routes/a.yaml": routes("a")])
  }

  @Test func `a link in routes that leads nowhere is an error`() throws {
    let project = try Self.project()
    try Self.link("routes/b.yaml", in: project)
    let loaded = project.load()
    #expect(
      loaded.lines == [
        "orgloop.yaml:1:1: error[file.missing] routes/b.yaml: the link leads nowhere; mend it, or "
          + "remove it"
      ])
    #expect(loaded.modules.isEmpty)
  }

  @Test func `a directory in routes that is called like a file is an error`() throws {
    let project = try Self.project()
    try project.makeDirectory("routes/d.yaml")
    try project.makeDirectory("routes/more")
    #expect(
      project.load().lines == [
        "orgloop.yaml:1:1: error[file.missing] routes/d.yaml: not a regular file; rename it, or move "
          + "it elsewhere"
      ])
  }

  @Test(arguments: [false, true])
  func `a file or a broken link in the place of routes is an error`(_ isLink: Bool) throws {
    let project = try TestProject(["orgloop.yaml": Self.objects])
    if isLink { try Self.link("routes", in: project) } else { try project.write("routes", "") }
    let words = isLink ? "the link leads nowhere" : "not a directory"
    let lines = project.load().lines
    #expect(
      lines.first
        == "orgloop.yaml:1:1: error[file.missing] routes: \(words); mend it, or remove it",
      "\(lines)")
  }

  @Test func `a pattern that meets a broken link is an error`() throws {
    let project = try Self.project("routes: [\"teams/*/r.yaml\"]\n")
    try project.write("teams/one/r.yaml", Self.routes("one"))
    try project.write("teams/README", "A file among the directories.")
    try project.makeDirectory("teams/empty")
    #expect(project.load().lines == [])
    try Self.link("teams/two", in: project)
    #expect(
      project.load().lines == [
        "orgloop.yaml:6:10: error[file.missing] teams/two: the link leads nowhere, so nobody can tell "
          + "what the pattern matches"
      ])
  }

  @Test func `another project file is not taken in the place of one that cannot be read`() throws {
    let project = try TestProject(["orgloop.yml": Self.objects])
    try Self.link("orgloop.yaml", in: project)
    let loaded = project.load()
    #expect(
      loaded.lines == [
        "\(project.root)/orgloop.yaml:1:1: error[file.missing] the link leads nowhere; mend it, or "
          + "remove it"
      ])
    #expect(loaded.modules.isEmpty)
  }

  @Test func `another file of a module is not taken in the place of one that cannot be read`()
    throws
  {
    let project = try TestProject(["orgloop.yaml": "modules: [./m]\n", "m/orgloop.yaml": header])
    try Self.link("m/orgloop-module.yaml", in: project)
    #expect(
      project.load().lines == [
        "orgloop.yaml:1:11: error[file.missing] m/orgloop-module.yaml: the link leads nowhere"
      ])
  }

  @Test func `a broken link is no missing overlay, and no missing user defaults`() throws {
    let project = try Self.project()
    for name in ["workspaces", "~/.orgloop"] { try project.makeDirectory(name) }
    try Self.link("workspaces/default.yaml", in: project)
    try Self.link("~/.orgloop/config.yaml", in: project)
    var options = LoadOptions()
    options.workspace = LoadOptions.Workspace(name: "default")
    let loaded = project.load(options: options)
    #expect(
      loaded.lines == [
        "\(project.home)/.orgloop/config.yaml:1:1: error[file.missing] "
          + "\(project.home)/.orgloop/config.yaml: the link leads nowhere",
        "workspaces/default.yaml:1:1: error[file.missing] workspaces/default.yaml: the link leads "
          + "nowhere",
      ])
    #expect(loaded.modules.isEmpty)
  }

  // MARK: .env

  private static let using =
    objects.replacing("http://chat.example", with: "${URL}")
    + routes("a")

  private static let unknown =
    "error[env.unset] variable URL is not set, and .env, which may set it, cannot be read"

  @Test func `.env that cannot be read is an error for what only it may set`() throws {
    let project = try TestProject(["orgloop.yaml": Self.using])
    func lines(_ environment: [String: String] = [:]) -> [String] {
      project.load(environment: environment).lines
    }
    try Self.link(".env", in: project)
    let link = ".env:1:1: warning[file.missing] .env: the link leads nowhere; mend it, or remove it"
    #expect(lines().first == link)
    #expect(lines().dropFirst().map { $0.hasSuffix(Self.unknown) } == [true])
    // Who starts a service hands over what that may not read itself.
    #expect(lines(["URL": "http://a.example"]) == [link])
    try project.write(
      "orgloop.yaml", Self.using.replacing("${URL}", with: "${URL:-http://b.example}"))
    #expect(lines().dropFirst().map { $0.hasSuffix(Self.unknown) } == [true])
    try project.write("orgloop.yaml", Self.using)
    try FileManager.default.removeItem(atPath: project.path(".env"))
    try project.write(".env", "URL=http://a.example\n#" + String(repeating: "x", count: 1 << 20))
    #expect(
      lines().first
        == ".env:1:1: warning[file.missing] .env: the file is larger than 1 MiB; mend it, or remove it"
    )
    try project.write(".env", "URL=http://a.example\n")
    #expect(lines() == [])
  }

  @Test func `a directory called .env sets nothing`() throws {
    let project = try TestProject(["orgloop.yaml": Self.using])
    try project.makeDirectory(".env")
    #expect(
      project.load(environment: ["URL": "http://a.example"]).lines
        == [".env:1:1: notice[file.missing] .env is no file, and sets nothing"])
    #expect(
      project.load().lines.last?.hasSuffix("error[env.unset] variable URL is not set") ?? false)
  }

  @Test func `the .env of a module that cannot be read keeps what needs it from being started`()
    throws
  {
    let project = try TestProject([
      "orgloop.yaml": "modules: [./m]\n",
      "m/orgloop-module.yaml": Self.using.replacing("kind: Project", with: "kind: Module"),
    ])
    try Self.link("m/.env", in: project)
    let loaded = project.load()
    #expect(loaded.lines.last?.hasSuffix(Self.unknown) ?? false)
    #expect(loaded.modules.isEmpty)
    #expect(loaded.invalidModules == ["ops"])
    #expect(project.load(environment: ["URL": "http://a.example"]).modules.count == 1)
  }

  @Test func `a byte that is no UTF-8 makes no other secret, and none in a comment`() throws {
    let project = try TestProject(["orgloop.yaml": Self.using])
    try project.write(".env", Array("A=1\nURL=http://ü".utf8) + [0xE9] + Array("x\n".utf8))
    #expect(
      project.load().lines.first
        == ".env:2:13: error[env.syntax] the line is not UTF-8; save the file as UTF-8")
    try project.write(
      ".env", Array("  # f".utf8) + [0xFC] + Array("r\nURL=http://a.example\n".utf8))
    #expect(project.load().lines == [])
  }

  @Test(arguments: [
    ("A", 1), ("  A B=c", 3), ("KEY: value", 1), ("KEY: a=b", 1), ("EXPORT A=1", 1), ("=x", 1),
    ("export", 1),
  ])
  func `a line of .env that is no pair is told, without what it says`(
    _ line: String, _ column: Int
  ) throws {
    let project = try TestProject([
      "orgloop.yaml": Self.using, ".env": "URL=http://a.example\n\(line)\nB.c=2\n",
    ])
    #expect(
      project.load().lines == [
        ".env:2:\(column): warning[env.syntax] this line is no NAME=value, and sets nothing"
      ])
  }

  @Test func `a key over several lines is one problem`() throws {
    let project = try TestProject([
      "orgloop.yaml": Self.using, ".env": "K=\"-----BEGIN\nMIIE\nabc\n\nURL=http://a.example\n",
    ])
    #expect(
      project.load().lines == [
        ".env:2:1: warning[env.syntax] 2 lines from here on are no NAME=value, and set nothing; a "
          + "value ends with its line"
      ])
  }
}
