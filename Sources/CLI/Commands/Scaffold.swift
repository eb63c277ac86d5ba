import Engine

/// The files that `orgloop add` writes: each validates as it is.
enum Scaffold {
  typealias File = ProjectTemplate.File

  /// Built-in transforms that need no configuration to be valid.
  static let packages: Set = ["filter", "dedup"]

  private static let connectors: Set = ["webhook", "cron", "exec"]

  static func isConnector(_ name: String) -> Bool {
    connectors.contains(name) || ProjectTemplate.plannedConnectors.contains(name)
  }

  /// - Throws: ``Failure``, 64.
  static func checkConnector(_ name: String) throws {
    guard !connectors.contains(name) else { return }
    let isPlanned = ProjectTemplate.plannedConnectors.contains(name)
    throw Failure(
      .usage, .usage,
      isPlanned ? "connector \(name) is not built in yet" : "there is no connector \(name)",
      hint: "available: " + connectors.sorted().joined(separator: ", "))
  }

  /// Nil for a connector that cannot be that.
  static func connector(_ id: String, _ connector: String, _ role: ObjectRole) -> File? {
    let config: String? =
      switch (connector, role) {
      case ("webhook", .source):
        """
              event_type_field: type # where the body names the event
              # secret: "${WEBHOOK_SECRET}" # checks signatures; at least 16 characters
        """
      case ("cron", .source):
        """
              schedules:
                - { name: daily, cron: "0 6 * * *" }
        """
      case ("exec", .source):
        """
              # Prints events, one JSON object per line: {"type": "resource.changed", "payload": {}}
              command: [sh, -c, "true"]
        """
      case ("webhook", .actor):
        """
              url: http://127.0.0.1:8080/ # where requests go
              # secret: "${RECEIVER_SECRET}" # signs requests; at least 16 characters
        """
      case ("exec", .actor):
        """
              # Gets the delivery as JSON on stdin. Exit 0: delivered; 65: never; else: again later.
              command: [sh, -c, "cat >> deliveries.log && echo >> deliveries.log"]
        """
      default: nil
      }
    guard let config else { return nil }
    return File(
      path: "connectors/\(FileName.make(id)).yaml",
      text: """
        apiVersion: orgloop/v1alpha1
        kind: ConnectorGroup
        \(role.rawValue)s:
          - id: \(quoted(id))
            connector: "@orgloop/connector-\(connector)"
            config:
        \(config)

        """)
  }

  /// The definition first, then the script.
  static func transform(_ name: String, file: String, _ type: TransformType) -> [File] {
    let package = packages.contains(name) ? name : "filter"
    let what =
      type == .script
      ? "type: script\n    script: \(file).sh"
      : "type: package\n    package: \"@orgloop/transform-\(package)\"\n    config: {} # "
        + (package == "filter" ? "exclude: { payload.kind: test }" : "key: [payload.id]")
    let definition = File(
      path: "transforms/\(file).yaml",
      text: """
        apiVersion: orgloop/v1alpha1
        kind: TransformGroup
        transforms:
          - name: \(quoted(name))
            \(what)

        """)
    guard type == .script else { return [definition] }
    let script = """
      #!/bin/sh
      # The event comes on stdin as JSON. Print it and exit 0 to pass it on, changed or not; exit 1
      # drops it, and the last line on stderr is the reason; any other code is an error.
      cat

      """
    return [definition, File(path: "transforms/\(file).sh", text: script, isExecutable: true)]
  }

  static func logger(_ name: String, file: String) -> File {
    File(
      path: "loggers/\(file).yaml",
      text: """
        apiVersion: orgloop/v1alpha1
        kind: LoggerGroup
        loggers:
          - name: \(quoted(name))
            type: "@orgloop/logger-console"
            config:
              level: info

        """)
  }

  static func route(_ name: String, file: String, source: String, actor: String) -> File {
    File(
      path: "routes/\(file).yaml",
      text: """
        apiVersion: orgloop/v1alpha1
        kind: RouteGroup
        routes:
          - name: \(quoted(name))
            when:
              source: \(quoted(source))
              # filter: { provenance.platform_event: order.created }
            then:
              actor: \(quoted(actor))

        """)
  }

  static func module(_ name: String) -> File {
    File(
      path: "modules/\(name)/orgloop-module.yaml",
      text: """
        apiVersion: orgloop/v1alpha1
        kind: Module
        metadata:
          name: \(quoted(name))

        sources:
          - id: inbox
            connector: "@orgloop/connector-webhook"

        actors:
          - id: notebook
            connector: "@orgloop/connector-exec"
            config:
              command: [sh, -c, "cat >> deliveries.log && echo >> deliveries.log"]

        routes:
          - name: take-note
            when: { source: inbox }
            then: { actor: notebook }

        """)
  }

  /// A JSON string is a YAML string too; a literal `${` is written `$${` (config.md 3.1).
  static func quoted(_ text: String) -> String {
    let isPlain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0 == "-") }
    let isWord = !["true", "false", "null", "True", "False", "Null", "TRUE", "FALSE", "NULL"]
      .contains(text)
    guard !isPlain || !isWord || text.hasPrefix("-") else { return text }
    return JSONText(.string(text.replacing("${", with: "$${"))).description
  }
}
