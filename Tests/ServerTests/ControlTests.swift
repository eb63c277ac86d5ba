import Engine
import Server
import Testing

/// The API as the command line uses it, over the Unix socket.
@Suite struct ControlTests {
  @Test(arguments: ["/livez", "/readyz", "/healthz"])
  func `health is answered on both listeners`(_ path: String) async throws {
    try await TestServer.run { server in
      for address in [server.tcp, server.unixSocket] {
        let answer = try await server.send("GET \(path)", to: address)
        #expect(answer.status == 200)
        #expect(answer.body == #"{"ok":true}"#)
      }
    }
  }

  @Test func `a runtime that is not ready is alive and says so`() async throws {
    try await TestServer.run(FakeGateway { $0.isReady = false }) { server in
      #expect(try await server.send("GET /livez").status == 200)
      let answer = try await server.send("GET /readyz")
      #expect(answer.status == 503)
      #expect(answer.header("retry-after") == "1")
    }
  }

  @Test(arguments: ["/api/status", "/control/status"])
  func `status is the gateway's, in compact JSON`(_ path: String) async throws {
    try await TestServer.run { server in
      let answer = try await server.send("GET \(path)", to: server.unixSocket)
      #expect(answer.status == 200)
      #expect(answer.body == #"{"running":true}"#)
    }
  }

