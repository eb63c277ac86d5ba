import Connectors
import Crypto
import Engine
import Foundation
import Testing
import TestSupport

@Suite struct WebhookSourceTests {
  private let clock = ManualClock()
  private let secret = "a secret of enough length"

  private func source(_ config: JSONObject) throws -> WebhookSource {
    try WebhookSource(config, context: Fixture.sourceContext(time: clock.time))
  }

  private func mac(_ body: String, _ secret: String) -> [UInt8] {
    Array(
      HMAC<SHA256>.authenticationCode(
        for: Array(body.utf8), using: SymmetricKey(data: Array(secret.utf8))))
  }

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  private func send(
    _ source: WebhookSource, _ body: String, _ headers: [(name: String, value: String)] = []
  ) async throws -> EventDraft {
    let reception = try await source.receive(
      WebhookRequest(path: "/webhook/src", headers: headers, body: Array(body.utf8)))
    #expect(reception.answer == .single)
    return try #require(reception.events.first)
  }

  private func refusal(
    _ source: WebhookSource, _ body: String, _ headers: [(name: String, value: String)] = []
  ) async -> WebhookRefusal? {
    await #expect(throws: WebhookRefusal.self) { try await send(source, body, headers) }
  }

  @Test func `the body becomes the payload as it came`() async throws {
    let draft = try await send(try source([:]), #" {"type":"push", "b":[1,2.50]} "#)
    #expect(draft.payload.description == #" {"type":"push", "b":[1,2.50]} "#)
    #expect(
      draft.provenance.description == #"{"platform":"webhook","platform_event":"push"}"#)
    #expect(draft.type == .resourceChanged)
    #expect(draft.dedupKey == nil)
    #expect(draft.traceID == nil)
  }

  @Test(arguments: ["5", "[]", "\"x\"", "{\"type\":7}", "null"])
  func `a body without a name for its event is unknown`(_ body: String) async throws {
    let draft = try await send(try source([:]), body)
    #expect(draft.provenance.description.contains(#""platform_event":"unknown""#))
  }

  @Test func `type, name and dedup key come from where the config says`() async throws {
    let source = try source([
      "event_type": "message.received", "event_type_field": "head.kind", "dedup_field": "head.id",
    ])
    let draft = try await send(source, #"{"head":{"kind":"note","id":42}}"#)
    #expect(draft.type == .messageReceived)
    #expect(draft.provenance.description.contains(#""platform_event":"note""#))
    #expect(draft.dedupKey == "42")
  }

  @Test func `the first of webhook-id, Idempotency-Key and dedup_field is the key`() async throws {
    let source = try source(["dedup_field": "id"])
    let id = (name: "webhook-id", value: "w")
    let key = (name: "idempotency-key", value: "k")
    #expect(try await send(source, #"{"id":"b"}"#, [key, id]).dedupKey == "w")
    #expect(try await send(source, #"{"id":"b"}"#, [key]).dedupKey == "k")
    #expect(try await send(source, #"{"id":"b"}"#).dedupKey == "b")
    #expect(try await send(source, #"{"id":{}}"#).dedupKey == nil)
  }

  @Test func `a long key becomes its hash, and two long keys stay different`() async throws {
    let source = try source([:])
    func key(_ text: String) async throws -> String? {
      try await send(source, "1", [(name: "webhook-id", value: text)]).dedupKey
    }
    let first = try await key(String(repeating: "a", count: 5_000))
    let second = try await key(String(repeating: "a", count: 5_001))
    #expect(first?.hasPrefix("sha256:") == true)
    #expect(first?.utf8.count == 71)
    #expect(first != second)
  }

  @Test(
    arguments: [
      ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
      ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true),
      ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
      ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
      ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
      ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
      ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false), ("garbage", false),
      ("", false),
    ])
  func `a valid traceparent names the trace`(_ header: String, _ isValid: Bool) async throws {
    let draft = try await send(try source([:]), "1", [(name: "traceparent", value: header)])
    #expect(draft.traceID == (isValid ? "trc_4bf92f3577b34da6a3ce929d0e0e4736" : nil))
  }

  @Test(
    arguments: [
      "", "{", "{\"a\":1}x", "{\"a\":1,\"a\":2}", "NaN", "\u{FEFF}{}", "\"\\ud800\"",
      String(repeating: "[", count: 65) + String(repeating: "]", count: 65),
      String(repeating: "[", count: 100_000),
    ])
  func `a body that is not JSON is 400 and is not repeated`(_ body: String) async throws {
    let refusal = await refusal(try source([:]), body)
    #expect(refusal?.status == 400)
    #expect(try #require(refusal?.text).utf8.count < 120)
  }

  @Test func `bytes that are not UTF-8 verify like others and then are 400`() async throws {
    let source = try source(["secret": .string(secret)])
    let body: [UInt8] = [0x22, 0xFF, 0x22]
    let code = HMAC<SHA256>.authenticationCode(
      for: body, using: SymmetricKey(data: Array(secret.utf8)))
    let request = WebhookRequest(
      path: "/", headers: [(name: "x-signature", value: "sha256=" + hex(Array(code)))], body: body)
    let refusal = await #expect(throws: WebhookRefusal.self) { try await source.receive(request) }
    #expect(refusal?.status == 400)
  }

  @Test func `a right signature passes, in either header and in upper case`() async throws {
    let source = try source(["secret": .string(secret)])
    let code = hex(mac("{}", secret))
    for name in ["x-hub-signature-256", "x-signature"] {
      _ = try await send(source, "{}", [(name: name, value: "sha256=" + code)])
      _ = try await send(source, "{}", [(name: name, value: "sha256=" + code.uppercased())])
    }
  }

