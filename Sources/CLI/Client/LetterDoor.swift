import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where orders on dead letters and replays go: to the runtime, or into the file of a database that
/// has none.
struct LetterDoor {
  private enum Way {
    case runtime(RuntimeClient)
    case file(StoppedDatabase)
  }

  private let way: Way

  var hasRuntime: Bool { if case .runtime = way { true } else { false } }

  /// - Throws: ``Failure`` when there is no database, or a runtime holds it that does not answer.
  static func with<Value: Sendable>(
    _ path: String, _ body: (LetterDoor) async throws -> Value
  ) async throws -> Value {
    try await RuntimeClient.withRuntime(of: path) { client in
      if let client { return try await body(LetterDoor(way: .runtime(client))) }
      try RuntimeClient.refuseForbiddenSocket(of: path)
      try Database(path: path).requireFile()
      let database: StoppedDatabase
      do {
        database = try StoppedDatabase(path: path)
      } catch {
        throw Failure(error)
      }
      defer { database.close() }
      return try await body(LetterDoor(way: .file(database)))
    }
  }

  /// One part of an order.
  func carryOut(_ order: LetterOrder) async throws -> JSONValue {
    switch way {
    case .file(let database):
      return try await database.carryOut(order, requester: LetterDoor.user).json
    case .runtime(let client):
      var body: JSONObject = ["limit": JSONValue(order.limit)]
      switch order.selection {
      case .ids(let ids): body["ids"] = .array(ids.map(JSONValue.string))
      case .all(let query): body["filter"] = .object(query.json)
      }
      if order.retransform { body["retransform"] = true }
      body["after"] = order.after.map(JSONValue.string)
      return try await client.change("dlq/" + order.action.rawValue, body)
    }
  }

  /// What a replay would do.
  func dryRun(_ order: ReplayOrder) async throws -> JSONValue {
    switch way {
    case .file(let database): return try await database.dryRun(order).json
    case .runtime(let client):
      var body = order.json
      body["dry_run"] = true
      return try await client.change("replay", body)
    }
  }

  /// - Throws: ``Failure`` or ``EngineError`` for a module that is not there.
  func checkModule(of order: ReplayOrder) async throws {
    guard case .filter(let query) = order.selection, let module = query.module else { return }
    switch way {
    case .file(let database): try await database.checkModule(module)
    case .runtime(let client):
      _ = try await client.get("/control/module/status/" + URLText.encode(module))
    }
  }

  /// One step of a replay.
  ///
  /// - Parameter order: Nil goes on with one that has begun.
  func replay(_ order: ReplayOrder?, id: String, limit: Int) async throws -> JSONValue {
    switch way {
    case .file(let database):
      return try await database.replay(
        order, id: id, limit: limit, requester: LetterDoor.user
      ).json
    case .runtime(let client):
      var body = order?.json ?? [:]
      body["replay_id"] = .string(id)
      body["limit"] = JSONValue(limit)
      return try await client.change("replay", body)
    }
  }

  /// Who runs this command, as the runtime names who asks it.
  static var user: String {
    let id = geteuid()
    // Only this thread of a command asks.
    guard let entry = getpwuid(id), let name = entry.pointee.pw_name else { return "uid \(id)" }
    return String(cString: name)
  }
}

/// Keeps a rate and tells how far the work has come.
struct LetterProgress {
  private let output: Output
  private let start = ContinuousClock.now
  private var pace: PartPace
  private var told: ContinuousClock.Instant

  init(perSecond: Double?, output: Output) {
    self.output = output
    pace = PartPace(perSecond: perSecond)
    told = start
  }

  /// How many the next part may have.
  var size: Int { pace.size }

  /// Takes note of a part; before another one, waits until the rate allows it.
  ///
  /// - Parameter text: How far it is; told once a second at most.
  mutating func note(_ count: Int, isLast: Bool, _ text: @autoclosure () -> String) async throws {
    let readyMs = pace.note(count)
    guard !isLast else { return }
    let now = ContinuousClock.now
    if now - told >= .seconds(1) {
      told = now
      output.notice(text())
    }
    try await ContinuousClock().sleep(until: start + .milliseconds(readyMs))
  }
}
