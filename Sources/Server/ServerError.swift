/// What the HTTP server could not do, and what an operator can do about it.
///
/// Messages name addresses and paths from the configuration, never anything from a request
/// (style.md rule 14).
package struct ServerError: Error, Sendable, CustomStringConvertible {
  package let code: Code
  /// What was being done, to what, and what the system said.
  package let message: String
  /// What the operator can do, if there is something.
  package let hint: String?

  init(_ code: Code, _ message: String, hint: String? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
  }

  package var description: String { hint.map { "\(message); \($0)" } ?? message }

  /// The kinds of failure a caller can tell apart. It can grow without breaking a `switch`.
  package struct Code: Sendable, Hashable {
    private enum Raw { case addressInUse, permission, pathTooLong, invalidAddress, systemFault }
    private let raw: Raw
    private init(_ raw: Raw) { self.raw = raw }

    /// The port or the socket belongs to another process; trying again later may help.
    package static let addressInUse = Code(.addressInUse)
    /// The system refuses the address, the directory or the group.
    package static let permission = Code(.permission)
    /// The path does not fit into a Unix socket address; a shorter one must be chosen.
    package static let pathTooLong = Code(.pathTooLong)
    /// The host, path, group or token cannot be used as it is configured.
    package static let invalidAddress = Code(.invalidAddress)
    /// Anything else the system reports.
    package static let systemFault = Code(.systemFault)
  }
}