  @Test func `an inbox is drained by POST, with parameters in the query or the body`() async throws
  {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let path = "/api/inbox/drain?session_key=pr%207&limit=5"
      let byQuery = try await server.send("POST \(path)", to: server.unixSocket)
      #expect(byQuery.status == 200)
      #expect(byQuery.body.contains(#""asked":["pr 7",null,5]"#))
      for (request, status) in [
        ("POST /api/inbox/drain", 400), ("GET /api/inbox/drain?session_key=a", 405),
        ("POST /api/inbox/drain?session_key=a&limit=0", 400), ("POST /api/inbox/restore", 400),
        ("POST /api/inbox/restore?batch=bat_1", 200), ("GET /api/inbox/status", 400),
        ("GET /api/inbox/list", 200), ("GET /api/inbox/other", 404),
      ] {
        #expect(
          try await server.send(request, to: server.unixSocket).status == status, "\(request)")
      }
      let status = try await server.send(
        "GET /api/inbox/status?session_key=a", to: server.unixSocket)
      #expect(status.body == #"{"pending":2}"#)
      #expect(try await server.send("POST \(path)", to: server.tcp).status == 404)
    }
    // Who collected, and who put back.
    #expect(gateway.read { $0.callers.count } == 2)
  }

  @Test func `HEAD has the fields of GET and no body`() async throws {
    try await TestServer.run { server in
      try await RawConnection.with(server.unixSocket) { connection in
        try await connection.send("HEAD /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try await connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.finish()
        let text = try await connection.rest()
        #expect(text.contains("Content-Length: 16\r\n\r\nHTTP/1.1 200 OK"))
      }
    }
  }

  static let wrongMethods = [
    ("POST /livez", "GET, HEAD"), ("DELETE /api/status", "GET, HEAD"),
    ("PUT /api/events", "GET, HEAD, POST"), ("POST /api/events/evt_1", "GET, HEAD"),
    ("POST /api/events/evt_1/why", "GET, HEAD"), ("PUT /api/events/evt_1/trace", "GET, HEAD"),
    ("GET /control/shutdown", "POST"), ("OPTIONS /control/status", "GET, HEAD"),
    ("POST /control/module/list", "GET, HEAD"), ("POST /control/module/status/ops", "GET, HEAD"),
    ("GET /control/module/load", "POST"), ("PUT /control/module/load-project", "POST"),
    ("DELETE /control/module/unload", "POST"), ("GET /control/module/reload", "POST"),
    ("GET /control/apply", "POST"), ("GET /control/plan", "POST"), ("GET /control/pause", "POST"),
    ("HEAD /control/resume", "POST"), ("POST /api/dlq", "GET, HEAD"),
    ("GET /api/dlq/requeue", "POST"), ("GET /api/replay", "POST"),
    ("POST /api/inspect", "GET, HEAD"), ("GET /control/workspace/select", "POST"),
  ]

  @Test(arguments: wrongMethods)
  func `a wrong method names the right ones`(_ line: String, _ allowed: String) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send(line, to: server.unixSocket)
      #expect(answer.status == 405)
      #expect(answer.header("allow") == allowed)
    }
    #expect(gateway.read { $0.shutdowns.isEmpty && $0.orders.isEmpty })
  }

  static let unknown = [
    "/api", "/api/", "/api/nothing", "/api/status/x", "/api/events/", "/api/events/evt_1/x",
    "/api/events//why", "/api/events//trace", "/api/events/evt_1/why/x",
    "/control", "/control/nothing", "/metrics", "/livez/x", "/API/status", "/control/module",
    "/control/module/", "/control/module/status", "/control/module/status/",
    "/control/module/status/a/b", "/control/module/load/x", "/control/load", "/control/pause/x",
    "/api/inspect/x", "/control/workspace", "/control/workspace/list",
  ]

  @Test(arguments: unknown)
  func `an unknown path is not found`(_ path: String) async throws {
    try await TestServer.run { server in
      for method in ["GET", "POST"] {
        let answer = try await server.send("\(method) \(path)", to: server.unixSocket)
        #expect(answer.status == 404)
        #expect(answer.error == "Not found")
      }
    }
  }

  @Test func `every filter reaches the gateway`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send(
        "GET /api/events?from=2026-01-02&to=2026-01-02T00:00:01Z&source=s&route=a%20b&module=m"
          + "&type=actor.stopped&state=settled&limit=7&after=c+d&other=1",
        to: server.unixSocket)
      #expect(answer.status == 200)
      #expect(answer.body == "[]")
      #expect(answer.header("link") == nil)
    }
    var query = EventQuery()
    query.fromMs = 1_767_312_000_000
    query.toMs = 1_767_312_001_000
    query.source = "s"
    query.route = "a b"
    query.module = "m"
    query.type = .actorStopped
    query.state = "settled"
    query.limit = 7
    query.after = "c d"
    #expect(gateway.read { $0.queries } == [query])
  }

  static let badFilters = [
    "from=yesterday", "to=2026-02-30", "limit=0", "limit=1001", "limit=ten", "limit=-1",
    "type=other", "state=done", "source=%zz", "source=%ff",
  ]

  @Test(arguments: badFilters)
  func `a bad filter is refused without being repeated`(_ query: String) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send("GET /api/events?\(query)", to: server.unixSocket)
      #expect(answer.status == 400)
      let value = query.split(separator: "=").last ?? ""
      #expect(!(answer.error ?? "").contains(" \(value) "))
    }
    #expect(gateway.read { $0.queries.isEmpty })
  }

  @Test func `the next page is a link with the same filters`() async throws {
    let page = EventPage(items: [["event_id": "evt_1"]], next: "a/b=")
    try await TestServer.run(FakeGateway { $0.page = page }) { server in
      let answer = try await server.send(
        "GET /api/events?route=a%20b&limit=1&after=old", to: server.unixSocket)
      #expect(answer.body == #"[{"event_id":"evt_1"}]"#)
      #expect(
        answer.header("link")
          == #"</api/events?route=a%20b&limit=1&after=a%2Fb%3D>; rel="next""#)
    }
  }

  @Test func `one event is found by its id, and another is not`() async throws {
    try await TestServer.run { server in
      let found = try await server.send("GET /api/events/evt_1", to: server.unixSocket)
      #expect(found.status == 200)
      #expect(found.body == #"{"id":"evt_1"}"#)
      let missing = try await server.send("GET /api/events/evt_2", to: server.unixSocket)
      #expect(missing.status == 404)
      #expect(missing.error == "Event not found")
    }
  }

  @Test(arguments: [
    ("evt_1/why", 200, #"{"id":"evt_1","route":null}"#),
    ("evt_1/why?route=a%20b", 200, #"{"id":"evt_1","route":"a b"}"#),
    ("evt_1/trace", 200, #"{"id":"evt_1","limit":100}"#),
    ("evt_1/trace?limit=7", 200, #"{"id":"evt_1","limit":7}"#),
    ("evt_2/why", 404, "Event not found"), ("evt_2/trace", 404, "Event not found"),
    ("evt_1/trace?limit=0", 400, "limit must be"), ("evt_1/trace?limit=1001", 400, "limit must be"),
    ("evt_1/trace?limit=x", 400, "limit must be"), ("evt_1/why?route=%zz", 400, "encoded"),
  ])
  func `a trace and the reasons of an event are asked for below its id`(
    _ path: String, _ status: Int, _ text: String
  ) async throws {
    try await TestServer.run { server in
      let answer = try await server.send("GET /api/events/" + path, to: server.unixSocket)
      #expect(answer.status == status)
      #expect(status == 200 ? answer.body == text : answer.error?.contains(text) == true)
    }
  }

  @Test func `an event can be posted, and its place is named`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let first = try await server.send(
        "POST /api/events", to: server.unixSocket, body: #"{"a":1}"#)
      #expect(first.status == 202)
      #expect(first.body == #"{"event_id":"evt_9","duplicate":false}"#)
      #expect(first.header("location") == "/api/events/evt_9")
      let second = try await server.send(
        "POST /api/events?module=ops", to: server.unixSocket, headers: ["Idempotency-Key: k"],
        body: "{}")
      #expect(second.body == #"{"event_id":"evt_9","duplicate":true}"#)
    }
    #expect(
      gateway.read { $0.injections } == [
        FakeGateway.Injection(body: #"{"a":1}"#, module: nil, idempotencyKey: nil),
        FakeGateway.Injection(body: "{}", module: "ops", idempotencyKey: "k"),
      ])
  }

  static let shutdowns: [(String, Int64?)] = [
    ("", nil), ("{}", nil), (#"{"timeout":null}"#, nil), (#"{"timeout":5000}"#, 5_000),
    (#"{"timeout":0}"#, 0), (#"{"timeout":"1m30s"}"#, 90_000), (#"{"timeout":"2s500ms"}"#, 2_500),
  ]

  @Test(arguments: shutdowns)
  func `a stop is begun with the time it may take`(_ body: String, _ ms: Int64?) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send(
        "POST /control/shutdown", to: server.unixSocket, body: body)
      #expect(answer.status == 202)
      #expect(answer.body == #"{"ok":true}"#)
    }
    #expect(gateway.read { $0.shutdowns } == [ms])
  }

  static let badShutdowns = [
    ("{", 400), ("5", 422), ("[]", 422), (#"{"timeout":-1}"#, 422), (#"{"timeout":1.5}"#, 422),
    (#"{"timeout":"5"}"#, 422), (#"{"timeout":"1s1h"}"#, 422), (#"{"timeout":"s"}"#, 422),
    (#"{"timeout":"1s1s"}"#, 422), (#"{"timeout":"99999999999d"}"#, 422),
    (#"{"timeout":true}"#, 422), (#"{"timeout":9223372036854775807}"#, 422),
  ]

  @Test(arguments: badShutdowns)
  func `a stop with a bad time is not begun`(_ body: String, _ status: Int) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send(
        "POST /control/shutdown", to: server.unixSocket, body: body)
      #expect(answer.status == status)
    }
    #expect(gateway.read { $0.shutdowns.isEmpty })
  }

  static let faults: [(EngineError.Code, Int, String?)] = [
    (.invalid, 422, nil), (.notFound, 404, nil), (.conflict, 409, nil),
    (.unavailable, 503, "5"), (.full, 507, "60"),
  ]

  @Test(arguments: faults)
  func `an error of the engine keeps its text and gets its status`(
    _ code: EngineError.Code, _ status: Int, _ retryAfter: String?
  ) async throws {
    let cause = TestFailure("/secret/path")
    let error = EngineError(code, "what is wrong", cause: cause)
    try await TestServer.run(FakeGateway { $0.failure = error }) { server in
      let answer = try await server.send("POST /api/events", to: server.unixSocket, body: "{}")
      #expect(answer.status == status)
      #expect(answer.error == "what is wrong")
      #expect(answer.header("retry-after") == retryAfter)
      #expect(!answer.body.contains("secret"))
    }
  }

  static let ours: [any Error & Sendable] = [
    EngineError(.internalFault, "SELECT /secret/path"), TestFailure("/secret/path"),
    CancellationError(),
  ]

  @Test(arguments: ours.indices)
  func `a fault of ours is answered with a fixed text`(_ index: Int) async throws {
    try await TestServer.run(FakeGateway { $0.failure = Self.ours[index] }) { server in
      for line in ["GET /api/status", "GET /api/events", "GET /api/events/x", "POST /api/events"] {
        let answer = try await server.send(line, to: server.unixSocket)
        #expect(answer.status == 500)
        #expect(answer.error == "Internal error")
        #expect(!answer.body.contains("secret"))
      }
    }
  }

  @Test func `a stopping engine is unavailable`() async throws {
    let error = EngineError(.closed, "store is closed")
    try await TestServer.run(FakeGateway { $0.failure = error }) { server in
      let answer = try await server.send("GET /api/status", to: server.unixSocket)
      #expect(answer.status == 503)
      #expect(answer.error == "The runtime is stopping")
    }
  }

  @Test func `the socket asks for no token, no content type and no Host of its own`() async throws {
    try await TestServer.run { server in
      try await RawConnection.with(server.unixSocket) { connection in
        try await connection.send(
          "POST /control/shutdown HTTP/1.1\r\nHost: anything\r\nContent-Type: text/plain\r\n"
            + "Content-Length: 2\r\n\r\n{}")
        #expect(try await connection.answer().status == 202)
      }
    }
  }
}
