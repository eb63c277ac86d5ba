import Store

/// One attempt of one delivery: transforms, prompt, configuration, actor (config.md 7.1).
struct Attempt {
  let delivery: QueuedDelivery
  let start: StartRecord
  let worker: RouteWorker
  let environment: DeliveryEnvironment

  /// What an attempt came to, before it is committed.
  ///
  /// A class, because it passes from the attempt to its lane, to the writer and back.
  final class Report: Sendable {
    let delivery: QueuedDelivery
    let event: AcceptedEvent
    let worker: RouteWorker
    let record: SettleRecord
    let steps: [Transforming.Step]
    let verdict: AttemptVerdict
    let deliveryID: String
    let usedCapturedPrompt: String?
    /// Events accepted with the outcome, in the order of the record's.
    let followUps: [Intake.Routed]
    let audit: AuditDraft?

    init(
      _ attempt: Attempt, event: AcceptedEvent, record: SettleRecord, steps: [Transforming.Step],
      verdict: AttemptVerdict, deliveryID: String, usedCapturedPrompt: String?,
      audit: AuditDraft?,
      followUps: [Intake.Routed]
    ) {
      self.audit = audit
      delivery = attempt.delivery
      worker = attempt.worker
      self.event = event
      self.record = record
      self.steps = steps
      self.verdict = verdict
      self.deliveryID = deliveryID
      self.usedCapturedPrompt = usedCapturedPrompt
      self.followUps = followUps
    }
  }

  func run() async -> Report {
    CrashPoint.attemptBegins.reached()
    let event = environment.event(of: delivery.event)
    let deliveryID = environment.bus.identity.deliveryID(
      number: delivery.delivery, acceptedAtMs: delivery.event.acceptedAtMs)
    environment.log.emit(.deliverAttempt) {
      LogEntry(
        .deliverAttempt, delivery: deliveryID, attempt: start.number, event: event,
        worker: worker, at: start.startedAtMs)
    }
    let (verdict, traces) = await verdict(event, deliveryID)
    return report(event, deliveryID, verdict, traces)
  }

  /// What the steps before the actor leave behind.
  private struct Traces {
    var steps: [Transforming.Step] = []
    /// Of dedup transforms that let it through.
    var keys: [DedupGate.Key] = []
    /// What the pipeline made, if it ran to its end in this attempt.
    var completed: (event: JSONText, isChanged: Bool)?
    var prompt: LivePrompt?
    /// The event is stored for collection.
    var inbox: InboxEntry?
    var audit: AuditDraft?
    var isHeld = false
    /// What transforms printed.
    var output: TransformOutput?
  }

  private func verdict(
    _ event: AcceptedEvent, _ deliveryID: String
  ) async -> (AttemptVerdict, Traces) {
    var traces = Traces()
    let envelope: JSONText
    switch await transformed(event, &traces) {
    case .passed(let text, _): envelope = text
    case .stopped(let verdict): return (verdict, traces)
    }
    CrashPoint.attemptTransformed.reached()
    if let prompt = worker.route.prompt {
      traces.prompt = await LivePrompt.read(
        prompt, files: environment.files, metadata: environment.promptMetadata)
    }
    var config: JSONObject
    do throws(EngineError) {
      config = try worker.template.render(
        event: envelope, now: start.startedAtMs, route: worker.route.name,
        deliveryID: deliveryID)
    } catch {
      return (.notPrepared(error.message), traces)
    }
    if let audit = environment.audit {
      let draft = AuditDraft(
        of: config, envelope, isInterpolated: worker.template.isInterpolated, policy: audit.policy)
      traces.audit = draft
      if audit.policy.holdsOnCritical, draft.isCritical, !event.isInboxNotification {
        do {
          traces.isHeld = try await !audit.isReleased(delivery.delivery)
        } catch {
          return (.notPrepared("whether the delivery is released cannot be read: \(error)"), traces)
        }
        if traces.isHeld { return (.held(draft.flags), traces) }
      }
    }
    if event.isInboxNotification {
      // What the route takes from its events this one does not have.
      config["session_key"] = event.payload.value()["session_key"]
    } else if let policy = worker.route.inbox {
      return (inbox(policy, config, &traces), traces)
    }
    let request = request(event, envelope, deliveryID, config, traces.prompt)
    let actor = worker.actor
    CrashPoint.attemptSends.reached()
    let outcome = await withTimeout(ms: request.timeoutMs, time: environment.time) {
      await actor.deliver(request)
    }
    CrashPoint.attemptAnswered.reached()
    let text = "no answer within \(request.timeoutMs) ms"
    return (.actor(outcome ?? AttemptOutcome(.timeout, error: text)), traces)
  }

