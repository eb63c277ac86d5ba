import Engine
import Server
import Testing

/// The limit of these servers is 1,000 bytes.
@Suite struct BodyTests {
  @Test(arguments: [(1_000, 200), (1_001, 413)])
  func `a body may be as large as the limit and no larger`(
    _ count: Int, _ status: Int
  ) async throws {
    try await TestServer.run { server in
      let answer = try await server.send(
        "POST /webhook/hook", body: String(repeating: "x", count: count))
      #expect(answer.status == status)
    }
  }

  @Test(arguments: ["1001", "99999999999", "9223372036854775807"])
  func `a length over the limit is refused before the body comes`(
    _ length: String
  ) async throws {
    try await TestServer.run { server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send(
          "POST /webhook/hook HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(length)\r\n\r\n")
        let answer = try await connection.answer()
        #expect(answer.status == 413)
        #expect(answer.header("connection") == "close")
        let isClosed = try await connection.isClosedInSilence()
        #expect(isClosed)
      }
    }
  }

  @Test func `however small webhooks are kept, an order can be given`() async throws {
    try await TestServer.run { configuration in
      configuration.bodyBytesMax = 64
      configuration.limits.orderBytesMax = 2_000
    } _: { server in
      let padding = String(repeating: " ", count: 1_000)
      let order = try await server.send(
        "POST /control/plan", to: server.unixSocket, body: "{\(padding)}")
      #expect(order.status == 200)
      let large = try await server.send(
        "POST /control/plan", to: server.unixSocket, body: "{\(padding)\(padding)}")
      #expect(large.status == 413)
      let webhook = try await server.send(
        "POST /webhook/hook", to: server.unixSocket, body: "{\(padding)}")
      #expect(webhook.status == 413)
    }
  }

  @Test func `a sender that asks first keeps a body that is too large`() async throws {
    try await TestServer.run { server in
      let answer = try await server.send(
        "POST /webhook/hook", headers: ["Expect: 100-continue", "Content-Length: 2000"])
      #expect(answer.status == 413)
    }
  }

  @Test func `a sender that asks first is told to go on`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send(
          "POST /webhook/hook HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            + "Content-Length: 2\r\n\r\n")
        #expect(try await connection.answer().status == 100)
        try await connection.send("{}")
        #expect(try await connection.answer().status == 200)
      }
    }
    #expect(gateway.read { $0.webhooks.first?.request.body } == Array("{}".utf8))
  }

  @Test func `a body in chunks is put together`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send(
          "POST /webhook/hook HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "2\r\n{}\r\n3\r\nabc\r\n0\r\n\r\n")
        #expect(try await connection.answer().status == 200)
      }
    }
    #expect(gateway.read { $0.webhooks.first?.request.body } == Array("{}abc".utf8))
  }

  @Test func `chunks without end are cut at the limit`() async throws {
    try await TestServer.run { server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send(
          "POST /webhook/hook HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunk = "190\r\n" + String(repeating: "x", count: 400) + "\r\n"
        for _ in 0..<3 { try await connection.send(chunk) }
        let answer = try await connection.answer()
        #expect(answer.status == 413)
        #expect(answer.header("connection") == "close")
        let isClosed = try await connection.isClosedInSilence()
        #expect(isClosed)
      }
    }
  }

  @Test func `half a body is never taken for a whole one`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      for framing in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        try await RawConnection.with(server.tcp) { connection in
          try await connection.send(
            "POST /webhook/hook HTTP/1.1\r\nHost: localhost\r\n\(framing)\r\n\r\n2\r\n{}\r\n")
          connection.finish()
          #expect(try await connection.answer().status == 400)
          let isClosed = try await connection.isClosedInSilence()
          #expect(isClosed)
        }
      }
    }
    #expect(gateway.read { $0.webhooks.isEmpty })
  }

  @Test(arguments: ["gzip", "br", "deflate, gzip"])
  func `a compressed body is not taken`(_ encoding: String) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send(
        "POST /webhook/hook", headers: ["Content-Encoding: \(encoding)"], body: "{}")
      #expect(answer.status == 415)
    }
    #expect(gateway.read { $0.webhooks.isEmpty })
  }

  @Test func `a wrong method counts before a body that is too large`() async throws {
    try await TestServer.run { server in
      let answer = try await server.send(
        "PUT /webhook/hook", headers: ["Content-Length: 5000"])
      #expect(answer.status == 405)
    }
  }
}
