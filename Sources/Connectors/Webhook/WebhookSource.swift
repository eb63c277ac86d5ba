package import Engine

/// The generic webhook source: any JSON value becomes one event (connectors.md 2.5).
package struct WebhookSource: PushSource {
  /// `config.path`.
  package let path: String?
  private let signature: SignatureCheck
  private let typeField: DotPath
  private let eventType: EventType
  private let dedupField: DotPath?
  private let time: TimeSource

  /// - Throws: ``ConfigProblem`` or ``ConnectorError`` `.configuration` for what `check` refuses.
  package init(_ config: JSONObject, context: SourceContext) throws {
    path = config.string("path")
    signature = SignatureCheck(secrets: try WebhookSecret.list(config))
    guard let typeField = DotPath(config.string("event_type_field") ?? "type") else {
      throw ConnectorError(.configuration, "event_type_field is not a dot path")
    }
    self.typeField = typeField
    eventType = config.string("event_type").flatMap(EventType.init(rawValue:)) ?? .resourceChanged
    dedupField = config.string("dedup_field").flatMap { DotPath($0) }
    time = context.time
  }

  static let fields: [ConfigField] = [
    ConfigField(
      "secret", .either([.string, .list(.string)]), secret: true,
      "Signs the requests; a list during rotation. whsec_… means Standard Webhooks."),
    ConfigField(
      "event_type_field", .dotPath, default: "type",
      "Where in the body the platform's name of the event stands."),
    ConfigField(
      "event_type", .eventType, default: "resource.changed", "The type of the events."),
    ConfigField("dedup_field", .dotPath, "Where in the body a unique id stands."),
    ConfigField("path", .string, "A further path to listen at; begins with /."),
    ConfigField(
      "insecure", .boolean, default: false,
      "Take unsigned requests from other machines; without it such a source is refused."),
    ConfigField("buffer_dir", .any, ignored: true, "Nothing is buffered in files."),
    ConfigField("max_buffer_size", .any, ignored: true, "Nothing is buffered in files."),
  ]

  static func check(_ config: JSONObject) -> [ConfigProblem] {
    var problems = WebhookSecret.check(config)
    if let path = config.string("path"), !path.hasPrefix("/") {
      problems.append(ConfigProblem(["path"], "path must begin with /"))
    }
    return problems
  }

  /// Nothing is held open.
  package func close() async {}

  /// Signature, then JSON, then the event; see connectors.md 1.3 for the order.
  package func receive(_ request: WebhookRequest) async throws -> WebhookReception {
    // The signature is over the bytes as they came: nothing reads them before (W4).
    try signature.verify(request, nowMs: time.wallMs)
    let body: JSONText
    do {
      body = try JSONText(checking: request.body)
    } catch {
      throw WebhookRefusal(status: 400, "The body is not valid JSON: \(error)")
    }
    let name = body.slice(at: typeField)?.string ?? "unknown"
    let draft = EventDraft(
      type: eventType,
      provenance: JSONText(["platform": "webhook", "platform_event": .string(name)]),
      payload: body, dedupKey: dedupKey(request, body),
      traceID: request.header("traceparent").flatMap(TraceParent.traceID))
    do {
      try draft.check()
    } catch {
      throw WebhookRefusal(status: 400, error.message)
    }
    return WebhookReception(events: [draft])
  }

  /// The first that is there: `webhook-id`, `Idempotency-Key`, the configured place in the body.
  private func dedupKey(_ request: WebhookRequest, _ body: JSONText) -> String? {
    for name in ["webhook-id", "idempotency-key"] {
      if let value = request.header(name), !value.isEmpty { return DedupKey.bounded(value) }
    }
    let value = dedupField.flatMap { body.value(at: $0) }
    guard let text = JSONValue.scalarText(value), !text.isEmpty else { return nil }
    return DedupKey.bounded(text)
  }
}
