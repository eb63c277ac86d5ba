import Foundation
import Store
import TestSupport
import Testing

/// The public face of the file: names and order of columns, words, and times (cli-http.md 4).
@Suite(.timeLimit(.minutes(2)))
struct ViewTests {
  /// A file with every kind of row in it, and the columns of a view as a user would select them.
  private func filled() async throws -> (TestFile, EventStore, Names) {
    let file = try TestFile()
    let store = try file.open { $0.random = { 5 } }
    let names = try await Names.register(in: store)
    var event = names.event(
      "one", key: "k", id: "evt_theirs",
      to: [names.toClaude(order: .text("o")), names.toSlack, names.toClaude(order: .traceID)])
    event.extra = Array(#"{"subject":"s","more":[1,2]}"#.utf8)
    let review = try #require(
      names.keys.conditions[
        .init(route: "review", path: "payload.kind", expected: #""pull""#)])
    event.nonMatches = #"[[\#(review),"\"issue\""]]"#
    event.nonMatchesMore = 4
    try await store.accepted(
      [event, names.event("two", trace: "trc_theirs")],
      SourceProgress(
        source: names.github, checkpoint: "c1", lastSuccessMs: Names.nowMs,
        lastAttemptMs: Names.nowMs))
    let first = names.start(1 << 16)
    let second = names.start(1 << 16 | 1, lane: names.slack)
    try await store.started([first, second])
    try await store.settled([
      names.end(first, "error", .waiting(dueAtMs: Names.nowMs + 5_000, reason: "backoff")),
      names.end(second),
    ])
    try await store.save(
      RuntimeRow(
        pid: 7, processStart: "99", version: "1.0", workspace: "default", configPath: "/c",
        state: "ready", startedAtMs: Names.nowMs, heartbeatMs: Names.nowMs + 1_000))
    let entry = LogRow(
      timestampMs: Names.nowMs, phase: "runtime.started", level: 9, module: nil, source: nil,
      fields: Array("{}".utf8))
    try await store.append([entry], forgettingBeforeMs: 0)
    return (file, store, names)
  }

  private let deliveryIDs = (0..<3).map {
    Identity(node: 5).deliveryID(number: 1 << 16 | $0, acceptedAtMs: Names.nowMs)
  }

  @Test func `v_events has the documented columns`() async throws {
    let (file, store, _) = try await filled()
    defer { store.close() }
    let rows = try SQLiteFile(file.path).rows(
      """
      SELECT id, timestamp, module, source, type, platform_event, trace_id, state, dedup_key,
        duplicates, generation
      FROM v_events ORDER BY sequence
      """)
    let trace = Identity(node: 5).traceID(sequence: 1, acceptedAtMs: Names.nowMs)
    let second = Identity(node: 5).eventID(sequence: 2, acceptedAtMs: Names.nowMs)
    #expect(
      rows == [
        [
          "evt_theirs", "2026-03-04T05:06:07.089Z", "engineering", "github", "resource.changed",
          "push", trace, "accepted", "k", "0", "1",
        ],
        [
          second, "2026-03-04T05:06:07.089Z", "engineering", "github", "resource.changed", "push",
          "trc_theirs", "unrouted", nil, "0", "1",
        ],
      ])
  }

  @Test func `v_events gives the envelope, members of its own and all`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    var plain = names.event("three")
    plain.extra = Array("{}".utf8)
    try await store.accepted([plain])
    let rows = try SQLiteFile(file.path).rows(
      "SELECT event, id, trace_id FROM v_events ORDER BY sequence")
    for (row, text) in zip(rows, ["one", "two", "three"]) {
      let json = try #require(row[0])
      let envelope = try #require(
        try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
      #expect(envelope["id"] as? String == row[1])
      #expect(envelope["trace_id"] as? String == row[2])
      #expect(envelope["timestamp"] as? String == "2026-03-04T05:06:07.089Z")
      #expect(envelope["module"] as? String == "engineering")
      #expect(envelope["source"] as? String == "github")
      #expect(envelope["type"] as? String == "resource.changed")
      #expect(
        envelope["provenance"] as? [String: String]
          == ["platform": "github", "platform_event": "push"])
      #expect(envelope["payload"] as? [String: String] == ["text": text])
      #expect(envelope["subject"] as? String == (text == "one" ? "s" : nil))
      #expect(envelope["more"] as? [Int] == (text == "one" ? [1, 2] : nil))
    }
    #expect(rows.count == 3)
  }

