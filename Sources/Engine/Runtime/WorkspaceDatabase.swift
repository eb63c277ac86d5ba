import Store

/// What workspaces are to databases: each has one of its own, and the default one's remembers which
/// workspace a project works in (config.md 11).
package enum WorkspaceDatabase {
  /// The workspace that was selected for the project in a directory; nil for none.
  ///
  /// Blocks for the time of one look-up. Works beside a runtime.
  ///
  /// - Throws: ``EngineError`` when the file is there and cannot be read.
  package static func selection(
    inDatabase path: String, root: String
  ) throws(EngineError) -> String? {
    do throws(StoreError) {
      return try StoreReader.selection(inFile: path, root: root)
    } catch {
      throw EngineError(opening: error)
    }
  }

  /// Makes a database, empty, unless it is there.
  ///
  /// - Throws: ``EngineError`` `.locked` when a runtime holds it.
  package static func make(path: String) throws(EngineError) {
    try StoppedDatabase(path: path).close()
  }

  /// Deletes a database.
  ///
  /// - Parameter force: Whatever is not settled in it.
  /// - Returns: How many deliveries were not settled; nil when that could not be told.
  /// - Throws: ``EngineError`` `.locked` when a runtime holds it, `.conflict` when `force` is needed.
  package static func delete(path: String, force: Bool) throws(EngineError) -> Int? {
    do throws(StoreError) {
      return try EventStore.delete(path: path, force: force)
    } catch {
      if error.code == .exists { throw EngineError(.conflict, error.message) }
      throw EngineError(opening: error)
    }
  }
}

extension StoppedDatabase {
  /// Remembers the workspace of the project in a directory.
  package func select(workspace: String, root: String, requester: String) async throws {
    try await EngineError.wrapping { () throws(StoreError) in
      try await store.select(
        workspace: workspace, root: root, by: requester, nowMs: time.wallMs)
    }
  }
}

extension Runtime {
  /// Remembers the workspace of the project in a directory; this runtime goes on in its own.
  package func select(workspace: String, root: String, requester: String) async throws {
    try await EngineError.wrapping { () throws(StoreError) in
      try await store.select(
        workspace: workspace, root: root, by: requester, nowMs: time.wallMs)
    }
  }
}
