import Engine
import Server
import Testing

/// `/api/dlq` and `/api/replay` (cli-http.md 3.3).
@Suite struct LetterTests {
  @Test func `filters reach the gateway, and pages link on`() async throws {
    let gateway = FakeGateway { $0.page = EventPage(items: [["id": "dlv_1"]], next: "7") }
    try await TestServer.run(gateway) { server in
      let answer = try await server.send(
        "GET /api/dlq?route=r&state=dropped&reason=operator&where=payload.n%3D2&limit=1",
        to: server.unixSocket)
      #expect(answer.status == 200)
      #expect(answer.body == #"[{"id":"dlv_1"}]"#)
      let link = answer.header("link")
      #expect(link?.contains("where=payload.n%3D2&limit=1&after=7") == true)
      let counts = try await server.send("GET /api/dlq?count_by=error", to: server.unixSocket)
      #expect(counts.body == #"[{"error":"x","count":2}]"#)
      for (path, status) in [
        ("/api/dlq/dlv_1", 200), ("/api/dlq/dlv_2", 404), ("/api/dlq?state=delivered", 400),
        ("/api/dlq?limit=0", 400), ("/api/dlq?count_by=x", 400), ("/api/dlq?from=x", 400),
        ("/api/dlq?where=n", 400), ("/api/dlq/", 404), ("/api/replay/x", 404),
      ] {
        #expect(
          try await server.send("GET \(path)", to: server.unixSocket).status == status, "\(path)")
      }
    }
    let query = try #require(gateway.read { $0.letterQueries.first })
    #expect(query.state == .dropped)
    #expect(query.reason == "operator")
    #expect(query.events.route == "r")
    #expect(query.events.conditions == [FieldCondition("payload.n=2")])
  }

  @Test func `an order is carried out in the background, or one part of it at once`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let all = try await server.send(
        "POST /api/dlq/requeue", to: server.unixSocket,
        body: #"{"filter":{"route":"r"},"rate":"10/s"}"#)
      #expect(all.status == 202)
      #expect(all.body == #"{"matched":41}"#)
      let part = try await server.send(
        "POST /api/dlq/drop", to: server.unixSocket,
        body: #"{"ids":["dlv_1"],"limit":5,"after":"3"}"#)
      #expect(part.status == 200)
      for body in [
        "{}", #"{"ids":[]}"#, #"{"ids":["a"],"filter":{}}"#, #"{"filter":1}"#,
        #"{"filter":{"state":"x"}}"#, #"{"filter":{},"rate":3}"#, #"{"filter":{},"limit":501}"#,
      ] {
        let answer = try await server.send(
          "POST /api/dlq/requeue", to: server.unixSocket, body: body)
        #expect(answer.status == 422, "\(body)")
      }
      #expect(try await server.send("GET /api/dlq/drop", to: server.unixSocket).status == 405)
    }
    var query = LetterQuery()
    query.events.route = "r"
    #expect(
      gateway.read(\.orders) == [
        .letters(LetterOrder(.requeue, .all(query)), perSecond: 10),
        .letters(LetterOrder(.drop, .ids(["dlv_1"]), limit: 5, after: "3"), perSecond: nil),
      ])
  }

  @Test func `a replay is begun, counted, or gone on with`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      for (body, status) in [
        (#"{"ids":["evt_1"],"mode":"rematch","route":"r","rate":"5/m"}"#, 202),
        (#"{"filter":{"module":"b"},"dry_run":true,"only_failed":true}"#, 200),
        (#"{"replay_id":"rpl_1","limit":7}"#, 200), ("{}", 422), (#"{"ids":"evt_1"}"#, 422),
        (#"{"filter":{},"mode":"x"}"#, 422), (#"{"filter":{"state":"dead"}}"#, 422),
      ] {
        let answer = try await server.send(
          "POST /api/replay", to: server.unixSocket, body: body)
        #expect(answer.status == status, "\(body)")
      }
    }
    let orders = gateway.read(\.orders)
    #expect(orders.count == 3)
    guard case .replay(let first) = orders[0], case .replay(let second) = orders[1],
      case .replay(let third) = orders[2]
    else { return }
    #expect(first.order?.mode == .rematch)
    #expect(first.order?.route == "r")
    #expect(first.perSecond == 5.0 / 60)
    #expect(second.isDryRun && second.order?.onlyFailed == true)
    #expect((third.id, third.limit, third.order) == ("rpl_1", 7, nil))
  }
}
