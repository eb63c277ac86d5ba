import ArgumentParser
import Connectors
import Engine

/// `orgloop inbox drain` (cli-http.md 2.4). JSON is for agents, so it is the usual form.
struct InboxDrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "Print the oldest events of a key and mark them as collected.",
    discussion: "continuation is null when nothing is left. What was lost on the way comes back by "
      + "orgloop inbox restore --batch ID.")

  @Option(name: .long, help: "The batch key, then.config.session_key.") var key: String
  @Option(name: .long, help: "Events at most; 100 by default.") var limit: Int?
  @Option(name: .long, help: "json or text.") var format = "json"
  @Option(name: .long, help: "The module of the route.") var module: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    guard ["json", "text"].contains(format) else {
      throw Failure(.usage, .usage, "--format takes json or text")
    }
    let limit = limit ?? InboxDesk.drainUsual
    guard (1...InboxDesk.drainMax).contains(limit) else {
      throw Failure(.usage, .usage, "--limit takes a number from 1 to \(InboxDesk.drainMax)")
    }
    let desk = InboxReader(database: try global.databasePath())
    let batch = try await desk.drain(key, module: module, limit: limit)
    let output = Output(
      isJSON: global.json || format == "json", isQuiet: global.quiet,
      allowsColour: !global.noColor)
    output.result(batch, InboxText.text(batch))
  }
}

/// What `inbox` shows people.
enum InboxText {
  static func text(_ batch: JSONValue) -> String {
    let events = batch["events"]?.array ?? []
    var lines = events.map { event in
      [
        event["timestamp"], event["id"], event["source"], event["type"],
        event["provenance"]?["platform_event"],
      ].map { $0?.string.map { SafeText.escaped($0, bytesMax: 200) } ?? "-" }
        .joined(separator: "  ")
    }
    lines.append("\(events.count) collected, \(batch["remaining"]?.int64 ?? 0) left")
    if let id = batch["batch"]?.string { lines.append("batch \(id)") }
    return lines.joined(separator: "\n")
  }

  static func table(_ sessions: [JSONValue]) -> String {
    var table = Table("KEY", "MODULE", "PENDING")
    for session in sessions {
      table.add(
        SafeText.escaped(session["sessionKey"]?.string ?? "", bytesMax: 200),
        session["module"]?.string ?? "", "\(session["pending"]?.int64 ?? 0)")
    }
    return table.text
  }
}
