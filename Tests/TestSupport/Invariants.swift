import Foundation

/// The rules that every database keeps, whatever happened to it (design.md 5).
///
/// Their SQL is `Tests/crash/invariants.sql`, the one copy that crash scripts run as well.
package enum Invariants {
  /// What breaks a rule, one line each, and what `PRAGMA integrity_check` says; empty when all is
  /// well. Opens a connection of its own, read-only.
  package static func violations(inFile path: String) throws -> [String] {
    let file = try SQLiteFile(path)
    let sql = try String(contentsOf: sqlFile, encoding: .utf8)
    let broken = try file.rows(sql).map { row in row.map { $0 ?? "NULL" }.joined(separator: ": ") }
    let integrity = try file.rows("PRAGMA integrity_check").compactMap { $0.first ?? nil }
    return broken + integrity.filter { $0 != "ok" }
  }

  private static let sqlFile = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "crash/invariants.sql")
}
