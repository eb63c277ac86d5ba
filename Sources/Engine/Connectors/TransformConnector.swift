/// One transform of a route, ready to run.
package protocol Transform: Sendable {
  /// Looks at the event and lets it pass, changes it, or drops it.
  ///
  /// The engine cancels the task when the step's timeout has passed.
  ///
  /// - Parameter event: The whole envelope; a copy of the route's own.
  /// - Throws: ``TransformFailure``, or anything: the step failed, and its `on_error` decides.
  func apply(_ event: JSONText, context: TransformContext) async throws -> TransformResult
}

package enum TransformResult: Sendable {
  /// The event goes on as it is.
  case pass
  /// The event goes on as this. The engine keeps `id`, `source`, `module` and `trace_id`, and
  /// checks `type` and `provenance.platform`.
  case replace(JSONText)
  case drop(reason: String?)
  /// The event goes on, unless a delivery of the same route and step with the same key has succeeded
  /// within the window. While one is not settled, this one waits behind it (connectors.md 4.2).
  ///
  /// - Parameter key: A SHA-256.
  case once(key: [UInt8], windowMs: Int64)
}

/// A transform that could not do its work.
package struct TransformFailure: Error, Sendable, Hashable, CustomStringConvertible {
  package let message: String
  package init(_ message: String) { self.message = message }
  package var description: String { message }
}

/// What a transform may know besides the event: exactly what a script sees in its environment
/// (config.md 9.2).
package struct TransformContext: Sendable {
  package let source: String
  /// The route's actor.
  package let target: String
  package let eventType: String
  package let eventID: String
  package let route: String
  package let module: String
  package let traceID: String
  package let transform: String
  /// The module's root directory: where scripts run.
  package let root: String
  package let timeoutMs: Int64
  /// What a program prints to stderr goes here as it comes, so that it is there when the program is
  /// stopped.
  package var output: TransformOutput

  package init(
    source: String, target: String, eventType: String, eventID: String, route: String,
    module: String, traceID: String, transform: String, root: String, timeoutMs: Int64,
    output: TransformOutput = TransformOutput()
  ) {
    self.source = source
    self.target = target
    self.eventType = eventType
    self.eventID = eventID
    self.route = route
    self.module = module
    self.traceID = traceID
    self.transform = transform
    self.root = root
    self.timeoutMs = timeoutMs
    self.output = output
  }
}
