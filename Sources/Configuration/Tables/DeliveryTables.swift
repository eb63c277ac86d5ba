import Engine

/// The delivery block (config.md 7).
extension Tables {
  static let delivery: ConfigTable = {
    let base = DeliveryPolicy()
    return ConfigTable(
      "delivery",
      "How deliveries are made. Unset keys are the actor's, then those of defaults.delivery.",
      [
        ConfigField("max_rate", .rate, "Attempts started per unit; no limit by default."),
        ConfigField(
          "queue_depth", .integer(1...10_000_000), default: JSONValue(base.queueDepth),
          "Deliveries that may be pending or waiting in the queue."),
        ConfigField(
          "overflow", .choice(DeliveryPolicy.Overflow.allCases.map(\.rawValue)),
          default: .string(base.overflow.rawValue), "What happens when the queue is full."),
        ConfigField(
          "concurrency", .integer(1...10_000), default: JSONValue(base.concurrency),
          "Attempts in flight at once."),
        ConfigField(
          "order_key", .dotPath,
          "Events with the same value there are delivered one after another."),
        ConfigField(
          "timeout", .longDuration(msMin: 1), default: duration(base.timeoutMs),
          "Of the actor's work in one attempt; transforms have their own."),
        ConfigField("retry", .table(retry), "When a failed delivery is tried again."),
        ConfigField(
          "circuit_breaker", .either([.boolean, .table(breaker)]),
          "When an actor that keeps failing is left alone; false switches it off."),
        ConfigField(
          "max_starts", .startLimit,
          "Deliveries for the actor, over all routes; more are dropped. No limit by default."),
      ])
  }()

  static let retry: ConfigTable = {
    let base = RetryPolicy()
    return ConfigTable(
      "retry", "When a failed delivery is tried again.",
      [
        ConfigField(
          "max_attempts", .integer(1...1_000_000), default: JSONValue(base.attemptsMax),
          "The first attempt included; 1 = no retry."),
        ConfigField(
          "backoff", .choice(RetryPolicy.Backoff.allCases.map(\.rawValue)),
          default: .string(base.backoff.rawValue), "How the delay grows from attempt to attempt."),
        ConfigField(
          "initial_delay", .duration, default: duration(base.initialDelayMs),
          "After the first attempt."),
        ConfigField(
          "max_delay", .duration, default: duration(base.maxDelayMs),
          "The delay is never longer."),
        ConfigField(
          "jitter", .either([.choice(["full", "none"]), .number(0...1)]),
          "full: anything from 0 to the delay; a number: that part more or less. full with "
            + "exponential, else none, by default."),
      ])
  }()

  static let breaker: ConfigTable = {
    let base = BreakerPolicy()
    return ConfigTable(
      "circuit_breaker", "When an actor that keeps failing is left alone.",
      [
        ConfigField(
          "failure_threshold", .integer(1...1_000_000), default: JSONValue(base.failureThreshold),
          "Failed attempts in a row."),
        ConfigField(
          "cooldown", .duration, default: duration(base.cooldownMs),
          "How long nothing is tried then."),
      ])
  }()
}
