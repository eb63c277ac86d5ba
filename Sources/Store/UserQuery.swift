import CSQLite
import Synchronization

/// What a user asks in SQL: it may read the file, and nothing else.
///
/// A read-only connection is not enough. It can still make files (`VACUUM INTO`, `ATTACH`), and,
/// measured with 3.40.1, `PRAGMA wal_checkpoint(TRUNCATE)` on it empties the log when everything
/// in it has been checkpointed: the second party of the WAL-reset bug (reliability.md 1). So each
/// thing that a statement would do is looked at while it is compiled.
/// Source: <https://www.sqlite.org/c3ref/set_authorizer.html>
package final class UserQuery: Sendable {
  /// 64 MiB: more than anybody reads, and little enough to keep until it is printed. It is kept so
  /// that a slow reader of the output does not hold the file's log.
  package static let bytesMax = 64 << 20

  private let sql: String
  /// The connection while the query runs on it, as a number, else 0.
  private let connection = Mutex<UInt>(0)
  private let isInterrupted = Atomic(false)

  package init(_ sql: String) { self.sql = sql }

  /// Runs the query in a read transaction of its own. Once.
  ///
  /// - Throws: ``StoreError`` `.query` for SQL that is wrong, that is more or less than one
  ///   statement, or that wants more than to read; `.limit` when it was interrupted or found too
  ///   much.
  package func run(on reader: StoreReader) async throws(StoreError) -> QueryResult {
    try await reader.read { [self] reader throws(StoreError) in
      try run(on: reader.connection)
    }
  }

  /// Ends the query, which then throws `.limit`; also one that has not begun.
  package func interrupt() {
    isInterrupted.store(true, ordering: .sequentiallyConsistent)
    connection.withLock { number in
      // While the lock is held the connection is not closed.
      if let handle = OpaquePointer(bitPattern: number) { sqlite3_interrupt(handle) }
    }
  }

  private func run(on connection: Connection) throws(StoreError) -> QueryResult {
    let gate = QueryGate()
    restrict(connection, gate)
    self.connection.withLock { $0 = UInt(bitPattern: connection.handle) }
    defer {
      self.connection.withLock { $0 = 0 }
      release(connection)
    }
    do throws(StoreError) {
      let statement = try compile(connection)
      return try QueryResult(statement, bytesMax: UserQuery.bytesMax, doing: "run the query")
    } catch {
      throw meaning(of: error, gate)
    }
  }

  private func restrict(_ connection: Connection, _ gate: QueryGate) {
    let handle = connection.handle
    sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0)
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, Int32(UserQuery.bytesMax))
    _ = orgloop_db_config_int(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0)
    gate.attach(to: handle)
    // Every 1000 steps of SQLite's machine: some hundred thousand times a second. It finds an
    // interruption that came before the first step, which sqlite3_interrupt does not see.
    sqlite3_progress_handler(
      handle, 1_000,
      { context in
        guard let context else { return 0 }
        let query = Unmanaged<UserQuery>.fromOpaque(context).takeUnretainedValue()
        return query.isInterrupted.load(ordering: .relaxed) ? 1 : 0
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// Takes away what would outlive the objects that it points to. The limits stay.
  private func release(_ connection: Connection) {
    sqlite3_set_authorizer(connection.handle, nil, nil)
    sqlite3_progress_handler(connection.handle, 0, nil, nil)
  }

  /// The one statement of the text.
  private func compile(_ connection: Connection) throws(StoreError) -> Statement {
    var found: OpaquePointer?
    var isOne = !sql.utf8.contains(0)
    var failure: StoreError?
    sql.withCString { start in
      var rest: UnsafePointer<CChar>? = start
      while isOne, failure == nil, let text = rest, text.pointee != 0 {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(connection.handle, text, -1, 0, &statement, &rest)
        if code != SQLITE_OK { failure = connection.error(doing: "run the query") }
        // Nothing but a comment or white space gives none.
        guard let statement else { continue }
        if found == nil {
          found = statement
        } else {
          sqlite3_finalize(statement)
          isOne = false
        }
      }
    }
    guard let found, isOne, failure == nil else {
      sqlite3_finalize(found)
      throw failure
        ?? StoreError(
          .query, isOne ? "there is no query" : "there is more than one statement",
          hint: "one statement is run at a time: orgloop sql 'SELECT …'")
    }
    let statement = Statement(found, connection: connection.handle)
    guard statement.isReadOnly else {
      throw StoreError(.query, "the statement would write", hint: UserQuery.hint)
    }
    return statement
  }

  private static let hint = "only reading is possible: SELECT, EXPLAIN, and pragmas that tell"

  /// What an error of SQLite means here. A refusal first: with some statements SQLite gives it
  /// another code than its own.
  private func meaning(of error: StoreError, _ gate: QueryGate) -> StoreError {
    if let refused = gate.refused {
      return StoreError(
        .query, "the statement may not \(refused)", hint: UserQuery.hint,
        sqliteCode: error.sqliteCode)
    }
    return switch error.sqliteCode & 0xFF {
    case SQLITE_INTERRUPT:
      StoreError(
        .limit, "the query took too long and was ended",
        hint: "--timeout gives it longer; EXPLAIN QUERY PLAN shows what it does",
        sqliteCode: error.sqliteCode)
    case SQLITE_READONLY:
      StoreError(
        .query, "the statement would write", hint: UserQuery.hint, sqliteCode: error.sqliteCode)
    case SQLITE_ERROR, SQLITE_TOOBIG, SQLITE_MISMATCH, SQLITE_RANGE, SQLITE_CONSTRAINT:
      StoreError(.query, error.message, sqliteCode: error.sqliteCode)
    default: error
    }
  }
}
