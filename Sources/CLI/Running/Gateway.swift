import CPlatform
import Engine
import Logging
import ProjectConfiguration
import Server

/// Puts the runtime behind the server.
struct Gateway: RuntimeGateway {
  let runtime: Runtime
  let keeper: RecordKeeper
  let stop: StopRequests
  let control: ModuleControl
  let logger: Logger

  func receiveWebhook(
    module: String?, source: String, request: WebhookRequest
  ) async -> WebhookAnswer {
    await runtime.receiveWebhook(module: module, source: source, request: request)
  }

  func receiveWebhook(path: String, request: WebhookRequest) async -> WebhookAnswer? {
    await runtime.receiveWebhook(path: path, request: request)
  }

  func isReady() async -> Bool {
    let record = keeper.record
    guard record.phase == .ready else { return false }
    return await runtime.canWrite(record)
  }

  /// With what only the runtime row has otherwise, which other users of the socket cannot read.
  func status() async throws -> JSONValue {
    let record = keeper.record
    guard case .object(var status) = try await runtime.status(record) else { return .null }
    status["config"] = JSONValue(record.configPath)
    status["http"] = JSONValue(record.httpAddress)
    status["rollback"] = control.rolledBack.json
    return .object(status)
  }

  func events(_ query: EventQuery) async throws -> EventPage {
    try await runtime.inspector.events(query)
  }

  func event(id: String) async throws -> JSONValue? { try await runtime.inspector.event(id: id) }

  func trace(of id: String, limit: Int) async throws -> JSONValue? {
    try await runtime.inspector.trace(of: id, limit: limit, nowMs: TimeSource.system.wallMs)
  }

  func why(_ id: String, route: String?) async throws -> JSONValue? {
    try await runtime.inspector.why(id, route: route, nowMs: TimeSource.system.wallMs)
  }

  /// With what only the process knows.
  func standing(
    of kind: Inspector.ObjectKind, _ name: String, module: String
  ) async throws -> JSONValue {
    let standing = try await runtime.inspector.standing(
      of: kind, name, module: module, nowMs: TimeSource.system.wallMs)
    guard kind == .source, var object = standing.object else { return standing }
    object["next_poll_at"] =
      runtime.nextPollMs(ofSource: name, module: module)
      .map { .string(ISOTime.text(ms: $0)) } ?? .null
    return .object(object)
  }

  func inject(
    _ body: [UInt8], module: String?, idempotencyKey: String?
  ) async throws -> InjectionReceipt {
    try await runtime.inject(body, module: module, idempotencyKey: idempotencyKey)
  }

  func drainInbox(
    _ sessionKey: String, module: String?, limit: Int, by caller: Caller
  ) async throws -> JSONValue {
    try await runtime.drainInbox(
      sessionKey, module: module, limit: limit, requester: caller.name)
  }

  func restoreInbox(batch: String, by caller: Caller) async throws -> JSONValue {
    try await runtime.restoreInbox(batch, requester: caller.name)
  }

  func inbox(_ sessionKey: String?, module: String?) async throws -> [JSONValue] {
    try await runtime.inspector.inbox(sessionKey, module: module)
  }

  /// An operator who stops the runtime starts afresh: what was loaded and unloaded by hand is
  /// forgotten, unlike after a signal (config.md 10.1).
  func beginShutdown(timeoutMs: Int64?, by caller: Caller) async {
    runtime.noteOperatorAction("shutdown", target: nil, requester: caller.name)
    do {
      try await runtime.forgetOperatorChanges()
    } catch {
      // A full disk must not keep a runtime from being stopped.
      logger.error(
        "modules loaded by hand will come back at the next start", metadata: ["error": "\(error)"])
    }
    stop.request(timeoutMs: timeoutMs)
  }
}

/// Modules and pauses.
extension Gateway {
  func modules(includesUnloaded: Bool) async throws -> [JSONValue] {
    try await runtime.moduleList(includesUnloaded: includesUnloaded)
  }

  func module(_ name: String) async throws -> JSONValue {
    try await runtime.moduleStatus(name)
  }

  func loadModule(_ request: ModuleLoadRequest, by caller: Caller) async throws -> JSONValue {
    let statuses = try await load(request, by: caller)
    var answer = statuses.first?.object ?? JSONObject()
    if statuses.count > 1 { answer["modules"] = .array(statuses) }
    return .object(answer)
  }

  func loadProject(_ configPath: String, by caller: Caller) async throws -> [JSONValue] {
    let file = await control.files.resolved(configPath)
    return try await load(ModuleLoadRequest(.path(file)), by: caller)
  }

  /// With the pid, because whoever loads is told into which process.
  private func load(
    _ request: ModuleLoadRequest, by caller: Caller
  ) async throws -> [JSONValue] {
    try await noting("load", request.shown, caller) {
      try await control.load(request, by: caller.name).map { status in
        var object = status.object ?? JSONObject()
        object["pid"] = JSONValue(Int64(keeper.record.pid))
        return .object(object)
      }
    } done: { statuses in
      statuses.map { $0["name"]?.string.map { "module/\($0)" } }
    }
  }

  func unloadModule(
    _ name: String, drainMs: Int64?, onRemoved: RemovedPolicy, by caller: Caller
  ) async throws -> JSONValue {
    let report = try await noting("unload", "module/\(name)", caller) {
      try await runtime.unloadModule(
        name, drainMs: drainMs, onRemoved: onRemoved, requester: caller.name)
    } done: { report in
      ["module/\(report.name)"]
    }
    return [
      "ok": true, "name": .string(report.name), "parked": JSONValue(report.parked),
      "dropped": JSONValue(report.dropped),
    ]
  }

