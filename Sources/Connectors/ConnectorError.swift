/// What a connector could not do, and what an operator can do about it.
///
/// Messages carry names, exit codes and limits, never payloads, header values, URLs with their
/// query, or secrets (style.md rule 14).
package struct ConnectorError: Error, Sendable, CustomStringConvertible {
  /// What kind of failure it is.
  package let code: Code
  /// What was being done, to what, and what went wrong.
  package let message: String
  /// What the operator can do, if there is something.
  package let hint: String?
  /// The failure below this one, if there is one.
  package let cause: (any Error)?

  package init(
    _ code: Code, _ message: String, hint: String? = nil, cause: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.hint = hint
    self.cause = cause
  }

  /// Message, cause and hint in one line.
  package var description: String {
    message + (cause.map { ": \($0)" } ?? "") + (hint.map { " (\($0))" } ?? "")
  }

  /// The kinds of failure a caller can tell apart. It can grow without breaking a `switch`.
  package struct Code: Sendable, Hashable {
    private enum Raw { case configuration, cannotStart, outputLimit, badOutput, failed, refused }
    private let raw: Raw
    private init(_ raw: Raw) { self.raw = raw }

    /// The `config` breaks a rule; `validate` says so before anything starts.
    package static let configuration = Code(.configuration)
    /// A program is missing or may not be executed.
    package static let cannotStart = Code(.cannotStart)
    /// A program printed more than it may; it was stopped.
    package static let outputLimit = Code(.outputLimit)
    /// A program printed something that is not what its contract asks for.
    package static let badOutput = Code(.badOutput)
    /// A program ended with a failure, or a signal.
    package static let failed = Code(.failed)
    /// Running it would be unsafe.
    package static let refused = Code(.refused)
  }
}
