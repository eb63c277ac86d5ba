import Engine
import ProjectConfiguration

/// What `start` says when the runtime is ready (cli-http.md 2.2).
struct StartReport: Sendable {
  let json: JSONValue
  let text: String
  /// What was said before.
  let notes: [StartNote]

  /// - Parameter modules: All that were loaded.
  init(
    _ modules: [ModuleDefinition], status: JSONValue, record: RuntimeRecord, notes: [StartNote]
  ) {
    json = [
      "running": true, "pid": JSONValue(Int64(record.pid)),
      "http": JSONValue(record.httpAddress), "socket": JSONValue(record.socketPath),
      "workspace": .string(record.workspace), "generation": status["generation"] ?? 0,
      "modules": status["modules"] ?? [],
      "warnings": .array(notes.filter { $0.level != .notice }.map { .string($0.text) }),
    ]
    var lines = modules.flatMap(StartReport.lines)
    lines.append("OrgLoop is running. PID \(record.pid), http://\(record.httpAddress ?? "")")
    text = lines.joined(separator: "\n")
    self.notes = notes
  }

  /// From the document that a daemon sent.
  init?(_ document: JSONValue) {
    guard let report = document["report"], let text = document["text"]?.string else { return nil }
    json = report
    self.text = text
    notes = (document["notes"]?.array ?? []).compactMap(StartNote.init)
  }

  var document: JSONValue {
    ["report": json, "text": .string(text), "notes": .array(notes.map(\.json))]
  }

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
