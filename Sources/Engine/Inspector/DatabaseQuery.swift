import Store

/// A user's query, with a limit to its time (cli-http.md 2.5).
package enum DatabaseQuery {
  /// Runs one statement that reads.
  ///
  /// - Throws: ``EngineError`` `.query` for SQL that is wrong or would do more than to read,
  ///   `.limit` when it takes too long or finds too much; and as `Inspector.open`.
  package static func run(
    _ sql: String, database: String, limitMs: Int64, time: TimeSource = .system
  ) async throws -> QueryTable {
    do {
      let reader = try StoreReader(path: database)
      defer { reader.close() }
      return QueryTable(
        try await run(UserQuery(sql), on: reader, limitMs: limitMs, time: time))
    } catch let error as StoreError {
      throw EngineError(opening: error)
    }
  }

  private static func run(
    _ query: UserQuery, on reader: StoreReader, limitMs: Int64, time: TimeSource
  ) async throws -> QueryResult {
    try await withThrowingTaskGroup(of: QueryResult?.self) { group in
      group.addTask { try await query.run(on: reader) }
      group.addTask {
        try await time.sleep(ms: limitMs)
        query.interrupt()
        return nil
      }
      defer { group.cancelAll() }
      // The clock gives nil, and the query then ends by itself.
      while let result = try await group.next() {
        if let result { return result }
      }
      throw EngineError(.internalFault, "a query ended without a result")
    }
  }
}

/// Rows as people and programs read them.
package struct QueryTable: Sendable {
  package let columns: [String]
  /// Null, numbers and strings; a blob is hexadecimal text.
  package let rows: [[JSONValue]]

  init(_ result: QueryResult) {
    columns = result.columns
    rows = result.rows.map { $0.map(QueryTable.json) }
  }

  /// One object per row. Of columns with one name the second is `name:1`, as SQLite itself tells
  /// them apart.
  package var objects: [JSONValue] {
    var taken: Set<String> = []
    let names = columns.map { column in
      var name = column
      var number = 0
      while !taken.insert(name).inserted {
        number += 1
        name = "\(column):\(number)"
      }
      return name
    }
    return rows.map { row in
      .object(JSONObject(zip(names, row).map { JSONObject.Member(key: $0, value: $1) }))
    }
  }

  private static func json(_ value: SQLValue) -> JSONValue {
    switch value {
    case .null: .null
    case .integer(let value): JSONValue(value)
    // JSON has no infinity.
    case .real(let value): value.isFinite ? .number(JSONNumber(value)) : .null
    case .text(let text): .string(text)
    case .blob(let bytes):
      .string(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
    }
  }
}
