/// What the registry asks of the file: names as locks, wanted and actual state (config.md 10.4).

/// Someone's wish to hold the name of a module.
package struct ModuleClaimRow: Sendable {
  package var name: String
  package var alias: String?
  package var path: String
  package var loadedBy: String
  package var isFromBoot: Bool
  /// A JSON object; nil without parameters.
  package var parameters: String?
  /// The manifest that named it, where that is not the boot project's.
  package var project: String?
  package var nowMs: Int64

  package init(
    name: String, alias: String?, path: String, loadedBy: String, isFromBoot: Bool,
    parameters: String?, project: String?, nowMs: Int64
  ) {
    self.name = name
    self.alias = alias
    self.path = path
    self.loadedBy = loadedBy
    self.isFromBoot = isFromBoot
    self.parameters = parameters
    self.project = project
    self.nowMs = nowMs
  }
}

/// What became of a claim.
package enum ModuleClaimAnswer: Sendable, Hashable {
  case held
  /// The name, or the alias, is held already.
  case taken(name: String, path: String)
}

/// A module of the registry with everything that is known of it.
package struct ModuleRow: Sendable, Hashable {
  package let key: Int64
  package let name: String
  package let alias: String?
  package let path: String?
  /// `active` or `removed`: what should be.
  package let desired: String
  /// `loading`, `active`, `unloading` or `removed`: what is.
  package let state: String
  package let generation: Int64?
  package let loadedBy: String?
  package let isFromBoot: Bool
  package let parameters: String?
  package let project: String?
  package let changedAtMs: Int64
}

extension EventStore {
  /// Takes a name and its alias, if neither is held: in one transaction, so that of two claims at
  /// once one wins.
  ///
  /// A module of the boot project is wanted from now on, one loaded by hand only when it is active:
  /// a load that a crash cut off is then not made again behind the operator's back.
  package func claim(_ claim: ModuleClaimRow) async throws(StoreError) -> ModuleClaimAnswer {
    try await write { connection throws(StoreError) in try connection.claim(claim) }
  }

  /// Gives a module that holds its name another alias, if nobody holds that.
  ///
  /// - Parameter alias: Nil lets go of the one it has.
  package func claimAlias(
    _ alias: String?, of name: String
  ) async throws(StoreError) -> ModuleClaimAnswer {
    try await write { connection throws(StoreError) in
      try connection.claimAlias(alias, of: name)
    }
  }

  /// Sets where a module is in its life, and whether it should run.
  package func set(_ change: ModuleStateChange) async throws(StoreError) {
    try await write { connection throws(StoreError) in try connection.set(change) }
  }

  /// Lets go of every name that the last runtime held: it is gone, whatever it was doing.
  package func releaseModules(nowMs: Int64) async throws(StoreError) {
    try await write { connection throws(StoreError) in
      let update = try connection.connection.prepare(
        "UPDATE modules SET state = 'removed', changed_at_ms = ?1 WHERE state <> 'removed'")
      update.bind(1, nowMs)
      try update.run(doing: "release the modules")
    }
  }

  /// Modules that the boot project had and has no more are not its modules any longer.
  package func keepBootModules(_ names: [String]) async throws(StoreError) {
    try await write { connection throws(StoreError) in
      let update = try connection.connection.prepare(
        """
        UPDATE modules SET desired = 'removed', from_boot = 0
        WHERE from_boot = 1 AND name NOT IN (SELECT value FROM json_each(?1))
        """)
      update.bind(1, textList(names))
      try update.run(doing: "forget modules of the boot project")
    }
  }

  /// The next start begins with the boot project alone (config.md 10.1).
  package func forgetOperatorChanges() async throws(StoreError) {
    try await write { connection throws(StoreError) in
      try connection.connection.execute(
        "UPDATE modules SET desired = CASE from_boot WHEN 1 THEN 'active' ELSE 'removed' END",
        doing: "forget modules loaded by hand")
    }
  }
}

