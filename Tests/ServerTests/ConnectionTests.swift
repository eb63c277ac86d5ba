import Engine
import NIOCore
import NIOPosix
import Server
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// What one connection may do, over raw sockets.
@Suite struct ConnectionTests {
  struct Malformed: Sendable, CustomTestStringConvertible {
    var name: String
    var bytes: String
    var statuses: Set<Int> = [400]
    var testDescription: String { name }
  }

  static let start = "POST /webhook/hook HTTP/1.1\r\nHost: localhost\r\n"

  static let malformed = [
    Malformed(
      name: "length and encoding",
      bytes: start + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    Malformed(
      name: "encoding and length",
      bytes: start + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"),
    Malformed(
      name: "two lengths", bytes: start + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    Malformed(
      name: "one length twice", bytes: start + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
    Malformed(name: "list of lengths", bytes: start + "Content-Length: 2, 2\r\n\r\n{}"),
    Malformed(name: "negative length", bytes: start + "Content-Length: -2\r\n\r\n{}"),
    Malformed(
      name: "overflowing length", bytes: start + "Content-Length: 99999999999999999999\r\n\r\n"),
    Malformed(name: "unknown encoding", bytes: start + "Transfer-Encoding: xchunked\r\n\r\n"),
    Malformed(name: "two encodings", bytes: start + "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    Malformed(
      name: "chunk size overflow",
      bytes: start + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
    Malformed(name: "bad chunk size", bytes: start + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    Malformed(
      name: "bare LF", bytes: "POST /webhook/hook HTTP/1.1\nHost: localhost\n\n",
      statuses: [400, 505]),
    Malformed(name: "bare LF after a header", bytes: start + "X-A: b\nX-B: c\r\n\r\n"),
    Malformed(name: "folded header", bytes: start + "X-A: b\r\n c\r\n\r\n"),
    Malformed(name: "NUL in a header", bytes: start + "X-A: b\u{0}c\r\n\r\n"),
    Malformed(name: "blank before the colon", bytes: start + "X-A : b\r\n\r\n"),
    Malformed(name: "no Host", bytes: "GET /livez HTTP/1.1\r\n\r\n"),
    Malformed(name: "two Hosts", bytes: start + "Host: other\r\n\r\n"),
    Malformed(name: "absolute target", bytes: "GET http://x/livez HTTP/1.1\r\nHost: x\r\n\r\n"),
    Malformed(name: "no target", bytes: "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
    Malformed(name: "CONNECT", bytes: "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"),
    Malformed(name: "HTTP/0.9", bytes: "GET /livez\r\n\r\n", statuses: [400, 505]),
    Malformed(
      name: "HTTP/2 preface", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", statuses: [400, 505]),
    Malformed(
      name: "HTTP/3.0", bytes: "GET /livez HTTP/3.0\r\nHost: x\r\n\r\n", statuses: [400, 505]),
    Malformed(name: "TLS", bytes: "\u{16}\u{3}\u{1}\u{0}\u{5}hello"),
    Malformed(
      name: "headers over 16 KiB in one",
      bytes: start + "X-A: " + String(repeating: "a", count: 17 << 10) + "\r\n\r\n",
      statuses: [431]),
    Malformed(
      name: "headers over 16 KiB in many",
      bytes: start
        + (0..<20).map { "X-\($0): " + String(repeating: "a", count: 900) + "\r\n" }.joined()
        + "\r\n",
      statuses: [431]),
    Malformed(
      name: "headers without end", bytes: start + "X-A: " + String(repeating: "a", count: 40 << 10),
      statuses: [431]),
    Malformed(
      name: "101 headers",
      bytes: start + (0..<100).map { "X-\($0): a\r\n" }.joined() + "\r\n", statuses: [431]),
    Malformed(
      name: "target over 8 KiB",
      bytes: "GET /" + String(repeating: "a", count: 8 << 10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
      statuses: [414]),
    Malformed(
      name: "target without end", bytes: "GET /" + String(repeating: "a", count: 40 << 10),
      statuses: [414]),
  ]

  @Test(arguments: malformed)
  func `what is not one clear request is refused and the connection closed`(
    _ request: Malformed
  ) async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send(request.bytes)
        let answer = try await connection.answer()
        #expect(request.statuses.contains(answer.status))
        #expect(answer.header("content-type") == "application/problem+json")
        #expect(answer.header("connection") == "close")
        let isClosed = try await connection.isClosedInSilence()
        #expect(isClosed)
      }
      #expect(try await server.send("GET /livez").status == 200)
    }
    #expect(gateway.read { $0.webhooks.isEmpty })
  }

  @Test func `heads just within the limits are taken`() async throws {
    try await TestServer.run { server in
      let headers =
        (0..<96).map { "X-\($0): a" } + ["X-Long: " + String(repeating: "a", count: 15_000)]
      let long = try await server.send("POST /webhook/hook", headers: headers)
      #expect(long.status == 200)
      let query = String(repeating: "a", count: (8 << 10) - 20)
      #expect(try await server.send("POST /webhook/hook?\(query)").status == 200)
    }
  }

  @Test func `pipelined requests are answered in order`() async throws {
    try await TestServer.run { server in
      try await RawConnection.with(server.tcp) { connection in
        let pair =
          "POST /webhook/hook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
          + "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
        try await connection.send(String(repeating: pair, count: 500))
        var statuses: [Int] = []
        for _ in 0..<1_000 { statuses.append(try await connection.answer().status) }
        #expect(statuses == (0..<500).flatMap { _ in [200, 404] })
      }
    }
  }

  @Test func `a refusal waits for the answers before it`() async throws {
    let gate = Gate()
    try await TestServer.run(FakeGateway { $0.gate = gate }) { server in
      try await RawConnection.with(server.tcp) { connection in
        let request = "POST /webhook/hook HTTP/1.1\r\nHost: localhost\r\n\r\n"
        try await connection.send(request + request + "nonsense\r\n\r\n")
        await gate.arrived(1)
        await gate.open()
        #expect(try await connection.answer().status == 200)
        #expect(try await connection.answer().status == 200)
        #expect(try await connection.answer().status == 400)
        let isClosed = try await connection.isClosedInSilence()
        #expect(isClosed)
      }
    }
  }

  @Test func `an HTTP/1_0 request is answered and the connection closed`() async throws {
    try await TestServer.run { server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send("POST /webhook/hook HTTP/1.0\r\n\r\n")
        #expect(try await connection.answer().status == 200)
        let isClosed = try await connection.isClosedInSilence()
        #expect(isClosed)
      }
    }
  }

  @Test func `an offer to upgrade is answered in HTTP/1_1 and the connection closed`() async throws
  {
    try await TestServer.run { server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send(
          "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        #expect(try await connection.answer().status == 200)
        let isClosed = try await connection.isClosedInSilence()
        #expect(isClosed)
      }
    }
  }

  @Test func `a peer that closes its side still gets its answer`() async throws {
    try await TestServer.run { server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send("POST /webhook/hook HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.finish()
        #expect(try await connection.answer().status == 200)
        let isClosed = try await connection.isClosedInSilence()
        #expect(isClosed)
      }
    }
  }

  @Test func `a connection that says nothing is closed`() async throws {
    try await TestServer.run(configure: { $0.limits.headTimeout = .milliseconds(20) }) { server in
      try await RawConnection.with(server.tcp) { connection in
        let isClosed = try await connection.isClosedInSilence()
        #expect(isClosed)
      }
    }
  }

  @Test func `headers that do not end are cut off in time`() async throws {
    try await TestServer.run(configure: { $0.limits.headTimeout = .seconds(1) }) { server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send("POST /webhook/hook HTTP/1.1\r\nHost: ")
        #expect(try await connection.answer().status == 408)
        let isClosed = try await connection.isClosedInSilence()
        #expect(isClosed)
      }
    }
  }

  @Test func `headers of a later request are cut off in time too`() async throws {
    try await TestServer.run(configure: { $0.limits.headTimeout = .seconds(1) }) { server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try await connection.answer().status == 200)
        try await connection.send("GET /livez HT")
        #expect(try await connection.answer().status == 408)
      }
    }
  }

  @Test func `a body that does not end is cut off in time`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway, configure: { $0.limits.bodyTimeout = .milliseconds(20) }) {
      server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send(Self.start + "Content-Length: 5\r\n\r\nab")
        #expect(try await connection.answer().status == 408)
        let isClosed = try await connection.isClosedInSilence()
        #expect(isClosed)
      }
    }
    #expect(gateway.read { $0.webhooks.isEmpty })
  }

  @Test func `a connection idle between requests is closed`() async throws {
    try await TestServer.run(configure: { $0.limits.idleTimeout = .milliseconds(20) }) { server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try await connection.answer().status == 200)
        let isClosed = try await connection.isClosedInSilence()
        #expect(isClosed)
      }
    }
  }

  @Test func `a slow answer is not taken for an idle connection`() async throws {
    let gate = Gate()
    let gateway = FakeGateway { $0.gate = gate }
    try await TestServer.run(gateway, configure: { $0.limits.idleTimeout = .milliseconds(20) }) {
      server in
      try await RawConnection.with(server.tcp) { connection in
        try await connection.send("POST /webhook/hook HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await gate.arrived(1)
        // The time has passed when a connection that began to idle later has met its end.
        try await RawConnection.with(server.tcp) { idle in
          try await idle.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
          #expect(try await idle.answer().status == 200)
          let isClosed = try await idle.isClosedInSilence()
          #expect(isClosed)
        }
        await gate.open()
        #expect(try await connection.answer().status == 200)
      }
    }
  }

  @Test func `a peer that does not read its answers is cut off in time`() async throws {
    let page = EventPage(items: [.string(String(repeating: "a", count: 1 << 18))], next: nil)
    try await TestServer.run(
      FakeGateway { $0.page = page }, configure: { $0.limits.writeTimeout = .milliseconds(50) }
    ) { server in
      let request = "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
      try await RawConnection.with(server.unixSocket) { connection in
        try await connection.send(String(repeating: request, count: 16))
        await connection.closedByPeer()
        let text = try await connection.rest()
        #expect(text.utf8.count < 16 << 18)
      }
    }
  }

  @Test func `connections beyond the limit are closed, and a free place is taken`() async throws {
    try await TestServer.run(configure: { $0.limits.connectionsMax = 1 }) { server in
      let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
      try await RawConnection.with(server.tcp) { first in
        try await first.send(request)
        #expect(try await first.answer().status == 200)
        try await RawConnection.with(server.tcp) { second in
          let isClosed = try await second.isClosedInSilence()
          #expect(isClosed)
        }
        // The limit is one listener's: the operator gets in when strangers fill the other.
        #expect(try await server.send("GET /livez", to: server.unixSocket).status == 200)
        try await first.send("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        #expect(try await first.answer().status == 200)
        let isClosed = try await first.isClosedInSilence()
        #expect(isClosed)
      }
    }
  }

  @Test func `connections from loopback are not limited by address`() async throws {
    try await TestServer.run(configure: { $0.limits.connectionsPerAddressMax = 1 }) { server in
      try await RawConnection.with(server.tcp) { _ in
        let answer = try await server.send("GET /livez")
        #expect(answer.status == 200)
      }
    }
  }

  @Test func `connections of one remote address are limited`() async throws {
    let devices = try System.enumerateDevices()
    let own = devices.compactMap { $0.address?.ipAddress }
      .first { $0.contains(".") && !$0.hasPrefix("127.") }
    // A machine without a network has no address that is not loopback.
    guard let own else { return }
    try await TestServer.run(
      configure: {
        $0.host = own
        $0.limits.connectionsPerAddressMax = 1
      }
    ) { server in
      let address = TestServer.Address.tcp(own, server.port)
      try await RawConnection.with(address) { first in
        try await first.send("GET /livez HTTP/1.1\r\nHost: \(own)\r\n\r\n")
        #expect(try await first.answer().status == 200)
        try await RawConnection.with(address) { second in
          let isClosed = try await second.isClosedInSilence()
          #expect(isClosed)
        }
      }
    }
  }

  @Test func `connections that are reset do not stop the server`() async throws {
    try await TestServer.run { server in
      for _ in 0..<200 {
        try connectAndReset(port: server.port)
      }
      let answer = try await server.send("GET /livez")
      #expect(answer.status == 200)
    }
  }
}

/// Connects and closes with a reset, which the server meets while it accepts.
private func connectAndReset(port: Int) throws {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = in_port_t(port).bigEndian
  address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
  var reset = linger(l_onoff: 1, l_linger: 0)
  let size = socklen_t(MemoryLayout<linger>.size)
  guard setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, size) == 0 else {
    throw TestFailure("SO_LINGER")
  }
  let status = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  guard status == 0 else { throw TestFailure("connect") }
}
