import Engine
import ProjectConfiguration

/// The document of `plan` and `apply` (cli-http.md 2.2).
enum PlanDocument {
  /// - Parameter needsRestart: Fields of the `runtime:` block that only a restart brings.
  static func make(
    _ plan: ModulePlan, of project: LoadedProject, needsRestart: [FieldChange]
  ) -> JSONObject {
    var object = plan.json
    object["config"] = JSONValue(project.configFile)
    object["workspace"] = JSONValue(project.workspace)
    object["overlay"] = project.overlay.map(JSONValue.string)
    object["needs_restart"] = .array(needsRestart.map(\.json))
    object["warnings"] = .array(project.warningTexts.map(JSONValue.string))
    // The plan shows nothing that a variable brought in; this is the second lock on that door.
    return Secrets.redact(.object(object)).object ?? object
  }
}

/// What the runtime was started with, which its files cannot change while it runs (config.md 12).
struct RunningSettings: Sendable {
  let running: RuntimeSettings
  private let isHostGiven: Bool
  private let isPortGiven: Bool

  /// - Parameter configured: As the files said at the start, without flags and variables.
  init(_ running: RuntimeSettings, configured: RuntimeSettings) {
    self.running = running
    isHostGiven = running.host != configured.host
    isPortGiven = running.port != configured.port
  }

  /// What is different from what runs, by the path of its field. What a flag or variable gave at
  /// the start is not: it would be given again.
  func changes(to desired: RuntimeSettings) -> [FieldChange] {
    var desired = desired
    if isHostGiven { desired.host = running.host }
    if isPortGiven { desired.port = running.port }
    let old = RunningSettings.fields(running)
    return zip(old, RunningSettings.fields(desired)).compactMap { before, after in
      guard before.value != after.value else { return nil }
      let isSecret = before.path == "control.token"
      return FieldChange(
        path: before.path, from: shown(before.value, isSecret), to: shown(after.value, isSecret))
    }
  }

  private func shown(_ value: JSONValue, _ isSecret: Bool) -> JSONValue? {
    if value.isNull { return Optional.none }
    return isSecret ? FieldChange.hidden : value
  }

  private static func fields(_ settings: RuntimeSettings) -> [(path: String, value: JSONValue)] {
    func texts(_ list: [String]) -> JSONValue { .array(list.map(JSONValue.string)) }
    return [
      ("http.host", .string(settings.host)), ("http.port", JSONValue(settings.port)),
      ("http.max_body", JSONValue(settings.bodyBytesMax)),
      ("control.tcp", .bool(settings.controlOverTCP)),
      ("control.token", JSONValue(settings.controlToken)),
      ("control.socket_group", JSONValue(settings.socketGroup)),
      ("control.allowed_hosts", texts(settings.allowedHosts)),
      ("control.allowed_origins", texts(settings.allowedOrigins)),
      ("metrics.port", settings.metricsPort.map { JSONValue($0) } ?? .null),
      ("shutdown_timeout", .duration(settings.shutdownTimeoutMs)),
      ("poll_concurrency", JSONValue(settings.pollConcurrency)),
      ("bus", .string(settings.bus.rawValue)),
      ("log_retention", .duration(settings.logRetentionMs)),
      ("loop.warn_depth", JSONValue(settings.loop.warnDepth)),
      ("loop.max_depth", JSONValue(settings.loop.maxDepth)),
      ("loop.max_trace_depth", JSONValue(settings.loop.maxTraceDepth)),
      ("loop.window", .duration(settings.loop.windowMs)),
      ("audit.enabled", .bool(settings.audit != nil)),
      ("audit.hold_on_critical", .bool(settings.audit?.holdsOnCritical ?? false)),
      ("audit.allowed_domains", texts(settings.audit?.allowedDomains ?? [])),
      ("audit.echo_threshold", .number(JSONNumber(settings.audit?.echoThreshold ?? 0))),
    ]
  }
}
