import Foundation
import Invariants
import Store
import TestSupport
import Testing

/// That each invariant can fail, and does not where all is well.
@Suite(.timeLimit(.minutes(2)))
struct InvariantTests {
  /// Damage, and the invariant that must notice it. Others may notice it too.
  struct Damage: Sendable, CustomTestStringConvertible {
    let invariant: String
    let sql: String
    init(_ invariant: String, _ sql: String) {
      self.invariant = invariant
      self.sql = sql
    }
    var testDescription: String { "\(invariant): \(sql)" }
  }

  static let damages: [Damage] = [
    Damage("deliveries_complete", "DELETE FROM queue WHERE delivery = 3 << 16 | 1"),
    Damage("deliveries_complete", "DELETE FROM settled WHERE delivery = 1 << 16"),
    Damage("deliveries_complete", "UPDATE settled SET delivery = 1 << 16 | 7 WHERE state = 'dead'"),
    Damage(
      "settled_not_queued",
      """
      INSERT INTO queue (lane, delivery, route, generation)
      SELECT lane, delivery, route, generation FROM settled WHERE state = 'dead'
      """),
    Damage(
      "one_delivery_per_route",
      "UPDATE queue SET route = (SELECT route FROM queue WHERE delivery = 3 << 16)"),
    Damage(
      "replayed_once",
      """
      UPDATE queue SET replay = 'rpl_1',
        route = (SELECT route FROM queue WHERE delivery = 3 << 16)
      """),
    Damage(
      "matched_or_not",
      "UPDATE settled SET route = (SELECT key FROM routes WHERE name = 'review')"),
    Damage("non_matches_named", "UPDATE events SET non_matches = '[[999,null]]'"),
    Damage("non_matches_named", "UPDATE conditions SET route = 999"),
    Damage("belongs_to_event", "DELETE FROM events WHERE sequence = 4"),
    Damage("belongs_to_event", "UPDATE attempts SET delivery = 99 << 16 WHERE number = 2"),
    Damage("belongs_to_event", "INSERT INTO transformed VALUES (99 << 16, '{}')"),
    Damage("delivered_was_answered", "UPDATE attempts SET outcome = 'error'"),
    Damage("delivered_was_answered", "DELETE FROM attempts"),
    Damage("delivered_once", "UPDATE attempts SET outcome = 'delivered' WHERE number = 1"),
    Damage("delivered_once", "UPDATE settled SET state = 'dropped', reason = 'x'"),
    Damage(
      "inbox_has_delivery",
      "UPDATE settled SET reason = 'inbox' WHERE state = 'delivered'"),
    Damage(
      "inbox_has_delivery",
      """
      INSERT INTO inbox (module, session_key, delivery, state, stored_at_ms, expires_at_ms)
      SELECT 1, 'k', delivery, 'pending', 1, 2 FROM settled WHERE state = 'dead'
      """),
    Damage(
      "key_was_delivered",
      "INSERT INTO delivered_keys SELECT route, 't', x'07', delivery, 1 FROM queue LIMIT 1"),
    Damage("belongs_to_event", "INSERT INTO held_keys VALUES (1, 't', x'07', 99 << 16)"),
    Damage("running_is_queued", "UPDATE running SET lane = lane + 100"),
    Damage(
      "running_is_queued",
      "UPDATE queue SET state = 3, wait_reason = 'held' WHERE delivery = 3 << 16"),
    Damage("running_is_next", "UPDATE running SET number = 3"),
    Damage(
      "order_key_runs_alone",
      """
      UPDATE queue SET order_key = 'o' WHERE delivery = 3 << 16;
      INSERT INTO running
      SELECT delivery, lane, attempts + 1, 1, generation FROM queue WHERE delivery = 2 << 16
      """),
    Damage("attempts_numbered", "DELETE FROM attempts WHERE number = 1"),
    Damage("attempts_numbered", "UPDATE attempts SET number = 4 WHERE number = 2"),
    Damage("settled_attempts_counted", "UPDATE settled SET attempts = 9"),
    Damage("queued_attempts_counted", "UPDATE queue SET attempts = 4 WHERE state = 2"),
    Damage("queued_attempts_counted", "UPDATE queue SET attempts_before = 2 WHERE state = 2"),
    Damage("settled_has_reason", "UPDATE settled SET reason = '' WHERE state = 'dead'"),
    Damage("settled_has_reason", "UPDATE settled SET reason = NULL WHERE state = 'dead'"),
    Damage("waiting_has_reason", "UPDATE queue SET wait_reason = NULL WHERE state = 2"),
    Damage("delivery_has_route", "UPDATE queue SET route = 999"),
    Damage("delivery_has_route", "UPDATE settled SET lane = 999"),
    Damage("delivery_has_route", "UPDATE queue SET generation = 999"),
    Damage("route_has_lane", "UPDATE routes SET lane = 999 WHERE name = 'triage'"),
    Damage("route_has_lane", "UPDATE routes SET actor_lane = 999 WHERE name = 'triage'"),
    Damage("external_ids_found", "DELETE FROM external_ids"),
    Damage("external_ids_found", "INSERT INTO external_ids VALUES ('other', 2)"),
    Damage("dedup_keys_found", "DELETE FROM dedup_keys"),
    Damage("dedup_keys_found", "UPDATE dedup_keys SET sequence = 2"),
    Damage("dedup_keys_found", "UPDATE dedup_keys SET source = source + 1"),
    Damage("duplicates_have_time", "UPDATE events SET duplicates = 1 WHERE sequence = 2"),
    Damage("duplicates_have_time", "UPDATE events SET last_duplicate_ms = NULL"),
    Damage("cause_is_older", "UPDATE events SET cause = 9 << 16 WHERE sequence = 4"),
    Damage("cause_is_older", "UPDATE events SET cause = 4 << 16 WHERE sequence = 4"),
    Damage("event_numbers_fit", "UPDATE events SET deliveries = 70000 WHERE sequence = 2"),
    Damage("event_numbers_fit", "UPDATE events SET sequence = 1 << 40 WHERE sequence = 2"),
    Damage("event_has_origin", "UPDATE events SET source = 999 WHERE sequence = 2"),
    Damage("event_has_origin", "UPDATE events SET generation = 999 WHERE sequence = 2"),
    Damage("source_counted_events", "UPDATE sources SET event_count = 0"),
    Damage("source_counted_events", "UPDATE sources SET last_event_ms = NULL"),
    Damage("generation_of_module", "DELETE FROM documents"),
    Damage("generation_of_module", "UPDATE modules SET generation = 999"),
    Damage("references_lead_somewhere", "UPDATE conditions SET route = 999"),
    Damage("json_is_json", "UPDATE events SET payload = '{' WHERE sequence = 2"),
    Damage("json_is_json", "UPDATE events SET provenance = 'x' WHERE sequence = 2"),
    Damage("json_is_json", "UPDATE events SET extra = 'x' WHERE sequence = 2"),
    Damage("json_is_json", "UPDATE events SET non_matches = '[[1' WHERE sequence = 2"),
    Damage("json_is_json", "UPDATE attempts SET transforms = '[' WHERE number = 2"),
    Damage("json_is_json", "UPDATE documents SET content = ''"),
    Damage("json_is_json", "UPDATE sources SET health = 'well'"),
    Damage("json_is_json", "UPDATE modules SET params = 'a=b'"),
    Damage("json_is_json", "UPDATE logs SET fields = 'x'"),
    Damage("json_is_json", "INSERT INTO transformed VALUES (1 << 16, '[1,')"),
    Damage("one_node", "DELETE FROM node"),
    Damage("migrations_recorded", "DELETE FROM meta WHERE key = 'migration 3'"),
  ]

