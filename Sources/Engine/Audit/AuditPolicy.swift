/// What is recorded of each settled delivery, and what is held for a person (events.md 9).
package struct AuditPolicy: Sendable, Hashable {
  /// A delivery with a critical flag waits until an operator lets it go.
  package var holdsOnCritical = false
  /// Hosts that URLs may have, with their subdomains; empty = any.
  package var allowedDomains: [String] = []
  /// From this similarity of configuration and payload on, `input_echo` is a warning.
  package var echoThreshold = 0.7

  package init() {}
}

/// Something that a check has found.
package struct AuditFlag: Sendable, Hashable {
  package enum Severity: String, Sendable { case info, warning, critical }

  package var type: String
  package var severity: Severity
  package var message: String

  package init(_ type: String, _ severity: Severity, _ message: String) {
    self.type = type
    self.severity = severity
    self.message = message
  }

  /// As audit records have it.
  package var json: JSONValue {
    [
      "type": .string(type), "severity": .string(severity.rawValue),
      "message": .string(message),
    ]
  }
}
