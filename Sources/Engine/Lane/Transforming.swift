import Store

/// Runs a route's transforms in order, each on the output of the one before (config.md 9.4).
struct Transforming {
  /// One step and how it went, as the attempt's row keeps it.
  struct Step: Sendable {
    let name: String
    let outcome: String
    let durationMs: Int64
    let reason: String?
    /// What a dedup transform let it through with.
    var key: DedupGate.Key?

    var json: JSONValue {
      var object: JSONObject = [
        "name": .string(name), "outcome": .string(outcome),
        "duration_ms": JSONValue(durationMs),
      ]
      object["reason"] = reason.map(JSONValue.string)
      object["key"] = key.map { .string($0.hexText) }
      object["window_ms"] = key.map { JSONValue($0.windowMs) }
      return .object(object)
    }
  }

  enum End: Sendable {
    /// The event after the last step, and whether any step changed it.
    case passed(JSONText, isChanged: Bool)
    case stopped(AttemptVerdict)
  }

  let route: RouteDefinition
  /// Of the route.
  let module: String
  /// Where scripts of the module run.
  let root: String
  let transforms: [(step: TransformStep, transform: any Transform)]
  let event: AcceptedEvent
  let time: TimeSource
  let gate: any KeyGate
  /// What scripts print to stderr.
  let output = TransformOutput()

  /// - Returns: The end, and every step that was run.
  func run(on envelope: JSONText) async -> (end: End, steps: [Step]) {
    var current = envelope
    var isChanged = false
    var steps: [Step] = []
    for (step, transform) in transforms {
      let began = time.monotonicMs
      let result = await apply(transform, step, current)
      let durationMs = time.monotonicMs - began
      switch result {
      case .success(.pass):
        steps.append(Step(name: step.name, outcome: "pass", durationMs: durationMs, reason: nil))
      case .success(.replace(let changed)):
        current = changed
        isChanged = true
        steps.append(Step(name: step.name, outcome: "pass", durationMs: durationMs, reason: nil))
      case .success(.drop(let reason)):
        steps.append(
          Step(name: step.name, outcome: "drop", durationMs: durationMs, reason: reason))
        return (.stopped(.dropped(transform: step.name, reason: reason)), steps)
      case .success(.once(let hash, let windowMs)):
        let key = DedupGate.Key(transform: step.name, hash: hash, windowMs: windowMs)
        let (entry, verdict) = await Transforming.pass(key, gate, durationMs: durationMs)
        if let entry { steps.append(entry) }
        if let verdict { return (.stopped(verdict), steps) }
      case .failure(let failure):
        let text = "transform \(step.name): \(failure.message)"
        steps.append(
          Step(
            name: step.name, outcome: "error", durationMs: durationMs, reason: failure.message))
        if step.onError != .pass {
          return (.stopped(.transformFailed(text, step.onError)), steps)
        }
      }
    }
    return (.passed(current, isChanged: isChanged), steps)
  }

  /// Lets a key through, or says what becomes of its delivery.
  static func pass(
    _ key: DedupGate.Key, _ gate: any KeyGate, durationMs: Int64
  ) async -> (step: Step?, verdict: AttemptVerdict?) {
    func step(_ outcome: String, reason: String? = nil) -> Step {
      Step(name: key.transform, outcome: outcome, durationMs: durationMs, reason: reason)
    }
    do {
      switch try await gate.ask(key) {
      case .open:
        var passed = step("pass")
        passed.key = key
        return (passed, nil)
      case .behind(let other, let isWatched):
        return (nil, .behind(other, isWatched: isWatched))
      case .duplicate(let other):
        let reason = "duplicate of \(other ?? "a delivery that has been deleted")"
        return (step("drop", reason: reason), .duplicate(transform: key.transform, reason: reason))
      }
    } catch {
      return (nil, .notPrepared("the keys of transform \(key.transform) cannot be read: \(error)"))
    }
  }

  private func apply(
    _ transform: any Transform, _ step: TransformStep, _ input: JSONText
  ) async -> Result<TransformResult, TransformFailure> {
    let context = TransformContext(
      source: event.source, target: route.actor.id, eventType: event.type.rawValue,
      eventID: event.id, route: route.name, module: module, traceID: event.traceID,
      transform: step.name, root: root,
      timeoutMs: step.timeoutMs, output: output)
    let result = await withTimeout(ms: step.timeoutMs, time: time) {
      do {
        return Result<TransformResult, TransformFailure>.success(
          try await transform.apply(input, context: context))
      } catch let failure as TransformFailure {
        return .failure(failure)
      } catch {
        return .failure(TransformFailure("\(error)"))
      }
    }
    guard let result else {
      return .failure(TransformFailure("no answer within \(step.timeoutMs) ms"))
    }
    guard case .success(.replace(let output)) = result else { return result }
    do throws(TransformFailure) {
      return .success(.replace(try keepIdentity(output)))
    } catch {
      return .failure(error)
    }
  }

  /// What a transform may not change is put back; what it must not break is checked
  /// (config.md 9.2).
  private func keepIdentity(_ output: JSONText) throws(TransformFailure) -> JSONText {
    guard case .object(let object) = output.value() else {
      throw TransformFailure("the result is not a JSON object")
    }
    guard let type = object["type"]?.string, EventType(rawValue: type) != nil else {
      throw TransformFailure("the result's type is not one of the three event types")
    }
    guard let provenance = object["provenance"], provenance["platform"]?.string != nil else {
      throw TransformFailure("the result has no provenance.platform")
    }
    // In the order of events.md 1, whatever order the transform chose.
    var kept: JSONObject = [
      "id": .string(event.id),
      "timestamp": object["timestamp"] ?? .string(ISOTime.text(ms: event.acceptedAtMs)),
      "source": .string(event.source), "type": .string(type),
      "provenance": provenance, "payload": object["payload"] ?? .object([:]),
      "trace_id": .string(event.traceID), "module": .string(event.module),
    ]
    let others = object.members.filter { kept[$0.key] == nil }
    for member in others { kept[member.key] = member.value }
    return JSONText(.object(kept))
  }
}

/// Runs `body`, cancelling it when the time is up; nil when it was.
///
/// The body is awaited even then: it has an owner to the end, and answers cancellation soon.
func withTimeout<Value: Sendable>(
  ms: Int64, time: TimeSource, _ body: @escaping @Sendable () async -> Value
) async -> Value? {
  await withTaskGroup(of: Value?.self) { group in
    group.addTask { await body() }
    group.addTask {
      // Cancelled when the body is done first: then nobody asks for this result.
      try? await time.sleep(ms: ms)
      return nil
    }
    let first = await group.next()
    group.cancelAll()
    return first ?? nil
  }
}
