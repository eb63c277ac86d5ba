package import Store
import Synchronization

extension Runtime {
  /// Reads from this runtime's file.
  package var inspector: Inspector { Inspector(store.inspection) }

  /// The body of `GET /api/status` (cli-http.md 3.3), and what `orgloop status` shows.
  ///
  /// - Parameter row: The runtime row as it was written; its addresses and pid are shown.
  package func status(_ row: RuntimeRow) async throws -> JSONValue {
    let nowMs = time.wallMs
    let loaded = table.withLock(\.modules)
    let stored = try await inspector.sources().filter {
      loaded[$0.module]?.sources[$0.id] != nil
    }
    let sources = stored.compactMap { status in
      loaded[status.module]?.sources[status.id].map { source(status, $0.runner) }
    }
    let isHealthy = stored.allSatisfy { $0.status == "healthy" }
    var recent = EventQuery()
    recent.limit = 5
    let activity = DayActivity(
      loadedDefinitions, try await store.inspection.dayCounts(nowMs: nowMs))
    var status: JSONObject = [
      "health": .string(isHealthy ? "ok" : "degraded"),
      "running": true,
      "pid": JSONValue(row.pid),
      "version": .string(row.version),
      "uptime_ms": JSONValue(max(time.monotonicMs - startedAtMonotonicMs, 0)),
      "http_port": JSONValue(row.httpPort),
      "httpPort": JSONValue(row.httpPort),
      "socket": JSONValue(row.socketPath),
      "db": .string(store.path),
      "workspace": .string(row.workspace),
      "generation": JSONValue(loaded.values.map(\.keys.generation).max() ?? 0),
      "modules": .array(try await moduleList(includesUnloaded: false)),
      "sources": .array(sources),
      "queues": .array(try await inspector.queues(nowMs: nowMs)),
      "dead_letters": JSONValue(try await inspector.deadLetterCount()),
      "database": try await inspector.size(),
      "recent_events": .array(try await inspector.events(recent).items),
    ]
    for member in activity.json.members { status[member.key] = member.value }
    return .object(status)
  }

  private func source(_ status: SourceStatus, _ runner: SourceRunner) -> JSONValue {
    let next = runner.state.withLock(\.nextPollAtMs)
    return [
      "id": .string(status.id),
      "module": .string(status.module),
      "connector": .string(status.connector),
      "status": .string(status.status),
      "event_count": JSONValue(status.eventCount),
      "last_event": JSONValue(status.lastEvent),
      "last_poll": JSONValue(status.lastAttempt),
      "next_poll_at": next.map { .string(ISOTime.text(ms: $0)) } ?? .null,
    ]
  }

  /// When a source is polled next, or fires; nil where that is not known, or it is neither.
  package func nextPollMs(ofSource id: String, module name: String) -> Int64? {
    let runner = table.withLock { $0[name]?.sources[id]?.runner }
    return runner.flatMap { $0.state.withLock(\.nextPollAtMs) }
  }

  /// The health record of connectors.md 1.2.
  func health(_ status: SourceStatus) -> JSONValue {
    var object: JSONObject = [
      "source_id": .string(status.id),
      "module": .string(status.module),
      "status": .string(status.status),
      "last_successful_poll": JSONValue(status.lastSuccess),
      "last_poll_attempt": JSONValue(status.lastAttempt),
      "consecutive_errors": JSONValue(status.consecutiveErrors),
      "last_error": JSONValue(status.lastError),
      "total_events_emitted": JSONValue(status.eventCount),
      "circuit_open": JSONValue(status.circuitOpen),
    ]
    object["paused"] = table.withLock { $0.pause(ofSource: status.id, in: status.module) }?.json
    return .object(object)
  }
}

extension RuntimeRow {
  /// The port of the HTTP address; 0 when there is none.
  package var httpPort: Int {
    httpAddress.flatMap { $0.split(separator: ":").last.flatMap { Int($0) } } ?? 0
  }
}
