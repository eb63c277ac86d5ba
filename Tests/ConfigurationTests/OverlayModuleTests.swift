import Engine
import Foundation
import ProjectConfiguration
import Testing

/// Overlays and modules.
struct OverlayModuleTests {
  private static let module = """
    kind: Module
    metadata: { name: ci }
    params: { channel: { default: "#dev" }, hook: { type: source, required: true } }
    actors: [{ id: chat, connector: webhook, config: { url: "http://${HOST}/x" } }]
    routes:
      - name: r
        when: { source: "{{ params.hook }}" }
        then: { actor: chat, config: { channel: "{{ params.channel }}" } }

    """
  private static let files = [
    "orgloop.yaml": """
    modules:
      - package: ./ci
        name: ci-nightly
        params: { hook: hook, channel: "${UNSET}" }
      - package: ci
        params: { hook: hook }
    sources: [{ id: hook, connector: webhook }]

    """,
    "modules/ci/orgloop-module.yaml": module, "ci/orgloop-module.yaml": module,
  ]

  private func load(
    _ overlay: String, _ more: [String: String] = [:],
    _ change: (inout LoadOptions) -> Void = { _ in }
  ) throws -> LoadedProject {
    let files = Self.files.merging(["workspaces/staging.yaml": overlay]) { $1 }
    let project = try TestProject(files.merging(more) { $1 })
    var options = LoadOptions()
    options.workspace = LoadOptions.Workspace(name: "staging")
    change(&options)
    return project.load(environment: ["HOST": "env.example"], options: options)
  }

  @Test func `a module is found by its resolved name, and its parameters are patched`() throws {
    let loaded = try load(
      """
      variables: { HOST: staging.example }
      modules:
        - { name: ci-nightly, params: { channel: "#staging" } }
        - { name: ci, params: { channel: "#ci" } }

      """)
    #expect(loaded.diagnostics.filter { $0.level == .error } == [])
    func channel(_ name: String) -> JSONValue? {
      loaded.module(name)?.routes.first?.config["channel"]
    }
    #expect(channel("ci-nightly") == "#staging")
    #expect(channel("ci") == "#ci")
    // Variables of a workspace hold in all its modules.
    #expect(loaded.module("ci")?.actors.first?.config["url"] == "http://staging.example/x")
    #expect(loaded.modules.map(\.name) == ["default", "ci-nightly", "ci"])
  }

  @Test func `a module may be disabled, added, and meant by another name`() throws {
    let loaded = try load(
      """
      modules:
        - { name: ci-nightly, enabled: false }
        - { name: ci-nightli, package: ./ci, params: { hook: hook } }
        - { name: extra, package: ./ci, params: { hook: hook } }

      """)
    #expect(loaded.modules.map(\.name) == ["default", "ci", "ci-nightli", "extra"])
    #expect(
      loaded.lines.filter { $0.contains("overlay") } == [
        "workspaces/staging.yaml:3:13: warning[overlay.unmatched] the project has no module "
          + "\"ci-nightli\", so the workspace adds it; did you mean \"ci-nightly\"?"
      ])
  }

  @Test func `an overlay does not reach into a package`() throws {
    let loaded = try load(
      """
      modules: [{ name: ci-nightly, params: { channel: x } }]
      actors: [{ id: chat, connector: webhook, config: { url: "http://own.example" } }]

      """)
    #expect(loaded.module("ci")?.actors.first?.config["url"] == "http://env.example/x")
    #expect(loaded.module("default")?.actors.first?.config["url"] == "http://own.example")
  }

  @Test func `an overlay of a module that is loaded by itself is none`() throws {
    let loaded = try load(
      "actors: []\n", ["ci/workspaces/staging.yaml": "routes: [{ name: r, enabled: false }]\n"]
    ) { options in
      options.role = .module(name: nil, parameters: ["hook": "hook"])
    }
    #expect(loaded.overlay == "workspaces/staging.yaml")
    let project = try TestProject([
      "orgloop-module.yaml": Self.module.replacing(
        ", hook: { type: source, required: true }", with: ""
      )
      .replacing("\"{{ params.hook }}\"", with: "orgloop"),
      "workspaces/staging.yaml": "routes: [{ name: r, enabled: false }]\n",
      "boot/workspaces/staging.yaml": "variables: { HOST: boot.example }\n",
    ])
    var options = LoadOptions()
    options.role = .module(name: nil, parameters: [:])
    options.workspace = LoadOptions.Workspace(
      name: "staging", variablesRoot: project.path("boot"))
    let module = project.load(environment: [:], options: options).module("ci")
    #expect(module?.routes.first?.isEnabled == true)
    // The workspace is the runtime's, and so are its variables.
    #expect(module?.actors.first?.config["url"] == "http://boot.example/x")
  }
}

/// The examples of docs/workspaces.md.
struct WorkspaceExampleTests {
  @Test func `the example of the guide loads in its workspace`() throws {
    let guide = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../docs/workspaces.md")
    let text = try String(contentsOf: guide, encoding: .utf8)
    var files: [String: String] = [:]
    for match in text.matches(of: /```yaml\n# (\S+\.yaml)\n((?:[^`]|`(?!``))*)```/) {
      files[String(match.1)] = String(match.2)
    }
    #expect(files.keys.sorted() == ["orgloop.yaml", "workspaces/staging.yaml"])
    let project = try TestProject(files)
    #expect(project.load().lines == [])
    var options = LoadOptions()
    options.workspace = LoadOptions.Workspace(name: "staging")
    let loaded = project.load(options: options)
    #expect(loaded.lines == [])
    #expect(loaded.settings.port == 4_801)
    let module = try #require(loaded.module("default"))
    #expect(module.sources.first?.config["path"] == "/staging-tickets")
    #expect(module.actors.first?.config["timeout"] == nil)
    #expect(module.routes.map(\.isEnabled) == [false, true])
  }
}
