/// A module as the registry needs it: names only.
package struct ModuleRecord: Sendable {
  package var name: String
  package var alias: String?
  package var path: String
  package var contentHash: String
  /// The configuration as it was read, stored once for each hash.
  package var documents: [UInt8]
  package var loadedBy: String
  package var nowMs: Int64
  package var sources: [(id: String, connector: String)]
  /// The routes that can match; all others of the module are marked as removed.
  package var routes: [Route]
  package var actors: [Actor]
  package var conditions: [ConditionText]
  /// Milliseconds that settled events are kept.
  package var eventRetentionMs = RetentionTimes.eventsMs
  /// Milliseconds that dead letters are kept.
  package var deadLetterRetentionMs = RetentionTimes.deadLettersMs
  /// How the documents were read, as JSON; nil when they cannot be read again.
  package var reading: [UInt8]?
  /// Scripts and prompts, by SHA-256 in hexadecimal; nil for content that is too large to keep.
  package var captured: [String: [UInt8]?] = [:]
  /// What made it: `start`, `apply`, ….
  package var action: String?
  /// The first generation of the same order; nil when this is the first.
  package var change: Int64?

  package struct Route: Sendable {
    package var name: String
    package var actor: String
    package var lane: LaneName
    /// Of its actor: the same, unless the route has a queue of its own.
    package var actorLane: LaneName

    package init(name: String, actor: String, lane: LaneName, actorLane: LaneName) {
      self.name = name
      self.actor = actor
      self.lane = lane
      self.actorLane = actorLane
    }
  }

  package struct Actor: Sendable {
    package var id: String
    package var isEnabled: Bool

    package init(id: String, isEnabled: Bool) {
      self.id = id
      self.isEnabled = isEnabled
    }
  }

  /// A queue: of an actor, or of a route with a queue of its own.
  package struct LaneName: Sendable, Hashable {
    /// `actor` or `route`.
    package var kind: String
    package var name: String
    /// Nil for the module that is registered.
    package var module: String?

    package init(kind: String, name: String, module: String? = nil) {
      self.kind = kind
      self.name = name
      self.module = module
    }
  }

  /// The text of one condition of a route, as decision records show it.
  package struct ConditionText: Sendable, Hashable {
    package var route: String
    package var path: String
    package var expected: String

    package init(route: String, path: String, expected: String) {
      self.route = route
      self.path = path
      self.expected = expected
    }
  }

  package init(
    name: String, alias: String?, path: String, contentHash: String, documents: [UInt8],
    loadedBy: String, nowMs: Int64, sources: [(id: String, connector: String)],
    routes: [Route], actors: [Actor], conditions: [ConditionText]
  ) {
    self.name = name
    self.alias = alias
    self.path = path
    self.contentHash = contentHash
    self.documents = documents
    self.loadedBy = loadedBy
    self.nowMs = nowMs
    self.sources = sources
    self.routes = routes
    self.actors = actors
    self.conditions = conditions
  }
}

extension EventStore {
  /// Stores a module's names and configuration, and gives back their numbers.
  ///
  /// Numbers of names stay the same for ever: the history of `engineering/github` is one history.
  /// A new generation is made only when the content differs from the module's current one.
  package func register(_ record: ModuleRecord) async throws(StoreError) -> ModuleKeys {
    try await write { connection throws(StoreError) in try connection.register(record) }
  }

  /// Stores checkpoint and health of a source that had no events to accept.
  package func save(_ progress: SourceProgress) async throws(StoreError) {
    try await write(keepsFill: true) { connection throws(StoreError) in
      try connection.save(progress)
    }
  }
}

extension WriterConnection {
  fileprivate func register(_ record: ModuleRecord) throws(StoreError) -> ModuleKeys {
    let module = try moduleKey(record)
    let generation = try generation(record, module: module)
    var keys = ModuleKeys(module: module, generation: generation.number)
    keys.isNewGeneration = generation.isNew
    for (id, connector) in record.sources {
      keys.sources[id] = try source(module: module, id: id, connector: connector)
    }
    for actor in record.actors {
      let lane = ModuleRecord.LaneName(kind: "actor", name: actor.id)
      keys.lanes[lane] = try self.lane(lane, of: module)
      try setDisabled(keys.lanes[lane], actor, nowMs: record.nowMs)
    }
    try disableActors(otherThan: record, of: module)
    for route in record.routes { try register(route, &keys) }
    try readLimits(&keys)
    try markRemoved(otherThan: Array(keys.routes.values), of: module, nowMs: record.nowMs)
    for condition in record.conditions {
      guard let route = keys.routes[condition.route] else { continue }
      keys.conditions[condition] = try key(
        """
        INSERT INTO conditions (route, path, expected) VALUES (?1, ?2, ?3)
        ON CONFLICT (route, path, expected) DO UPDATE SET path = excluded.path
        RETURNING key
        """, route, condition.path, condition.expected)
    }
    return keys
  }