  @Test func `any secret of a list passes`() async throws {
    let source = try source(["secret": ["the old secret 123456", .string(secret)]])
    for each in ["the old secret 123456", secret] {
      let value = "sha256=" + hex(mac("{}", each))
      _ = try await send(source, "{}", [(name: "x-signature", value: value)])
    }
    let wrong = "sha256=" + hex(mac("{}", "another"))
    #expect(await refusal(source, "{}", [(name: "x-signature", value: wrong)])?.status == 401)
  }

  @Test func `no signature is Missing, each wrong one is Invalid`() async throws {
    let source = try source(["secret": .string(secret)])
    #expect(await refusal(source, "{}") == WebhookRefusal(status: 401, "Missing signature"))
    let right = hex(mac("{}", secret))
    let wrong = [
      right, "sha256=", "sha256=zz", "sha256=" + right.dropLast(2), "sha256=" + right + "00",
      "sha1=" + right, "sha256=" + hex(mac("{ }", secret)), "sha256=" + hex(mac("{}", "")),
      "sha256=" + right.dropLast() + "g",
    ]
    for value in wrong {
      #expect(
        await refusal(source, "{}", [(name: "x-hub-signature-256", value: value)])
          == WebhookRefusal(status: 401, "Invalid signature"))
    }
  }

  @Test func `the signature is over the bytes, not over what they mean`() async throws {
    let source = try source(["secret": .string(secret)])
    let value = "sha256=" + hex(mac(#"{"a":1}"#, secret))
    let refusal = await refusal(source, #"{ "a": 1 }"#, [(name: "x-signature", value: value)])
    #expect(refusal?.status == 401)
  }

  @Test func `a wrong signature is told before the body is looked at`() async throws {
    let source = try source(["secret": .string(secret)])
    #expect(await refusal(source, "not json")?.status == 401)
  }

  @Test func `two signature headers are 400`() async throws {
    let source = try source(["secret": .string(secret)])
    let value = "sha256=" + hex(mac("{}", secret))
    let twice = [
      (name: "x-hub-signature-256", value: value), (name: "x-hub-signature-256", value: value),
    ]
    #expect(await refusal(source, "{}", twice)?.status == 400)
  }
}

@Suite struct StandardWebhooksTests {
  private let clock = ManualClock(wallMs: 1_772_600_767_000)
  private let key = Data("0123456789abcdef0123456789abcdef".utf8)

  private var source: WebhookSource {
    get throws {
      try WebhookSource(
        ["secret": .string("whsec_" + key.base64EncodedString())],
        context: Fixture.sourceContext(time: clock.time))
    }
  }

  private func headers(
    timestamp: String = "1772600767", signed: String? = nil, body: String = "{}", extra: String = ""
  ) -> [(name: String, value: String)] {
    let content = Array("msg_1.\(signed ?? timestamp).\(body)".utf8)
    let code = HMAC<SHA256>.authenticationCode(for: content, using: SymmetricKey(data: key))
    return [
      (name: "webhook-id", value: "msg_1"), (name: "webhook-timestamp", value: timestamp),
      (name: "webhook-signature", value: extra + "v1," + Data(code).base64EncodedString()),
    ]
  }

  private func receive(_ headers: [(name: String, value: String)]) async throws {
    _ = try await source.receive(
      WebhookRequest(path: "/", headers: headers, body: Array("{}".utf8)))
  }

  @Test func `a signed request passes, and other signatures beside it do no harm`() async throws {
    try await receive(headers())
    try await receive(headers(extra: "v1,AAAA v1a,x v2,!! "))
  }

  @Test func `the signature's own id is the dedup key`() async throws {
    let reception = try await source.receive(
      WebhookRequest(path: "/", headers: headers(), body: Array("{}".utf8)))
    #expect(reception.events.first?.dedupKey == "msg_1")
  }

  @Test(arguments: ["1772600467", "1772601067"])
  func `300 s old or early still pass`(_ timestamp: String) async throws {
    try await receive(headers(timestamp: timestamp))
  }

  @Test(
    arguments: [
      "1772600466", "1772601068", "-1772600767", "+1772600767", "1e20", "99999999999999999999",
      "now", "1772600767.0", "0",
    ])
  func `any other time is 401`(_ timestamp: String) async throws {
    let refusal = await #expect(throws: WebhookRefusal.self) {
      try await receive(headers(timestamp: timestamp))
    }
    #expect(refusal?.status == 401)
  }

  @Test func `a missing header is Missing, a changed part is Invalid`() async throws {
    for index in 0..<3 {
      var some = headers()
      some.remove(at: index)
      let refusal = await #expect(throws: WebhookRefusal.self) { try await receive(some) }
      #expect(refusal == WebhookRefusal(status: 401, "Missing signature"))
    }
    for changed in [headers(signed: "1772600766"), headers(body: "[]")] {
      let refusal = await #expect(throws: WebhookRefusal.self) { try await receive(changed) }
      #expect(refusal == WebhookRefusal(status: 401, "Invalid signature"))
    }
  }

  @Test func `a header that stands twice is 400`() async throws {
    for index in 0..<3 {
      let refusal = await #expect(throws: WebhookRefusal.self) {
        try await receive(headers() + [headers()[index]])
      }
      #expect(refusal?.status == 400)
    }
  }
}
