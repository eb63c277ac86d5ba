import Store

/// What the database knows of one object of a module (cli-http.md 2.1, `inspect`).
extension Inspector {
  package enum ObjectKind: String, Sendable, CaseIterable { case source, actor, route }

  /// Health, queue, counters and the last event of an object; null for one that the database has
  /// never seen.
  ///
  /// - Parameters:
  ///   - name: Its id or name.
  ///   - module: By name or alias.
  package func standing(
    of kind: ObjectKind, _ name: String, module: String, nowMs: Int64
  ) async throws -> JSONValue {
    let modules = try await reader.modules()
    let found = modules.first { $0.name == module } ?? modules.first { $0.alias == module }
    guard let module = found?.name else { return .null }
    var object: JSONObject =
      switch kind {
      case .source: try await source(name, module)
      case .actor: try await queue(ofActor: name, module, nowMs)
      case .route: try await queue(ofRoute: name, module, nowMs)
      }
    let counted: TallyObject =
      switch kind {
      case .source: .source(name, module: module)
      case .actor: .actor(name, module: module)
      case .route: .route(name, module: module)
      }
    guard let tally = try await reader.tally(of: counted, nowMs: nowMs) else { return .null }
    object["counts"] = tally.json
    object["last_event"] =
      tally.newest.map {
        ["id": .string($0.id), "timestamp": .string(ISOTime.text(ms: $0.acceptedAtMs))]
      } ?? .null
    object["paused"] = try await pause(kind, name, module)
    return .object(object)
  }

  private func source(_ id: String, _ module: String) async throws -> JSONObject {
    let status = try await reader.sources().first { $0.module == module && $0.id == id }
    guard let status else { return [:] }
    return [
      "status": .string(status.status), "checkpoint": JSONValue(status.checkpoint),
      "last_success": JSONValue(status.lastSuccess),
      "last_attempt": JSONValue(status.lastAttempt), "last_error": JSONValue(status.lastError),
      "consecutive_errors": JSONValue(status.consecutiveErrors),
      "circuit_open": .bool(status.circuitOpen), "event_count": JSONValue(status.eventCount),
      "last_event_at": JSONValue(status.lastEvent),
    ]
  }

  /// What waits for an actor, in its own queue.
  private func queue(
    ofActor id: String, _ module: String, _ nowMs: Int64
  ) async throws -> JSONObject {
    let queue = try await reader.queues().first {
      $0.module == module && $0.kind == "actor" && $0.name == id
    }
    let breaker = try await reader.breaker("actor", id, module: module)
    var object = Inspector.queue(
      queue?.pending, queue?.waiting, queue?.parked, queue?.running, breaker, nowMs)
    object["oldest_pending_ms"] =
      queue?.oldestMs.map { JSONValue(max(nowMs - $0, 0)) } ?? .null
    return ["queue": .object(object)]
  }

  /// What waits of a route, whichever queue it is in.
  private func queue(
    ofRoute name: String, _ module: String, _ nowMs: Int64
  ) async throws -> JSONObject {
    let own = try await reader.routeQueues(module: module).first { $0.route == name }
    let breaker = try await reader.breaker("route", name, module: module)
    return [
      "queue": .object(
        Inspector.queue(own?.pending, own?.waiting, own?.parked, own?.running, breaker, nowMs))
    ]
  }

  private static func queue(
    _ pending: Int?, _ waiting: Int?, _ parked: Int?, _ running: Int?, _ openUntilMs: Int64?,
    _ nowMs: Int64
  ) -> JSONObject {
    var object: JSONObject = [
      "pending": JSONValue(pending ?? 0), "waiting": JSONValue(waiting ?? 0),
      "parked": JSONValue(parked ?? 0), "running": JSONValue(running ?? 0),
      "circuit": .string(openUntilMs.map { $0 > nowMs ? "open" : "half_open" } ?? "closed"),
    ]
    object["circuit_open_until"] = openUntilMs.map { .string(ISOTime.text(ms: $0)) }
    return object
  }

  private func pause(
    _ kind: ObjectKind, _ name: String, _ module: String
  ) async throws -> JSONValue? {
    let pauses = try await reader.pauses()
    let own = pauses.first {
      $0.module == module && ($0.kind == "module" || ($0.kind == kind.rawValue && $0.name == name))
    }
    return own.map { pause in
      [
        "target": .string("\(pause.kind)/\(pause.name)"),
        "since": .string(ISOTime.text(ms: pause.sinceMs)), "by": .string(pause.by),
        "reason": JSONValue(pause.reason),
      ]
    }
  }
}

extension Tally {
  fileprivate var json: JSONValue {
    func counts(_ counts: [String: Int]) -> JSONValue {
      .object(
        JSONObject(
          counts.sorted { $0.key < $1.key }
            .map { JSONObject.Member(key: $0.key, value: JSONValue($0.value)) }))
    }
    return ["24h": counts(day), "7d": counts(week), "at_least": .bool(isMinimum)]
  }
}
