import CSQLite

/// What the store could not do, and what an operator can do about it.
///
/// Bound values never appear in it: they are users' events.
package struct StoreError: Error, Sendable, CustomStringConvertible {
  package let code: Code
  /// What was being done, to what, and what went wrong.
  package let message: String
  /// What an operator can do about it.
  package let hint: String?
  /// SQLite's extended result code; 0 when SQLite was not the one that failed.
  package let sqliteCode: Int32
  /// The queue that is full, of `.queueFull`.
  package let overflow: QueueOverflow?

  package init(
    _ code: Code, _ message: String, hint: String? = nil, sqliteCode: Int32 = 0,
    overflow: QueueOverflow? = nil
  ) {
    self.overflow = overflow
    self.code = code
    self.message = message
    self.hint = hint
    self.sqliteCode = sqliteCode
  }

  /// Without the hint, which is shown beside it.
  package var description: String { message }

  /// The kinds a caller can tell apart. It can grow without breaking a `switch`.
  package struct Code: Sendable, Hashable {
    private enum Raw {
      case busy, diskFull, inputOutput, corrupt, permission, locked, newerSchema, alteredSchema
      case networkFileSystem, constraint, closed, notADatabase, empty, exists, query, limit,
        queueFull, other
    }
    private let raw: Raw
    private init(_ raw: Raw) { self.raw = raw }

    /// Another connection holds the file; trying again later helps.
    package static let busy = Code(.busy)
    package static let diskFull = Code(.diskFull)
    package static let inputOutput = Code(.inputOutput)
    package static let corrupt = Code(.corrupt)
    package static let permission = Code(.permission)
    /// Another runtime holds the lock file.
    package static let locked = Code(.locked)
    /// The file was written by a newer orgloop.
    package static let newerSchema = Code(.newerSchema)
    /// A migration in the file is not the one in this binary.
    package static let alteredSchema = Code(.alteredSchema)
    package static let networkFileSystem = Code(.networkFileSystem)
    /// A rule of the schema was broken: our own bug, or a row that is not ours.
    package static let constraint = Code(.constraint)
    package static let closed = Code(.closed)
    package static let notADatabase = Code(.notADatabase)
    /// There is no table in the file: a runtime is making it at this moment, or none ever did.
    package static let empty = Code(.empty)
    /// What was to be made is there already.
    package static let exists = Code(.exists)
    /// A user's SQL is wrong, or wants more than to read.
    package static let query = Code(.query)
    /// A user's query took too long, or found too much.
    package static let limit = Code(.limit)
    /// A queue that blocks has no room; trying again later helps.
    package static let queueFull = Code(.queueFull)
    package static let other = Code(.other)
  }

  /// The error of a failed SQLite call.
  ///
  /// - Parameters:
  ///   - extended: The extended result code.
  ///   - doing: What was being done, such as "accept 12 events".
  static func sqlite(_ extended: Int32, detail: String, doing: String) -> StoreError {
    let text = "cannot \(doing): \(detail)"
    switch extended & 0xFF {
    case SQLITE_BUSY, SQLITE_LOCKED:
      return StoreError(
        .busy, text, hint: "another program is writing to the database; it should only be read",
        sqliteCode: extended)
    case SQLITE_FULL:
      return StoreError(.diskFull, text, hint: "free space on the disk", sqliteCode: extended)
    case SQLITE_IOERR:
      return StoreError(
        .inputOutput, text, hint: "check the disk; a full disk can show itself this way",
        sqliteCode: extended)
    case SQLITE_CORRUPT:
      return StoreError(
        .corrupt, text, hint: "restore a backup, or try sqlite3's .recover", sqliteCode: extended)
    case SQLITE_NOTADB:
      return StoreError(
        .notADatabase, text, hint: "name another file with --db", sqliteCode: extended)
    case SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_AUTH:
      return StoreError(
        .permission, text, hint: "check owner and mode of the file and its directory",
        sqliteCode: extended)
    case SQLITE_CONSTRAINT:
      return StoreError(.constraint, text, sqliteCode: extended)
    default:
      return StoreError(.other, text, sqliteCode: extended)
    }
  }
}
