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
    let defaults = MapReader(self, node, Tables.defaults, "defaults")
    block.pollIntervalMs = defaults.durationMs("poll_interval")
    block.eventRetentionMs = defaults.durationMs("event_retention")
    block.deadLetterRetentionMs = defaults.durationMs("dead_letter_retention")
    block.logLevel = defaults.choice("log_level")
    block.forgetsCheckpoint = defaults.block("checkpoint").flatMap(forgetsCheckpoint)
    block.delivery = defaults.block("delivery").map(DeliveryBlock.init) ?? DeliveryBlock()
    block.onError = defaults.choice("on_error", TransformStep.ErrorPolicy.self)
    return block
  }

  private func forgetsCheckpoint(_ checkpoint: MapReader) -> Bool? {
    if let pair = checkpoint.node.pair("dir") {
      report(
        .notice, "state.ignored",
        "\(checkpoint.place("dir")) has no effect: checkpoints are kept in the database",
        at: pair.keyOrigin)
    }
    return checkpoint.choice("store").map { $0 == "memory" }
  }
}
