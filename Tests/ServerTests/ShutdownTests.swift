import AsyncHTTPClient
import Engine
import NIOCore
import Server
import Testing

@Suite struct ShutdownTests {
  @Test func `an open request is finished, and idle connections are closed`() async throws {
    let gate = Gate()
    try await TestServer.run(FakeGateway { $0.gate = gate }) { server in
      try await RawConnection.with(server.tcp) { idle in
        try await idle.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try await idle.answer().status == 200)
        try await RawConnection.with(server.tcp) { busy in
          try await busy.send("POST /webhook/hook HTTP/1.1\r\nHost: localhost\r\n\r\n")
          await gate.arrived(1)
          await server.stop()
          let isIdleClosed = try await idle.isClosedInSilence()
          #expect(isIdleClosed)
          await gate.open()
          let answer = try await busy.answer()
          #expect(answer.status == 200)
          #expect(answer.header("connection") == "close")
          let isClosed = try await busy.isClosedInSilence()
          #expect(isClosed)
        }
      }
    }
  }

  @Test func `after a stop nobody is accepted`() async throws {
    let port = try await TestServer.run { server in server.port }
    await #expect(throws: (any Error).self) {
      try await RawConnection.with(.tcp("127.0.0.1", port)) { try await $0.send("x") }
    }
  }

  @Test func `a common client gets its answers`() async throws {
    try await TestServer.run { server in
      for _ in 0..<3 {
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(server.port)/livez")
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let body = try await answer.body.collect(upTo: 1_000)
        #expect(String(buffer: body) == #"{"ok":true}"#)
      }
    }
  }
}
