import Engine
import Server
import Testing

/// Workspaces and single objects over the socket.
@Suite struct WorkspaceAPITests {
  @Test func `a selection reaches the gateway with who made it`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send(
        "POST /control/workspace/select", to: server.unixSocket,
        body: #"{"workspace":"staging","root":"/srv/ops"}"#)
      #expect(answer.status == 200)
      #expect(answer.body == #"{"ok":true,"workspace":"staging","root":"/srv/ops"}"#)
      for (body, status) in [
        (#"{"root":"/srv/ops"}"#, 422), (#"{"workspace":"a"}"#, 422),
        (#"{"workspace":"a","root":"ops"}"#, 422), ("x", 400),
      ] {
        let refused = try await server.send(
          "POST /control/workspace/select", to: server.unixSocket, body: body)
        #expect(refused.status == status, "\(body)")
      }
      // Not on TCP.
      #expect(
        try await server.send("POST /control/workspace/select", body: "{}").status == 404)
    }
    #expect(gateway.read(\.orders) == [.selectWorkspace("staging", root: "/srv/ops")])
    #expect(gateway.read(\.callers).count == 1)
  }

  @Test func `an object is asked for by kind, name and module`() async throws {
    try await TestServer.run(FakeGateway()) { server in
      let answer = try await server.send(
        "GET /api/inspect?kind=route&name=a%2Fb%20c&module=ops", to: server.unixSocket)
      #expect(answer.status == 200)
      #expect(answer.body == #"{"kind":"route","name":"a/b c","module":"ops"}"#)
      for query in ["", "?kind=thing&name=a&module=b", "?kind=route&name=a", "?kind=%zz"] {
        let refused = try await server.send("GET /api/inspect" + query, to: server.unixSocket)
        #expect(refused.status == 400, "\(query)")
      }
    }
  }
}
