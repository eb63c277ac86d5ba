import Engine
import Foundation
import ProjectConfiguration

/// Files of a project in a directory of their own, removed with the value.
final class TestProject {
  /// Symbolic links resolved, as the loader sees it.
  let root: String
  let home: String

  /// - Parameter files: Contents by relative path; `~/x` is below the home directory, and a path
  ///   that ends in `.sh` is made executable.
  init(_ files: [String: String] = [:]) throws {
    let base = FileManager.default.temporaryDirectory
      .appending(path: "orgloop-config-\(UUID().uuidString)")
    for name in ["project", "home"] {
      try FileManager.default.createDirectory(
        at: base.appending(path: name), withIntermediateDirectories: true)
    }
    root = base.appending(path: "project").path
    home = base.appending(path: "home").path
    for (path, text) in files { try write(path, text) }
  }

  deinit {
    // What is left behind in the temporary directory hurts nobody.
    try? FileManager.default.removeItem(atPath: String(root.dropLast("/project".count)))
  }

  func path(_ name: String) -> String {
    name.hasPrefix("~/") ? home + name.dropFirst(1) : root + "/" + name
  }

  func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

  func write(_ name: String, _ bytes: [UInt8], mode: Int? = nil) throws {
    let path = path(name)
    let directory = path.split(separator: "/").dropLast().joined(separator: "/")
    try FileManager.default.createDirectory(
      atPath: "/" + directory, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(filePath: path))
    let mode = mode ?? (name.hasSuffix(".sh") ? 0o755 : 0o644)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
  }

  func makeDirectory(_ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: path(name), withIntermediateDirectories: true)
  }

  func load(
    _ path: String? = nil, environment: [String: String] = [:],
    options: LoadOptions = LoadOptions()
  ) -> LoadedProject {
    var options = options
    options.showsObjects = true
    let loaded = ConfigurationLoader(
      catalog: .test, environment: environment, home: home, workingDirectory: root,
      options: options
    ).load(path)
    keepIfGood(loaded)
    return loaded
  }

  /// Leaves a project that has no problem to Tests/schemas, which asks for it by a variable.
  private func keepIfGood(_ loaded: LoadedProject) {
    guard let directory = ProcessInfo.processInfo.environment["ORGLOOP_KEEP_GOOD"],
      loaded.diagnostics.allSatisfy({ $0.level == .notice || $0.code.hasPrefix("graph.") })
    else { return }
    let base = URL(filePath: directory)
    let manager = FileManager.default
    do {
      for name in ["projects", "schemas"] {
        try manager.createDirectory(
          at: base.appending(path: name), withIntermediateDirectories: true)
      }
      try manager.copyItem(
        at: URL(filePath: root), to: base.appending(path: "projects/\(UUID().uuidString)"))
      guard !manager.fileExists(atPath: base.path + "/schemas/orgloop.schema.json") else { return }
      for (name, schema) in ConfigurationSchemas(catalog: .test).files {
        try Data(ConfigurationSchemas.text(of: schema))
          .write(to: base.appending(path: "schemas/" + name), options: .atomic)
      }
    } catch {
      print("cannot keep \(root): \(error)")
    }
  }
}

extension LoadedProject {
  /// The diagnostics as they are printed.
  var lines: [String] { diagnostics.map(\.description) }

  func module(_ name: String) -> ModuleDefinition? { modules.first { $0.name == name } }
}

/// The head of a project file that gives no warning of its own.
let header = """
  apiVersion: orgloop/v1alpha1
  kind: Project
  metadata: { name: ops }

  """

/// A project whose one route uses everything, so that nothing is unused; `route` is appended to
/// the route, eight columns of text up to the keys.
func routed(_ route: String = "", then: String = "then: { actor: chat }") -> String {
  header + """
    sources: [{ id: hook, connector: webhook }]
    actors: [{ id: chat, connector: webhook, config: { url: "http://chat.example" } }]
    routes:
      - name: all
        when: { source: hook }
        \(then)

    """ + route
}

struct NotMade: Error {}

