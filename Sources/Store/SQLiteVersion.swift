import CSQLite

/// The SQLite that is linked.
package enum SQLiteVersion {
  /// Such as `3.40.1`.
  package static var text: String { String(cString: sqlite3_libversion()) }

  /// Whether it can damage a file of which one connection commits while another one checkpoints.
  /// Source: <https://www.sqlite.org/wal.html#walresetbug>
  package static var hasWALResetBug: Bool {
    (3_007_000..<3_051_003).contains(sqlite3_libversion_number())
  }
}
