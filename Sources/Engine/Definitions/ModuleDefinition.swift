/// A module as configuration describes it: validated, variables replaced, references resolved.
///
/// The engine builds everything from this and from nothing else; where it came from (YAML, a test,
/// an embedding program) it does not know.
package struct ModuleDefinition: Sendable {
  /// The identity of the module within the runtime (seed 000, Module Identity).
  package var name: String
  /// A second name that is taken with the first: the project's own, for `default`.
  package var alias: String?
  /// The configuration file, absolute and resolved.
  package var path: String
  /// The directory that scripts run in and that relative paths start from.
  package var root: String
  package var sources: [SourceDefinition]
  package var actors: [ActorDefinition]
  package var routes: [RouteDefinition]
  package var loggers: [LoggerDefinition]
  /// SHA-256 in hex over everything above and the files it names, prompts and scripts included.
  package var contentHash: String
  /// The documents before substitution, as JSON, kept with the generation: never a secret.
  package var documents: JSONText
  /// How the documents were read, for whoever reads them again from the history: paths, names of
  /// parameters, hashes of literal credentials. The engine only keeps it.
  package var reading: JSONObject
  /// Scripts and prompts that are to be kept with the generation.
  package var captured: [CapturedFile]
  package var eventRetentionMs: Int64
  package var deadLetterRetentionMs: Int64

  package init(
    name: String, alias: String? = nil, path: String = "", root: String = "/",
    sources: [SourceDefinition] = [], actors: [ActorDefinition] = [],
    routes: [RouteDefinition] = [], loggers: [LoggerDefinition] = [], contentHash: String = "",
    documents: JSONText = .emptyObject, reading: JSONObject = [:],
    captured: [CapturedFile] = [], eventRetentionMs: Int64 = 7 * 86_400_000,
    deadLetterRetentionMs: Int64 = 30 * 86_400_000
  ) {
    self.name = name
    self.alias = alias
    self.path = path
    self.root = root
    self.sources = sources
    self.actors = actors
    self.routes = routes
    self.loggers = loggers
    self.contentHash = contentHash
    self.documents = documents
    self.reading = reading
    self.captured = captured
    self.eventRetentionMs = eventRetentionMs
    self.deadLetterRetentionMs = deadLetterRetentionMs
  }
}

/// A script or prompt as it was at load (config.md 1.3).
package struct CapturedFile: Sendable, Hashable {
  /// SHA-256 in hex.
  package var hash: String
  /// Nil when it is too large to keep.
  package var content: [UInt8]?

  package init(hash: String, content: [UInt8]?) {
    self.hash = hash
    self.content = content
  }
}

/// A source of a module (config.md 5.2).
package struct SourceDefinition: Sendable, Hashable {
  package var id: String
  /// The connector's short name: `webhook`, `cron`, `exec`, ….
  package var connector: String
  package var description: String?
  package var config: JSONObject
  package var pollIntervalMs: Int64
  package var pollTimeoutMs: Int64
  /// Used for warnings only, never to drop events.
  package var emits: [EventType]
  package var isEnabled: Bool
  /// The checkpoint is forgotten when the source stops (`defaults.checkpoint.store: memory`).
  package var forgetsCheckpoint: Bool
  package var origin: Origin?

  package init(
    id: String, connector: String, description: String? = nil, config: JSONObject = [:],
    pollIntervalMs: Int64 = 300_000, pollTimeoutMs: Int64 = 300_000, emits: [EventType] = [],
    isEnabled: Bool = true, forgetsCheckpoint: Bool = false, origin: Origin? = nil
  ) {
    self.id = id
    self.connector = connector
    self.description = description
    self.config = config
    self.pollIntervalMs = pollIntervalMs
    self.pollTimeoutMs = pollTimeoutMs
    self.emits = emits
    self.isEnabled = isEnabled
    self.forgetsCheckpoint = forgetsCheckpoint
    self.origin = origin
  }
}

/// An actor of a module (config.md 5.3).
package struct ActorDefinition: Sendable, Hashable {
  package var id: String
  package var connector: String
  package var description: String?
  package var config: JSONObject
  /// The queue, rate, concurrency and breaker that all routes to this actor share.
  package var delivery: DeliveryPolicy
  /// The breaker is one for all routes that have no queue of their own; else each route has its own
  /// (config.md 7, Shared limits).
  package var sharesBreaker: Bool
  /// The concurrency holds for routes with a queue of their own as well.
  package var sharesConcurrency: Bool
  /// The same of the rate.
  package var sharesRate: Bool
  package var isEnabled: Bool
  package var origin: Origin?

  package init(
    id: String, connector: String, description: String? = nil, config: JSONObject = [:],
    delivery: DeliveryPolicy = DeliveryPolicy(), sharesBreaker: Bool = false,
    sharesConcurrency: Bool = false, sharesRate: Bool = false, isEnabled: Bool = true,
    origin: Origin? = nil
  ) {
    self.id = id
    self.connector = connector
    self.description = description
    self.config = config
    self.delivery = delivery
    self.sharesBreaker = sharesBreaker
    self.sharesConcurrency = sharesConcurrency
    self.sharesRate = sharesRate
    self.isEnabled = isEnabled
    self.origin = origin
  }
}

/// A logger of a module (config.md 5.4).
package struct LoggerDefinition: Sendable, Hashable {
  package var name: String
  package var type: String
  package var config: JSONObject
  package var isEnabled: Bool
  package var origin: Origin?

  package init(
    name: String, type: String, config: JSONObject = [:], isEnabled: Bool = true,
    origin: Origin? = nil
  ) {
    self.name = name
    self.type = type
    self.config = config
    self.isEnabled = isEnabled
    self.origin = origin
  }
}
