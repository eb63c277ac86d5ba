import CSQLite

/// One SQLite connection, used by one thread at a time.
///
/// A thin layer: it opens, prepares, and turns result codes into ``StoreError``. Everything that
/// is about orgloop stands elsewhere.
final class Connection {
  let handle: OpaquePointer

  /// What a connection may do.
  enum Mode {
    /// The one connection that writes and checkpoints.
    case writer
    /// `SQLITE_OPEN_READONLY` with `query_only`: any number of these.
    case reader
  }

  /// 2 s: longer than any of our own transactions; a program that writes for longer is an error.
  static let busyTimeoutMs: Int32 = 2_000

  /// - Parameter vfs: The name of a registered VFS; nil for the system's. Tests bring one that
  ///   fails on demand.
  init(path: String, mode: Mode, vfs: String? = nil) throws(StoreError) {
    var handle: OpaquePointer?
    let access = mode == .writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
    // NOMUTEX: each connection belongs to one thread. Source:
    // <https://www.sqlite.org/threadsafe.html>
    let code = sqlite3_open_v2(path, &handle, access | SQLITE_OPEN_NOMUTEX, vfs)
    guard code == SQLITE_OK, let handle else {
      let detail = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      let extended = handle.map { sqlite3_extended_errcode($0) } ?? code
      sqlite3_close_v2(handle)
      throw StoreError.sqlite(extended, detail: detail, doing: "open \(path)")
    }
    self.handle = handle
    sqlite3_extended_result_codes(handle, 1)
    // Another program may hold the file for a moment: one that opens it first after a crash reads
    // the whole log under a lock.
    // Source: <https://www.sqlite.org/rescode.html#busy_recovery>
    sqlite3_busy_timeout(handle, Connection.busyTimeoutMs)
    // Hardening: the file may come from elsewhere. Source: <https://www.sqlite.org/security.html>
    _ = orgloop_db_config_int(handle, SQLITE_DBCONFIG_DEFENSIVE, 1)
    // The views use JSON functions, which SQLite before 3.41 by mistake does not let an untrusted
    // schema call. A reader cannot write, and no function that it knows reaches beyond the file.
    _ = orgloop_db_config_int(
      handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, mode == .reader ? 1 : 0)
  }

  deinit {
    sqlite3_close_v2(handle)
  }

  /// Runs statements that return nothing we need.
  func execute(_ sql: String, doing: String) throws(StoreError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    if code != SQLITE_OK { throw error(doing: doing) }
  }

  /// Compiles a statement to be kept; it is finalized with the value that holds it.
  func prepare(_ sql: String) throws(StoreError) -> Statement {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v3(
      handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement else {
      throw error(doing: "prepare a statement")
    }
    return Statement(statement, connection: handle)
  }

  /// The only value of a query, as an integer; nil when there is no row or the value is null.
  func integer(_ sql: String, doing: String) throws(StoreError) -> Int64? {
    let statement = try prepare(sql)
    guard try statement.step(doing: doing) else { return nil }
    return statement.isNull(0) ? nil : statement.int64(0)
  }

  /// The only value of a query, as text; nil when there is no row or the value is null.
  func text(_ sql: String, doing: String) throws(StoreError) -> String? {
    let statement = try prepare(sql)
    guard try statement.step(doing: doing) else { return nil }
    return statement.optionalText(0)
  }

  var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  /// The error of the call of this connection that failed last.
  func error(doing: String) -> StoreError {
    StoreError.sqlite(
      sqlite3_extended_errcode(handle), detail: String(cString: sqlite3_errmsg(handle)),
      doing: doing)
  }
}
