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
    var lines = ModuleLines(modules).text
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
}

/// The modules of a start with what is in them, one line each.
private struct ModuleLines {
  private let modules: [ModuleDefinition]
  /// How many modules have a webhook source of that id: only where it is one does the short
  /// address answer (cli-http.md 3.2).
  private let webhooks: [String: Int]

  init(_ modules: [ModuleDefinition]) {
    self.modules = modules
    let ids = modules.flatMap { $0.sources.filter { $0.isEnabled && $0.isWebhook }.map(\.id) }
    webhooks = Dictionary(ids.map { ($0, 1) }, uniquingKeysWith: +)
  }

  var text: [String] { modules.flatMap(lines) }

  private func lines(_ module: ModuleDefinition) -> [String] {
    let sources = module.sources.filter(\.isEnabled).map { source in
      "  source \(source.id)  \(way(of: source, in: module))"
    }
    let actors = module.actors.filter(\.isEnabled).map { "  actor \($0.id)  \($0.connector)" }
    let routes = module.routes.filter(\.isEnabled).map { route in
      "  route \(route.name)  → \(actor(of: route, in: module))"
    }
    let loggers = module.loggers.filter(\.isEnabled).map { "  logger \($0.name)  \($0.type)" }
    return ["module \(module.name)"] + sources + actors + routes + loggers
  }

  private func way(of source: SourceDefinition, in module: ModuleDefinition) -> String {
    switch source.connector {
    case "webhook": "webhook \(address(of: source, in: module))"
    case "cron": "schedule"
    case "exec" where source.config["mode"] == "stream": "stream"
    default: "polling every \(TimeText.interval(ms: source.pollIntervalMs))"
    }
  }

  /// The shortest path that leads there.
  private func address(of source: SourceDefinition, in module: ModuleDefinition) -> String {
    if let path = source.config["path"]?.string { return path }
    let isAlone = webhooks[source.id] == 1
    return isAlone ? "/webhook/\(source.id)" : "/webhook/\(module.name)/\(source.id)"
  }

  private func actor(of route: RouteDefinition, in module: ModuleDefinition) -> String {
    guard let owner = route.actor.module, owner != module.name else { return route.actor.id }
    return "\(owner):\(route.actor.id)"
  }
}

extension SourceDefinition {
  fileprivate var isWebhook: Bool { connector == "webhook" }
}
