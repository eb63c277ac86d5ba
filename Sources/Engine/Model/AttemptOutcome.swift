/// What one attempt came to (config.md 7.1). An expected failure of the world is a value, not an
/// error.
package struct AttemptOutcome: Sendable {
  package var kind: Kind
  /// HTTP status or exit code, if there was one.
  package var statusCode: Int?
  /// Why it did not succeed, in one line without payload or secrets.
  package var error: String?
  /// The least time the actor asked us to wait, in milliseconds.
  package var retryAfterMs: Int64?
  /// At most ``Limits/responseExcerptBytesMax`` of the actor's answer.
  package var responseExcerpt: String?
  /// Text that a command printed, at most ``Limits/outputBytesMax``.
  package var output: String?
  /// The actor has said that it is gone for good (HTTP 410): it is disabled.
  package var disablesActor: Bool
  /// Events the actor answered with; accepted in the transaction that settles the delivery, and
  /// only when `kind` is `delivered` (connectors.md 3.5).
  package var followUps: [EventDraft]

  package enum Kind: String, Sendable, Hashable {
    case delivered, rejected, error, timeout, skipped
    /// The runtime ended while the attempt ran; it may or may not have reached the actor.
    case interrupted
  }

  package init(
    _ kind: Kind, statusCode: Int? = nil, error: String? = nil, retryAfterMs: Int64? = nil,
    responseExcerpt: String? = nil, output: String? = nil, disablesActor: Bool = false,
    followUps: [EventDraft] = []
  ) {
    self.kind = kind
    self.statusCode = statusCode
    self.error = error
    self.retryAfterMs = retryAfterMs
    self.responseExcerpt = responseExcerpt
    self.output = output
    self.disablesActor = disablesActor
    self.followUps = followUps
  }
}
