import Engine
import Foundation
import TestSupport
import Testing

/// `orgloop dlq` and `orgloop replay`, with a runtime and without one.
@Suite(.timeLimit(.minutes(3))) struct DeadLetterTests {
  /// An actor that works while there is a file `up`.
  private static let project = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: test }
    sources:
      - { id: in, connector: webhook, config: { event_type_field: kind } }
    actors:
      - id: out
        connector: exec
        config: { command: [sh, -c, 'cat >> got; test -e up || { echo broken >&2; exit 1; }'] }
        delivery: { retry: { max_attempts: 1 }, circuit_breaker: false }
    routes:
      - name: through
        when: { source: in }
        then: { actor: out }

    """

  /// A place with dead letters of three events, and the runtime that made them.
  private func broken() async throws -> (Workplace, Running, [String]) {
    let work = try Workplace(project: Self.project)
    let running = try await work.start()
    var ids: [String] = []
    for number in 1...3 {
      let answer = try await running.post(#"{"kind": "knock", "n": \#(number)}"#)
      let id = try #require(answer.body["event_id"]?.string)
      _ = try await work.untilSettled(id)
      ids.append(id)
    }
    return (work, running, ids)
  }

  private func list(_ work: Workplace, _ words: String...) async throws -> [JSONValue] {
    try await work.run(["dlq", "list", "--json"] + words).json()["items"]?.array ?? []
  }

  @Test func `dead letters are listed, counted and shown, with a runtime and without`()
    async throws
  {
    let (work, _, events) = try await broken()
    for round in 0..<2 {
      let items = try await list(work)
      #expect(items.map { $0["event_id"]?.string } == events.reversed())
      #expect(items.allSatisfy { $0["state"] == "dead" && $0["reason"] == "attempts" })
      #expect(items.first?["error"] == "exit status 1: broken")
      for (words, count) in [
        (["--where", "payload.n=2"], 1), (["--where", "payload.n=\"2\""], 0),
        (["--route", "through", "--actor", "out", "--module", "default"], 3),
        (["--source", "in", "--platform-event", "knock", "--type", "resource.changed"], 3),
        (["--reason", "rejected"], 0), (["--since", "1h"], 3), (["--until", "1h"], 0),
        (["--state", "dropped"], 0), (["--limit", "2"], 2),
      ] {
        let found = try await work.run(["dlq", "list", "--json"] + words).json()
        #expect(found["items"]?.array?.count == count, "\(words), round \(round)")
      }
      let first = try await work.run("dlq", "list", "--limit", "2", "--json").json()
      let next = try #require(first["next"]?.string)
      #expect(try await list(work, "--after", next).map { $0["event_id"]?.string } == [events[0]])
      for (group, name) in [("route", "through"), ("actor", "out")] {
        let counts = try await list(work, "--count-by", group)
        #expect(counts.map { $0[group]?.string } == [name])
        #expect(counts.map { $0["count"] } == [3])
      }
      #expect(try await list(work, "--count-by", "error").first?["count"] == 3)
      let id = try #require(items.first?["id"]?.string)
      let shown = try await work.run("dlq", "show", id, "--json").json()
      #expect(shown["event"]?["payload"]?["n"] == 3)
      #expect(shown["attempts"]?.array?.first?["output"] == "broken\n")
      #expect(shown["transformed"] == .null)
      let text = try await work.run("dlq", "show", id).output
      #expect(text.contains("attempt 1") && text.contains("broken"))
      #expect(try await work.run("dlq", "show", "dlv_none").status == 1)
      if round == 0 { _ = try await work.run("stop") }
    }
  }

  @Test func `a requeue beside a runtime is delivered at once, and asked again it says so`()
    async throws
  {
    let (work, _, events) = try await broken()
    try work.write("up", "")
    let id = try #require(try await list(work).last?["id"]?.string)
    let one = try await work.run("dlq", "requeue", id, "--json")
    #expect(try one.json() == ["matched": 1, "requeued": 1, "refused": []])
    _ = try await work.untilSettled(events[0])
    let again = try await work.run("dlq", "requeue", id)
    #expect(again.status == 1)
    #expect(again.error.contains("\(id): it is not dead any more: delivered"))
    let rest = try await work.run("dlq", "requeue", "--all", "--rate", "100/s", "--json").json()
    #expect(rest["requeued"] == 2)
    for event in events {
      let event = try await work.untilSettled(event)
      #expect(event["deliveries"]?.array?.first?["state"] == "delivered")
      #expect(event["deliveries"]?.array?.first?["attempts"]?.array?.count == 2)
    }
    #expect(try await work.run("dlq", "requeue", "--all").output == "Nothing to do.\n")
    let rows = try await eventually("the orders are logged") {
      let rows = try SQLiteFile(work.database).rows(
        """
        SELECT json_extract(fields, '$.metadata.action'), json_extract(fields, '$.metadata.by')
        FROM v_logs WHERE phase = 'operator.action'
        """)
      return rows.count == 2 ? rows : nil
    }
    #expect(rows.allSatisfy { $0[0] == "dlq requeue" && $0[1]?.isEmpty == false })
    #expect(try Invariants.violations(inFile: work.database) == [])
  }

  @Test func `without a runtime it is in the file, and done at the next start`() async throws {
    let (work, _, events) = try await broken()
    _ = try await work.run("stop")
    let ids = try await list(work).compactMap { $0["id"]?.string }
    let dropped = try await work.run("dlq", "drop", ids[0])
    #expect(dropped.output == "Dropped 1 delivery.\n")
    #expect(try await list(work, "--state", "dropped").map { $0["reason"] } == ["operator"])
    let requeued = try await work.run("dlq", "requeue", ids[1], "dlv_none")
    #expect(requeued.status == 0)
    #expect(requeued.error.contains("dlv_none: there is no such delivery"))
    let replayed = try await work.run("replay", events[2], "--json").json()
    #expect(replayed["deliveries"] == 1)
    #expect(try await work.run("replay", events[2], "--mode", "rematch").status == 69)
    try work.write("up", "")
    _ = try await work.start()
    for event in events[1...] { _ = try await work.untilSettled(event) }
    let rows = try SQLiteFile(work.database).rows(
      "SELECT state, replay_id IS NULL FROM v_deliveries ORDER BY delivery")
    #expect(
      rows == [["dead", "1"], ["delivered", "1"], ["dropped", "1"], ["delivered", "0"]])
    let trace = try await work.run("trace", events[2]).output
    #expect(trace.contains("replay rpl_"))
    #expect(try Invariants.violations(inFile: work.database) == [])
  }

  @Test func `a replay counts first, needs consent for many, and goes on by its id`() async throws {
    let (work, running, events) = try await broken()
    try work.write("up", "")
    let dry = try await work.run("replay", "--since", "1h", "--dry-run", "--json").json()
    #expect((dry["matched"], dry["deliveries"]) == (3, 3))
    #expect(dry["routes"]?.array?.first?["route"] == "through")
    #expect(try SQLiteFile(work.database).integer("SELECT count(*) FROM v_replays") == 0)
    let failed = try await work.run("replay", "--since", "1h", "--only-failed", "--json").json()
    let id = try #require(failed["replay_id"]?.string)
    #expect(failed["deliveries"] == 3)
    for event in events { _ = try await work.untilSettled(event) }
    // Going on with it finds nothing more to do; nothing is failed any more.
    #expect(try await work.run("replay", "--replay-id", id, "--json").json()["deliveries"] == 3)
    let none = try await work.run(
      "replay", "--since", "1h", "--only-failed", "--mode", "rematch", "--json")
    #expect(try none.json()["deliveries"] == 0)
    for number in 4...104 { _ = try await running.post(#"{"n": \#(number)}"#) }
    let many = try await work.run("replay", "--since", "1h")
    #expect(many.status == 64)
    #expect(many.error.contains("104 events match; more than 100 need --yes"))
    let done = try await work.run("replay", "--since", "1h", "--yes", "--json").json()
    #expect(done["matched"] == 104)
    #expect(
      try SQLiteFile(work.database).integer("SELECT count(*) FROM events WHERE source > 0") == 107)
    #expect(try Invariants.violations(inFile: work.database) == [])
  }

  static let mistakes: [(words: [String], text: String)] = [
    (["dlq", "requeue"], "name deliveries, or give --all"),
    (["dlq", "requeue", "dlv_1", "--all"], "--all takes no ids"),
    (["dlq", "drop", "dlv_1", "--route", "x"], "filters are for --all"),
    (["dlq", "requeue", "--all", "--rate", "fast"], "--rate must be a rate such as 10/s"),
    (["dlq", "list", "--where", "n"], "--where must be path=value"),
    (["dlq", "list", "--state", "gone"], "--state"),
    (["dlq", "list", "--limit", "0"], "--limit must be 1 to 1000"),
    (["replay"], "name events, or give a filter"),
    (["replay", "evt_1", "--since", "1h"], "events that are named take only"),
    (["replay", "--since", "1h", "--state", "dead"], "--state must be accepted"),
  ]

  @Test(arguments: mistakes)
  func `a mistake is said before anything is done`(_ words: [String], _ text: String) async throws {
    let work = try Workplace()
    let outcome = try await work.run(words)
    #expect(outcome.status == 64)
    #expect(outcome.error.contains(text), "\(outcome.error)")
  }
}
