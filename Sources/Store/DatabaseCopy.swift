import CSQLite

/// A copy of the database as it was at one moment, made while a runtime may work on it.
///
/// SQLite copies page by page, in one step and so in one read transaction: in several, it would
/// begin anew whenever the runtime commits, and never end. While it copies, the log cannot be
/// emptied and grows; so nothing else happens in that time. The copy is written without a sync and
/// is synced, checked and counted afterwards. `VACUUM INTO` makes a smaller file, but takes three
/// times as long (docs/database.md), and makes new pages and indexes, so that checking them says
/// nothing about those of the database.
/// Source: <https://www.sqlite.org/backup.html>
package struct DatabaseCopy: Sendable {
  package let bytes: Int64
  package let events: Int64
  package let deliveries: Int64

  /// Copies, makes durable, and checks. Blocks.
  ///
  /// - Throws: ``StoreError`` `.corrupt` when the copy, and so the database, is damaged.
  package init(of database: String, to target: BackupTarget) throws(StoreError) {
    let path = StoreLocation(path: database).resolved().path
    try DatabaseCopy.copyPages(from: path, to: target)
    try DatabaseCopy.endLog(of: target.partialPath)
    try target.sync()
    let copy = try ReaderConnection(path: target.partialPath).connection
    let damage = try copy.damage()
    guard damage.isEmpty else {
      throw StoreError(
        .corrupt, "the copy is damaged, and so is the database: \(damage[0])",
        hint: "orgloop doctor --data says more; keep the last good backup")
    }
    let doing = "count what was copied"
    events = try copy.integer("SELECT count(*) FROM events", doing: doing) ?? 0
    deliveries =
      try copy.integer(
        "SELECT (SELECT count(*) FROM queue) + (SELECT count(*) FROM settled)", doing: doing) ?? 0
    bytes = FileFacts(target.partialPath)?.bytes ?? 0
  }

  private static func copyPages(from path: String, to target: BackupTarget) throws(StoreError) {
    let source = try ReaderConnection(path: path).connection
    let doing = "copy \(path)"
    // Of an older schema too: before an upgrade is when a backup is wanted most.
    guard try source.integer("PRAGMA application_id", doing: doing) == Schema.applicationID else {
      throw StoreError(
        .notADatabase, "\(path) is not an orgloop database", hint: "name another file with --db")
    }
    let pages = try source.integer("PRAGMA page_count", doing: doing) ?? 0
    let pageSize = try source.integer("PRAGMA page_size", doing: doing) ?? 0
    try target.refuseWithoutRoom(for: pages * pageSize)
    let copy = try Connection(path: target.partialPath, mode: .writer)
    // A copy that is cut off is thrown away, so it needs neither sync nor journal.
    try copy.execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY", doing: doing)
    guard let backup = sqlite3_backup_init(copy.handle, "main", source.handle, "main") else {
      throw copy.error(doing: doing)
    }
    let code = sqlite3_backup_step(backup, -1)
    let ending = sqlite3_backup_finish(backup)
    guard code == SQLITE_DONE, ending == SQLITE_OK else {
      let failed = code == SQLITE_DONE ? ending : code
      throw StoreError.sqlite(failed, detail: String(cString: sqlite3_errstr(failed)), doing: doing)
    }
  }

  /// Makes the copy a file that needs no log beside it, so that it can be read where nothing can
  /// be written. The next runtime gives it one again.
  private static func endLog(of path: String) throws(StoreError) {
    let copy = try Connection(path: path, mode: .writer)
    let doing = "end the copy's log"
    try copy.execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF", doing: doing)
    guard try copy.text("PRAGMA journal_mode = DELETE", doing: doing) == "delete" else {
      throw StoreError(.inputOutput, "cannot \(doing)")
    }
  }
}
