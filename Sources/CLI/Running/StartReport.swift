import Engine

/// What `start` says when the runtime is ready (cli-http.md 2.2).
struct StartReport: Sendable {
  let json: JSONValue
  let text: String

  init(_ modules: [ModuleDefinition], status: JSONValue, record: RuntimeRecord) {
    json = [
      "running": true, "pid": JSONValue(Int64(record.pid)),
      "http": JSONValue(record.httpAddress), "socket": JSONValue(record.socketPath),
      "workspace": .string(record.workspace), "generation": status["generation"] ?? 0,
      "modules": status["modules"] ?? [],
    ]
    var lines = modules.flatMap(StartReport.lines)
    lines.append("OrgLoop is running. PID \(record.pid), http://\(record.httpAddress ?? "")")
    text = lines.joined(separator: "\n")
  }

  /// From the document that a daemon sent.
  init?(_ document: JSONValue) {
    guard let report = document["report"], let text = document["text"]?.string else { return nil }
    json = report
    self.text = text
  }

  var document: JSONValue { ["report": json, "text": .string(text)] }

  private static func lines(_ module: ModuleDefinition) -> [String] {
    let sources = module.sources.filter(\.isEnabled).map { source in
      "  source \(source.id)  \(way(of: source, in: module))"
    }
    let actors = module.actors.filter(\.isEnabled).map { "  actor \($0.id)  \($0.connector)" }
    let routes = module.routes.filter(\.isEnabled).map { "  route \($0.name)  → \($0.actor.id)" }
    let loggers = module.loggers.filter(\.isEnabled).map { "  logger \($0.name)  \($0.type)" }
    return ["module \(module.name)"] + sources + actors + routes + loggers
  }

  private static func way(of source: SourceDefinition, in module: ModuleDefinition) -> String {
    switch source.connector {
    case "webhook": "webhook /webhook/\(source.id)"
    case "cron": "schedule"
    case "exec" where source.config["mode"] == "stream": "stream"
    default: "polling every \(TimeText.interval(ms: source.pollIntervalMs))"
    }
  }
}
