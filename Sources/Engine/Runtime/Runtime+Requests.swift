import Store
import Synchronization

extension Runtime {
  /// A request to a push source by its path `/webhook/<module>/<source>`, or `/webhook/<source>`
  /// with `module` nil (cli-http.md 3.2).
  package func receiveWebhook(
    module: String?, source: String, request: WebhookRequest
  ) async -> WebhookAnswer {
    if isStopping { return Runtime.stoppingAnswer }
    let found = table.withLock { $0.pushSources(source, in: module) }
    guard let runner = found.first else { return .unknownSource }
    if found.count > 1 {
      return .ambiguous(paths: found.map { "/webhook/\($0.module)/\(source)" }.sorted())
    }
    return await runner.receive(request)
  }

  /// A request to a path that a source has mounted itself at; nil when none has.
  package func receiveWebhook(path: String, request: WebhookRequest) async -> WebhookAnswer? {
    let runner = table.withLock { table -> SourceRunner? in
      table.mounts[path].flatMap { table.pushSources($0.id, in: $0.module).first }
    }
    guard let runner else { return nil }
    return isStopping ? Runtime.stoppingAnswer : await runner.receive(request)
  }

  private static let stoppingAnswer = WebhookAnswer.unavailable(
    status: 503, retryAfterSeconds: 5, text: "orgloop is stopping")

  /// Accepts an event that came as JSON (cli-http.md 3.3, `POST /api/events`).
  ///
  /// - Throws: ``EngineError`` `.invalid` for what is no event, `.notFound` for an unknown module,
  ///   `.unavailable`, `.full`.
  package func inject(
    _ body: [UInt8], module: String?, idempotencyKey: String?
  ) async throws -> InjectionReceipt {
    if isStopping { throw EngineError(.unavailable, "orgloop is stopping") }
    let name = try injectionModule(module)
    let text: JSONText
    do throws(JSONError) {
      text = try JSONText(checking: body)
    } catch {
      throw EngineError(.invalid, "the event is not valid JSON: \(error)")
    }
    guard case .object(let object) = text.value() else {
      throw EngineError(.invalid, "the event must be a JSON object")
    }
    var (source, draft) = try EventDraft.parse(object)
    draft.dedupKey = idempotencyKey
    try draft.check()
    do {
      let receipts = try await intake.accept([draft], module: name, source: source)
      guard let receipt = receipts.first else {
        throw EngineError(.internalFault, "the event was not stored")
      }
      return InjectionReceipt(
        eventID: bus.identity.ids(of: receipt).event, isDuplicate: receipt.isDuplicate)
    } catch let error as EngineError where error.code == .notFound {
      throw EngineError(
        .invalid, error.message, hint: "name a source or an actor of the module in \"source\"")
    }
  }

  private func injectionModule(_ module: String?) throws(EngineError) -> String {
    let modules = table.withLock(\.modules)
    if let module {
      guard let match = table.withLock({ $0[module] }) else {
        throw EngineError(
          moduleNotFound: module,
          among: modules.values.flatMap { [$0.name] + ($0.definition.alias.map { [$0] } ?? []) })
      }
      return match.name
    }
    guard modules.count == 1, let only = modules.first else {
      throw EngineError(
        .invalid, "there are \(modules.count) modules; say which one",
        hint: "--module NAME says which; over HTTP ?module=NAME")
    }
    return only.key
  }
}

extension EventDraft {
  /// An event from an envelope that somebody else wrote (events.md 1). `timestamp` and `module`
  /// are ours to give and are left aside; unknown members are kept.
  static func parse(_ object: JSONObject) throws(EngineError) -> (source: String, EventDraft) {
    guard let source = object["source"]?.string, !source.isEmpty else {
      throw EngineError(.invalid, "source must be a non-empty string")
    }
    guard let word = object["type"]?.string, let type = EventType(rawValue: word) else {
      let words = EventType.allCases.map(\.rawValue).joined(separator: ", ")
      throw EngineError(.invalid, "type must be one of \(words)")
    }
    guard let provenance = object["provenance"] else {
      throw EngineError(.invalid, "provenance is missing")
    }
    if let timestamp = object["timestamp"] {
      guard let text = timestamp.string, ISOTime.ms(text) != nil else {
        throw EngineError(.invalid, "timestamp must be an ISO 8601 time")
      }
    }
    let known = [
      "id", "timestamp", "source", "type", "provenance", "payload", "trace_id", "module",
    ]
    let others = object.members.filter { !known.contains($0.key) }
    var draft = EventDraft(
      type: type, provenance: JSONText(provenance),
      payload: object["payload"].map { JSONText($0) } ?? .emptyObject)
    if !others.isEmpty { draft.extra = JSONText(.object(JSONObject(others))) }
    draft.externalID = try string("id", of: object)
    draft.traceID = try string("trace_id", of: object)
    return (source, draft)
  }

  private static func string(
    _ key: String, of object: JSONObject
  ) throws(EngineError) -> String? {
    guard let value = object[key] else { return nil }
    guard let text = value.string else { throw EngineError(.invalid, "\(key) must be a string") }
    return text
  }
}