extension StoreReader {
  /// The registry, removed modules included; by name.
  package func moduleRows() async throws(StoreError) -> [ModuleRow] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT key, name, alias, path, desired, state, generation, loaded_by, from_boot, params,
          project, changed_at_ms
        FROM modules ORDER BY name
        """)
      var rows: [ModuleRow] = []
      while try query.step(doing: "read the registry") {
        rows.append(
          ModuleRow(
            key: query.int64(0), name: query.text(1), alias: query.optionalText(2),
            path: query.optionalText(3), desired: query.text(4), state: query.text(5),
            generation: query.optionalInt64(6), loadedBy: query.optionalText(7),
            isFromBoot: query.int64(8) != 0, parameters: query.optionalText(9),
            project: query.optionalText(10), changedAtMs: query.int64(11)))
      }
      return rows
    }
  }
}

/// A step in the life of a module (config.md 10.5).
package struct ModuleStateChange: Sendable, Hashable {
  package var name: String
  /// `loading`, `active`, `unloading` or `removed`.
  package var state: String
  /// `active` or `removed`; nil leaves it.
  package var desired: String?
  /// The boot project does not name it any more.
  package var leavesBoot: Bool
  /// Whose order the module follows now; nil leaves it.
  package var provenance: Provenance?
  package var nowMs: Int64

  package struct Provenance: Sendable, Hashable {
    package var loadedBy: String
    package var isFromBoot: Bool
    /// A JSON object; nil without parameters.
    package var parameters: String?
    package var project: String?

    package init(loadedBy: String, isFromBoot: Bool, parameters: String?, project: String?) {
      self.loadedBy = loadedBy
      self.isFromBoot = isFromBoot
      self.parameters = parameters
      self.project = project
    }
  }

  package init(
    name: String, state: String, desired: String?, leavesBoot: Bool = false, nowMs: Int64
  ) {
    self.name = name
    self.state = state
    self.desired = desired
    self.leavesBoot = leavesBoot
    self.nowMs = nowMs
  }
}

extension WriterConnection {
  func set(_ change: ModuleStateChange) throws(StoreError) {
    let update = try connection.prepare(
      """
      UPDATE modules SET
        state = ?2, desired = coalesce(?3, desired), changed_at_ms = ?4,
        from_boot = CASE ?5 WHEN 1 THEN 0 ELSE from_boot END
      WHERE name = ?1
      """)
    update.bind(1, change.name)
    update.bind(2, change.state)
    update.bind(3, change.desired)
    update.bind(4, change.nowMs)
    update.bind(5, Int64(change.leavesBoot ? 1 : 0))
    try update.run(doing: "set the state of a module")
    guard let provenance = change.provenance else { return }
    let amend = try connection.prepare(
      """
      UPDATE modules SET loaded_by = ?2, params = ?3, project = ?4, from_boot = ?5 WHERE name = ?1
      """)
    amend.bind(1, change.name)
    amend.bind(2, provenance.loadedBy)
    amend.bind(3, provenance.parameters)
    amend.bind(4, provenance.project)
    amend.bind(5, Int64(provenance.isFromBoot ? 1 : 0))
    try amend.run(doing: "set where a module comes from")
  }

  fileprivate func claim(_ claim: ModuleClaimRow) throws(StoreError) -> ModuleClaimAnswer {
    if let taken = try holder(of: claim.name, or: claim.alias, otherThan: nil) { return taken }
    let upsert = try connection.prepare(
      """
      INSERT INTO modules (
        name, alias, path, desired, state, loaded_by, from_boot, params, changed_at_ms, project
      )
      VALUES (
        ?1, ?2, ?3, CASE ?5 WHEN 1 THEN 'active' ELSE 'removed' END, 'loading', ?4, ?5, ?6, ?7,
        ?8
      )
      ON CONFLICT (name) DO UPDATE SET
        alias = excluded.alias, path = excluded.path, state = 'loading',
        desired = CASE excluded.from_boot WHEN 1 THEN 'active' ELSE desired END,
        loaded_by = excluded.loaded_by, from_boot = excluded.from_boot, params = excluded.params,
        changed_at_ms = excluded.changed_at_ms, project = excluded.project
      """)
    upsert.bind(1, claim.name)
    upsert.bind(2, claim.alias)
    upsert.bind(3, claim.path)
    upsert.bind(4, claim.loadedBy)
    upsert.bind(5, Int64(claim.isFromBoot ? 1 : 0))
    upsert.bind(6, claim.parameters)
    upsert.bind(7, claim.nowMs)
    upsert.bind(8, claim.project)
    try upsert.run(doing: "claim a name")
    return .held
  }

  fileprivate func claimAlias(
    _ alias: String?, of name: String
  ) throws(StoreError) -> ModuleClaimAnswer {
    if let taken = try holder(of: alias, or: nil, otherThan: name) { return taken }
    let update = try connection.prepare("UPDATE modules SET alias = ?2 WHERE name = ?1")
    update.bind(1, name)
    update.bind(2, alias)
    try update.run(doing: "claim an alias")
    return .held
  }

  private func holder(
    of name: String?, or alias: String?, otherThan own: String?
  ) throws(StoreError) -> ModuleClaimAnswer? {
    let query = try connection.prepare(
      """
      SELECT name, path FROM modules
      WHERE state <> 'removed' AND name IS NOT ?3 AND (name IN (?1, ?2) OR alias IN (?1, ?2))
      LIMIT 1
      """)
    query.bind(1, name)
    query.bind(2, alias)
    query.bind(3, own)
    guard try query.step(doing: "claim a name") else { return nil }
    return .taken(name: query.text(0), path: query.optionalText(1) ?? "")
  }
}

/// `[1,2,3]`, for `json_each`.
func numberList(_ numbers: [Int64]) -> String {
  "[" + numbers.map(String.init).joined(separator: ",") + "]"
}

/// `["a","b"]`, for `json_each`. Names of modules and ids have no quotes and no control characters
/// (config.md 2).
func textList(_ names: [String]) -> String {
  "[" + names.map { "\"\($0)\"" }.joined(separator: ",") + "]"
}