extension ConnectorCatalog {
  /// Look-alikes of the built-in connectors, as far as configuration is concerned.
  static let test = ConnectorCatalog(
    connectors: [
      ConnectorDescriptor(
        name: "webhook",
        source: ConnectorDescriptor.SourceRole(
          mode: { _ in .push },
          fields: [
            ConfigField("path", .string),
            ConfigField("secret", .either([.string, .list(.string)]), secret: true),
            ConfigField("buffer_dir", .string, ignored: true),
          ], make: { _, _ in throw NotMade() }),
        actor: ConnectorDescriptor.ActorRole(
          fields: [
            ConfigField("url", .url, required: true),
            ConfigField("method", .choice(["POST", "PUT"]), default: "POST"),
            ConfigField("headers", .map(.string)),
            ConfigField("timeout", .duration),
            ConfigField("max_bytes", .size),
            ConfigField("limit", .rate),
            ConfigField("field", .dotPath),
            ConfigField("retries", .integer(0...5)),
            ConfigField("ratio", .number(0...1)),
            ConfigField("verify", .boolean),
            ConfigField("type", .eventType),
            ConfigField("proxy", .object([ConfigField("host", .string, required: true)])),
          ], make: { _, _ in throw NotMade() })),
      ConnectorDescriptor(
        name: "github",
        source: ConnectorDescriptor.SourceRole(
          mode: { _ in .poll },
          fields: [
            ConfigField("repo", .string, required: true),
            ConfigField("token", .string, required: true, secret: true),
            ConfigField("events", .list(.string), required: true),
          ],
          check: { config in
            let known = ["issue_comment", "pull_request.opened"]
            let events = config["events"]?.array ?? []
            return events.enumerated().compactMap { index, event in
              guard let name = event.string, !known.contains(name) else { return nil }
              return ConfigProblem(
                ["events", String(index)], "this connector has no \"\(name)\"", level: .warning)
            }
          }, make: { _, _ in throw NotMade() })),
      ConnectorDescriptor(
        name: "cron",
        source: ConnectorDescriptor.SourceRole(
          mode: { _ in .timer },
          fields: [
            ConfigField(
              "schedules",
              .list(
                .object([
                  ConfigField("name", .string, required: true),
                  ConfigField("cron", .string, required: true),
                  ConfigField("payload", .map(.any), stored: true),
                ])), required: true)
          ],
          check: { config in
            let schedules = config["schedules"]?.array ?? []
            return schedules.enumerated().compactMap { index, schedule in
              guard let cron = schedule["cron"]?.string, cron.split(separator: " ").count != 5
              else { return nil }
              return ConfigProblem(["schedules", String(index), "cron"], "needs five fields")
            }
          }, make: { _, _ in throw NotMade() })),
      ConnectorDescriptor(
        name: "exec",
        actor: ConnectorDescriptor.ActorRole(
          fields: [
            ConfigField("command", .command, required: true),
            ConfigField("env", .environment),
            ConfigField("kubeconfig", .path),
          ], make: { _, _ in throw NotMade() })),
      ConnectorDescriptor(
        name: "openclaw",
        actor: ConnectorDescriptor.ActorRole(
          fields: [
            ConfigField("agent_id", .string),
            ConfigField("auth_token_env", .string, secret: true),
          ], make: { _, _ in throw NotMade() })),
    ],
    transforms: [
      TransformDescriptor(
        name: "filter",
        fields: [
          ConfigField("match", .map(.any)), ConfigField("exclude", .map(.any)),
          ConfigField("jq", .string),
        ], make: { _ in throw NotMade() }),
      TransformDescriptor(name: "script", make: { _ in throw NotMade() }),
    ],
    loggers: [
      LoggerDescriptor(
        name: "console",
        fields: [
          ConfigField("level", .choice(["debug", "info", "warn", "error"]), default: "info")
        ], make: { _ in throw NotMade() }),
      LoggerDescriptor(
        name: "file", fields: [ConfigField("path", .path, required: true)],
        make: { _ in throw NotMade() }),
    ])
}
