import Engine
import Server
import TestSupport
import Testing

/// Who may do what over TCP.
@Suite struct AccessTests {
  static let token = "s3cret-token-of-some-length"
  static let bearer = "Authorization: Bearer " + token

  static func control(_ configuration: inout HTTPServerConfiguration) {
    configuration.controlOverTCP = true
    configuration.controlToken = token
    configuration.allowedHosts = ["orgloop.example"]
    configuration.allowedOrigins = ["https://ok.example"]
  }

  static let controlLines = [
    "GET /api/status", "GET /api/events", "GET /api/events/evt_1", "POST /api/events",
    "POST /control/shutdown", "GET /control/status", "GET /metrics", "GET /api/nothing",
    "OPTIONS /api/status", "GET /livez/x", "GET /control/module/list",
    "GET /control/module/status/ops", "POST /control/module/load",
    "POST /control/module/load-project", "POST /control/module/unload",
    "POST /control/module/reload", "POST /control/apply", "POST /control/plan",
    "POST /control/rollback",
    "POST /control/pause",
    "POST /control/resume",
  ]

  @Test(arguments: controlLines)
  func `without the switch the control API does not exist on TCP`(_ line: String) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send(line, headers: [Self.bearer])
      #expect(answer.status == 404)
      #expect(answer.error == "Not found")
    }
    #expect(
      gateway.read { $0.shutdowns.isEmpty && $0.injections.isEmpty && $0.orders.isEmpty })
  }

  @Test func `with the token the control API is served on TCP`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway, configure: Self.control) { server in
      #expect(try await server.send("GET /api/status", headers: [Self.bearer]).status == 200)
      let answer = try await server.send(
        "POST /control/shutdown",
        headers: [Self.bearer, "Content-Type: application/json; charset=utf-8"], body: "{}")
      #expect(answer.status == 202)
    }
  }

  static let wrongTokens: [String?] = [
    nil, "Authorization: Bearer wrong", "Authorization: Bearer", "Authorization: Bearer ",
    "Authorization: Basic " + token, "Authorization: " + token,
    "Authorization: Bearer " + token + "x", "Authorization: Bearer " + token.dropLast(),
    bearer + "\r\n" + bearer, "X-Token: " + token,
  ]

  @Test(arguments: wrongTokens)
  func `without the right token nothing is told and nothing is done`(
    _ header: String?
  ) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway, configure: Self.control) { server in
      for line in [
        "GET /api/status", "POST /control/shutdown", "GET /api/nothing",
        "GET /api/status?token=\(Self.token)", "GET /api/status?access_token=\(Self.token)",
      ] {
        let answer = try await server.send(
          line, headers: ["Content-Type: application/json"] + [header].compactMap(\.self))
        #expect(answer.status == 401)
        #expect(answer.header("www-authenticate") == "Bearer")
        #expect(!answer.body.contains(Self.token))
      }
    }
    #expect(gateway.read { $0.shutdowns.isEmpty })
  }

  @Test func `ten wrong tokens in a minute close the door for the rest of it`() async throws {
    let clock = ManualClock()
    try await TestServer.run(time: clock.time, configure: Self.control) { server in
      for _ in 0..<10 {
        let answer = try await server.send(
          "GET /api/status", headers: ["Authorization: Bearer wrong"])
        #expect(answer.status == 401)
      }
      clock.advance(ms: 20_000)
      let held = try await server.send("GET /api/status", headers: [Self.bearer])
      #expect(held.status == 429)
      #expect(held.header("retry-after") == "40")
      #expect(try await server.send("POST /webhook/hook").status == 200)
      clock.advance(ms: 40_000)
      #expect(try await server.send("GET /api/status", headers: [Self.bearer]).status == 200)
    }
  }

  static let hosts = [
    ("localhost", 200), ("LOCALHOST:4800", 200), ("127.0.0.1:1", 200), ("[::1]", 200),
    ("[::1]:4800", 200), ("orgloop.example", 200), ("evil.example", 403), ("10.0.0.1", 403),
    ("localhost.evil.example", 403), ("evil.example:127", 403), ("", 400),
  ]

  @Test(arguments: hosts)
  func `only known hosts are answered outside webhooks`(
    _ host: String, _ status: Int
  ) async throws {
    try await TestServer.run(configure: Self.control) { server in
      for path in ["/livez", "/api/status"] {
        try await RawConnection.with(server.tcp) { connection in
          try await connection.send(
            "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(Self.bearer)\r\n\r\n")
          #expect(try await connection.answer().status == status)
        }
      }
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send("POST /webhook/hook HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        #expect(try await connection.answer().status == 200)
      }
    }
  }

  static let browsers: [([String], Int)] = [
    (["Origin: https://evil.example"], 403), (["Origin: null"], 403),
    (["Origin: http://localhost:4800"], 403), (["Origin: https://ok.example"], 200),
    (["Origin: https://ok.example", "Origin: https://evil.example"], 403),
    (["Sec-Fetch-Site: cross-site"], 403), (["Sec-Fetch-Site: same-origin"], 200),
  ]

  @Test(arguments: browsers)
  func `a page of another origin is refused, and gets no CORS headers`(
    _ headers: [String], _ status: Int
  ) async throws {
    try await TestServer.run(configure: Self.control) { server in
      let answer = try await server.send("GET /api/status", headers: headers + [Self.bearer])
      #expect(answer.status == status)
      #expect(!answer.headers.contains { $0.name.hasPrefix("access-control") })
    }
  }

  @Test func `a preflight is refused`() async throws {
    try await TestServer.run(configure: Self.control) { server in
      let answer = try await server.send(
        "OPTIONS /api/events",
        headers: ["Origin: https://ok.example", "Access-Control-Request-Method: POST"])
      #expect(answer.status == 403)
      #expect(!answer.headers.contains { $0.name.hasPrefix("access-control") })
    }
  }

  static let types = [
    nil, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "application/jsonp", "text/plain; application/json",
  ]

  @Test(arguments: types)
  func `a change needs a body that a form cannot send`(_ type: String?) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway, configure: Self.control) { server in
      for line in ["POST /api/events", "POST /control/shutdown"] {
        let answer = try await server.send(
          line, headers: [Self.bearer] + [type.map { "Content-Type: \($0)" }].compactMap(\.self),
          body: "{}")
        #expect(answer.status == 415)
      }
    }
    #expect(gateway.read { $0.shutdowns.isEmpty && $0.injections.isEmpty })
  }

  @Test func `X-Forwarded-For changes nothing`() async throws {
    try await TestServer.run(configure: Self.control) { server in
      for count in 0..<11 {
        let answer = try await server.send(
          "GET /api/status",
          headers: ["Authorization: Bearer wrong", "X-Forwarded-For: 10.0.0.\(count)"])
        #expect(answer.status == (count < 10 ? 401 : 429))
      }
    }
  }
}
