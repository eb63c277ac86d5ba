#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The workspaces that projects work in, and what becomes of a workspace's file (config.md 11).
extension EventStore {
  /// Remembers the workspace of the project in a directory.
  ///
  /// - Parameter root: Absolute, symbolic links resolved.
  package func select(
    workspace: String, root: String, by requester: String, nowMs: Int64
  ) async throws(StoreError) {
    try await write(keepsFill: true) { connection throws(StoreError) in
      let statement = try connection.connection.prepare(
        """
        INSERT OR REPLACE INTO selections (root, workspace, selected_at_ms, selected_by)
        VALUES (?1, ?2, ?3, ?4)
        """)
      statement.bind(1, root)
      statement.bind(2, workspace)
      statement.bind(3, nowMs)
      statement.bind(4, requester)
      try statement.run(doing: "remember the workspace of a project")
    }
  }

  /// Deletes a database that nobody holds. The lock file stays: whoever waits for it at this moment
  /// and whoever makes the database anew must mean the same one.
  ///
  /// - Parameter force: Unsettled deliveries go too.
  /// - Returns: How many deliveries were not settled; nil when the file cannot be read.
  /// - Throws: ``StoreError`` `.locked` when a runtime holds it, `.exists` when there are unsettled
  ///   deliveries, or it cannot be told, and `force` is not set.
  package static func delete(path: String, force: Bool) throws(StoreError) -> Int? {
    let location = StoreLocation(path: path).resolved()
    // Held until everything is gone, so that nobody begins to work in it meanwhile.
    let lock = LockHolder(try StoreLock(database: location.path))
    defer { withExtendedLifetime(lock) {} }
    let unsettled = unsettledCount(path: location.path)
    guard force || unsettled == 0 else {
      throw StoreError(
        .exists,
        unsettled.map { count in
          count == 1
            ? "1 delivery in \(location.path) is not settled"
            : "\(count) deliveries in \(location.path) are not settled"
        }
          ?? "it cannot be told whether anything in \(location.path) is not settled")
    }
    // The log first: laid beside a new file of this name, it would be taken for that one's.
    // Source: <https://www.sqlite.org/howtocorrupt.html>, 1.4
    for suffix in ["-wal", "-shm", ""] where unlink(location.path + suffix) != 0 {
      if errno != ENOENT { throw StoreError.system("delete \(location.path)\(suffix)") }
    }
    try location.syncDirectory()
    return unsettled
  }

  /// Nil when the file cannot be read.
  private static func unsettledCount(path: String) -> Int? {
    // Why it cannot be read makes no difference to what may be done: nothing without force.
    guard let reader = try? ReaderConnection(path: path),
      let count = try? reader.connection.integer(
        "SELECT count(*) FROM queue", doing: "count unsettled deliveries")
    else { return nil }
    return Int(count)
  }
}

extension StoreReader {
  /// The workspace that was selected for the project in a directory; nil for none.
  ///
  /// Reads files of older and newer versions too, because every command asks this first. Blocks for
  /// the time of one look-up.
  ///
  /// - Throws: ``StoreError`` when there is a file that cannot be read.
  package static func selection(
    inFile path: String, root: String
  ) throws(StoreError) -> String? {
    let connection = try ReaderConnection(path: StoreLocation(path: path).resolved().path)
      .connection
    let tables = try connection.integer(
      "SELECT count(*) FROM sqlite_schema WHERE name = 'selections'",
      doing: "look for the selected workspace")
    guard tables == 1 else { return nil }
    let query = try connection.prepare("SELECT workspace FROM selections WHERE root = ?1")
    query.bind(1, root)
    guard try query.step(doing: "look for the selected workspace") else { return nil }
    return query.text(0)
  }
}