  @Test func `v_deliveries has the documented columns, its words and its times`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    try await store.started([names.start(1 << 16 | 2)])
    let rows = try SQLiteFile(file.path).rows(
      """
      SELECT id, event_id, module, route, actor, state, reason, wait_reason, next_attempt_at,
        attempts, order_key, generation, replay_id, created_at, settled_at
      FROM v_deliveries ORDER BY delivery
      """)
    let created = "2026-03-04T05:06:07.089Z"
    let trace = Identity(node: 5).traceID(sequence: 1, acceptedAtMs: Names.nowMs)
    let head = ["evt_theirs", "engineering"]
    #expect(
      rows == [
        [deliveryIDs[0]] + head + [
          "triage", "claude", "waiting", nil, "backoff", "2026-03-04T05:06:12.089Z", "1", "o", "1",
          nil, created, nil,
        ],
        [deliveryIDs[1]] + head + [
          "notify", "slack", "delivered", nil, nil, nil, "1", nil, "1", nil, created,
          "2026-03-04T05:06:07.349Z",
        ],
        [deliveryIDs[2]] + head + [
          "triage", "claude", "running", nil, nil, nil, "1", trace, "1", nil, created, nil,
        ],
      ])
  }

  @Test func `v_attempts has ended attempts and the ones that run`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    try await store.started([names.start(1 << 16, number: 2)])
    let rows = try SQLiteFile(file.path).rows(
      """
      SELECT delivery_id, number, started_at, ended_at, outcome, status_code, error, duration_ms
      FROM v_attempts ORDER BY delivery, number
      """)
    let (from, to) = ("2026-03-04T05:06:07.099Z", "2026-03-04T05:06:07.349Z")
    #expect(
      rows == [
        [deliveryIDs[0], "1", from, to, "error", nil, nil, "250"],
        [deliveryIDs[0], "2", from, nil, nil, nil, nil, nil],
        [deliveryIDs[1], "1", from, to, "delivered", nil, nil, "250"],
      ])
  }

  @Test func `v_non_matches says which condition failed, and on what`() async throws {
    let (file, store, _) = try await filled()
    defer { store.close() }
    let rows = try SQLiteFile(file.path).rows(
      "SELECT event_id, route, path, expected, actual FROM v_non_matches")
    #expect(
      rows == [["evt_theirs", "review", "payload.kind", #""pull""#, #""issue""#]])
    let detail = try #require(try await store.reader.event(id: "evt_theirs"))
    #expect(detail.nonMatches.map(\.route) == ["review"])
    #expect(detail.nonMatchesMore == 4)
    #expect(detail.dedupKey == "k")
    #expect(detail.summary.deliveries.map(\.state) == ["waiting", "delivered", "pending"])
    #expect(detail.attempts.values.map(\.count).sorted() == [0, 1, 1])
  }

  @Test func `v_sources, v_modules, v_generations, v_runtime and v_logs have their columns`()
    async throws
  {
    let (file, store, _) = try await filled()
    defer { store.close() }
    let sql = try SQLiteFile(file.path)
    let now = "2026-03-04T05:06:07.089Z"
    #expect(
      try sql.rows(
        """
        SELECT module, source, connector, status, checkpoint, last_success, last_attempt,
          consecutive_errors, circuit_open, event_count, last_event
        FROM v_sources ORDER BY source DESC
        """) == [
          [
            "engineering", "github", "github", "healthy", "c1", now, now, "0", "0", "2", now,
          ],
          ["engineering", "agent", "exec", "healthy", nil, nil, nil, "0", "0", "0", nil],
        ])
    #expect(
      try sql.rows("SELECT name, alias, state, path, generation, changed_at FROM v_modules")
        == [["engineering", "eng", "loading", "/srv/engineering", "1", now]])
    #expect(
      try sql.rows("SELECT generation, module, applied_at, content_hash, \"by\" FROM v_generations")
        == [["1", "engineering", now, "sha256:v1", "boot"]])
    #expect(
      try sql.rows("SELECT pid, state, started_at, heartbeat FROM v_runtime")
        == [["7", "ready", now, "2026-03-04T05:06:08.089Z"]])
    #expect(try sql.rows("SELECT timestamp, phase FROM v_logs") == [[now, "runtime.started"]])
    // The file of this test has two deliveries of one route, to show more states.
    let violations = try Invariants.violations(inFile: file.path)
    #expect(violations.filter { !$0.hasPrefix("one_delivery_per_route: ") } == [])
  }

  @Test func `lists are newest first and filtered by what the filter names`() async throws {
    let (file, store, _) = try await filled()
    defer { store.close() }
    func list(_ change: (inout EventFilter) -> Void) async throws -> [Int64] {
      var filter = EventFilter()
      change(&filter)
      return try await store.reader.events(filter).map(\.sequence)
    }
    #expect(try await list { _ in } == [2, 1])
    #expect(try await list { $0.limit = 1 } == [2])
    #expect(try await list { $0.below = 2 } == [1])
    #expect(try await list { $0.state = "unrouted" } == [2])
    #expect(
      try await list {
        $0.route = "notify"; $0.module = "engineering"
      } == [1])
    #expect(
      try await list {
        $0.actor = "claude"; $0.platformEvent = "push"; $0.type = 0
      } == [1])
    #expect(try await list { $0.source = "agent" } == [])
    #expect(
      try await list {
        $0.fromMs = Names.nowMs; $0.toMs = Names.nowMs
      } == [])
    #expect(file.path.isEmpty == false)
  }
}
