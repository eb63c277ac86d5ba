package import Engine

/// What the HTTP server needs of a runtime.
///
/// The protocol is the server's, because the server calls it; the command line program puts the
/// real runtime behind it.
package protocol RuntimeGateway: Sendable {
  /// A request to `/webhook/<module>/<source>`, or `/webhook/<source>` with `module` nil. Method
  /// and size have been checked.
  func receiveWebhook(
    module: String?, source: String, request: WebhookRequest
  ) async -> WebhookAnswer
  /// A request to a path that a source has mounted itself at (`config.path`); nil when none has.
  func receiveWebhook(path: String, request: WebhookRequest) async -> WebhookAnswer?
  /// Whether a source has mounted itself at a path, so that another method than POST is answered
  /// 405 there and 404 elsewhere.
  func isWebhookMounted(at path: String) async -> Bool
  /// The database can be written and the configuration is applied.
  func isReady() async -> Bool
  /// The body of `GET /api/status` (cli-http.md 3.3).
  func status() async throws -> JSONValue
  /// One page of `GET /api/events`, newest first, and the cursor of the next.
  func events(_ query: EventQuery) async throws -> EventPage
  /// The body of `GET /api/events/<id>`; nil when there is no such event.
  func event(id: String) async throws -> JSONValue?
  /// The body of `GET /api/events/<id>/trace`; nil for an id that leads nowhere.
  func trace(of id: String, limit: Int) async throws -> JSONValue?
  /// The body of `GET /api/events/<id>/why`; nil for an id that leads nowhere.
  ///
  /// - Parameter route: Only what concerns routes of this name.
  func why(_ id: String, route: String?) async throws -> JSONValue?
  /// The body of `GET /api/inspect`: health, queue, counters and the last event of an object; null
  /// for one that the database has never seen.
  func standing(
    of kind: Inspector.ObjectKind, _ name: String, module: String
  ) async throws -> JSONValue
  /// Accepts an event from JSON.
  ///
  /// - Throws: ``EngineError`` `.invalid` (422), `.notFound` for the module (404), `.unavailable`
  ///   (503), `.full` (507).
  func inject(
    _ body: [UInt8], module: String?, idempotencyKey: String?
  ) async throws -> InjectionReceipt
  /// Begins a graceful stop and returns; `timeoutMs` nil takes `runtime.shutdown_timeout`.
  func beginShutdown(timeoutMs: Int64?, by caller: Caller) async

  // MARK: Inbox (cli-http.md 3.3)

  /// `{events, remaining, continuation, batch}`.
  ///
  /// - Throws: ``EngineError`` `.invalid` (422) when several modules have the key.
  func drainInbox(
    _ sessionKey: String, module: String?, limit: Int, by caller: Caller
  ) async throws -> JSONValue
  /// `{restored}`.
  func restoreInbox(batch: String, by caller: Caller) async throws -> JSONValue
  /// `[{sessionKey, module, pending}]`, of one key or of all.
  func inbox(_ sessionKey: String?, module: String?) async throws -> [JSONValue]

  // MARK: Modules (cli-http.md 3.4)

  /// The statuses of the modules, by name.
  ///
  /// - Parameter includesUnloaded: Those too that are not loaded and have state in the database.
  func modules(includesUnloaded: Bool) async throws -> [JSONValue]
  /// - Throws: ``EngineError`` `.notFound`.
  func module(_ name: String) async throws -> JSONValue
  /// Loads a module from files; the status of what was loaded.
  ///
  /// - Throws: ``EngineError`` `.conflict` (409), `.notFound`; ``ConfigurationRefusal`` (422).
  func loadModule(_ request: ModuleLoadRequest, by caller: Caller) async throws -> JSONValue
  /// Loads a project beside the running one: each of its modules under its own name. An array of
  /// statuses.
  func loadProject(_ configPath: String, by caller: Caller) async throws -> [JSONValue]
  /// `{ok, name, parked, dropped}`.
  func unloadModule(
    _ name: String, drainMs: Int64?, onRemoved: RemovedPolicy, by caller: Caller
  ) async throws -> JSONValue
  /// `{ok: true, …status, outcome: reloaded|unchanged, changes}`.
  func reloadModule(
    _ name: String, onRemoved: RemovedPolicy, by caller: Caller
  ) async throws -> JSONValue
  /// What ``apply(plan:onRemoved:by:)`` would do (cli-http.md 2.2, `plan`); nothing is changed.
  ///
  /// - Throws: ``ConfigurationRefusal`` (422); ``EngineError`` `.conflict` for a name that belongs
  ///   to other files.
  func plan(onRemoved: RemovedPolicy) async throws -> JSONValue
  /// Brings the running modules of the boot project to what its files say now.
  ///
  /// - Parameter plan: The id of a plan; nil applies whatever the files say.
  /// - Throws: ``EngineError`` `.conflict` (409) when the plan would not be the same now.
  func apply(plan: String?, onRemoved: RemovedPolicy, by caller: Caller) async throws -> JSONValue
  /// Remembers which workspace the project in a directory works in (config.md 11).
  ///
  /// - Parameter root: Absolute.
  /// - Throws: ``EngineError`` `.invalid` for a name that is none.
  func selectWorkspace(_ name: String, root: String, by caller: Caller) async throws
  /// Brings the running modules of the boot project to what they were once, or says what that would
  /// do.
  ///
  /// - Throws: ``EngineError`` `.notFound` for a generation that there is not, `.conflict` (409) when
  ///   the plan would not be the same now or a script is another one by now;
  ///   ``ConfigurationRefusal`` (422) when it cannot be used any more.
  func rollback(_ request: RollbackRequest, by caller: Caller) async throws -> JSONValue
  /// The paused targets.
  func pause(
    _ selection: PauseSelection, reason: String?, durationMs: Int64?, by caller: Caller
  ) async throws -> [JSONValue]
  func resume(_ selection: PauseSelection, by caller: Caller) async throws -> [JSONValue]

  // MARK: Dead letters and replay (cli-http.md 2.4 and 3.3)

  /// One page of `GET /api/dlq`, newest first, and the cursor of the next.
  func letters(_ query: LetterQuery) async throws -> EventPage
  func letterCounts(_ query: LetterQuery, by group: LetterGroup) async throws -> [JSONValue]
  /// A delivery with its event, and what the transforms made of it; nil when there is none.
  func letter(id: String) async throws -> JSONValue?
  /// Carries out one part of an order; the answer says where to go on.
  func carryOut(_ order: LetterOrder, by caller: Caller) async throws -> JSONValue
  /// Carries out an order to its end in the background.
  ///
  /// - Returns: How many deliveries it concerns now.
  func begin(_ order: LetterOrder, perSecond: Double?, by caller: Caller) async throws -> Int
  /// `{replay_id, matched, deliveries, …}`.
  ///
  /// - Throws: ``EngineError`` `.notFound`, `.conflict` (409), `.invalid` (422).
  func replay(_ request: ReplayRequest, by caller: Caller) async throws -> JSONValue
}

