import Engine

/// A `defaults:` block as it is written: every leaf may be unset (config.md 5.1).
struct DefaultsBlock {
  var pollIntervalMs: Int64?
  var eventRetentionMs: Int64?
  var deadLetterRetentionMs: Int64?
  var logLevel: String?
  var forgetsCheckpoint: Bool?
  var delivery = DeliveryBlock()
  var onError: TransformStep.ErrorPolicy?

  /// This block with its unset leaves taken from the one below.
  func over(_ lower: DefaultsBlock) -> DefaultsBlock {
    DefaultsBlock(
      pollIntervalMs: pollIntervalMs ?? lower.pollIntervalMs,
      eventRetentionMs: eventRetentionMs ?? lower.eventRetentionMs,
      deadLetterRetentionMs: deadLetterRetentionMs ?? lower.deadLetterRetentionMs,
      logLevel: logLevel ?? lower.logLevel,
      forgetsCheckpoint: forgetsCheckpoint ?? lower.forgetsCheckpoint,
      delivery: delivery.over(lower.delivery), onError: onError ?? lower.onError)
  }
}

extension Session {
  func defaultsBlock(_ node: Node?) -> DefaultsBlock {
    var block = DefaultsBlock()
    guard let node = map(node, "defaults") else { return block }
    checkKeys(
      node,
      [
        "poll_interval", "event_retention", "dead_letter_retention", "log_level", "checkpoint",
        "delivery", "on_error",
      ], label: "defaults")
    block.pollIntervalMs = durationMs(
      present(node["poll_interval"]), "defaults.poll_interval", min: 1_000)
    block.eventRetentionMs = durationMs(
      present(node["event_retention"]), "defaults.event_retention")
    block.deadLetterRetentionMs = durationMs(
      present(node["dead_letter_retention"]), "defaults.dead_letter_retention")
    block.logLevel = choice(
      present(node["log_level"]), "defaults.log_level", ["debug", "info", "warn", "error"])
    block.forgetsCheckpoint = forgetsCheckpoint(node["checkpoint"])
    block.delivery = deliveryBlock(node["delivery"], "defaults.delivery")
    block.onError = choice(
      present(node["on_error"]), "defaults.on_error", TransformStep.ErrorPolicy.self)
    return block
  }

  private func forgetsCheckpoint(_ node: Node?) -> Bool? {
    let label = "defaults.checkpoint"
    guard let node = map(node, label) else { return nil }
    checkKeys(node, ["store", "dir"], label: label)
    if let pair = node.pair("dir") {
      report(
        .notice, "state.ignored",
        "\(label).dir has no effect: checkpoints are kept in the database",
        at: pair.keyOrigin)
    }
    return choice(present(node["store"]), "\(label).store", ["file", "memory"])
      .map { $0 == "memory" }
  }
}
