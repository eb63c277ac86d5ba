/// What a log entry is about (events.md 8.2). The set is open: a reader must accept others.
package enum LogPhase: String, Sendable, CaseIterable {
  case sourceEmit = "source.emit"
  case sourceDuplicate = "source.duplicate"
  case sourceCircuitOpen = "source.circuit_open"
  case sourceCircuitRetry = "source.circuit_retry"
  case sourceCircuitClose = "source.circuit_close"
  case sourceStderr = "source.stderr"
  case transformStart = "transform.start"
  case transformPass = "transform.pass"
  case transformDrop = "transform.drop"
  case transformError = "transform.error"
  case transformErrorDrop = "transform.error_drop"
  case transformErrorHalt = "transform.error_halt"
  case routeMatch = "route.match"
  case routeNoMatch = "route.no_match"
  case routeCircuitOpen = "route.circuit_open"
  case routeCircuitHalfOpen = "route.circuit_half_open"
  case routeCircuitClose = "route.circuit_close"
  case deliverAttempt = "deliver.attempt"
  case deliverSuccess = "deliver.success"
  case deliverSkipped = "deliver.skipped"
  case deliverFailure = "deliver.failure"
  case deliverRetry = "deliver.retry"
  case deliverDeadLetter = "deliver.dead_letter"
  case pipelineBackpressure = "pipeline.backpressure"
  case promptFallback = "prompt.fallback"
  case actorDisabled = "actor.disabled"
  case actorEnabled = "actor.enabled"
  case systemStart = "system.start"
  case systemStop = "system.stop"
  case systemError = "system.error"
  case moduleLoading = "module.loading"
  case moduleActive = "module.active"
  case moduleUnloading = "module.unloading"
  case moduleRemoved = "module.removed"
  case moduleError = "module.error"
  case runtimeStart = "runtime.start"
  case runtimeStop = "runtime.stop"
  case runtimeRetention = "runtime.retention"
  case configApplied = "config.applied"
  case replayStart = "replay.start"
  case replayDone = "replay.done"
  case operatorAction = "operator.action"
  case loopDetected = "loop.detected"
  case loopCircuitBroken = "loop.circuit_broken"
  case budgetExceeded = "budget.exceeded"
  case inboxNotify = "inbox.notify"
  case inboxExpired = "inbox.expired"
  case auditRecord = "audit.record"
  case auditFlag = "audit.flag"
  case auditHeld = "audit.held"

  /// How the phase is shown: level, icon and colour of events.md 8.2.
  package var style: Style {
    switch self {
    case .sourceEmit:
      Style(.info, "●", .blue)
    case .sourceDuplicate:
      Style(.debug, "≡", .dim)
    case .sourceCircuitOpen, .transformError, .routeCircuitOpen, .pipelineBackpressure,
      .promptFallback, .loopDetected, .budgetExceeded, .inboxExpired,
      .auditFlag:
      Style(.warn, "⚠", .yellow)
    case .sourceCircuitRetry, .routeCircuitHalfOpen:
      Style(.info, "↻", .cyan)
    case .sourceCircuitClose, .routeCircuitClose, .deliverSuccess, .actorEnabled, .moduleActive:
      Style(.info, "✓", .green)
    case .auditRecord:
      Style(.debug, "●", .cyan)
    case .inboxNotify:
      Style(.info, "✉", .cyan)
    case .sourceStderr:
      Style(.debug, "●", .dim)
    case .transformStart:
      Style(.debug, "◆", .cyan)
    case .transformPass:
      Style(.info, "◆", .green)
    case .transformDrop:
      Style(.info, "✗", .red)
    case .transformErrorDrop:
      Style(.warn, "✗", .yellow)
    case .transformErrorHalt, .deliverDeadLetter, .actorDisabled, .loopCircuitBroken,
      .auditHeld:
      Style(.error, "⛔", .red)
    case .routeMatch:
      Style(.info, "►", .cyan)
    case .routeNoMatch:
      Style(.debug, "►", .dim)
    case .deliverAttempt:
      Style(.debug, "▷", .cyan)
    case .deliverSkipped:
      Style(.info, "▷", .dim)
    case .deliverFailure:
      Style(.error, "✗", .red)
    case .deliverRetry:
      Style(.warn, "↻", .yellow)
    case .systemStart, .systemStop, .runtimeStart, .runtimeStop, .configApplied, .operatorAction,
      .runtimeRetention:
      Style(.info, "●", .magenta)
    case .replayStart, .replayDone:
      Style(.info, "↻", .magenta)
    case .systemError:
      Style(.error, "⚠", .magenta)
    case .moduleLoading:
      Style(.info, "●", .cyan)
    case .moduleUnloading:
      Style(.info, "●", .yellow)
    case .moduleRemoved:
      Style(.info, "●", .dim)
    case .moduleError:
      Style(.error, "⚠", .red)
    }
  }

  package struct Style: Sendable, Hashable {
    package let level: LogLevel
    package let icon: String
    package let colour: Colour

    init(_ level: LogLevel, _ icon: String, _ colour: Colour) {
      self.level = level
      self.icon = icon
      self.colour = colour
    }
  }

  /// ANSI codes.
  package enum Colour: Int, Sendable {
    case dim = 2
    case red = 31
    case green, yellow, blue, magenta, cyan
  }
}
