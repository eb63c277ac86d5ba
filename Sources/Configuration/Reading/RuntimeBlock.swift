import Engine

extension Session {
  /// Reads the `runtime:` block over the built-in settings (config.md 12).
  func runtimeSettings(_ node: Node?) -> RuntimeSettings {
    var settings = RuntimeSettings()
    settings.audit = AuditPolicy()
    guard let node = map(node, "runtime") else { return settings }
    checkKeys(
      node,
      [
        "http", "control", "metrics", "shutdown_timeout", "poll_concurrency", "bus",
        "log_retention", "loop", "audit",
      ], label: "runtime")
    readHTTP(node["http"], into: &settings)
    readControl(node["control"], into: &settings)
    if let metrics = map(node["metrics"], "runtime.metrics") {
      checkKeys(metrics, ["port"], label: "runtime.metrics")
      settings.metricsPort = port(metrics["port"], "runtime.metrics.port")
    }
    if let value = durationMs(present(node["shutdown_timeout"]), "runtime.shutdown_timeout") {
      settings.shutdownTimeoutMs = value
    }
    if let value = integer(
      present(node["poll_concurrency"]), "runtime.poll_concurrency", in: 1...10_000)
    {
      settings.pollConcurrency = Int(value)
    }
    if let bus = choice(present(node["bus"]), "runtime.bus", RuntimeSettings.Bus.self) {
      settings.bus = bus
    }
    if let value = durationMs(present(node["log_retention"]), "runtime.log_retention") {
      settings.logRetentionMs = value
    }
    readLoop(node["loop"], into: &settings)
    readAudit(node["audit"], into: &settings)
    return settings
  }

  private func port(_ node: Node?, _ label: String) -> Int? {
    integer(present(node), label, in: 0...65_535).map(Int.init)
  }

  private func readHTTP(_ node: Node?, into settings: inout RuntimeSettings) {
    guard let node = map(node, "runtime.http") else { return }
    checkKeys(node, ["host", "port", "max_body"], label: "runtime.http")
    if let host = text(present(node["host"]), "runtime.http.host") { settings.host = host }
    if let port = port(node["port"], "runtime.http.port") { settings.port = port }
    if let size = bytes(present(node["max_body"]), "runtime.http.max_body") {
      settings.bodyBytesMax = Int(size)
    }
  }

  private func readControl(_ node: Node?, into settings: inout RuntimeSettings) {
    let label = "runtime.control"
    guard let node = map(node, label) else { return }
    checkKeys(
      node, ["tcp", "token", "socket_group", "allowed_hosts", "allowed_origins"], label: label)
    checkCredentials(node, label: label)
    settings.controlOverTCP = flag(present(node["tcp"]), "\(label).tcp") ?? false
    if let token = present(node["token"]), let text = text(token, "\(label).token") {
      if text.count < 16 {
        refuse(token, "\(label).token", "must have at least 16 characters")
      }
      settings.controlToken = text
    }
    if settings.controlOverTCP, present(node["token"]) == nil {
      error("key.missing", "\(label).tcp needs \"token\"", at: node.origin)
    }
    settings.socketGroup = text(present(node["socket_group"]), "\(label).socket_group")
    settings.allowedHosts = texts(node["allowed_hosts"], "\(label).allowed_hosts")
    settings.allowedOrigins = texts(node["allowed_origins"], "\(label).allowed_origins")
  }

  private func texts(_ node: Node?, _ label: String) -> [String] {
    (list(node, label) ?? []).compactMap { text($0, label) }
  }

  private func readLoop(_ node: Node?, into settings: inout RuntimeSettings) {
    let label = "runtime.loop"
    guard let node = map(node, label) else { return }
    checkKeys(node, ["warn_depth", "max_depth", "max_trace_depth", "window"], label: label)
    if let depth = integer(present(node["warn_depth"]), "\(label).warn_depth", in: 1...1_000) {
      settings.loop.warnDepth = Int(depth)
    }
    if let depth = integer(present(node["max_depth"]), "\(label).max_depth", in: 1...1_000) {
      settings.loop.maxDepth = Int(depth)
    }
    if let depth = integer(
      present(node["max_trace_depth"]), "\(label).max_trace_depth", in: 1...1_000)
    {
      settings.loop.maxTraceDepth = Int(depth)
    }
    if let window = durationMs(present(node["window"]), "\(label).window") {
      settings.loop.windowMs = window
    }
  }

  private func readAudit(_ node: Node?, into settings: inout RuntimeSettings) {
    let label = "runtime.audit"
    guard let node = map(node, label) else { return }
    checkKeys(
      node, ["enabled", "hold_on_critical", "allowed_domains", "echo_threshold"], label: label)
    var policy = AuditPolicy()
    let isEnabled = flag(present(node["enabled"]), "\(label).enabled") ?? true
    policy.holdsOnCritical =
      flag(present(node["hold_on_critical"]), "\(label).hold_on_critical") ?? false
    policy.allowedDomains = texts(node["allowed_domains"], "\(label).allowed_domains")
    let threshold = number(
      present(node["echo_threshold"]), "\(label).echo_threshold", in: 0...1)
    if let threshold { policy.echoThreshold = threshold.double }
    settings.audit = isEnabled ? policy : nil
  }
}
