import Engine

extension Session {
  /// Reads the `runtime:` block over the built-in settings (config.md 12).
  func runtimeSettings(_ node: Node?) -> RuntimeSettings {
    var settings = RuntimeSettings()
    settings.audit = AuditPolicy()
    guard let node = map(node, "runtime") else { return settings }
    let runtime = MapReader(self, node, Tables.runtime, "runtime")
    if let http = runtime.block("http") { settings.read(http: http) }
    if let control = runtime.block("control") { read(control, into: &settings) }
    settings.metricsPort = runtime.block("metrics")?.count("port")
    settings.shutdownTimeoutMs =
      runtime.durationMs("shutdown_timeout") ?? settings.shutdownTimeoutMs
    settings.pollConcurrency = runtime.count("poll_concurrency") ?? settings.pollConcurrency
    settings.bus = runtime.choice("bus", RuntimeSettings.Bus.self) ?? settings.bus
    settings.logRetentionMs = runtime.durationMs("log_retention") ?? settings.logRetentionMs
    if let loop = runtime.block("loop") { settings.loop.read(loop) }
    if let audit = runtime.block("audit") { settings.audit = AuditPolicy(audit) }
    return settings
  }

  private func read(_ control: MapReader, into settings: inout RuntimeSettings) {
    checkCredentials(control.node, fields: control.table.fields, label: control.label)
    settings.controlOverTCP = control.flag("tcp") ?? false
    settings.controlToken = control.text("token")
    if settings.controlOverTCP, control["token"] == nil {
      error("key.missing", "\(control.place("tcp")) needs \"token\"", at: control.node.origin)
    }
    settings.socketGroup = control.text("socket_group")
    settings.allowedHosts = control.texts("allowed_hosts")
    settings.allowedOrigins = control.texts("allowed_origins")
  }
}

extension RuntimeSettings {
  fileprivate mutating func read(http: MapReader) {
    host = http.text("host") ?? host
    port = http.count("port") ?? port
    bodyBytesMax = http.bytes("max_body").map { Int($0) } ?? bodyBytesMax
  }
}

extension LoopLimits {
  fileprivate mutating func read(_ loop: MapReader) {
    warnDepth = loop.count("warn_depth") ?? warnDepth
    maxDepth = loop.count("max_depth") ?? maxDepth
    maxTraceDepth = loop.count("max_trace_depth") ?? maxTraceDepth
    windowMs = loop.durationMs("window") ?? windowMs
    if let node = loop["warn_depth"], warnDepth > maxDepth {
      loop.session.refuse(
        node, loop.place("warn_depth"), "must not be larger than max_depth, which is \(maxDepth)")
    }
  }
}

extension AuditPolicy {
  /// Nil when nothing is to be recorded.
  fileprivate init?(_ audit: MapReader) {
    self.init()
    let isEnabled = audit.flag("enabled") ?? true
    holdsOnCritical = audit.flag("hold_on_critical") ?? holdsOnCritical
    allowedDomains = audit.texts("allowed_domains")
    echoThreshold = audit.number("echo_threshold")?.double ?? echoThreshold
    guard isEnabled else { return nil }
  }
}
