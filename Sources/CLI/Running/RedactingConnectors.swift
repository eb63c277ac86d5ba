import Engine

extension ConnectorCatalog {
  /// The same catalog, whose connectors say nothing that holds a credential: what commands print
  /// and what fails is stored with the attempt, and no secret may get into the file
  /// (design.md 5, invariant 9). Loggers get their entries without credentials. What connectors hand over as an event is left as it is.
  func redacted() -> ConnectorCatalog {
    ConnectorCatalog(
      connectors: connectors.values.map { descriptor in
        var descriptor = descriptor
        if let role = descriptor.source {
          descriptor.source?.make = { config, context in
            redacted(try role.make(config, context))
          }
        }
        if let role = descriptor.actor {
          descriptor.actor?.make = { config, context in
            RedactingActor(actor: try role.make(config, context))
          }
        }
        return descriptor
      },
      transforms: transforms.values.map { descriptor in
        var redacting = descriptor
        redacting.make = { RedactingTransform(transform: try descriptor.make($0)) }
        return redacting
      },
      loggers: loggers.values.map { descriptor in
        var redacting = descriptor
        redacting.make = { RedactingSink(sink: try descriptor.make($0)) }
        return redacting
      })
  }

  private func redacted(_ source: SourceInstance) -> SourceInstance {
    switch source {
    case .poll(let source): .poll(RedactingPoll(source: source))
    case .stream(let source): .stream(RedactingStream(source: source))
    // What these say goes to a sender or is made of the configuration's own names.
    case .push, .timer: source
    }
  }
}

/// The words of an error, without credentials.
private struct RedactedError: Error, CustomStringConvertible {
  let description: String

  init(_ error: any Error) { description = Secrets.redact("\(error)") }
}

private struct RedactingActor: ActorConnector {
  let actor: any ActorConnector

  func deliver(_ delivery: DeliveryRequest) async -> AttemptOutcome {
    var outcome = await actor.deliver(delivery)
    outcome.error = outcome.error.map(Secrets.redact)
    outcome.output = outcome.output.map(Secrets.redact)
    outcome.responseExcerpt = outcome.responseExcerpt.map(Secrets.redact)
    return outcome
  }

  func close() async { await actor.close() }
}

private struct RedactingTransform: Transform {
  let transform: any Transform

  func apply(_ event: JSONText, context: TransformContext) async throws -> TransformResult {
    let output = context.output
    var context = context
    // A credential may come in two pieces, so the whole is looked at, before it is cut.
    let own = TransformOutput()
    context.output = own
    defer { output.append(Secrets.redact(own.wholeLines).utf8) }
    do {
      let result = try await transform.apply(event, context: context)
      guard case .drop(let reason) = result else { return result }
      return .drop(reason: reason.map(Secrets.redact))
    } catch {
      throw RedactedError(error)
    }
  }
}

private struct RedactingPoll: PollSource {
  let source: any PollSource

  func poll(checkpoint: String?) async throws -> PollResult {
    do {
      var result = try await source.poll(checkpoint: checkpoint)
      result.refused = result.refused.map(Secrets.redact)
      return result
    } catch {
      throw RedactedError(error)
    }
  }

  func close() async { await source.close() }
}

private struct RedactingStream: StreamSource {
  let source: any StreamSource

  func run(
    checkpoint: String?, emit: @escaping @Sendable (PollResult) async throws -> Void
  ) async throws {
    do {
      try await source.run(checkpoint: checkpoint) { result in
        var result = result
        result.refused = result.refused.map(Secrets.redact)
        try await emit(result)
      }
    } catch {
      throw RedactedError(error)
    }
  }

  func close() async { await source.close() }
}