  private func lane(
    _ name: ModuleRecord.LaneName, of module: Int64
  ) throws(StoreError) -> Int64 {
    try key(
      """
      INSERT INTO lanes (module, kind, name) VALUES (?1, ?2, ?3)
      ON CONFLICT (module, kind, name) DO UPDATE SET name = excluded.name
      RETURNING key
      """, try name.module.map(placeholder) ?? module, name.kind, name.name)
  }

  /// The number of a module that may never have been loaded, and need not be.
  private func placeholder(_ name: String) throws(StoreError) -> Int64 {
    let insert = try connection.prepare(
      """
      INSERT INTO modules (name, desired, state, from_boot, changed_at_ms)
      VALUES (?1, 'removed', 'removed', 0, 0)
      ON CONFLICT (name) DO UPDATE SET name = excluded.name
      RETURNING key
      """)
    insert.bind(1, name)
    return try onlyKey(insert)
  }

  private func setDisabled(
    _ lane: Int64?, _ actor: ModuleRecord.Actor, nowMs: Int64
  ) throws(StoreError) {
    let update = try connection.prepare(
      """
      UPDATE lanes SET disabled_since_ms = CASE WHEN ?2 THEN NULL ELSE coalesce(disabled_since_ms, ?3) END
      WHERE key = ?1
      """)
    update.bind(1, lane)
    update.bind(2, Int64(actor.isEnabled ? 1 : 0))
    update.bind(3, nowMs)
    try update.run(doing: "register an actor")
  }

  /// Routes of other modules may still go to an actor that the configuration no longer has.
  private func disableActors(
    otherThan record: ModuleRecord, of module: Int64
  ) throws(StoreError) {
    let update = try connection.prepare(
      """
      UPDATE lanes SET disabled_since_ms = ?3
      WHERE module = ?1 AND kind = 'actor' AND disabled_since_ms IS NULL
        AND name NOT IN (SELECT value FROM json_each(?2))
      """)
    update.bind(1, module)
    update.bind(2, textList(record.actors.map(\.id)))
    update.bind(3, record.nowMs)
    try update.run(doing: "disable removed actors")
  }

  private func register(
    _ route: ModuleRecord.Route, _ keys: inout ModuleKeys
  ) throws(StoreError) {
    for name in [route.lane, route.actorLane] where keys.lanes[name] == nil {
      keys.lanes[name] = try lane(name, of: keys.module)
    }
    let upsert = try connection.prepare(
      """
      INSERT INTO routes (module, name, actor, lane, actor_lane) VALUES (?1, ?2, ?3, ?4, ?5)
      ON CONFLICT (module, name) DO UPDATE SET
        actor = excluded.actor, lane = coalesce(lane, excluded.lane),
        actor_lane = excluded.actor_lane, removed_at_ms = NULL
      RETURNING key, lane
      """)
    upsert.bind(1, keys.module)
    upsert.bind(2, route.name)
    upsert.bind(3, route.actor)
    upsert.bind(4, keys.lanes[route.lane])
    upsert.bind(5, keys.lanes[route.actorLane])
    guard try upsert.step(doing: "register a route") else {
      throw StoreError(.corrupt, "a route could not be registered")
    }
    let (key, stored) = (upsert.int64(0), upsert.int64(1))
    while try upsert.step(doing: "register a route") {}
    keys.routes[route.name] = key
    if let lane = keys.lanes[route.lane] { settle(route: key, in: lane) }
    if let lane = keys.lanes[route.lane], lane != stored {
      keys.moves.append(.init(route: key, from: stored, to: lane))
    }
  }

