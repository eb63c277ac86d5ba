import Engine

/// The files of a new project.
struct ProjectTemplate {
  let name: String
  let summary: String
  /// Keys of ``connectors``, each once, at least one.
  let connectors: [String]

  struct File {
    let path: String
    let text: String
    var isExecutable = false
  }

  /// A connector as a new project uses it: one source, whose id is the connector's name.
  struct Connector {
    /// The YAML of `config`, indented by six.
    let config: String
    /// Variables that its comments propose.
    var variables: [String] = []
  }

  static let routePath = "routes/example.yaml"
  /// Tests of what is in ``routePath``.
  static let testPath = "tests/example.yaml"

  static let connectors: [String: Connector] = [
    "webhook": Connector(
      config: """
              event_type_field: type # where the body names the event
              # secret: "${WEBHOOK_SECRET}" # checks signatures; at least 16 characters
        """, variables: ["WEBHOOK_SECRET"]),
    "cron": Connector(
      config: """
              schedules:
                - { name: daily, cron: "0 6 * * *" }
        """),
  ]

  /// Connectors of cli-http.md 2.1 that this version does not have.
  static let plannedConnectors: Set = [
    "github", "linear", "openclaw", "coding-agent", "claude-code", "codex", "opencode", "pi",
    "pi-rust", "slack", "pagerduty",
  ]

  var variables: [String] {
    connectors.flatMap { ProjectTemplate.connectors[$0]?.variables ?? [] }
  }

  var files: [File] {
    [File(path: "orgloop.yaml", text: project)]
      + connectors.map { File(path: "connectors/\($0).yaml", text: connector($0)) }
      + [
        File(path: ProjectTemplate.routePath, text: routes),
        File(path: "transforms/transforms.yaml", text: ProjectTemplate.transforms),
        File(
          path: "transforms/drop-bot-noise.sh", text: ProjectTemplate.script, isExecutable: true),
        File(path: "loggers/default.yaml", text: ProjectTemplate.loggers),
        File(path: "sops/example.md", text: ProjectTemplate.prompt),
        File(path: ProjectTemplate.testPath, text: tests),
        File(path: ".env.example", text: environment),
        File(path: ".gitignore", text: ProjectTemplate.ignored),
      ]
  }

  private var project: String {
    """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata:
      name: \(quoted(name))
      description: \(quoted(summary))

    connectors:
    \(connectors.map { "  - connectors/\($0).yaml" }.joined(separator: "\n"))

    transforms:
      - transforms/transforms.yaml

    loggers:
      - loggers/default.yaml

    # The files in routes/ are found without being listed.

    actors:
      - id: notebook
        description: Appends each delivery to deliveries.log
        connector: "@orgloop/connector-exec"
        config:
          command: [sh, -c, "cat >> deliveries.log && echo >> deliveries.log"]

    """
  }

  private func connector(_ name: String) -> String {
    """
    apiVersion: orgloop/v1alpha1
    kind: ConnectorGroup
    sources:
      - id: \(name)
        connector: "@orgloop/connector-\(name)"
        config:
    \(ProjectTemplate.connectors[name]?.config ?? "      {}")

    """
  }

  private var routes: String {
    """
    apiVersion: orgloop/v1alpha1
    kind: RouteGroup
    routes:
      - name: example
        when:
          source: [\(connectors.joined(separator: ", "))]
          events: [resource.changed]
        transforms:
          - ref: drop-bot-noise
        then:
          actor: notebook
        with:
          prompt_file: ../sops/example.md

    """
  }

  private var tests: String {
    let passed = connectors.map { name in
      """
        - name: what comes from \(name) goes to the notebook
          event:
            source: \(name)
            payload: { hello: world }
          expect:
            routes:
              example:
                transformed: { payload.hello: world }
                prompt: What the actor is to do
      """
    }
    let dropped = """
        - name: what a bot has written is dropped
          event:
            source: \(connectors[0])
            provenance: { author: a-bot, author_type: bot }
          expect:
            routes:
              example: { dropped: { by: drop-bot-noise, reason: written by a bot } }

      """
    let head = """
      # orgloop test --all runs these: given this event, that is what becomes of it.
      kind: Tests
      tests:
      """
    return ([head] + passed + [dropped]).joined(separator: "\n")
  }

  private var environment: String {
    let lines = variables.map { "# \($0)=" }
    return (["# Copy to .env and fill in; .env is not committed."] + lines)
      .joined(separator: "\n") + "\n"
  }

  /// A JSON string is a YAML string too; a literal `${` is written `$${` (config.md 3.1).
  private func quoted(_ text: String) -> String {
    JSONText(.string(text.replacing("${", with: "$${"))).description
  }

  private static let transforms = """
    apiVersion: orgloop/v1alpha1
    kind: TransformGroup
    transforms:
      - name: drop-bot-noise
        type: script
        script: drop-bot-noise.sh

    """

  private static let script = """
    #!/bin/sh
    # The event comes on stdin. Print it and exit 0 to pass it on, changed or not; exit 1 drops it.
    event=$(cat)
    if printf '%s' "$event" | grep -q '"author_type" *: *"bot"'; then
      echo "written by a bot" >&2
      exit 1
    fi
    printf '%s' "$event"

    """

  private static let loggers = """
    apiVersion: orgloop/v1alpha1
    kind: LoggerGroup
    loggers:
      - name: console
        type: "@orgloop/logger-console"
        config:
          level: info

    """

  private static let prompt = """
    ---
    title: Example
    ---
    What the actor is to do with the event. This text goes with every delivery as launch_prompt.

    """

  private static let ignored = """
    .env
    *.db
    *.db-*
    *.db.lock
    *.sock
    deliveries.log

    """
}
