import AsyncHTTPClient
import Connectors
import Crypto
import Engine
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Testing
import TestSupport

/// What a test server got.
struct ReceivedRequest: Sendable {
  var method: String
  var headers: [String: String]
  var body: String

  var json: JSONValue { JSONText(checked: Array(body.utf8)).value() }
}

@Suite(.timeLimit(.minutes(2)), .serialized)
struct WebhookActorTests {
  private let clock = ManualClock(wallMs: 1_772_600_767_089)
  private let received = Recorder<ReceivedRequest>()

  /// Runs a server on 127.0.0.1, and hands its port to the test.
  private func withServer<Value: Sendable>(
    _ respond: @escaping @Sendable (Request) async throws -> Response,
    client: HTTPClient = HTTPClients.makeForActors(),
    _ test: @escaping @Sendable (Int, HTTPClient) async throws -> Value
  ) async throws -> Value {
    let received = received
    let responder = CallbackResponder { (request: Request, _: BasicRequestContext) in
      var request = request
      let body = try await request.collectBody(upTo: 8 << 20)
      received.append(
        ReceivedRequest(
          method: request.method.rawValue,
          headers: Dictionary(
            request.headers.map { ($0.name.canonicalName, $0.value) }, uniquingKeysWith: { $1 }),
          body: String(buffer: body)))
      return try await respond(request)
    }
    let (ports, continuation) = AsyncStream<Int>.makeStream()
    let application = Application(
      responder: responder,
      configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) },
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let value = try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask {
        try await application.run()
        return nil
      }
      group.addTask {
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else { throw CancellationError() }
        return try await test(port, client)
      }
      defer { group.cancelAll() }
      while let value = try await group.next() {
        if let value { return value }
      }
      throw CancellationError()
    }
    try await client.shutdown()
    return value
  }

  private func deliver(
    _ config: JSONObject = [:], _ delivery: DeliveryRequest = Fixture.delivery(),
    path: String = "/hook?key=canary",
    respond: @escaping @Sendable (Request) async throws -> Response = { _ in
      Response(status: .ok)
    }
  ) async throws -> AttemptOutcome {
    let time = clock.time
    return try await withServer(respond) { port, client in
      var config = config
      config["url"] = .string("http://127.0.0.1:\(port)\(path)")
      let actor = try WebhookActor(
        config, context: Fixture.actorContext(time: time), client: client, version: "9.9",
        makeSpanID: { 0xAB })
      return await actor.deliver(delivery)
    }
  }

  @Test func `a request carries the event and all headers`() async throws {
    let outcome = try await deliver(
      ["headers": ["X-Team": "core"], "auth": ["type": "bearer", "token": "t0k"]],
      Fixture.delivery(prompt: "Do it"))
    #expect(outcome.kind == .delivered)
    #expect(outcome.statusCode == 200)
    let request = try #require(received.values.first)
    #expect(request.method == "POST")
    #expect(request.body == "{\"event\":\(Fixture.event),\"launch_prompt\":\"Do it\"}")
    #expect(request.headers["content-type"] == "application/json")
    #expect(request.headers["webhook-id"] == "dlv_7")
    #expect(request.headers["webhook-timestamp"] == "1772600767")
    #expect(
      request.headers["traceparent"]
        == "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ab-01")
    #expect(request.headers["user-agent"] == "orgloop/9.9")
    #expect(request.headers["authorization"] == "Bearer t0k")
    #expect(request.headers["x-team"] == "core")
    #expect(request.headers["webhook-signature"] == nil)
  }

  @Test func `basic auth, PUT and a body without prompt`() async throws {
    _ = try await deliver([
      "method": "PUT", "headers": ["Authorization": "mine"],
      "auth": ["type": "basic", "username": "u", "password": "p:w"],
    ])
    let request = try #require(received.values.first)
    #expect(request.method == "PUT")
    #expect(request.headers["authorization"] == "Basic " + Data("u:p:w".utf8).base64EncodedString())
    #expect(request.body == "{\"event\":\(Fixture.event)}")
  }

  @Test func `each secret signs, and a receiver can verify`() async throws {
    let key = Data("0123456789abcdef".utf8)
    _ = try await deliver([
      "secret": [.string("whsec_" + key.base64EncodedString()), "plain secret 123"]
    ])
    let request = try #require(received.values.first)
    let content = Array("dlv_7.1772600767.\(request.body)".utf8)
    let expected = [key, Data("plain secret 123".utf8)].map { secret in
      let code = HMAC<SHA256>.authenticationCode(
        for: content, using: SymmetricKey(data: secret))
      return "v1," + Data(code).base64EncodedString()
    }
    #expect(request.headers["webhook-signature"] == expected.joined(separator: " "))
  }

  @Test func `our own webhook source accepts what the actor signs`() async throws {
    let secret = "whsec_" + Data("0123456789abcdef".utf8).base64EncodedString()
    _ = try await deliver(["secret": .string(secret)])
    let request = try #require(received.values.first)
    let source = try WebhookSource(
      ["secret": .string(secret)], context: Fixture.sourceContext(time: clock.time))
    let reception = try await source.receive(
      WebhookRequest(
        path: "/", headers: request.headers.map { (name: $0.key, value: $0.value) },
        body: Array(request.body.utf8)))
    #expect(reception.events.first?.dedupKey == "dlv_7")
    #expect(reception.events.first?.traceID == "trc_4bf92f3577b34da6a3ce929d0e0e4736")
  }

  @Test func `a trace id of another form gives a stable traceparent`() async throws {
    for _ in 0..<2 { _ = try await deliver([:], Fixture.delivery(traceID: "trc_abc")) }
    let headers = received.values.compactMap { $0.headers["traceparent"] }
    #expect(headers.count == 2)
    #expect(Set(headers).count == 1)
    #expect(headers[0].wholeMatch(of: /00-[0-9a-f]{32}-[0-9a-f]{16}-01/) != nil)
  }

  @Test func `a template takes values with their type and text elsewhere`() async throws {
    let template: JSONValue = [
      "number": "{{ payload.number }}", "labels": "{{event.provenance.labels}}",
      "text": "#{{ payload.number }} {{payload.nested}} {{ payload.none }}|",
      "missing": "{{ payload.none }}", "null": "{{ provenance.nothing }}", "flag": true,
      "list": ["{{ delivery.attempt }}", "{{ delivery.id }}", 5],
      "prompt": "{{ launch_prompt }}", "meta": "{{ launch_prompt_meta }}",
      "channel": "{{ config.channel }}", "where": "{{ route }}/{{ module }}", "now": "{{ now }}",
      "literal": "\\{{ route }}", "open": "{{ route", "source": "{{ event.source }}",
    ]
    _ = try await deliver(
      ["body_template": template],
      Fixture.delivery(config: ["channel": "{{ route }}"], attempt: 2))
    let expected: JSONValue = [
      "number": 12, "labels": ["bug", "urgent"], "text": "#12 {\"a\":[1,2]} |", "missing": "",
      "null": nil, "flag": true, "list": [2, "dlv_7", 5], "prompt": "", "meta": nil,
      "channel": "{{ route }}", "where": "r1/mod", "now": "2026-03-04T05:06:07.089Z",
      "literal": "{{ route }}", "open": "{{ route", "source": "github",
    ]
    #expect(received.values.first?.json == expected)
  }

  @Test func `text of an event is never read as a template`() async throws {
    let event = JSONText(["payload": ["title": "{{ config.secret }} \\{{ x }}"]])
    _ = try await deliver(
      ["body_template": ["a": "{{ payload.title }}", "b": "- {{ payload.title }}"]],
      Fixture.delivery(event: event, config: ["secret": "canary"]))
    #expect(
      received.values.first?.json == [
        "a": "{{ config.secret }} \\{{ x }}", "b": "- {{ config.secret }} \\{{ x }}",
      ])
  }

  @Test func `Slack gets a text and nothing else`() async throws {
    var configuration = HTTPClient.Configuration()
    configuration.dnsOverride = ["hooks.slack.com": "127.0.0.1"]
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let time = clock.time
    let outcome = try await withServer({ _ in Response(status: .ok) }, client: client) {
      port, client in
      let actor = try WebhookActor(
        ["url": .string("http://hooks.slack.com:\(port)/services/x")],
        context: Fixture.actorContext(time: time), client: client, version: "9")
      return await actor.deliver(Fixture.delivery(prompt: "p"))
    }
    #expect(outcome.kind == .delivered)
    #expect(
      received.values.first?.json == [
        "text":
          "[github] resource.changed (issue_comment) by dana\nhttps://example.com/1"
      ])
  }

  @Test(
    arguments: [
      (200, AttemptOutcome.Kind.delivered), (204, .delivered), (400, .rejected), (401, .rejected),
      (404, .rejected), (422, .rejected), (408, .error), (425, .error), (429, .error),
      (500, .error), (503, .error), (599, .error), (302, .rejected), (308, .rejected),
    ])
  func `the status decides the outcome`(_ status: Int, _ kind: AttemptOutcome.Kind) async throws {
    let outcome = try await deliver { _ in
      Response(
        status: .init(code: status), headers: [.location: "/elsewhere"],
        body: status == 204 ? .init() : .init(byteBuffer: ByteBuffer(string: "because")))
    }
    #expect(outcome.kind == kind)
    #expect(outcome.statusCode == status)
    #expect(outcome.responseExcerpt == (status == 204 ? nil : "because"))
    #expect((outcome.error == nil) == (kind == .delivered))
    #expect(outcome.disablesActor == false)
    // No second request: a redirect is not followed.
    #expect(received.values.count == 1)
  }

  @Test func `410 rejects the delivery and disables the actor`() async throws {
    let outcome = try await deliver { _ in Response(status: .gone) }
    #expect(outcome.kind == .rejected)
    #expect(outcome.disablesActor)
  }

  @Test(
    arguments: [
      ("120", 120_000), ("0", 0), ("Wed, 04 Mar 2026 05:07:07 GMT", 59_911),
      ("Wed, 04 Mar 2026 05:00:00 GMT", 0), ("999999999999999999999", 86_400_000),
      ("soon", nil), ("-5", nil), ("1.5", nil), ("", nil),
    ] as [(String, Int64?)])
  func `Retry-After is honoured as seconds or date`(_ header: String, _ ms: Int64?) async throws {
    let outcome = try await deliver { _ in
      Response(status: .serviceUnavailable, headers: [.retryAfter: header])
    }
    #expect(outcome.retryAfterMs == ms)
  }

  @Test func `a huge answer is cut off, and its first 4 KiB are kept`() async throws {
    let outcome = try await deliver { _ in
      Response(
        status: .ok,
        body: ResponseBody { writer in
          let chunk = ByteBuffer(repeating: 0x78, count: 1 << 20)
          // Endless: only the reader can stop it.
          while true { try await writer.write(chunk) }
        })
    }
    #expect(outcome.kind == .delivered)
    #expect(outcome.responseExcerpt == String(repeating: "x", count: 4 << 10))
  }

  @Test func `an answer that breaks off is an error`() async throws {
    let outcome = try await deliver { _ in
      Response(
        status: .ok, headers: [.contentLength: "1000"],
        body: ResponseBody { writer in
          try await writer.write(ByteBuffer(string: "only this"))
          throw CancellationError()
        })
    }
    #expect(outcome.kind == .error)
    #expect(
      outcome.error == "127.0.0.1: the connection was closed before the answer was complete")
  }

  @Test func `no answer within the timeout is a timeout`() async throws {
    let clock = clock
    let (arrived, continuation) = AsyncStream<Void>.makeStream()
    let (_, outcome) = try await withServer({ _ in
      continuation.yield()
      // A receiver that hangs; the test ends it.
      try await Task.sleep(for: .seconds(3_600))
      return Response(status: .ok)
    }) { port, client in
      let actor = try WebhookActor(
        ["url": .string("http://127.0.0.1:\(port)/"), "timeout": "5s"],
        context: Fixture.actorContext(time: clock.time), client: client, version: "9")
      async let outcome = actor.deliver(Fixture.delivery())
      var iterator = arrived.makeAsyncIterator()
      await iterator.next()
      await clock.waitForSleepers(1)
      clock.advance(ms: 4_999)
      #expect(clock.sleeperCount() == 1)
      clock.advance(ms: 1)
      return (true, await outcome)
    }
    #expect(outcome.kind == .timeout)
    #expect(outcome.error == "no complete answer within 5000 ms")
  }

  @Test func `a cancelled attempt is a timeout`() async throws {
    let clock = clock
    let (arrived, continuation) = AsyncStream<Void>.makeStream()
    let outcome = try await withServer({ _ in
      continuation.yield()
      // A receiver that hangs; the test ends it.
      try await Task.sleep(for: .seconds(3_600))
      return Response(status: .ok)
    }) { port, client in
      let actor = try WebhookActor(
        ["url": .string("http://127.0.0.1:\(port)/")],
        context: Fixture.actorContext(time: clock.time), client: client, version: "9")
      return await withTaskGroup(of: AttemptOutcome.self) { group in
        group.addTask { await actor.deliver(Fixture.delivery()) }
        var iterator = arrived.makeAsyncIterator()
        await iterator.next()
        group.cancelAll()
        return await group.next()
      }
    }
    #expect(outcome?.kind == .timeout)
  }

  @Test(
    arguments: [
      ("http://127.0.0.1:1/canary?k=canary", "127.0.0.1: connection refused"),
      (
        "http://no-such-host.invalid/canary",
        "no-such-host.invalid: the host name cannot be resolved"
      ),
    ])
  func `a receiver that cannot be reached is an error without the URL`(
    _ url: String, _ text: String
  ) async throws {
    let client = HTTPClients.makeForActors()
    let actor = try WebhookActor(
      ["url": .string(url)], context: Fixture.actorContext(time: clock.time), client: client,
      version: "9")
    let outcome = await actor.deliver(Fixture.delivery())
    try await client.shutdown()
    #expect(outcome.kind == .error)
    #expect(outcome.error == text)
    #expect(outcome.error?.contains("canary") == false)
  }

  @Test func `a server without TLS is an error`() async throws {
    let time = clock.time
    let outcome = try await withServer({ _ in Response(status: .ok) }) { port, client in
      let actor = try WebhookActor(
        ["url": .string("https://127.0.0.1:\(port)/")],
        context: Fixture.actorContext(time: time), client: client, version: "9")
      return await actor.deliver(Fixture.delivery())
    }
    #expect(outcome.kind == .error)
    #expect(outcome.error?.hasPrefix("127.0.0.1: TLS failed") == true)
    #expect(received.values.isEmpty)
  }

  @Test func `a line break in a header is never sent`() async throws {
    let outcome = try await deliver(
      [:],
      DeliveryRequest(
        deliveryID: "dlv_1\r\nX-Evil: 1", attempt: 1, eventID: "evt_1", event: Fixture.event,
        traceID: "trc_1", route: "r", module: "m"))
    #expect(outcome.kind == .rejected)
    #expect(outcome.error == "not sent: header webhook-id would hold a line break or NUL")
    #expect(received.values.isEmpty)
  }
}
