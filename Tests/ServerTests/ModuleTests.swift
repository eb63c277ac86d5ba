import Engine
import Foundation
import Server
import Testing

/// What operators ask and order of the modules, over the Unix socket.
@Suite struct ModuleTests {
  typealias Order = FakeGateway.Order

  @Test(arguments: [
    ("", #"[{"name":"ops"}]"#), ("?all=false", #"[{"name":"ops"}]"#),
    ("?all=true", #"[{"name":"ops"},{"name":"old","state":"removed"}]"#),
  ])
  func `the list holds what is loaded, and all of it on request`(
    _ query: String, _ body: String
  ) async throws {
    try await TestServer.run { server in
      let answer = try await server.send(
        "GET /control/module/list" + query, to: server.unixSocket)
      #expect(answer.status == 200)
      #expect(answer.body == body)
    }
  }

  @Test(arguments: ["all=yes", "all=%zz"])
  func `a bad query of the list is refused`(_ query: String) async throws {
    try await TestServer.run { server in
      let answer = try await server.send(
        "GET /control/module/list?" + query, to: server.unixSocket)
      #expect(answer.status == 400)
    }
  }

  @Test func `one module is found by its name, and another is not`() async throws {
    try await TestServer.run { server in
      let found = try await server.send("GET /control/module/status/ops", to: server.unixSocket)
      #expect(found.status == 200)
      #expect(found.body == #"{"name":"ops"}"#)
      let missing = try await server.send("GET /control/module/status/a%20b", to: server.unixSocket)
      #expect(missing.status == 404)
      #expect(missing.error == "Module not found: a b")
      #expect(try missing.json()["code"] == "MODULE_NOT_FOUND")
    }
  }

  static let orders: [(String, String, Int, Order)] = [
    (
      "module/load", #"{"path":"/a/b","name":"n","params":{"s":"x","n":1.50,"b":true},"more":1}"#,
      201,
      .load(
        ModuleLoadRequest(
          .path("/a/b"), name: "n", parameters: ["s": "x", "n": "1.50", "b": "true"]))
    ),
    (
      "module/load", #"{"package":"@acme/x","name":null}"#, 201,
      .load(ModuleLoadRequest(.package("@acme/x")))
    ),
    (
      "module/load-project", #"{"configPath":"/p/orgloop.yaml"}"#, 201,
      .loadProject("/p/orgloop.yaml")
    ),
    (
      "module/load-project", #"{"configPath":"a.yaml","projectDir":"/p"}"#, 201,
      .loadProject("/p/a.yaml")
    ),
    ("module/load-project", #"{"projectDir":"/p"}"#, 201, .loadProject("/p")),
    ("module/unload", #"{"name":"ops"}"#, 200, .unload("ops", drainMs: nil, .park)),
    (
      "module/unload", #"{"name":"ops","drain":"1m30s","on_removed":"drop"}"#, 200,
      .unload("ops", drainMs: 90_000, .drop)
    ),
    (
      "module/unload", #"{"name":"ops","drain":0,"on_removed":"drain"}"#, 200,
      .unload("ops", drainMs: 0, .drain)
    ),
    ("module/reload", #"{"name":"ops"}"#, 200, .reload("ops", .park)),
    ("module/reload", #"{"name":"ops","on_removed":"drain"}"#, 200, .reload("ops", .drain)),
    ("apply", "", 200, .apply(.park, plan: nil)),
    ("apply", #"{"on_removed":"drop"}"#, 200, .apply(.drop, plan: nil)),
    ("apply", #"{"plan_id":"pln_1"}"#, 200, .apply(.park, plan: "pln_1")),
    ("rollback", #"{"generation":12}"#, 200, .rollback(RollbackRequest(.generation(12)))),
    (
      "rollback",
      #"{"generation":"@-1","plan_only":true,"plan_id":"pln_1","on_removed":"drop","allow_changed_files":true}"#,
      200, .rollback(fullRollback)
    ),
    (
      "pause", #"{"targets":["route/pager","source/a/b"],"reason":"noise","for":"2h"}"#, 200,
      .pause(
        .targets([PauseTarget(.route, "pager"), PauseTarget(.source, "a/b")]), reason: "noise",
        durationMs: 7_200_000)
    ),
    (
      "pause", #"{"targets":["actor/out"],"module":"ops"}"#, 200,
      .pause(
        .targets([PauseTarget(.actor, "out", module: "ops")]), reason: nil, durationMs: nil)
    ),
    ("pause", #"{"all":true}"#, 200, .pause(.all, reason: nil, durationMs: nil)),
    (
      "resume", #"{"targets":["module/ops"]}"#, 200,
      .resume(.targets([PauseTarget(.module, "ops")]))
    ),
    ("resume", #"{"all":true,"targets":[]}"#, 200, .resume(.all)),
  ]

  private static var fullRollback: RollbackRequest {
    var request = RollbackRequest(.ordersBack(1))
    request.isPlanOnly = true
    request.plan = "pln_1"
    request.onRemoved = .drop
    request.allowsChangedFiles = true
    return request
  }

  @Test(arguments: orders.indices)
  func `an order reaches the gateway with the user who gave it`(_ index: Int) async throws {
    let (path, body, status, order) = Self.orders[index]
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send(
        "POST /control/\(path)", to: server.unixSocket, body: body)
      #expect(answer.status == status, "\(answer.body)")
    }
    #expect(gateway.read { $0.orders } == [order])
    #expect(gateway.read { $0.callers } == [NSUserName()])
  }

  static let answers = [
    ("module/load", #"{"path":"/a"}"#, #"{"name":"ops","state":"active"}"#),
    (
      "module/load-project", #"{"configPath":"/a"}"#,
      #"{"name":"one","modules":[{"name":"one"},{"name":"two"}]}"#
    ),
    (
      "module/unload", #"{"name":"ops"}"#, #"{"ok":true,"name":"ops","parked":12,"dropped":0}"#
    ),
    ("module/reload", #"{"name":"ops"}"#, #"{"ok":true,"name":"ops"}"#),
    ("plan", "{}", #"{"plan_id":"pln_1","modules":[]}"#), ("apply", "{}", #"{"applied":true}"#),
    ("rollback", #"{"generation":1}"#, #"{"applied":true}"#),
    ("pause", #"{"all":true}"#, #"{"ok":true,"paused":[{"target":"route/pager"}]}"#),
    ("resume", #"{"all":true}"#, #"{"ok":true,"resumed":[{"target":"route/pager"}]}"#),
  ]

  @Test(arguments: answers)
  func `an order is answered with what came of it`(
    _ path: String, _ body: String, _ expected: String
  ) async throws {
    try await TestServer.run { server in
      let answer = try await server.send(
        "POST /control/\(path)", to: server.unixSocket, body: body)
      #expect(answer.body == expected)
    }
  }

  /// The path, the body, the status, and the word that the text must hold.
  static let refused = [
    ("module/load", "{", 400, "JSON"), ("module/load", "[]", 422, "object"),
    ("module/load", "", 422, "path"), ("module/load", #"{"path":"/a","package":"b"}"#, 422, "path"),
    ("module/load", #"{"path":5}"#, 422, "path"), ("module/load", #"{"path":""}"#, 422, "path"),
    ("module/load", #"{"path":"a/b"}"#, 422, "absolute"),
    ("module/load", #"{"package":true}"#, 422, "package"),
    ("module/load", #"{"path":"/a","name":5}"#, 422, "name"),
    ("module/load", #"{"path":"/a","params":["x"]}"#, 422, "params"),
    ("module/load", #"{"path":"/a","params":{"x":[]}}"#, 422, "params"),
    ("module/load-project", "{}", 422, "configPath"),
    ("module/load-project", #"{"configPath":"a"}"#, 422, "configPath"),
    ("module/unload", "{}", 422, "name"), ("module/unload", #"{"name":["x"]}"#, 422, "name"),
    ("module/unload", #"{"name":"ops","drain":"soon"}"#, 422, "drain"),
    ("module/unload", #"{"name":"ops","drain":-1}"#, 422, "drain"),
    ("module/unload", #"{"name":"ops","on_removed":"burn"}"#, 422, "on_removed"),
    ("module/reload", #"{"on_removed":"park"}"#, 422, "name"),
    ("module/reload", #"{"name":"ops","on_removed":1}"#, 422, "on_removed"),
    ("apply", #"{"on_removed":""}"#, 422, "on_removed"), ("apply", "x", 400, "JSON"),
    ("rollback", "{}", 422, "generation"), ("rollback", #"{"generation":0}"#, 422, "generation"),
    ("rollback", #"{"generation":"12x"}"#, 422, "generation"),
    ("rollback", #"{"generation":1,"plan_only":"yes"}"#, 422, "plan_only"),
    ("apply", #"{"plan_id":1}"#, 422, "plan_id"), ("plan", "x", 400, "JSON"),
    ("plan", #"{"on_removed":"burn"}"#, 422, "on_removed"),
    ("pause", "{}", 422, "targets"), ("pause", #"{"targets":[]}"#, 422, "targets"),
    ("pause", #"{"targets":"route/a"}"#, 422, "targets"),
    ("pause", #"{"targets":[1]}"#, 422, "targets"),
    ("pause", #"{"targets":["pager"]}"#, 422, "source/NAME"),
    ("pause", #"{"targets":["route/"]}"#, 422, "route/NAME"),
    ("pause", #"{"targets":["a/b"],"all":true}"#, 422, "targets"),
    ("pause", #"{"all":"yes"}"#, 422, "all"),
    ("pause", #"{"all":true,"for":"long"}"#, 422, "for"),
    ("pause", #"{"all":true,"reason":7}"#, 422, "reason"),
    ("pause", #"{"all":true,"module":"x"}"#, 422, "module"),
    ("resume", #"{"all":true,"module":"x"}"#, 422, "module"),
    ("pause", #"{"targets":["route/r","module/a"],"module":"b"}"#, 422, "module"),
    ("resume", #"{"targets":["module/a"],"module":"a"}"#, 422, "module"),
    ("resume", #"{"targets":["a"]}"#, 422, "targets"),
  ]

  @Test(arguments: refused.indices)
  func `a bad body is refused by the name of its key, and nothing is done`(
    _ index: Int
  ) async throws {
    let (path, body, status, word) = Self.refused[index]
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      let answer = try await server.send(
        "POST /control/\(path)", to: server.unixSocket, body: body)
      #expect(answer.status == status)
      #expect(answer.error?.contains(word) == true, "\(answer.body)")
    }
    #expect(gateway.read { $0.orders.isEmpty })
  }

  static let unloading = ("POST /control/module/unload", #"{"name":"ops"}"#)

  static let faults: [(EngineError, Int, String)] = [
    (EngineError(.notFound, "Module not found: ops"), 404, "MODULE_NOT_FOUND"),
    (EngineError(.conflict, "module \"ops\" is taken", hint: "unload it"), 409, "MODULE_CONFLICT"),
    (EngineError(.invalid, "no"), 422, "SCHEMA_ERROR"),
    (EngineError(.unavailable, "busy"), 503, "UNAVAILABLE"),
  ]

  @Test(arguments: faults.indices)
  func `what the runtime refuses has its status, its code and its hint`(
    _ index: Int
  ) async throws {
    let (error, status, code) = Self.faults[index]
    try await TestServer.run(FakeGateway { $0.failure = error }) { server in
      let (line, body) = Self.unloading
      let answer = try await server.send(line, to: server.unixSocket, body: body)
      #expect(answer.status == status)
      #expect(answer.error == error.message)
      #expect(try answer.json()["code"] == .string(code))
      #expect(try answer.json()["hint"]?.string == error.hint)
    }
  }

  @Test func `a module that does not exist is told by its code and with what can be done`()
    async throws
  {
    let reload = EngineError(.notFound, "Module not found: ops")
    try await TestServer.run(FakeGateway { $0.failure = reload }) { server in
      let answer = try await server.send(
        "POST /control/module/reload", to: server.unixSocket, body: #"{"name":"ops"}"#)
      #expect(try answer.json()["hint"] == "orgloop module list --all")
    }
    let pause = EngineError(.moduleNotFound, "Module not found: ops", hint: "look")
    try await TestServer.run(FakeGateway { $0.failure = pause }) { server in
      for order in ["pause", "resume"] {
        let answer = try await server.send(
          "POST /control/\(order)", to: server.unixSocket, body: #"{"targets":["module/ops"]}"#)
        #expect(answer.status == 404)
        #expect(try answer.json()["code"] == "MODULE_NOT_FOUND")
        #expect(try answer.json()["hint"] == "look")
      }
    }
  }

  @Test(arguments: [
    "module/load", "module/load-project", "module/reload", "plan", "apply",
  ])
  func `an invalid configuration is refused with all that is wrong`(_ path: String) async throws {
    let refusal = ConfigurationRefusal("2 errors", errors: [["line": 3], ["line": 4]])
    try await TestServer.run(FakeGateway { $0.failure = refusal }) { server in
      let answer = try await server.send(
        "POST /control/\(path)", to: server.unixSocket,
        body: #"{"path":"/a","configPath":"/a","name":"n"}"#)
      #expect(answer.status == 422)
      #expect(answer.header("content-type") == "application/problem+json")
      #expect(answer.error == "2 errors")
      #expect(try answer.json()["code"] == "CONFIG_ERROR")
      #expect(try answer.json()["errors"] == [["line": 3], ["line": 4]])
    }
  }

  @Test func `over TCP the caller is the token`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway, configure: AccessTests.control) { server in
      let headers = [AccessTests.bearer, "Content-Type: application/json"]
      let (line, body) = Self.unloading
      #expect(try await server.send(line, headers: headers, body: body).status == 200)
      let stop = try await server.send("POST /control/shutdown", headers: headers, body: "{}")
      #expect(stop.status == 202)
    }
    #expect(gateway.read { $0.callers } == ["token", "token"])
  }

  @Test func `a stop over the socket is by the user who asked`() async throws {
    let gateway = FakeGateway()
    try await TestServer.run(gateway) { server in
      for _ in 0..<2 {
        let answer = try await server.send("POST /control/shutdown", to: server.unixSocket)
        #expect(answer.status == 202)
      }
    }
    #expect(gateway.read { $0.callers } == [NSUserName(), NSUserName()])
  }
}

extension RawAnswer {
  func json() throws -> JSONValue { try JSONText(checking: Array(body.utf8)).value() }
}
