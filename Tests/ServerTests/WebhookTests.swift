import Engine
import Server
import Testing

@Suite struct WebhookTests {
  static let accepted: [(WebhookAnswer, String)] = [
    (
      .accepted(ids: ["evt_1"], isDuplicate: false, style: .single),
      #"{"ok":true,"event_id":"evt_1"}"#
    ),
    (
      .accepted(ids: ["evt_1"], isDuplicate: true, style: .single),
      #"{"ok":true,"event_id":"evt_1","duplicate":true}"#
    ),
    (
      .accepted(ids: ["evt_1", "evt_2"], isDuplicate: false, style: .many),
      #"{"ok":true,"events_created":2,"event_ids":["evt_1","evt_2"]}"#
    ),
    (
      .accepted(ids: ["evt_1"], isDuplicate: true, style: .many),
      #"{"ok":true,"events_created":1,"event_ids":["evt_1"],"duplicate":true}"#
    ),
    (
      .accepted(ids: [], isDuplicate: false, style: .filtered(reason: "not \"ours\"")),
      #"{"ok":true,"filtered":true,"reason":"not \"ours\""}"#
    ),
  ]

  @Test(arguments: accepted)
  func `an accepted webhook is answered in its source's form`(
    _ answer: WebhookAnswer, _ body: String
  ) async throws {
    try await TestServer.run(FakeGateway { $0.webhookAnswer = answer }) { server in
      let answer = try await server.send("POST /webhook/ops/hook", body: "{}")
      #expect(answer.status == 200)
      #expect(answer.header("content-type") == "application/json")
      #expect(answer.body == body)
    }
  }

  static let refused: [(WebhookAnswer, Int, String, String?)] = [
    (.refused(status: 401, text: "Missing signature"), 401, "Missing signature", nil),
    (.refused(status: 400, text: "Bad JSON"), 400, "Bad JSON", nil),
    (.refused(status: 200, text: "odd"), 500, "odd", nil),
    (.unavailable(status: 503, retryAfterSeconds: 7, text: "Paused"), 503, "Paused", "7"),
    (.unavailable(status: 507, retryAfterSeconds: 60, text: "Disk full"), 507, "Disk full", "60"),
    (
      .ambiguous(paths: ["/webhook/a/x", "/webhook/b/x"]), 409,
      "More than one module has this source: /webhook/a/x, /webhook/b/x", nil
    ),
    (.unknownSource, 404, "Unknown source: hook", nil),
  ]

  @Test(arguments: refused)
  func `a webhook that is not stored is answered with a problem and never 2xx`(
    _ answer: WebhookAnswer, _ status: Int, _ text: String, _ retryAfter: String?
  ) async throws {
    try await TestServer.run(FakeGateway { $0.webhookAnswer = answer }) { server in
      let answer = try await server.send("POST /webhook/hook", body: "{}")
      #expect(answer.status == status)
      #expect(answer.header("content-type") == "application/problem+json")
      #expect(answer.header("retry-after") == retryAfter)
      #expect(answer.error == text)
    }
  }

  @Test func `a problem has all members, and error repeats detail`() async throws {
    try await TestServer.run(FakeGateway { $0.webhookAnswer = .unknownSource }) { server in
      let answer = try await server.send("POST /webhook/hook")
      #expect(
        answer.body
          == #"{"type":"about:blank","title":"Not Found","status":404,"#
          + #""detail":"Unknown source: hook","error":"Unknown source: hook","code":"NOT_FOUND"}"#)
    }
  }

  @Test(arguments: ["%3Cscript%3E", "a%20b", "%C2%B7", String(repeating: "a", count: 65)])
  func `an id that could not be one is not repeated in the answer`(_ id: String) async throws {
    try await TestServer.run(FakeGateway { $0.webhookAnswer = .unknownSource }) { server in
      let answer = try await server.send("POST /webhook/\(id)")
      #expect(answer.status == 404)
      #expect(answer.error == "Unknown source")
    }
  }

