import Engine

/// A delivery block as it is written: every leaf may be unset (config.md 7).
struct DeliveryBlock {
  enum Breaker {
    case off
    case on(failureThreshold: Int?, cooldownMs: Int64?)
  }

  var ratePerSecond: Double?
  var queueDepth: Int?
  var overflow: DeliveryPolicy.Overflow?
  var concurrency: Int?
  var starts: StartLimit?
  var orderKey: DotPath?
  var timeoutMs: Int64?
  var attemptsMax: Int?
  var backoff: RetryPolicy.Backoff?
  var initialDelayMs: Int64?
  var maxDelayMs: Int64?
  var jitter: RetryPolicy.Jitter?
  var breaker: Breaker?

  /// Whether a route with this block has a queue, rate, concurrency or breaker of its own.
  var setsLane: Bool {
    ratePerSecond != nil || queueDepth != nil || overflow != nil || concurrency != nil
      || breaker != nil
  }

  /// This block with its unset leaves taken from the one below.
  func over(_ lower: DeliveryBlock) -> DeliveryBlock {
    var block = DeliveryBlock()
    block.ratePerSecond = ratePerSecond ?? lower.ratePerSecond
    block.queueDepth = queueDepth ?? lower.queueDepth
    block.overflow = overflow ?? lower.overflow
    block.concurrency = concurrency ?? lower.concurrency
    block.starts = starts ?? lower.starts
    block.orderKey = orderKey ?? lower.orderKey
    block.timeoutMs = timeoutMs ?? lower.timeoutMs
    block.attemptsMax = attemptsMax ?? lower.attemptsMax
    block.backoff = backoff ?? lower.backoff
    block.initialDelayMs = initialDelayMs ?? lower.initialDelayMs
    block.maxDelayMs = maxDelayMs ?? lower.maxDelayMs
    block.jitter = jitter ?? lower.jitter
    switch (breaker, lower.breaker) {
    case (.on(let threshold, let cooldown)?, .on(let lowerThreshold, let lowerCooldown)?):
      block.breaker = .on(
        failureThreshold: threshold ?? lowerThreshold, cooldownMs: cooldown ?? lowerCooldown)
    default: block.breaker = breaker ?? lower.breaker
    }
    return block
  }

  init() {}

  /// What a policy says beyond the built-in values.
  ///
  /// Of an actor that runs already only the resolved policy is known. What is as built in counts
  /// as unset, so that the defaults of the module that uses the actor apply as they do when both
  /// are read together.
  init(_ policy: DeliveryPolicy) {
    func set<Value: Equatable>(_ value: Value, unless builtIn: Value) -> Value? {
      value == builtIn ? nil : value
    }
    let base = DeliveryPolicy()
    ratePerSecond = policy.ratePerSecond
    queueDepth = set(policy.queueDepth, unless: base.queueDepth)
    overflow = set(policy.overflow, unless: base.overflow)
    concurrency = set(policy.concurrency, unless: base.concurrency)
    starts = policy.starts
    orderKey = policy.orderKey
    timeoutMs = set(policy.timeoutMs, unless: base.timeoutMs)
    attemptsMax = set(policy.retry.attemptsMax, unless: base.retry.attemptsMax)
    backoff = set(policy.retry.backoff, unless: base.retry.backoff)
    initialDelayMs = set(policy.retry.initialDelayMs, unless: base.retry.initialDelayMs)
    maxDelayMs = set(policy.retry.maxDelayMs, unless: base.retry.maxDelayMs)
    jitter = set(policy.retry.jitter, unless: RetryPolicy(backoff: policy.retry.backoff).jitter)
    if let own = policy.breaker {
      let base = BreakerPolicy()
      let threshold = set(own.failureThreshold, unless: base.failureThreshold)
      let cooldown = set(own.cooldownMs, unless: base.cooldownMs)
      breaker =
        own == base ? nil : .on(failureThreshold: threshold, cooldownMs: cooldown)
    } else {
      breaker = .off
    }
  }

  /// The block over the built-in values.
  var policy: DeliveryPolicy {
    let base = DeliveryPolicy()
    let breaker: BreakerPolicy? =
      switch self.breaker {
      case .off?: nil
      case .on(let threshold, let cooldown)?:
        BreakerPolicy(
          failureThreshold: threshold ?? BreakerPolicy().failureThreshold,
          cooldownMs: cooldown ?? BreakerPolicy().cooldownMs)
      case nil: base.breaker
      }
    return DeliveryPolicy(
      ratePerSecond: ratePerSecond, queueDepth: queueDepth ?? base.queueDepth,
      overflow: overflow ?? base.overflow, concurrency: concurrency ?? base.concurrency,
      orderKey: orderKey, timeoutMs: timeoutMs ?? base.timeoutMs,
      retry: RetryPolicy(
        attemptsMax: attemptsMax ?? base.retry.attemptsMax,
        backoff: backoff ?? base.retry.backoff,
        initialDelayMs: initialDelayMs ?? base.retry.initialDelayMs,
        maxDelayMs: maxDelayMs ?? base.retry.maxDelayMs, jitter: jitter),
      breaker: breaker, starts: starts)
  }
}

extension DeliveryBlock {
  /// Reads a delivery block; leaves with a problem stay unset.
  init(_ delivery: MapReader) {
    starts = delivery.startLimit("max_starts")
    ratePerSecond = delivery.perSecond("max_rate")
    queueDepth = delivery.count("queue_depth")
    overflow = delivery.choice("overflow", DeliveryPolicy.Overflow.self)
    concurrency = delivery.count("concurrency")
    orderKey = delivery.dotPath("order_key")
    if let path = orderKey, let problem = Session.unknownAtArrival(path),
      let node = delivery["order_key"]
    {
      delivery.session.refuse(node, delivery.place("order_key"), problem)
      orderKey = nil
    }
    timeoutMs = delivery.durationMs("timeout")
    breaker = DeliveryBlock.breaker(delivery)
    guard let retry = delivery.block("retry") else { return }
    attemptsMax = retry.count("max_attempts")
    backoff = retry.choice("backoff", RetryPolicy.Backoff.self)
    initialDelayMs = retry.durationMs("initial_delay")
    maxDelayMs = retry.durationMs("max_delay")
    jitter = DeliveryBlock.jitter(retry)
  }

  private static func jitter(_ retry: MapReader) -> RetryPolicy.Jitter? {
    guard let node = retry["jitter"] else { return nil }
    switch node.string {
    case "full": return .full
    case "none": return .off
    default: break
    }
    if case .number(let number) = node.typed, (0...1).contains(number.double) {
      return .fraction(number.double)
    }
    retry.session.refuse(
      node, retry.place("jitter"), "must be full, none, or a number from 0 to 1",
      code: "key.unknown-value")
    return nil
  }

  private static func breaker(_ delivery: MapReader) -> Breaker? {
    let key = "circuit_breaker"
    guard let node = delivery[key] else { return nil }
    switch node.typed {
    case .bool(false): return .off
    case .bool(true): return .on(failureThreshold: nil, cooldownMs: nil)
    case .map:
      let breaker = MapReader(delivery.session, node, Tables.breaker, delivery.place(key))
      return .on(
        failureThreshold: breaker.count("failure_threshold"),
        cooldownMs: breaker.durationMs("cooldown"))
    default:
      delivery.session.refuse(
        node, delivery.place(key), "must be a map, or false to switch it off, not \(node.kind)")
      return nil
    }
  }
}

extension Session {
  /// Nil for null, which unsets a leaf.
  func present(_ node: Node?) -> Node? { node.flatMap { $0.isNull ? nil : $0 } }
}
