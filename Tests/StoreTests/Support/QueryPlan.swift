import Store
import TestSupport

/// How SQLite goes about a statement in a file of ours.
enum QueryPlan {
  /// The steps of `EXPLAIN QUERY PLAN`, in their order.
  static func steps(of sql: String) throws -> [String] {
    let file = try TestFile()
    try file.open().close()
    return try SQLiteFile(file.path).rows("EXPLAIN QUERY PLAN " + sql).compactMap { $0.last ?? nil }
  }
}
