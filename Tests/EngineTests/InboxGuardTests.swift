import Engine
import Foundation
import Store
import TestSupport
import Testing

/// What must not get past an inbox: shell commands, loops, budgets, silence (config.md 8).
@Suite(.timeLimit(.minutes(1))) struct InboxGuardTests {
  static let strangeKeys = [
    "a", "pr 7", "it's", "$(id)", "`id`", #"a\"b\\"#, "x\"\u{301};id;\"\u{301}",
    "$\u{301}(id)", "!x", "'\u{301}'", "-x", "--limit", "-$'\u{301}", "é ü",
  ]

  @Test(arguments: strangeKeys) func `a shell takes the command as it is meant`(
    _ key: String
  ) throws {
    let command = InboxNotification.drainCommand(key, module: "m")
    let shell = Process()
    let output = Pipe()
    shell.executableURL = URL(filePath: "/bin/sh")
    shell.arguments = ["-c", "orgloop() { printf '%s\\n' \"$@\"; }\n" + command]
    shell.standardOutput = output
    try shell.run()
    let bytes = Array(try output.fileHandleForReading.readToEnd() ?? Data())
    shell.waitUntilExit()
    let keys = key.utf8.first == UInt8(ascii: "-") ? ["--key=\(key)"] : ["--key", key]
    let words = ["inbox", "drain"] + keys + ["--format", "json", "--module", "m", ""]
    #expect(bytes == Array(words.joined(separator: "\n").utf8))
  }

  @Test func `a key with a control character is an error of the delivery that says so`()
    async throws
  {
    let scratch = try Scratch()
    let setup = ModuleWorld()
    try await withRuntime(
      scratch.path + "/o.db", modules: [InboxTests.module()], catalog: setup.catalog
    ) { (runtime, probe) async throws in
      _ = await runtime.send(#"{"key":"a\u0000b"}"#, to: "b")
      await probe.wait(for: .deliverFailure)
      #expect(
        probe.entries(.deliverFailure).first?.error?.contains("control character") == true)
    }
  }

  @Test func `a loop through an inbox is broken as any other, and collecting in parts is none`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld(
      actor: TestActor { _ in
        var outcome = AttemptOutcome(.delivered)
        outcome.followUps = [
          EventDraft(
            type: .messageReceived, provenance: JSONText(["platform": "test"]),
            payload: JSONText(["key": "a"]))
        ]
        return outcome
      })
    var module = InboxTests.module()
    module.routes[0].sources = [SourceReference(id: "in"), SourceReference(id: "out")]
    try await withRuntime(path, modules: [module], catalog: setup.catalog) {
      (runtime, probe) async throws in
      _ = await runtime.send(#"{"key":"a"}"#, to: "b")
      // Each notification is answered by an event that is stored, of the same trace.
      for round in 1...3 {
        await probe.wait(for: .deliverSuccess, count: round * 2 + 1)
        _ = try await runtime.drainInbox("a", module: nil, limit: 1, requester: "t")
        _ = try await runtime.drainInbox("a", module: nil, limit: 100, requester: "t")
      }
      await probe.wait(for: .loopCircuitBroken)
      #expect(
        try SQLiteFile(path).integer(
          """
          SELECT count(DISTINCT trace_id) FROM v_events
          WHERE platform_event IS NOT 'loop.broken'
          """) == 1)
      #expect(try Invariants.violations(inFile: path) == [])
    }
    let quiet = ModuleWorld()
    let other = scratch.path + "/p.db"
    try await withRuntime(other, modules: [InboxTests.module()], catalog: quiet.catalog) {
      (runtime, probe) async throws in
      for _ in 0..<10 { _ = await runtime.send(#"{"key":"a"}"#, to: "b") }
      await probe.wait(for: .deliverSuccess, count: 11)
      for round in 1..<10 {
        _ = try await runtime.drainInbox("a", module: nil, limit: 1, requester: "t")
        await probe.wait(for: .inboxNotify, count: round + 1)
      }
      #expect(quiet.actor.requests.count == 10)
      #expect(probe.entries(.loopCircuitBroken).isEmpty)
    }
  }

  @Test func `telling an actor counts for its budget, storing does not`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    var module = InboxTests.module()
    module.routes[0].delivery.starts = StartLimit(count: 2, periodMs: 3_600_000)
    try await withRuntime(path, modules: [module], catalog: setup.catalog) {
      (runtime, probe) async throws in
      for key in ["a", "b", "c"] {
        for _ in 0..<3 { _ = await runtime.send("{\"key\":\"\(key)\"}", to: "b") }
      }
      await probe.wait(for: .deliverSuccess, count: 11)
      #expect(setup.actor.requests.count == 2)
      let rows = try SQLiteFile(path).rows(
        "SELECT reason, count(*) FROM v_deliveries GROUP BY 1 ORDER BY 1")
      #expect(rows == [[nil, "2"], ["budget", "1"], ["inbox", "9"]])
      #expect(
        try SQLiteFile(path).integer(
          "SELECT count(*) FROM v_events WHERE platform_event = 'budget.exceeded'") == 1)
    }
  }

  @Test func `an actor that let entries expire is told of the others, once in that time`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let clock = ManualClock()
    let setup = ModuleWorld()
    try await withRuntime(
      path, modules: [InboxTests.module(ttlMs: 30_000)], catalog: setup.catalog, clock: clock
    ) { (runtime, probe) async throws in
      _ = await runtime.send(#"{"key":"a"}"#, to: "b")
      await probe.wait(for: .inboxNotify)
      await clock.waitForDeadline(ms: 30_000)
      clock.advance(ms: 10_000)
      for count in 2...3 {
        _ = await runtime.send(#"{"key":"a"}"#, to: "b")
        await probe.wait(for: .deliverSuccess, count: count + 1)
        clock.advance(ms: 1_000)
      }
      clock.advance(ms: 18_000)
      await probe.wait(for: .inboxExpired)
      await probe.wait(for: .inboxNotify, count: 2)
      #expect(setup.actor.requests.last?.event.value()["payload"]?["pending_count"] == 2)
      await clock.waitForDeadline(ms: 10_000)
      clock.advance(ms: 10_000)
      await probe.wait(for: .inboxExpired, count: 2)
      #expect(probe.entries(.inboxNotify).count == 2)
      #expect(try Invariants.violations(inFile: path) == [])
    }
  }

  @Test func `without a runtime a drain says what has expired, and who drained and put back`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    try await withRuntime(
      path, modules: [InboxTests.module(ttlMs: 30_000, batchMax: 2)], catalog: setup.catalog
    ) { (runtime, probe) async throws in
      for key in ["a", "b", "b", "b"] { _ = await runtime.send("{\"key\":\"\(key)\"}", to: "b") }
      await probe.wait(for: .deliverSuccess, count: 6)
    }
    let clock = ManualClock()
    let id = try await InboxDesk.withDatabase(path, time: clock.time) { desk in
      let first = try await desk.drain("b", module: nil, limit: 100, requester: "alice")
      #expect(first["events"]?.array?.count == 2)
      _ = try await desk.drain("b", module: nil, limit: 100, requester: "alice")
      let id = try #require(first["batch"]?.string)
      #expect(try await desk.restore(id, requester: "bob") == ["restored": 2])
      clock.advance(ms: 60_000)
      #expect(try await desk.drain("b", module: nil, limit: 1, requester: "al")["events"] == [])
      return id
    }
    #expect(try SQLiteFile(path).integer("SELECT count(*) FROM inbox_keys") == 1)
    #expect(
      try InboxTests.states(path) == [["drained", "1"], ["expired", "2"], ["pending", "1"]])
    let log = try SQLiteFile(path).rows(
      """
      SELECT phase, json_extract(fields, '$.metadata.by'),
        json_extract(fields, '$.metadata.expired')
      FROM logs WHERE phase IN ('operator.action', 'inbox.expired') ORDER BY entry
      """)
    #expect(
      log == [
        ["operator.action", "alice", nil], ["operator.action", "alice", nil],
        ["operator.action", "bob", nil], ["inbox.expired", nil, "2"],
      ])
    #expect(id.hasPrefix("bat_"))
  }

  @Test func `a batch that is put back keeps the route's bound`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld()
    try await withRuntime(path, modules: [InboxTests.module(batchMax: 2)], catalog: setup.catalog) {
      (runtime, probe) async throws in
      for _ in 0..<2 { _ = await runtime.send(#"{"key":"a"}"#, to: "b") }
      await probe.wait(for: .deliverSuccess, count: 3)
      let batch = try await runtime.drainInbox("a", module: nil, limit: 9, requester: "t")
      let id = try #require(batch["batch"]?.string)
      _ = try await runtime.restoreInbox(id, requester: "t")
      #expect(try SQLiteFile(path).integer("SELECT batch_max FROM inbox_keys") == 2)
      // A replay by filter does not repeat what was told.
      let dry = try await runtime.dryRun(ReplayOrder(.filter(EventQuery())))
      #expect(dry.deliveries == 2)
    }
  }

  @Test func `an inbox for alarms whose actor fails does not feed itself`() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/o.db"
    let setup = ModuleWorld(actor: TestActor { _ in AttemptOutcome(.rejected, error: "no") })
    var module = InboxTests.module()
    var alarms = module.routes[0]
    alarms.name = "alarms"
    alarms.sources = [SourceReference(id: "orgloop")]
    alarms.config["session_key"] = "alarms"
    module.routes.append(alarms)
    try await withRuntime(path, modules: [module], catalog: setup.catalog) {
      (runtime, probe) async throws in
      _ = await runtime.send(#"{"key":"a"}"#, to: "b")
      // That of the event, and that of the alarm about it.
      await probe.wait(for: .deliverDeadLetter, count: 2)
    }
    let kinds = try SQLiteFile(path).rows(
      "SELECT platform_event, count(*) FROM v_events WHERE source = 'orgloop' GROUP BY 1 ORDER BY 1"
    )
    #expect(kinds.contains(["delivery.dead_lettered", "1"]))
    #expect(kinds.contains(["inbox.notification", "2"]))
  }
}