/// Who sent a request to the control API.
package struct Caller: Sendable, Hashable {
  /// The name of the user at the other end of the Unix socket, `uid 1001` for one without a name,
  /// or `token`.
  package let name: String

  package init(name: String) { self.name = name }
}

/// What is to be loaded: a path, or the name of a package or of a module that was loaded before.
package struct ModuleLoadRequest: Sendable, Hashable {
  package enum Target: Sendable, Hashable {
    /// Absolute: the runtime's working directory is not the caller's.
    case path(String)
    case package(String)
  }

  package var target: Target
  /// In place of `metadata.name`.
  package var name: String?
  package var parameters: [String: String]

  package init(_ target: Target, name: String? = nil, parameters: [String: String] = [:]) {
    self.target = target
    self.name = name
    self.parameters = parameters
  }
}

/// Which configuration is to come back, and how.
package struct RollbackRequest: Sendable, Hashable {
  package var place: HistoryPlace
  /// Nothing is changed.
  package var isPlanOnly = false
  /// The id of the plan that was looked at; nil takes any.
  package var plan: String?
  package var onRemoved = RemovedPolicy.park
  /// Also where scripts on the disk are not what they were.
  package var allowsChangedFiles = false

  package init(_ place: HistoryPlace) { self.place = place }
}

/// A configuration that cannot be used, with all its diagnostics: 422 with `errors`.
package struct ConfigurationRefusal: Error, Sendable, CustomStringConvertible {
  package let message: String
  /// Each `{file, line, column, level, code, message, hint?}`; what is no error stands among them
  /// with its level, in the order of the files.
  package let errors: [JSONValue]

  package init(_ message: String, errors: [JSONValue]) {
    self.message = message
    self.errors = errors
  }

  /// The first thing that is wrong stands for all.
  package var description: String {
    let first = errors.first { $0["level"] == "error" } ?? errors.first
    return message + (first?["message"]?.string.map { ": \($0)" } ?? "")
  }
}

extension RuntimeGateway {
  package func isWebhookMounted(at path: String) async -> Bool { false }
}
