import CSQLite

/// A connection of the tests' own: what a user with `sqlite3` would see, or break.
package struct SQLiteFile: ~Copyable {
  package struct Failure: Error, CustomStringConvertible {
    package let code: Int32
    package let description: String
  }

  private let handle: OpaquePointer

  package init(_ path: String, writable: Bool = false) throws {
    var handle: OpaquePointer?
    let flags = writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
    let code = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX, nil)
    guard code == SQLITE_OK, let handle else {
      sqlite3_close_v2(handle)
      throw Failure(code: code, description: "cannot open \(path): \(code)")
    }
    self.handle = handle
    sqlite3_busy_timeout(handle, 5_000)
  }

  deinit { sqlite3_close_v2(handle) }

  /// Runs one statement or several; the rows of all of them, every value as text.
  @discardableResult
  package borrowing func rows(_ sql: String) throws -> [[String?]] {
    var rows: [[String?]] = []
    try sql.withCString { start in
      var next: UnsafePointer<CChar>? = start
      while let text = next, text.pointee != 0 {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(handle, text, -1, &statement, &next) == SQLITE_OK else {
          throw failure()
        }
        // Nothing but a comment or white space is left.
        guard let statement else { continue }
        defer { sqlite3_finalize(statement) }
        rows += try SQLiteFile.rows(of: statement) ?? { throw failure() }()
      }
    }
    return rows
  }

  /// The first value of the first row.
  package borrowing func value(_ sql: String) throws -> String? {
    try rows(sql).first?.first ?? nil
  }

  package borrowing func integer(_ sql: String) throws -> Int64? {
    try value(sql).flatMap { Int64($0) }
  }

  private static func rows(of statement: OpaquePointer) throws -> [[String?]]? {
    var rows: [[String?]] = []
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW:
        rows.append(
          (0..<sqlite3_column_count(statement)).map { column in
            sqlite3_column_text(statement, column).map { String(cString: $0) }
          })
      case SQLITE_DONE: return rows
      default: return nil
      }
    }
  }

  private borrowing func failure() -> Failure {
    Failure(
      code: sqlite3_extended_errcode(handle), description: String(cString: sqlite3_errmsg(handle)))
  }
}