  @Test func `the request reaches the gateway as it came, without its query`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      _ = try await server.send(
        "POST /webhook/ops/my%2Dhook?token=x",
        headers: ["X-B: 1", "x-a: 2", "X-B: 3", "Content-Type: text/weird"], body: "no json")
    }
    let call = try #require(gateway.read { $0.webhooks.first })
    #expect(call.module == "ops")
    #expect(call.source == "my-hook")
    #expect(call.request.method == "POST")
    #expect(call.request.path == "/webhook/ops/my-hook")
    #expect(
      call.request.headers.map { "\($0.name)=\($0.value)" } == [
        "host=localhost", "connection=close", "x-b=1", "x-a=2", "x-b=3",
        "content-type=text/weird", "content-length=7",
      ])
    #expect(call.request.body == Array("no json".utf8))
  }

  @Test(arguments: ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
  func `a webhook takes POST only`(_ method: String) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send("\(method) /webhook/hook")
      #expect(answer.status == (method == "BREW" ? 400 : 405))
      if method != "BREW" {
        #expect(answer.header("allow") == "POST")
        #expect(answer.error == "Method not allowed")
      }
    }
    #expect(gateway.read { $0.webhooks.isEmpty })
  }

  static let strayPaths = [
    "/webhook/a/b/c", "/webhook/", "/webhook//a", "/webhook/a/", "/Webhook/a", "/webhooks/a",
    "/nothing", "/", "//webhook/a",
  ]

  @Test(arguments: strayPaths)
  func `a path that is not in the table is not found`(_ path: String) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send("POST \(path)", body: "{}")
      #expect(answer.status == 404)
      #expect(answer.error == "Not found")
    }
    #expect(gateway.read { $0.webhooks.isEmpty })
  }

  static let badPaths = [
    "/webhook/..%2fa", "/webhook/a%00", "/webhook/%2e%2e/a", "/webhook/../a", "/webhook/./a",
    "/webhook/a%5Cb", "/webhook/a%zz", "/webhook/a%2", "/webhook/%ff", "/webhook/a%0Ab",
  ]

  @Test(arguments: badPaths)
  func `a path that others could read differently is refused`(_ path: String) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send("POST \(path)", body: "{}")
      #expect(answer.status == 400)
      #expect(answer.error == "Bad path")
    }
    #expect(gateway.read { $0.webhooks.isEmpty })
  }

  @Test func `a percent sign is decoded once`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      _ = try await server.send("POST /webhook/%252e%252e")
    }
    #expect(gateway.read { $0.webhooks.first?.source } == "%2e%2e")
  }

  @Test func `a source is served at the path it is mounted at`() async throws {
    let gateway = FakeGateway { $0.mountedPath = "/hooks/mine" }
    try await TestServer.run(gateway) { server in
      #expect(try await server.send("POST /hooks/mine", body: "{}").status == 200)
      #expect(try await server.send("POST /hooks/mine/more", body: "{}").status == 404)
      let answer = try await server.send("GET /hooks/mine")
      #expect(answer.status == 405)
      #expect(answer.header("allow") == "POST")
      #expect(try await server.send("GET /hooks").status == 404)
    }
  }

  @Test func `more open webhooks than the limit are turned away`() async throws {
    let gate = Gate()
    let gateway = FakeGateway { $0.gate = gate }
    try await TestServer.run(gateway, configure: { $0.limits.openWebhooksMax = 2 }) { server in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<2 {
          group.addTask { try await server.send("POST /webhook/hook").status }
        }
        await gate.arrived(2)
        let answer = try await server.send("POST /webhook/hook")
        #expect(answer.status == 503)
        #expect(answer.header("retry-after") == "1")
        await gate.open()
        for try await status in group { #expect(status == 200) }
      }
      #expect(try await server.send("POST /webhook/hook").status == 200)
    }
  }
}
