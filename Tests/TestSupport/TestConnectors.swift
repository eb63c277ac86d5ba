package import Engine
import Synchronization

/// An actor that does what a test says, and remembers what it was given.
package final class TestActor: ActorConnector {
  package typealias Handler = @Sendable (DeliveryRequest) async -> AttemptOutcome

  private let handler: Handler
  private let received = Mutex<[DeliveryRequest]>([])

  package init(_ handler: @escaping Handler = { _ in AttemptOutcome(.delivered) }) {
    self.handler = handler
  }

  /// Every request so far, in the order they came.
  package var requests: [DeliveryRequest] { received.withLock { $0 } }

  package func deliver(_ delivery: DeliveryRequest) async -> AttemptOutcome {
    received.withLock { $0.append(delivery) }
    return await handler(delivery)
  }

  package func close() async {}
}

/// A poll source that does what a test says.
package final class TestPollSource: PollSource {
  package typealias Handler = @Sendable (_ checkpoint: String?) async throws -> PollResult

  private let handler: Handler
  private let polls = Mutex<[String?]>([])

  package init(_ handler: @escaping Handler) { self.handler = handler }

  /// The checkpoint that each poll was given.
  package var checkpoints: [String?] { polls.withLock { $0 } }

  package func poll(checkpoint: String?) async throws -> PollResult {
    polls.withLock { $0.append(checkpoint) }
    return try await handler(checkpoint)
  }

  package func close() async {}
}

/// A push source that takes every body as the payload of one event.
package struct TestPushSource: PushSource {
  package var path: String? { nil }

  package init() {}

  package func receive(_ request: WebhookRequest) async throws -> WebhookReception {
    do throws(JSONError) {
      let payload = try JSONText(checking: request.body)
      let draft = EventDraft(
        provenance: JSONText(["platform": "test"]), payload: payload,
        dedupKey: request.header("webhook-id"))
      return WebhookReception(events: [draft])
    } catch {
      throw WebhookRefusal(status: 400, "not JSON: \(error)")
    }
  }

  package func close() async {}
}

/// A transform that does what a test says.
package struct TestTransform: Transform {
  package typealias Handler = @Sendable (JSONText) async throws -> TransformResult
  private let handler: Handler

  package init(_ handler: @escaping Handler) { self.handler = handler }

  package func apply(
    _ event: JSONText, context: TransformContext
  ) async throws -> TransformResult {
    try await handler(event)
  }
}

extension ConnectorCatalog {
  /// A catalog of one source, one actor and one transform, all named `test`.
  package static func test(
    source: SourceInstance = .push(TestPushSource()), actor: any ActorConnector = TestActor(),
    transform: any Transform = TestTransform { _ in .pass }
  ) -> ConnectorCatalog {
    ConnectorCatalog(
      connectors: [
        ConnectorDescriptor(
          name: "test",
          source: ConnectorDescriptor.SourceRole(
            mode: { _ in .push }, fields: [], make: { _, _ in source }),
          actor: ConnectorDescriptor.ActorRole(fields: [], make: { _, _ in actor }))
      ],
      transforms: [TransformDescriptor(name: "test", make: { _ in transform })])
  }
}

/// A stream source that does what a test says.
package final class TestStreamSource: StreamSource {
  package typealias Emit = @Sendable (PollResult) async throws -> Void
  package typealias Handler = @Sendable (_ checkpoint: String?, _ emit: Emit) async throws -> Void

  private let handler: Handler
  private let runs = Mutex<[String?]>([])

  package init(_ handler: @escaping Handler) { self.handler = handler }

  /// The checkpoint that each run was given.
  package var checkpoints: [String?] { runs.withLock { $0 } }

  package func run(
    checkpoint: String?, emit: @escaping @Sendable (PollResult) async throws -> Void
  ) async throws {
    runs.withLock { $0.append(checkpoint) }
    try await handler(checkpoint, emit)
  }

  package func close() async {}
}