  func reloadModule(
    _ name: String, onRemoved: RemovedPolicy, by caller: Caller
  ) async throws -> JSONValue {
    try await noting("reload", "module/\(name)", caller) {
      try await control.reload(name, onRemoved: onRemoved, by: caller.name)
    } done: { status in
      [status["name"]?.string.map { "module/\($0)" }]
    }
  }

  /// Logs what an operator has asked for, done or refused; pauses that were made the runtime logs
  /// itself, one by one.
  private func noting<Value: Sendable>(
    _ action: String, _ target: String?, _ caller: Caller, _ body: () async throws -> Value,
    done: (Value) -> [String?]
  ) async throws -> Value {
    do {
      let value = try await body()
      for target in done(value) {
        runtime.noteOperatorAction(action, target: target, requester: caller.name)
      }
      return value
    } catch {
      let text = Secrets.redact("\(error)")
      runtime.noteOperatorAction(action, target: target, requester: caller.name, error: text)
      // What the engine refuses it has logged; the files it has not seen.
      if error is ConfigurationRefusal {
        let prefix = "module/"
        let module = target.flatMap { $0.hasPrefix(prefix) ? $0.dropFirst(prefix.count) : nil }
        runtime.noteModuleError(module.map(String.init), text)
      }
      throw error
    }
  }

  func plan(onRemoved: RemovedPolicy) async throws -> JSONValue {
    // What was read for it is as large as what runs, and malloc would keep it.
    defer { orgloop_give_memory_back() }
    return try await control.plan(onRemoved: onRemoved)
  }

  func apply(
    plan: String?, onRemoved: RemovedPolicy, by caller: Caller
  ) async throws -> JSONValue {
    defer { orgloop_give_memory_back() }
    var answer = try await noting("apply", nil, caller) {
      try await control.apply(plan: plan, onRemoved: onRemoved, by: caller.name).object ?? [:]
    } done: { _ in
      [nil]
    }
    answer["generation"] = try await runtime.status(keeper.record)["generation"]
    return .object(answer)
  }

  func selectWorkspace(_ name: String, root: String, by caller: Caller) async throws {
    guard NameRule.isID(name) else {
      throw EngineError(.invalid, WorkspaceFiles.nameRule)
    }
    try await noting("workspace select", "\(name) for \(root)", caller) {
      try await runtime.select(workspace: name, root: root, requester: caller.name)
    } done: { _ in
      ["\(name) for \(root)"]
    }
  }

  func rollback(_ request: RollbackRequest, by caller: Caller) async throws -> JSONValue {
    guard !request.isPlanOnly else {
      return .object(try await control.rollback(request, by: caller.name))
    }
    var answer = try await noting("rollback", request.place.text, caller) {
      try await control.rollback(request, by: caller.name)
    } done: { _ in
      [request.place.text]
    }
    answer["generation"] = try await runtime.status(keeper.record)["generation"]
    return .object(answer)
  }

  func pause(
    _ selection: PauseSelection, reason: String?, durationMs: Int64?, by caller: Caller
  ) async throws -> [JSONValue] {
    try await noting("pause", selection.shown, caller) {
      try await runtime.pause(
        selection, reason: reason, durationMs: durationMs, requester: caller.name)
    } done: { _ in
      []
    }
  }

  func resume(_ selection: PauseSelection, by caller: Caller) async throws -> [JSONValue] {
    try await noting("resume", selection.shown, caller) {
      try await runtime.resume(selection, requester: caller.name)
    } done: { _ in
      []
    }
  }
}

/// Dead letters and replay.
extension Gateway {
  func letters(_ query: LetterQuery) async throws -> EventPage {
    try await runtime.inspector.letters(query)
  }

  func letterCounts(_ query: LetterQuery, by group: LetterGroup) async throws -> [JSONValue] {
    try await runtime.inspector.letterCounts(query, by: group)
  }

  func letter(id: String) async throws -> JSONValue? {
    try await runtime.inspector.letter(id: id)
  }

  func carryOut(_ order: LetterOrder, by caller: Caller) async throws -> JSONValue {
    try await runtime.carryOut(order, requester: caller.name).json
  }

  func begin(
    _ order: LetterOrder, perSecond: Double?, by caller: Caller
  ) async throws -> Int {
    try await runtime.beginLetters(order, perSecond: perSecond, requester: caller.name)
  }

  func replay(_ request: ReplayRequest, by caller: Caller) async throws -> JSONValue {
    if request.isDryRun, let order = request.order { return try await runtime.dryRun(order).json }
    guard let limit = request.limit else {
      return try await runtime.beginReplay(
        request.order, id: request.id, perSecond: request.perSecond, requester: caller.name
      ).json
    }
    return try await runtime.replay(
      request.order, id: request.id, limit: limit, requester: caller.name
    ).json
  }
}

extension ModuleLoadRequest {
  /// As the log names it.
  fileprivate var shown: String {
    switch target {
    case .path(let path): path
    case .package(let name): name
    }
  }
}

extension PauseSelection {
  /// As the log names it; nil for everything.
  fileprivate var shown: String? {
    guard case .targets(let targets) = self else { return nil }
    return targets.map(\.description).joined(separator: " ")
  }
}