  /// A file in which something of every kind has happened.
  private func workedFile() async throws -> TestFile {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    var first = names.event(
      "one", key: "k", id: "evt_theirs", to: [names.toClaude(order: .text("o")), names.toSlack])
    let review = try #require(
      names.keys.conditions[
        .init(route: "review", path: "payload.kind", expected: #""pull""#)])
    first.nonMatches = #"[[\#(review),"\"issue\""]]"#
    try await store.accepted([
      first, names.event("two", to: [names.toClaude(order: .text("o"))]),
      names.event("three", to: [names.toClaude(), names.toSlack]), first,
    ])
    let (one, two, three) = (Int64(1) << 16, Int64(2) << 16, Int64(3) << 16)
    for start in [
      names.start(one), names.start(one | 1, lane: names.slack), names.start(three),
    ] { try await store.started([start]) }
    let backoff = SettleRecord.Disposition.waiting(dueAtMs: Names.nowMs, reason: "backoff")
    try await store.settled([
      names.end(names.start(one), "error", backoff),
      names.end(
        names.start(one | 1, lane: names.slack), "timeout",
        .settled(state: "dead", reason: "attempts")),
    ])
    let second = names.start(one, number: 2)
    try await store.started([second])
    try await store.settled([
      names.end(second, followUps: [names.event("four", cause: one, to: [names.toSlack])])
    ])
    try await store.started([names.start(two)])
    try await store.settled([names.end(names.start(two), "error", backoff)])
    let entry = LogRow(
      timestampMs: Names.nowMs, phase: "runtime.start", level: 1, module: nil, source: nil,
      fields: Array("{}".utf8))
    try await store.append([entry], forgettingBeforeMs: 0)
    return file
  }

  @Test(arguments: damages) func `each invariant notices what breaks it`(
    _ damage: Damage
  ) async throws {
    let file = try await workedFile()
    #expect(try Invariants.violations(inFile: file.path) == [])
    let sql = try SQLiteFile(file.path, writable: true)
    try sql.rows("PRAGMA ignore_check_constraints = 1")
    try sql.rows(damage.sql)
    let invariant = try #require(Invariant.all.first { $0.name == damage.invariant })
    let rows = try sql.rows(invariant.sql)
    #expect(!rows.isEmpty)
    // The name leads to the file with the advice, also where many files are run as one.
    #expect(rows.allSatisfy { $0.first == invariant.name })
  }

  @Test func `every invariant is shown to be able to fail`() {
    #expect(Set(Self.damages.map(\.invariant)) == Set(Invariant.all.map(\.name)))
  }

  @Test func `every file is embedded, and says what it means and what to do`() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources/Invariants")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".sql") }
    #expect(files.sorted() == Invariant.all.map { $0.name + ".sql" }.sorted())
    for invariant in Invariant.all {
      let file = folder.appending(path: invariant.name + ".sql")
      #expect(invariant.sql == (try String(contentsOf: file, encoding: .utf8)))
      #expect(invariant.rule.hasSuffix("."), "\(invariant.name)")
      #expect(invariant.advice.hasSuffix("."), "\(invariant.name)")
    }
  }
}