  /// Storing it is what becomes of the delivery; the actor is not called.
  private func inbox(
    _ policy: InboxPolicy, _ config: JSONObject, _ traces: inout Traces
  ) -> AttemptVerdict {
    let key: String
    do throws(EngineError) {
      key = try InboxPolicy.sessionKey(config)
    } catch {
      return .notPrepared(error.message)
    }
    traces.inbox = InboxEntry(
      sessionKey: key, expiresAtMs: environment.time.wallMs + policy.ttlMs,
      batchMax: policy.batchMax, notice: environment.intake.inboxNotice)
    return .actor(AttemptOutcome(.delivered))
  }

  /// The event after the transforms: from an earlier attempt, or from running them now.
  private func transformed(
    _ event: AcceptedEvent, _ traces: inout Traces
  ) async -> Transforming.End {
    guard !worker.transforms.isEmpty, !event.isInboxNotification else {
      return .passed(event.envelope(), isChanged: false)
    }
    let gate = DedupGate(delivery: delivery, environment: environment)
    if delivery.attempts > 0 {
      do {
        if let end = try await earlier(gate, &traces) { return end }
      } catch {
        return .stopped(.notPrepared("the transformed event cannot be read: \(error)"))
      }
    }
    let transforming = Transforming(
      route: worker.route, module: worker.module, root: worker.root,
      transforms: worker.transforms, event: event, time: environment.time, gate: gate)
    let (end, steps) = await transforming.run(on: event.envelope())
    traces.steps = steps
    traces.keys = steps.compactMap(\.key)
    traces.output = transforming.output
    if case .passed(let text, let isChanged) = end { traces.completed = (text, isChanged) }
    return end
  }

  /// What an earlier attempt's transforms have made; nil when none has come to their end.
  private func earlier(
    _ gate: DedupGate, _ traces: inout Traces
  ) async throws -> Transforming.End? {
    guard let stored = try await environment.bus.transformedEvent(delivery: delivery.delivery)
    else { return nil }
    traces.keys = try await gate.storedKeys()
    for key in traces.keys {
      let (step, verdict) = await Transforming.pass(key, gate, durationMs: 0)
      guard let verdict else { continue }
      if let step { traces.steps = [step] }
      return .stopped(verdict)
    }
    return .passed(JSONText(checked: stored), isChanged: false)
  }

  private func request(
    _ event: AcceptedEvent, _ envelope: JSONText, _ deliveryID: String, _ config: JSONObject,
    _ prompt: LivePrompt?
  ) -> DeliveryRequest {
    var config = config
    prompt?.add(to: &config)
    return DeliveryRequest(
      deliveryID: deliveryID, attempt: start.number, eventID: event.id, event: envelope,
      traceID: event.traceID, route: worker.route.name, module: worker.module, config: config,
      launchPrompt: prompt?.body, launchPromptMeta: prompt?.metadata ?? .null,
      timeoutMs: worker.route.delivery.timeoutMs, startedAtMs: start.startedAtMs)
  }

