import CSQLite

/// The SQLite that is linked.
package enum SQLiteVersion {
  /// Such as `3.40.1`.
  package static var text: String { String(cString: sqlite3_libversion()) }
}
