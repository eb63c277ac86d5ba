import CSQLite

/// Says of each thing that a statement of a user's would do whether it may, and remembers the first
/// that it may not.
// Touched by the thread of the connection only: SQLite asks it while compiling and running.
final class QueryGate {
  /// Such as "change the table events"; nil while nothing was refused.
  private(set) var refused: String?

  /// Asks this for everything that is compiled on a connection. Until it is taken away again, this
  /// must live.
  func attach(to connection: OpaquePointer) {
    sqlite3_set_authorizer(
      connection,
      { context, action, first, second, _, _ in
        guard let context else { return SQLITE_DENY }
        let gate = Unmanaged<QueryGate>.fromOpaque(context).takeUnretainedValue()
        return gate.allows(
          action, first.map { String(cString: $0) }, second.map { String(cString: $0) })
          ? SQLITE_OK : SQLITE_DENY
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  private func allows(_ action: Int32, _ first: String?, _ second: String?) -> Bool {
    switch action {
    case SQLITE_SELECT, SQLITE_READ, SQLITE_RECURSIVE: return true
    // SQLite asks for this when it makes a table-valued function known, such as json_each. Who
    // really updates the schema is refused by SQLite itself.
    case SQLITE_UPDATE where first == "sqlite_master": return true
    case SQLITE_FUNCTION where second?.lowercased() != "load_extension": return true
    case SQLITE_PRAGMA where QueryGate.tells(first ?? "", second): return true
    default:
      if refused == nil { refused = QueryGate.words(action, first, second) }
      return false
    }
  }

  /// Pragmas that only tell something, with what they are asked about.
  private static let tellingOf: Set = [
    "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo",
    "foreign_key_list", "foreign_key_check", "integrity_check", "quick_check",
  ]

  /// Pragmas that only tell something when they are given no value to set.
  private static let telling: Set = [
    "application_id", "auto_vacuum", "collation_list", "compile_options", "data_version",
    "database_list", "encoding", "freelist_count", "function_list", "journal_mode", "module_list",
    "page_count", "page_size", "pragma_list", "schema_version", "user_version",
  ]

  private static func tells(_ pragma: String, _ value: String?) -> Bool {
    let name = pragma.lowercased()
    return tellingOf.contains(name) || (value == nil && telling.contains(name))
  }

  private static func words(_ action: Int32, _ first: String?, _ second: String?) -> String {
    let name = first.map { " \($0)" } ?? ""
    return switch action {
    case SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE: "change the table\(name)"
    case SQLITE_ATTACH, SQLITE_DETACH: "open or close other files"
    case SQLITE_TRANSACTION, SQLITE_SAVEPOINT: "begin or end a transaction"
    case SQLITE_PRAGMA: "use the pragma\(name)\(second.map { " with \($0)" } ?? "")"
    case SQLITE_FUNCTION: "call \(second ?? "this function")"
    default: "change the schema"
    }
  }
}
