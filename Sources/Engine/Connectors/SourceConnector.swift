/// A running source, by the way events come out of it.
package enum SourceInstance: Sendable {
  case poll(any PollSource)
  case push(any PushSource)
  case stream(any StreamSource)
  case timer(any TimerSource)
}

/// What a source may know of its surroundings. It knows nothing of routes.
package struct SourceContext: Sendable {
  package let module: String
  package let sourceID: String
  /// The module's root directory.
  package let root: String
  package let time: TimeSource
  /// Emits a log entry for this source, such as `source.stderr`.
  package let log: @Sendable (LogEntry) -> Void

  package init(
    module: String, sourceID: String, root: String, time: TimeSource,
    log: @escaping @Sendable (LogEntry) -> Void
  ) {
    self.module = module
    self.sourceID = sourceID
    self.root = root
    self.time = time
    self.log = log
  }
}

/// A source that is asked at intervals.
package protocol PollSource: Sendable {
  /// Reads what is new since the checkpoint.
  ///
  /// Events and the new checkpoint are committed together; until then nothing is acknowledged
  /// anywhere, and the same poll may be made again after a crash.
  ///
  /// - Parameter checkpoint: What the last committed poll returned; nil at the first.
  /// - Throws: Anything: the poll failed, nothing is stored, the checkpoint stays.
  func poll(checkpoint: String?) async throws -> PollResult
  func close() async
}

/// What one poll found.
package struct PollResult: Sendable {
  package var events: [EventDraft]
  /// Where to go on; nil leaves the stored one as it is.
  package var checkpoint: String?
  /// A rate limit: the next poll waits at least this long, and health is `degraded`.
  package var retryAfterMs: Int64?
  /// Lines or records that were not events; each becomes a `system.error` (events.md 1).
  package var refused: [String]

  package init(
    events: [EventDraft] = [], checkpoint: String? = nil, retryAfterMs: Int64? = nil,
    refused: [String] = []
  ) {
    self.events = events
    self.checkpoint = checkpoint
    self.retryAfterMs = retryAfterMs
    self.refused = refused
  }
}

/// A source that others send to.
package protocol PushSource: Sendable {
  /// A further path that this source is mounted at; begins with `/`.
  var path: String? { get }
  /// Turns a request into events: signature, headers, JSON, in this order (connectors.md 1.3).
  /// Method and size have been checked.
  ///
  /// - Throws: ``WebhookRefusal`` with the status and text for the sender.
  func receive(_ request: WebhookRequest) async throws -> WebhookReception
  func close() async
}

/// An HTTP request to a push source.
package struct WebhookRequest: Sendable {
  package var method: String
  /// The path without the query.
  package var path: String
  /// In the order they came; names in lower case.
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]

  package init(
    method: String = "POST", path: String, headers: [(name: String, value: String)],
    body: [UInt8]
  ) {
    self.method = method
    self.path = path
    self.headers = headers
    self.body = body
  }

  /// The first header of that name, which is given in lower case.
  package func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
  /// How often a header of that name, in lower case, stands in the request.
  package func headerCount(_ name: String) -> Int { headers.count { $0.name == name } }
}

/// The events of one request, and the form of the answer.
package struct WebhookReception: Sendable {
  package var events: [EventDraft]
  package var answer: AnswerStyle

  /// connectors.md 1.3: the answers established for first-party sources.
  package enum AnswerStyle: Sendable, Hashable {
    /// 200 `{"ok":true,"event_id":"evt_…"}`
    case single
    /// 200 `{"ok":true,"events_created":n,"event_ids":[…]}`
    case many
    /// 200 `{"ok":true,"filtered":true,"reason":"…"}`
    case filtered(reason: String)
  }

  package init(events: [EventDraft], answer: AnswerStyle = .single) {
    self.events = events
    self.answer = answer
  }
}

/// A request that is not taken, and what its sender is told.
package struct WebhookRefusal: Error, Sendable, Hashable {
  package var status: Int
  package var text: String

  package init(status: Int, _ text: String) {
    self.status = status
    self.text = text
  }
}

/// A source that keeps running and emits as things happen.
package protocol StreamSource: Sendable {
  /// Runs until the stream ends, the task is cancelled, or it fails.
  ///
  /// The engine restarts it with back-off and the last committed checkpoint.
  ///
  /// - Parameter emit: Commits events and a checkpoint; returns when they are durable, which is
  ///   the back-pressure.
  func run(
    checkpoint: String?,
    emit: @escaping @Sendable (PollResult) async throws -> Void
  ) async throws
  func close() async
}

/// A source that fires by the wall clock.
package protocol TimerSource: Sendable {
  /// When to fire next, in milliseconds since 1970, computed and not scanned; nil = never again.
  ///
  /// - Parameters:
  ///   - checkpoint: What the last committed firing returned; nil before the first.
  ///   - nowMs: The wall clock.
  func nextFireMs(checkpoint: String?, nowMs: Int64) -> Int64?
  /// The events that are due at `nowMs`, misfires included, and the advanced checkpoint. At
  /// activation it is called once too, so that a first checkpoint is stored.
  func fire(checkpoint: String?, nowMs: Int64, isActivation: Bool) -> PollResult
}
