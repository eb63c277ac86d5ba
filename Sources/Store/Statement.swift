import CSQLite

/// A prepared statement. Parameters are counted from 1, columns from 0, as SQLite does.
struct Statement: ~Copyable {
  private let handle: OpaquePointer
  private let connection: OpaquePointer

  init(_ handle: OpaquePointer, connection: OpaquePointer) {
    self.handle = handle
    self.connection = connection
  }

  deinit { sqlite3_finalize(handle) }

  // MARK: Parameters

  borrowing func bind(_ index: Int32, _ value: Int64) {
    check(sqlite3_bind_int64(handle, index, value))
  }

  borrowing func bind(_ index: Int32, _ value: Int) { bind(index, Int64(value)) }

  borrowing func bind(_ index: Int32, _ value: Int64?) {
    if let value { bind(index, value) } else { check(sqlite3_bind_null(handle, index)) }
  }

  borrowing func bind(_ index: Int32, _ value: Int?) { bind(index, value.map(Int64.init)) }

  borrowing func bind(_ index: Int32, _ value: Bool) { bind(index, value ? Int64(1) : 0) }

  borrowing func bind(_ index: Int32, _ value: String) {
    var value = value
    value.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) { chars in
        // An empty buffer may have no address, and a null pointer would bind NULL.
        check(
          orgloop_bind_text(
            handle, index, chars.baseAddress ?? Statement.empty, Int32(chars.count)))
      }
    }
  }

  borrowing func bind(_ index: Int32, _ value: String?) {
    if let value { bind(index, value) } else { check(sqlite3_bind_null(handle, index)) }
  }

  /// Binds UTF-8 bytes as text.
  borrowing func bind(_ index: Int32, text value: [UInt8]) {
    value.withUnsafeBytes { bytes in
      let chars = bytes.bindMemory(to: CChar.self)
      check(
        orgloop_bind_text(
          handle, index, chars.baseAddress ?? Statement.empty, Int32(chars.count)))
    }
  }

  borrowing func bind(_ index: Int32, text value: [UInt8]?) {
    if let value { bind(index, text: value) } else { check(sqlite3_bind_null(handle, index)) }
  }

  borrowing func bind(_ index: Int32, blob value: [UInt8]) {
    value.withUnsafeBytes { bytes in
      check(orgloop_bind_blob(handle, index, bytes.baseAddress, Int32(bytes.count)))
    }
  }

  /// A parameter that could not be bound keeps the value of the row before, which would then be
  /// stored a second time. It happens to a statement that was not reset, or to a value beyond
  /// SQLite's gigabyte, a thousand times what the engine lets in: both are errors of ours.
  private func check(_ code: Int32) {
    precondition(code == SQLITE_OK, "a value could not be bound to a statement")
  }

  // A literal lives as long as the program; its pointer is never written through.
  private static var empty: UnsafePointer<CChar> {
    let literal: StaticString = ""
    return UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
  }

  // MARK: Running

  /// Advances to the next row; false at the end.
  borrowing func step(doing: @autoclosure () -> String) throws(StoreError) -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default:
      throw StoreError.sqlite(
        sqlite3_extended_errcode(connection), detail: String(cString: sqlite3_errmsg(connection)),
        doing: doing())
    }
  }

  /// Runs to the end, resets, and forgets nothing that was bound.
  borrowing func run(doing: @autoclosure () -> String) throws(StoreError) {
    defer { sqlite3_reset(handle) }
    while try step(doing: doing()) {}
  }

  /// Makes the statement ready to run again. Must follow every use that stopped at a row: a
  /// statement left in the middle holds its transaction open.
  borrowing func reset() { sqlite3_reset(handle) }

  /// Rows that the last statement of this connection changed.
  borrowing func changes() -> Int { Int(sqlite3_changes(connection)) }

  // MARK: Columns

  borrowing func isNull(_ column: Int32) -> Bool {
    sqlite3_column_type(handle, column) == SQLITE_NULL
  }

  borrowing func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  borrowing func int(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }

  borrowing func optionalInt64(_ column: Int32) -> Int64? {
    isNull(column) ? nil : int64(column)
  }

  borrowing func optionalInt(_ column: Int32) -> Int? { isNull(column) ? nil : int(column) }

  borrowing func text(_ column: Int32) -> String {
    String(decoding: textBytes(column), as: UTF8.self)
  }

  borrowing func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

  /// The UTF-8 bytes of a text column.
  borrowing func textBytes(_ column: Int32) -> [UInt8] {
    guard let pointer = sqlite3_column_text(handle, column) else { return [] }
    return Array(
      UnsafeBufferPointer(start: pointer, count: Int(sqlite3_column_bytes(handle, column))))
  }

  borrowing func optionalTextBytes(_ column: Int32) -> [UInt8]? {
    isNull(column) ? nil : textBytes(column)
  }

  // MARK: For queries whose shape is not known

  var columnCount: Int32 { sqlite3_column_count(handle) }

  borrowing func columnName(_ column: Int32) -> String {
    sqlite3_column_name(handle, column).map { String(cString: $0) } ?? ""
  }

  borrowing func columnType(_ column: Int32) -> Int32 { sqlite3_column_type(handle, column) }

  borrowing func double(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }

  borrowing func blob(_ column: Int32) -> [UInt8] {
    guard let pointer = sqlite3_column_blob(handle, column) else { return [] }
    return Array(
      UnsafeRawBufferPointer(start: pointer, count: Int(sqlite3_column_bytes(handle, column))))
  }

  /// A value of whatever type the row has there.
  borrowing func value(_ column: Int32) -> SQLValue {
    switch columnType(column) {
    case SQLITE_NULL: .null
    case SQLITE_INTEGER: .integer(int64(column))
    case SQLITE_FLOAT: .real(double(column))
    case SQLITE_BLOB: .blob(blob(column))
    default: .text(text(column))
    }
  }

  /// Whether it leaves every database as it is, whatever else it does.
  /// Source: <https://www.sqlite.org/c3ref/stmt_readonly.html>
  var isReadOnly: Bool { sqlite3_stmt_readonly(handle) != 0 }
}
