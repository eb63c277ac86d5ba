/// The receiving end of a route. (Named so that it does not collide with Swift's own actors.)
package protocol ActorConnector: Sendable {
  /// Makes one attempt.
  ///
  /// The engine cancels the task when the route's timeout has passed; a connector returns soon
  /// after that, and what it returns then is recorded as `timeout`.
  func deliver(_ delivery: DeliveryRequest) async -> AttemptOutcome
  func close() async
}

/// What an actor may know of its surroundings.
package struct ActorContext: Sendable {
  package let module: String
  package let actorID: String
  package let root: String
  package let time: TimeSource
  package let log: @Sendable (LogEntry) -> Void

  package init(
    module: String, actorID: String, root: String, time: TimeSource,
    log: @escaping @Sendable (LogEntry) -> Void
  ) {
    self.module = module
    self.actorID = actorID
    self.root = root
    self.time = time
    self.log = log
  }
}

/// One delivery as its actor sees it: the event after the transforms, and `then.config` after
/// interpolation.
package struct DeliveryRequest: Sendable {
  /// `dlv_…`; the same on every attempt, sent as `webhook-id`.
  package let deliveryID: String
  /// Counted from 1.
  package let attempt: Int
  package let eventID: String
  /// The whole envelope.
  package let event: JSONText
  package let traceID: String
  package let route: String
  package let module: String
  /// `then.config` interpolated, with `launch_prompt`, `launch_prompt_file` and
  /// `launch_prompt_meta` where the route has a prompt.
  package let config: JSONObject
  /// The prompt's text after its front matter; nil without a prompt.
  package let launchPrompt: String?
  /// The front matter's mapping, or null.
  package let launchPromptMeta: JSONValue
  /// Of this attempt.
  package let timeoutMs: Int64
  /// Milliseconds since 1970 when the attempt began.
  package let startedAtMs: Int64

  package init(
    deliveryID: String, attempt: Int, eventID: String, event: JSONText, traceID: String,
    route: String, module: String, config: JSONObject = [:], launchPrompt: String? = nil,
    launchPromptMeta: JSONValue = .null, timeoutMs: Int64 = 30_000, startedAtMs: Int64 = 0
  ) {
    self.deliveryID = deliveryID
    self.attempt = attempt
    self.eventID = eventID
    self.event = event
    self.traceID = traceID
    self.route = route
    self.module = module
    self.config = config
    self.launchPrompt = launchPrompt
    self.launchPromptMeta = launchPromptMeta
    self.timeoutMs = timeoutMs
    self.startedAtMs = startedAtMs
  }
}
