/// A value of a row whose types are not known.
package enum SQLValue: Sendable, Hashable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case blob([UInt8])

  /// About what it takes in memory.
  var bytes: Int {
    switch self {
    case .null, .integer, .real: 32
    case .text(let text): 32 + text.utf8.count
    case .blob(let bytes): 32 + bytes.count
    }
  }
}

/// What a query found.
package struct QueryResult: Sendable, Hashable {
  package let columns: [String]
  package private(set) var rows: [[SQLValue]] = []
  /// How many rows there were: more than ``rows`` where only the first were to be kept.
  package private(set) var rowCount = 0

  /// Runs a statement to its end.
  ///
  /// - Parameters:
  ///   - rowsKept: Rows after this many are only counted.
  ///   - bytesMax: What the kept rows may take.
  /// - Throws: ``StoreError`` `.limit` when they take more.
  init(
    _ statement: borrowing Statement, rowsKept: Int = .max, bytesMax: Int, doing: String
  ) throws(StoreError) {
    let count = statement.columnCount
    columns = (0..<count).map { statement.columnName($0) }
    var bytes = 0
    while try statement.step(doing: doing) {
      rowCount += 1
      guard rows.count < rowsKept else { continue }
      let row = (0..<count).map { statement.value($0) }
      bytes += row.reduce(32) { $0 + $1.bytes }
      guard bytes <= bytesMax else {
        throw StoreError(
          .limit, "the query finds more than \(bytesMax >> 20) MiB",
          hint: "ask for fewer rows or columns, with LIMIT or WHERE")
      }
      rows.append(row)
    }
  }
}
