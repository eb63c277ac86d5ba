import Engine

/// The body of a webhook actor's request (connectors.md 3.2).
enum WebhookBody {
  static func bytes(
    _ delivery: DeliveryRequest, settings: WebhookActorSettings, nowMs: Int64
  ) -> [UInt8] {
    if let template = settings.template {
      return JSONText(template.render(context(delivery, nowMs: nowMs))).bytes
    }
    // Slack takes nothing but a text.
    if settings.host == "hooks.slack.com" {
      return JSONText(["text": .string(summary(delivery.event))]).bytes
    }
    var writer = JSONWriter()
    writer.append(raw: "{\"event\":".utf8)
    writer.append(raw: delivery.event.bytes)
    if let prompt = delivery.launchPrompt {
      writer.append(raw: ",\"launch_prompt\":".utf8)
      writer.append(string: prompt)
    }
    writer.append(raw: "}".utf8)
    return writer.bytes
  }

  private static func context(
    _ delivery: DeliveryRequest, nowMs: Int64
  ) -> BodyTemplate.Context {
    BodyTemplate.Context(
      event: delivery.event,
      values: [
        "launch_prompt": .string(delivery.launchPrompt ?? ""),
        "launch_prompt_meta": delivery.launchPromptMeta,
        "config": .object(delivery.config),
        "delivery": [
          "id": .string(delivery.deliveryID), "attempt": JSONValue(delivery.attempt),
        ],
        "route": .string(delivery.route), "module": .string(delivery.module),
        "now": .string(ISOTime.text(ms: nowMs)),
      ])
  }

  /// `[source] type (platform_event) by author`, and the event's URL on a line of its own.
  static func summary(_ event: JSONText) -> String {
    func text(_ keys: String...) -> String? {
      guard let text = event.slice(at: DotPath(keys: keys))?.string, !text.isEmpty else {
        return nil
      }
      return text
    }
    var line = "[\(text("source") ?? "")] \(text("type") ?? "")"
    if let name = text("provenance", "platform_event") { line += " (\(name))" }
    if let author = text("provenance", "author") { line += " by \(author)" }
    if let url = text("provenance", "url") { line += "\n\(url)" }
    return line
  }
}
