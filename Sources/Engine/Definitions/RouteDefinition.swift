/// A route: which events, through which transforms, to which actor (config.md 6).
package struct RouteDefinition: Sendable, Hashable {
  package var name: String
  package var description: String?
  package var isEnabled: Bool
  package var sources: [SourceReference]
  /// Nil = every type.
  package var types: Set<EventType>?
  package var filter: Filter
  package var transforms: [TransformStep]
  package var actor: ActorReference
  /// `then.config` before interpolation; key order is kept.
  package var config: JSONObject
  /// With every leaf resolved: route, actor, defaults, built-in.
  package var delivery: DeliveryPolicy
  /// The route set a queue, rate, concurrency or breaker of its own, so it has its own lane
  /// (config.md 7, Shared limits).
  package var hasOwnLane: Bool
  package var prompt: PromptFile?
  /// Set where events are stored for collection instead of being handed to the actor.
  package var inbox: InboxPolicy?
  package var origin: Origin?

  package init(
    name: String, description: String? = nil, isEnabled: Bool = true,
    sources: [SourceReference], types: Set<EventType>? = nil, filter: Filter = Filter(),
    transforms: [TransformStep] = [], actor: ActorReference, config: JSONObject = [:],
    delivery: DeliveryPolicy = DeliveryPolicy(), hasOwnLane: Bool = false,
    prompt: PromptFile? = nil, inbox: InboxPolicy? = nil, origin: Origin? = nil
  ) {
    self.inbox = inbox
    self.name = name
    self.description = description
    self.isEnabled = isEnabled
    self.sources = sources
    self.types = types
    self.filter = filter
    self.transforms = transforms
    self.actor = actor
    self.config = config
    self.delivery = delivery
    self.hasOwnLane = hasOwnLane
    self.prompt = prompt
    self.origin = origin
  }
}

/// A source as a route names it. `module` is nil for the route's own module; another module is an
/// explicit opt-in (config.md 6.2), or the boot project through a parameter (10.3).
package struct SourceReference: Sendable, Hashable {
  package var module: String?
  package var id: String

  package init(module: String? = nil, id: String) {
    self.module = module
    self.id = id
  }
}

/// An actor as a route names it; `module` is nil for the route's own.
package struct ActorReference: Sendable, Hashable {
  package var module: String?
  package var id: String

  package init(module: String? = nil, id: String) {
    self.module = module
    self.id = id
  }
}

/// One step of a route's transform list with the definition it refers to already looked up.
package struct TransformStep: Sendable, Hashable {
  package var name: String
  package var kind: Kind
  /// The definition's configuration with the route's keys laid over it.
  package var config: JSONObject
  package var timeoutMs: Int64
  package var onError: ErrorPolicy
  /// Environment variables the script sees besides the fixed ones.
  package var environment: [String: String]
  /// SHA-256 in hex of the script as it was at load, so that a changed script is a changed step;
  /// nil for a built-in.
  package var contentHash: String?

  package enum Kind: Sendable, Hashable {
    /// An absolute, resolved path.
    case script(String)
    /// The short name of a built-in: `filter`, `dedup`, ….
    case package(String)
  }

  /// What a failing transform means for its delivery (config.md 9.3).
  package enum ErrorPolicy: String, Sendable, CaseIterable { case retry, pass, drop, halt }

  package init(
    name: String, kind: Kind, config: JSONObject = [:], timeoutMs: Int64 = 30_000,
    onError: ErrorPolicy = .retry, environment: [String: String] = [:],
    contentHash: String? = nil
  ) {
    self.name = name
    self.kind = kind
    self.config = config
    self.timeoutMs = timeoutMs
    self.onError = onError
    self.environment = environment
    self.contentHash = contentHash
  }
}

/// A prompt file as it was captured at load (config.md 6.5).
package struct PromptFile: Sendable, Hashable {
  /// Absolute path; read again at each delivery.
  package var path: String
  /// The whole text at load, front matter included; used when the file cannot be read later.
  package var captured: String
  /// The mapping of the front matter, or null.
  package var metadata: JSONValue

  package init(path: String, captured: String, metadata: JSONValue = .null) {
    self.path = path
    self.captured = captured
    self.metadata = metadata
  }
}
