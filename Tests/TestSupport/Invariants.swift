import Invariants

/// The rules that every database keeps, whatever happened to it (design.md 5).
///
/// Their SQL is in `Sources/Invariants`, the one copy that users and crash scripts run as well.
package enum Invariants {
  /// What breaks a rule, one line each, and what `PRAGMA integrity_check` says; empty when all is
  /// well. Opens a connection of its own, read-only.
  package static func violations(inFile path: String) throws -> [String] {
    let file = try SQLiteFile(path)
    var broken: [String] = []
    for invariant in Invariant.all {
      broken += try file.rows(invariant.sql).map { row in
        row.map { $0 ?? "NULL" }.joined(separator: ": ")
      }
    }
    let integrity = try file.rows("PRAGMA integrity_check").compactMap { $0.first ?? nil }
    return broken + integrity.filter { $0 != "ok" }
  }
}
