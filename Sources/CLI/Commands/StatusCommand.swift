import ArgumentParser
import Engine

/// `orgloop status` (cli-http.md 2.2).
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show what runs, and how well.")

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let database = try global.databasePath()
    let status = try await RuntimeClient.withRuntime(of: database) { client in
      if let client { return try await client.get("/api/status").body }
      return try await StatusCommand.stopped(Database(path: database))
    }
    global.output.result(status, StatusText(status, nowMs: TimeSource.system.wallMs).text)
  }

  private static func stopped(_ database: Database) async throws -> JSONValue {
    var object: JSONObject = ["running": false, "db": .string(database.path)]
    guard let record = try await database.lastRuntime() else { return .object(object) }
    object["last_run"] = [
      "pid": JSONValue(Int64(record.pid)), "version": .string(record.version),
      "state": .string(record.phase.rawValue), "config": JSONValue(record.configPath),
      "started_at": .string(ISOTime.text(ms: record.startedAtMs)),
      "last_seen": .string(ISOTime.text(ms: record.heartbeatMs)),
      // A process that lives but does not answer: starting, stopping, or hanging.
      "alive": .bool(ProcessIdentity(record) != nil),
    ]
    return .object(object)
  }
}

/// The status document as people read it.
struct StatusText {
  private let status: JSONValue
  private let nowMs: Int64

  init(_ status: JSONValue, nowMs: Int64) {
    self.status = status
    self.nowMs = nowMs
  }

  var text: String {
    guard status["running"] == true else { return stopped }
    let parts = [
      header, rollback, modules, sources, activity("actors"), activity("routes"), queues, events,
    ]
    return parts.compactMap { $0 }
      .joined(separator: "\n\n")
  }

  private var stopped: String {
    let database = status["db"]?.string ?? ""
    guard let last = status["last_run"] else {
      return "OrgLoop is not running. Nothing has run on \(database) yet."
    }
    let pid = last["pid"]?.int64 ?? 0
    if last["alive"] == true {
      return "OrgLoop does not answer. PID \(pid), \(last["state"]?.string ?? "")."
    }
    let seen = TimeText.relative(last["last_seen"], nowMs: nowMs)
    let isClean = last["state"]?.string == "stopped"
    return "OrgLoop is not running. Last run: PID \(pid), "
      + (isClean ? "stopped \(seen)." : "ended without a stop, last seen \(seen).")
  }

  private var header: String {
    let uptime = TimeText.uptime(ms: status["uptime_ms"]?.int64 ?? 0)
    let pid = status["pid"]?.int64 ?? 0
    return """
      OrgLoop is running. PID \(pid), up \(uptime), health \(string("health"))
      database \(string("db"))  workspace \(string("workspace"))  \
      port \(status["http_port"]?.int64 ?? 0)  generation \(status["generation"]?.int64 ?? 0)
      """ + size
  }

  /// That the files say something else than what runs.
  private var rollback: String? {
    guard let note = status["rollback"], let number = note["generation"]?.int64 else { return nil }
    let files =
      note["files_differ"] == true ? "; files differ, the next apply or start reads them" : ""
    return "  ! rolled back to @\(number) by \(note["by"]?.string ?? "") "
      + TimeText.relative(note["at"], nowMs: nowMs) + files
  }

  private var size: String {
    guard let database = status["database"], let bytes = database["bytes"]?.int64 else { return "" }
    let oldest = database["oldest_event"].flatMap { $0.isNull ? nil : $0 }
    return "\n\(bytes >> 20) MiB"
      + (oldest.map { ", oldest event \(TimeText.relative($0, nowMs: nowMs))" } ?? ", no events")
  }

  private var modules: String? {
    let modules = status["modules"]?.array ?? []
    return modules.isEmpty ? nil : ModuleText.table(modules)
  }

  private var sources: String? {
    var table = Table("SOURCE", "HEALTH", "LAST POLL", "ERRORS", "EVENTS")
    for module in status["modules"]?.array ?? [] {
      for source in module["health"]?.array ?? [] {
        let pause = source["paused"] == nil ? "" : ", paused"
        table.add(
          place(source["source_id"], in: module["name"]),
          (source["status"]?.string ?? "") + pause,
          TimeText.relative(source["last_poll_attempt"], nowMs: nowMs),
          String(source["consecutive_errors"]?.int64 ?? 0),
          String(source["total_events_emitted"]?.int64 ?? 0))
      }
    }
    return table.isEmpty ? nil : table.text
  }

  /// With the module in front where there are several.
  private func place(_ name: JSONValue?, in module: JSONValue?) -> String {
    let hasSeveral = status["modules"]?.array?.count ?? 0 > 1
    let prefix = hasSeveral ? module?.string.map { $0 + ":" } ?? "" : ""
    return prefix + (name?.string ?? "")
  }

  /// What the busiest actors or routes did within a day.
  private func activity(_ list: String) -> String? {
    let states = ["delivered", "dropped", "skipped", "dead"]
    let title = list.uppercased().dropLast() + " (24 H)"
    var table = Table(titles: [String(title)] + states.map { $0.uppercased() })
    let sign = status["counts_at_least"] == true ? "≥ " : ""
    for each in status[list]?.array ?? [] {
      let note = each["enabled"] == false ? " (disabled)" : ""
      table.add(
        [place(each["id"] ?? each["name"], in: each["module"]) + note]
          + states.map { state in
            sign + String(each["counts_24h"]?[state]?.int64 ?? 0)
          })
    }
    let more = status[list + "_more"]?.int64 ?? 0
    let tail = more > 0 ? "\nand \(more) less busy; orgloop inspect shows them" : ""
    return table.isEmpty ? nil : table.text + tail
  }

  private var queues: String? {
    var table = Table("QUEUE", "PENDING", "WAITING", "RUNNING", "PARKED", "OLDEST", "CIRCUIT")
    for queue in status["queues"]?.array ?? [] {
      let name = place(queue["actor"] ?? queue["route"], in: queue["module"])
      table.add(
        name, String(queue["pending"]?.int64 ?? 0), String(queue["waiting"]?.int64 ?? 0),
        String(queue["running"]?.int64 ?? 0), String(queue["parked"]?.int64 ?? 0),
        TimeText.uptime(ms: queue["oldest_pending_ms"]?.int64 ?? 0),
        queue["circuit"]?.string ?? "closed")
    }
    let dead = status["dead_letters"]?.int64 ?? 0
    let letters = dead > 0 ? "  ! \(dead) dead letters" : nil
    let parts = [table.isEmpty ? nil : table.text, letters].compactMap { $0 }
    return parts.isEmpty ? nil : parts.joined(separator: "\n")
  }

  private var events: String? {
    let items = status["recent_events"]?.array ?? []
    return items.isEmpty ? nil : EventTable.text(items, nowMs: nowMs)
  }

  private func string(_ key: String) -> String { status[key]?.string ?? "" }
}
