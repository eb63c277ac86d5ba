/// What the engine could not do, why, and what an operator can do about it.
///
/// Messages carry names and limits, never payloads, header values or secrets (style.md rule 14).
package struct EngineError: Error, Sendable, CustomStringConvertible {
  package let code: Code
  package let message: String
  /// What the operator can do, if there is something.
  package let hint: String?
  package let cause: (any Error)?

  package init(
    _ code: Code, _ message: String, hint: String? = nil, cause: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.hint = hint
    self.cause = cause
  }

  package var description: String {
    let reason = cause.map { ": \($0)" } ?? ""
    return message + reason
  }

  /// The kinds of failure a caller can tell apart. It can grow without breaking a `switch`.
  package struct Code: Sendable, Hashable {
    private enum Raw {
      case invalid, notFound, moduleNotFound, conflict, unavailable, full, closed, internalFault
      case locked, permission, storage, query, limit, blocked
    }
    private let raw: Raw
    private init(_ raw: Raw) { self.raw = raw }

    /// The input breaks a rule of the reference; sending it again will not help.
    package static let invalid = Code(.invalid)
    package static let notFound = Code(.notFound)
    /// A module that was named is not there, whatever else was asked for.
    package static let moduleNotFound = Code(.moduleNotFound)
    /// The name, path or id is taken by something else.
    package static let conflict = Code(.conflict)
    /// Not now: paused, unloading, busy. Sending it again later will help.
    package static let unavailable = Code(.unavailable)
    /// The disk or a limit is full; nothing was stored.
    package static let full = Code(.full)
    /// A queue that the events would go to is full, and its bound says `block`. Sending them again
    /// later will help.
    package static let blocked = Code(.blocked)
    /// The engine is stopping.
    package static let closed = Code(.closed)
    package static let internalFault = Code(.internalFault)
    /// Another process holds the database.
    package static let locked = Code(.locked)
    /// The system does not let us at the database.
    package static let permission = Code(.permission)
    /// The database cannot be used: the disk, its contents, its version, its file system.
    package static let storage = Code(.storage)
    /// A user's SQL is wrong, or wants more than to read.
    package static let query = Code(.query)
    /// A user's query took too long, or found too much.
    package static let limit = Code(.limit)
  }
}
