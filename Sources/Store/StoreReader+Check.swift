package import Invariants

/// What `orgloop doctor --data` asks of the file.
extension StoreReader {
  /// What SQLite itself finds wrong with the file, at most 100 lines; empty when it is well.
  ///
  /// Reads every page, in one read transaction.
  package func damage() async throws(StoreError) -> [String] {
    try await read { reader throws(StoreError) in try reader.connection.damage() }
  }

  /// The rows that break a rule. Reads for as long as one query takes.
  ///
  /// - Parameter rowsKept: Rows after this many are only counted.
  package func violations(
    of invariant: Invariant, rowsKept: Int
  ) async throws(StoreError) -> QueryResult {
    try await read { reader throws(StoreError) in
      let statement = try reader.connection.prepare(invariant.sql)
      return try QueryResult(
        statement, rowsKept: rowsKept, bytesMax: UserQuery.bytesMax, doing: "check the data")
    }
  }
}

extension Connection {
  /// What `PRAGMA integrity_check` says; empty when all is well.
  func damage() throws(StoreError) -> [String] {
    let doing = "check the database"
    let check = try prepare("PRAGMA integrity_check(100)")
    var lines: [String] = []
    while try check.step(doing: doing) { lines.append(check.text(0)) }
    return lines == ["ok"] ? [] : lines
  }
}
