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
  package var routes: [(name: String, actor: String)]
  package var lanes: [LaneName]
  package var conditions: [ConditionText]

  /// A queue: of an actor, or of a route with a queue of its own.
  package struct LaneName: Sendable, Hashable {
    /// `actor` or `route`.
    package var kind: String
    package var name: String

    package init(kind: String, name: String) {
      self.kind = kind
      self.name = name
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
    routes: [(name: String, actor: String)], lanes: [LaneName], conditions: [ConditionText]
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
    self.lanes = lanes
    self.conditions = conditions
  }
}

/// The numbers of a module's names, and what its sources are to go on with.
package struct ModuleKeys: Sendable {
  package var module: Int64
  package var generation: Int64
  package var sources: [String: SourceRow] = [:]
  package var routes: [String: Int64] = [:]
  package var lanes: [ModuleRecord.LaneName: Int64] = [:]
  package var conditions: [ModuleRecord.ConditionText: Int64] = [:]

  package init(module: Int64, generation: Int64) {
    self.module = module
    self.generation = generation
  }
}

/// What a source was left with.
package struct SourceRow: Sendable {
  package var key: Int64
  /// Nil for a source that never stored one, and for one whose connector is another now.
  package var checkpoint: String?
  /// As ``SourceProgress/health`` left it.
  package var health: String?
}

extension EventStore {
  /// Stores a module's names and configuration, and gives back their numbers.
  ///
  /// Numbers of names stay the same for ever: the history of `engineering/github` is one history.
  /// A new generation is made only when the content differs from the module's current one.
  package func register(_ record: ModuleRecord) async throws(StoreError) -> ModuleKeys {
    try await write { connection throws(StoreError) in try connection.register(record) }
  }

  /// Sets the actual state of a module (config.md 10.5).
  package func setModuleState(
    _ module: Int64, state: String, desired: String, nowMs: Int64
  ) async throws(StoreError) {
    try await write { connection throws(StoreError) in
      let update = try connection.connection.prepare(
        "UPDATE modules SET state = ?2, desired = ?3, changed_at_ms = ?4 WHERE key = ?1")
      update.bind(1, module)
      update.bind(2, state)
      update.bind(3, desired)
      update.bind(4, nowMs)
      try update.run(doing: "set the state of a module")
    }
  }

  /// Stores checkpoint and health of a source that had no events to accept.
  package func save(_ progress: SourceProgress) async throws(StoreError) {
    try await write { connection throws(StoreError) in try connection.save(progress) }
  }
}

extension WriterConnection {
  fileprivate func register(_ record: ModuleRecord) throws(StoreError) -> ModuleKeys {
    let module = try moduleKey(record)
    var keys = ModuleKeys(module: module, generation: try generation(record, module: module))
    for (id, connector) in record.sources {
      keys.sources[id] = try source(module: module, id: id, connector: connector)
    }
    for (name, actor) in record.routes {
      keys.routes[name] = try key(
        """
        INSERT INTO routes (module, name, actor) VALUES (?1, ?2, ?3)
        ON CONFLICT (module, name) DO UPDATE SET actor = excluded.actor
        RETURNING key
        """, module, name, actor)
    }
    for lane in record.lanes {
      keys.lanes[lane] = try key(
        """
        INSERT INTO lanes (module, kind, name) VALUES (?1, ?2, ?3)
        ON CONFLICT (module, kind, name) DO UPDATE SET name = excluded.name
        RETURNING key
        """, module, lane.kind, lane.name)
    }
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

  private func moduleKey(_ record: ModuleRecord) throws(StoreError) -> Int64 {
    let upsert = try connection.prepare(
      """
      INSERT INTO modules (name, alias, path, state, loaded_by, changed_at_ms)
      VALUES (?1, ?2, ?3, 'loading', ?4, ?5)
      ON CONFLICT (name) DO UPDATE SET
        alias = excluded.alias, path = excluded.path, state = 'loading', desired = 'active',
        loaded_by = excluded.loaded_by, changed_at_ms = excluded.changed_at_ms
      RETURNING key
      """)
    upsert.bind(1, record.name)
    upsert.bind(2, record.alias)
    upsert.bind(3, record.path)
    upsert.bind(4, record.loadedBy)
    upsert.bind(5, record.nowMs)
    return try onlyKey(upsert)
  }

  private func generation(_ record: ModuleRecord, module: Int64) throws(StoreError) -> Int64 {
    let current = try connection.prepare(
      """
      SELECT g.generation FROM modules AS m JOIN generations AS g ON g.generation = m.generation
      WHERE m.key = ?1 AND g.content_hash = ?2
      """)
    current.bind(1, module)
    current.bind(2, record.contentHash)
    if try current.step(doing: "find the generation") { return current.int64(0) }
    let document = try connection.prepare(
      "INSERT OR IGNORE INTO documents (hash, content) VALUES (?1, ?2)")
    document.bind(1, record.contentHash)
    document.bind(2, text: record.documents)
    try document.run(doing: "store the configuration")
    let insert = try connection.prepare(
      """
      INSERT INTO generations (module, content_hash, applied_at_ms, applied_by)
      VALUES (?1, ?2, ?3, ?4)
      RETURNING generation
      """)
    insert.bind(1, module)
    insert.bind(2, record.contentHash)
    insert.bind(3, record.nowMs)
    insert.bind(4, record.loadedBy)
    let generation = try onlyKey(insert)
    let update = try connection.prepare("UPDATE modules SET generation = ?2 WHERE key = ?1")
    update.bind(1, module)
    update.bind(2, generation)
    try update.run(doing: "set the generation of a module")
    return generation
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

  private func onlyKey(_ statement: borrowing Statement) throws(StoreError) -> Int64 {
    guard try statement.step(doing: "register a name") else {
      throw StoreError(.corrupt, "a name could not be registered")
    }
    let key = statement.int64(0)
    while try statement.step(doing: "register a name") {}
    return key
  }
}
