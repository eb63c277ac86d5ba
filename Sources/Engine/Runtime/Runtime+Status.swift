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
    let steadyMs = time.steadyMs
    let instances = modules.withLock { Array($0.values) }
    let stored = try await inspector.sources()
    let sources = stored.compactMap { status in
      instances.first { $0.definition.name == status.module }?.sources[status.id].map {
        source(status, $0)
      }
    }
    let modules = instances.sorted { $0.definition.name < $1.definition.name }.map { instance in
      module(instance, stored, steadyMs: steadyMs)
    }
    let isHealthy = stored.allSatisfy { $0.status == "healthy" }
    var recent = EventQuery()
    recent.limit = 5
    return [
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
      "generation": JSONValue(instances.map(\.keys.generation).max() ?? 0),
      "modules": .array(modules),
      "sources": .array(sources),
      "queues": .array(try await inspector.queues(nowMs: nowMs)),
      "dead_letters": JSONValue(try await inspector.deadLetterCount()),
      "recent_events": .array(try await inspector.events(recent).items),
    ]
  }

  private func module(
    _ instance: ModuleInstance, _ stored: [SourceStatus], steadyMs: Int64
  ) -> JSONValue {
    let definition = instance.definition
    var object: JSONObject = ["name": .string(definition.name)]
    object["alias"] = definition.alias.map(JSONValue.string)
    object["state"] = "active"
    object["sources"] = JSONValue(definition.sources.count)
    object["routes"] = JSONValue(definition.routes.count)
    object["actors"] = JSONValue(definition.actors.count)
    object["uptime_ms"] = JSONValue(max(steadyMs - instance.activeSinceMs, 0))
    object["path"] = .string(definition.path)
    object["generation"] = JSONValue(instance.keys.generation)
    object["health"] = .array(
      stored.filter { $0.module == definition.name && instance.sources[$0.id] != nil }
        .map(health))
    return .object(object)
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

  /// The health record of connectors.md 1.2.
  private func health(_ status: SourceStatus) -> JSONValue {
    [
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
  }
}

extension RuntimeRow {
  /// The port of the HTTP address; 0 when there is none.
  package var httpPort: Int {
    httpAddress.flatMap { $0.split(separator: ":").last.flatMap { Int($0) } } ?? 0
  }
}
