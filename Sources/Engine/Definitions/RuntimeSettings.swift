/// The `runtime:` block, resolved (config.md 12). Read at start; a change needs a restart.
package struct RuntimeSettings: Sendable, Hashable {
  package var host = "127.0.0.1"
  package var port = 4_800
  /// Bytes; larger bodies are answered 413.
  package var bodyBytesMax = 1 << 20
  package var controlOverTCP = false
  package var controlToken: String?
  package var socketGroup: String?
  package var allowedHosts: [String] = []
  package var allowedOrigins: [String] = []
  package var metricsPort: Int?
  /// How long running deliveries may take to finish at a stop.
  package var shutdownTimeoutMs: Int64 = 30_000
  /// Polls running at once, over all modules.
  package var pollConcurrency = 16
  package var bus = Bus.sqlite
  package var logRetentionMs: Int64 = 86_400_000
  package var loop = LoopLimits()
  /// Nil records nothing.
  package var audit: AuditPolicy?

  /// The event bus: `sqlite`, or `memory` for tests.
  package enum Bus: String, Sendable, CaseIterable { case sqlite, memory }

  package init() {}
}

/// Loop protection (events.md 5).
package struct LoopLimits: Sendable, Hashable {
  package var warnDepth = 3
  package var maxDepth = 5
  /// The same bound for a whole trace, whatever modules it goes through; 20: four modules' worth.
  package var maxTraceDepth = 20
  package var windowMs: Int64 = 300_000

  package init() {}
}
