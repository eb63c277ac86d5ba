import Store
import Synchronization

/// The mapping in a prompt's front matter, or null (config.md 6.5).
package typealias PromptMetadata = @Sendable (_ frontMatter: String) -> JSONValue

/// What all lanes share.
final class DeliveryEnvironment: Sendable {
  let bus: any EventBus
  let time: TimeSource
  let log: LogFanout
  let files: FileReader
  let intake: Intake
  let dedup = DedupClaims()
  /// Reads the metadata of a prompt's front matter; the engine itself knows no YAML.
  let promptMetadata: PromptMetadata
  let audit: Audit?
  /// Names of sources by number, also of modules that are not loaded now.
  private let sources: Mutex<[Int64: SourceName]>

  /// What lanes that have ended knew of their breakers and rates: one that begins again goes on
  /// from there, and not from what its routes were loaded with.
  private let remembered = Mutex<[Int64: LaneMemory]>([:])

  /// What a lane leaves behind.
  struct LaneMemory: Sendable {
    var breakers: [BreakerRow.Scope: BreakerRow] = [:]
    var rateFullAtMs: Double?
  }

  /// Whom to tell that an actor can be used no more.
  private let actorObserver = Mutex<(@Sendable (ActorReference) -> Void)?>(nil)

  /// Whom to tell that there are new inbox entries.
  private let inboxObserver = Mutex<(@Sendable () -> Void)?>(nil)

  /// How deliveries are audited.
  struct Audit: Sendable {
    let policy: AuditPolicy
    let warnDepth: Int
    /// Whether an operator has let a held delivery go on.
    let isReleased: @Sendable (Int64) async throws -> Bool
  }

  struct SourceName: Sendable, Hashable {
    let module: String
    let id: String
  }

  init(
    bus: any EventBus, time: TimeSource, log: LogFanout, files: FileReader, intake: Intake,
    promptMetadata: @escaping PromptMetadata, sources: [Int64: SourceName],
    audit: Audit? = nil
  ) {
    self.audit = audit
    self.bus = bus
    self.time = time
    self.log = log
    self.files = files
    self.intake = intake
    self.promptMetadata = promptMetadata
    self.sources = Mutex(sources)
  }

  func remember(_ memory: LaneMemory, ofLane lane: Int64) {
    remembered.withLock { $0[lane] = memory }
  }

  func memory(ofLane lane: Int64) -> LaneMemory {
    remembered.withLock { $0[lane] } ?? LaneMemory()
  }

  /// Breakers were closed: what lanes knew of them before does not hold any more.
  func forgetBreakers() {
    remembered.withLock { remembered in
      for lane in remembered.keys { remembered[lane]?.breakers = [:] }
    }
  }

  func whenActorChanges(_ body: @escaping @Sendable (ActorReference) -> Void) {
    actorObserver.withLock { $0 = body }
  }

  func actorChanged(_ reference: ActorReference) {
    actorObserver.withLock { $0 }?(reference)
  }

  func whenInboxChanges(_ body: @escaping @Sendable () -> Void) {
    inboxObserver.withLock { $0 = body }
  }

  func inboxChanged() { inboxObserver.withLock { $0 }?() }

  func addSources(_ names: [Int64: SourceName]) {
    sources.withLock { $0.merge(names) { _, new in new } }
  }

  /// The event of a row, with its names and ids.
  func event(of row: EventRow) -> AcceptedEvent {
    let name = sources.withLock { $0[row.source] } ?? SourceName(module: "", id: "")
    let identity = bus.identity
    return AcceptedEvent(
      sequence: row.sequence,
      id: row.externalID
        ?? identity.eventID(sequence: row.sequence, acceptedAtMs: row.acceptedAtMs),
      acceptedAtMs: row.acceptedAtMs, source: name.id,
      type: EventType(code: row.type) ?? .resourceChanged, module: name.module,
      traceID: row.traceID
        ?? identity.traceID(sequence: row.sequence, acceptedAtMs: row.acceptedAtMs),
      provenance: JSONText(checked: row.provenance), payload: JSONText(checked: row.payload),
      extra: row.extra.map(JSONText.init(checked:)))
  }

  /// The events an actor answered with, routed: their source is the actor, their cause the
  /// delivery, their trace the event's (connectors.md 3.5).
  func followUps(
    _ drafts: [EventDraft], of event: AcceptedEvent, delivery: QueuedDelivery,
    worker: RouteWorker
  ) -> [Intake.Routed] {
    drafts.compactMap { draft in
      var draft = draft
      draft.traceID = event.traceID
      draft.cause = EventDraft.Cause(deliveryNumber: delivery.delivery)
      let actor = worker.route.actor
      return intake.routed(
        draft, module: actor.module ?? worker.module, source: actor.id, nowMs: time.wallMs)
    }
  }

  /// A system event that a delivery has caused; none for one that is silent, so that no chain of
  /// them begins (events.md 7).
  func signal(
    _ name: String, of event: AcceptedEvent, worker: RouteWorker, _ payload: JSONObject
  ) -> Intake.Routed? {
    guard !event.isSilent else { return nil }
    return intake.routed(
      SystemEvent.draft(name, payload), module: worker.module, source: SystemEvent.sourceID,
      nowMs: time.wallMs)
  }

  /// The system event of a delivery that died, accepted in the transaction that records the death
  /// (events.md 7.1). A delivery of a system event makes none, so that a failing alarm route does
  /// not feed itself.
  func deadLetter(
    of event: AcceptedEvent, deliveryID: String, attempts: Int, reason: String?, error: String?,
    module: String, route: RouteDefinition
  ) -> Intake.Routed? {
    guard !event.isSilent else { return nil }
    let draft = SystemEvent.draft(
      "delivery.dead_lettered",
      [
        "delivery_id": .string(deliveryID), "event_id": .string(event.id),
        "route": .string(route.name), "actor": .string(route.actor.id),
        "attempts": JSONValue(attempts), "reason": JSONValue(reason), "error": JSONValue(error),
      ])
    return intake.routed(
      draft, module: module, source: SystemEvent.sourceID, nowMs: time.wallMs)
  }
}