  private func report(
    _ event: AcceptedEvent, _ deliveryID: String, _ verdict: AttemptVerdict, _ traces: Traces
  ) -> Report {
    var generator = SystemRandomNumberGenerator()
    var disposition = Disposition.decide(
      verdict, attempts: start.number - delivery.attemptsBefore,
      policy: worker.route.delivery.retry, nowMs: environment.time.steadyMs, using: &generator)
    if traces.inbox != nil { disposition = .settled(state: "delivered", reason: "inbox") }
    var record = SettleRecord(
      start: start, route: worker.key, orderKey: delivery.orderKey,
      createdAtMs: delivery.createdAtMs, replay: delivery.replay,
      endedAtMs: environment.time.wallMs, outcome: verdict.word,
      error: verdict.error, promptHash: traces.prompt?.hash, disposition: disposition)
    record.inbox = traces.inbox
    note(verdict, traces.keys, &record)
    if !traces.steps.isEmpty {
      record.transforms = JSONText(.array(traces.steps.map(\.json))).description
    }
    if let completed = traces.completed, completed.isChanged || disposition.comesAgain {
      record.transformed = completed.event.bytes
    }
    record.output = traces.output?.text
    var followUps: [Intake.Routed] = []
    if case .actor(let outcome) = verdict {
      record.statusCode = outcome.statusCode
      record.retryAfterMs = outcome.retryAfterMs
      record.responseExcerpt = outcome.responseExcerpt
      if let printed = outcome.output, record.output != nil {
        // What both have said is one text, and no longer than that of one.
        traces.output?.append(printed.utf8)
        record.output = traces.output?.text
      } else {
        record.output = outcome.output ?? record.output
      }
      record.disablesActor = outcome.disablesActor
      if outcome.kind == .delivered, !outcome.followUps.isEmpty {
        followUps = environment.followUps(
          outcome.followUps, of: event, delivery: delivery, worker: worker)
      }
    }
    followUps += signals(event, deliveryID, verdict, record)
    record.followUps = followUps.map(\.record)
    if let audit = environment.audit, let status = record.auditStatus {
      // One that a transform ended never had a configuration.
      let draft = traces.audit ?? AuditDraft(flags: [], config: [])
      record.audit = draft.record(
        of: event, deliveryID, worker, settle: record, status: status,
        warnDepth: audit.warnDepth)
    }
    return Report(
      self, event: event, record: record, steps: traces.steps, verdict: verdict,
      deliveryID: deliveryID, usedCapturedPrompt: traces.prompt?.fallback,
      audit: traces.audit,
      followUps: followUps)
  }

  /// The system events that tell of an outcome, accepted with it.
  private func signals(
    _ event: AcceptedEvent, _ deliveryID: String, _ verdict: AttemptVerdict, _ record: SettleRecord
  ) -> [Intake.Routed] {
    var signals: [Intake.Routed] = []
    if case .settled(state: "dead", let reason) = record.disposition {
      let letter = environment.deadLetter(
        of: event, deliveryID: deliveryID, attempts: start.number, reason: reason,
        error: verdict.error, module: worker.module, route: worker.route)
      if let letter { signals.append(letter) }
    }
    if record.disablesActor {
      let signal = environment.signal(
        "actor.disabled", of: event, worker: worker,
        [
          "actor": .string(worker.route.actor.id), "route": .string(worker.route.name),
          "delivery_id": .string(deliveryID),
          "status_code": record.statusCode.map { JSONValue($0) } ?? .null,
        ])
      if let signal { signals.append(signal) }
    }
    return signals
  }

  private func note(
    _ verdict: AttemptVerdict, _ keys: [DedupGate.Key], _ record: inout SettleRecord
  ) {
    if case .behind = verdict {
      record.isUndone = true
    } else {
      let gate = DedupGate(delivery: delivery, environment: environment)
      record.keys = keys.map { gate.record($0, nowMs: environment.time.steadyMs) }
    }
  }
}

extension SettleRecord.Disposition {
  /// Another attempt may follow, at least when an operator requeues it, and it reuses what the
  /// transforms made (config.md 9.4).
  fileprivate var comesAgain: Bool { self != .settled(state: "delivered", reason: nil) }
}