  private func readLimits(_ keys: inout ModuleKeys) throws(StoreError) {
    let query = try connection.prepare(
      """
      SELECT 0, key, consecutive_failures, circuit_open_until_ms FROM routes
      WHERE key IN (SELECT value FROM json_each(?1))
        AND (consecutive_failures > 0 OR circuit_open_until_ms IS NOT NULL)
      UNION ALL
      SELECT 1, key, consecutive_failures, circuit_open_until_ms FROM lanes
      WHERE key IN (SELECT value FROM json_each(?2))
        AND (consecutive_failures > 0 OR circuit_open_until_ms IS NOT NULL)
      """)
    query.bind(1, numberList(Array(keys.routes.values)))
    query.bind(2, numberList(Array(keys.lanes.values)))
    while try query.step(doing: "read circuit breakers") {
      let key = query.int64(1)
      let scope: BreakerRow.Scope = query.int64(0) == 0 ? .route(key) : .lane(key)
      keys.breakers[scope] = BreakerRow(
        scope, failures: query.int(2), openUntilMs: query.optionalInt64(3))
    }
    let paces = try connection.prepare(
      """
      SELECT key, rate_state, gone_since_ms FROM lanes
      WHERE key IN (SELECT value FROM json_each(?1))
        AND (rate_state IS NOT NULL OR gone_since_ms IS NOT NULL)
      """)
    paces.bind(1, numberList(Array(keys.lanes.values)))
    while try paces.step(doing: "read the pace of lanes") {
      keys.paces[paces.int64(0)] = paces.optionalText(1).flatMap(Double.init)
      if paces.optionalInt64(2) != nil { keys.gone.insert(paces.int64(0)) }
    }
  }

  private func markRemoved(
    otherThan routes: [Int64], of module: Int64, nowMs: Int64
  ) throws(StoreError) {
    let update = try connection.prepare(
      """
      UPDATE routes SET removed_at_ms = ?3
      WHERE module = ?1 AND removed_at_ms IS NULL
        AND key NOT IN (SELECT value FROM json_each(?2))
      """)
    update.bind(1, module)
    update.bind(2, numberList(routes))
    update.bind(3, nowMs)
    try update.run(doing: "mark removed routes")
  }

  private func moduleKey(_ record: ModuleRecord) throws(StoreError) -> Int64 {
    let upsert = try connection.prepare(
      """
      INSERT INTO modules (
        name, alias, path, state, loaded_by, changed_at_ms, event_retention_ms,
        dead_letter_retention_ms
      )
      VALUES (?1, ?2, ?3, 'loading', ?4, ?5, ?6, ?7)
      ON CONFLICT (name) DO UPDATE SET
        alias = excluded.alias, path = excluded.path, loaded_by = excluded.loaded_by,
        changed_at_ms = excluded.changed_at_ms,
        event_retention_ms = excluded.event_retention_ms,
        dead_letter_retention_ms = excluded.dead_letter_retention_ms
      RETURNING key
      """)
    upsert.bind(1, record.name)
    upsert.bind(2, record.alias)
    upsert.bind(3, record.path)
    upsert.bind(4, record.loadedBy)
    upsert.bind(5, record.nowMs)
    upsert.bind(6, record.eventRetentionMs)
    upsert.bind(7, record.deadLetterRetentionMs)
    return try onlyKey(upsert)
  }

  private func source(
    module: Int64, id: String, connector name: String
  ) throws(StoreError) -> SourceRow {
    // A source with another connector cannot read the old one's checkpoint (config.md 10.6).
    let upsert = try connection.prepare(
      """
      INSERT INTO sources (module, id, connector) VALUES (?1, ?2, ?3)
      ON CONFLICT (module, id) DO UPDATE SET
        checkpoint = CASE WHEN connector = excluded.connector THEN checkpoint END,
        health = CASE WHEN connector = excluded.connector THEN health END,
        connector = excluded.connector
      RETURNING key, checkpoint, health
      """)
    upsert.bind(1, module)
    upsert.bind(2, id)
    upsert.bind(3, name)
    guard try upsert.step(doing: "register a source") else {
      throw StoreError(.corrupt, "a source could not be registered")
    }
    let row = SourceRow(
      key: upsert.int64(0), checkpoint: upsert.optionalText(1), health: upsert.optionalText(2))
    while try upsert.step(doing: "register a source") {}
    return row
  }

  private func key(
    _ sql: String, _ owner: Int64, _ first: String, _ second: String
  ) throws(StoreError) -> Int64 {
    let statement = try connection.prepare(sql)
    statement.bind(1, owner)
    statement.bind(2, first)
    statement.bind(3, second)
    return try onlyKey(statement)
  }

  func onlyKey(_ statement: borrowing Statement) throws(StoreError) -> Int64 {
    guard try statement.step(doing: "register a name") else {
      throw StoreError(.corrupt, "a name could not be registered")
    }
    let key = statement.int64(0)
    while try statement.step(doing: "register a name") {}
    return key
  }
}
