import Engine
import Foundation
import Testing

/// `orgloop why`: where an event went and why, where not and why not, and what it waits for; with a
/// runtime and without one.
@Suite(.timeLimit(.minutes(3))) struct WhyTests {
  /// Routes for every answer that there is.
  private static let project = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: test }
    sources:
      - { id: in, connector: webhook, config: { event_type_field: kind } }
      - { id: other, connector: webhook }
    actors:
      - { id: out, connector: exec, config: { command: [sh, -c, 'cat > /dev/null'] } }
      - { id: no, connector: exec, config: { command: [sh, -c, 'echo not mine >&2; exit 65'] } }
    transforms:
      - name: no-spam
        type: filter
        config: { exclude: { payload.tag: spam } }
    routes:
      - name: through
        when: { source: in }
        then: { actor: out }
      - name: picky
        when: { source: in, filter: { payload.n: 2 } }
        then: { actor: out }
      - name: typed
        when: { source: in, events: [actor.stopped] }
        then: { actor: out }
      - name: clean
        when: { source: in, filter: { payload.tag: { exists: true } } }
        transforms: [no-spam]
        then: { actor: out }
      - name: refused
        when: { source: in, filter: { payload.n: 3 } }
        then: { actor: "no" }
      - name: elsewhere
        when: { source: other }
        then: { actor: out }
      - name: asleep
        enabled: false
        when: { source: in }
        then: { actor: out }

    """

  @Test func `why says what matched, what did not, and what became of it`() async throws {
    let work = try Workplace(project: Self.project)
    let running = try await work.start()
    let id = try await running.event(#"{"kind": "knock", "n": 1, "tag": "spam"}"#)
    _ = try await work.untilSettled(id)
    // The same answers through the socket and from the file.
    var answers: [JSONValue] = []
    for _ in 0..<2 {
      let text = try await work.run("why", id).output
      let lines = text.split(separator: "\n").map(String.init)
      #expect(lines[0].hasPrefix("\(id)  "))
      #expect(lines[0].hasSuffix("  default:in  resource.changed (knock)  settled"))
      #expect(lines[1] == "  matched")
      #expect(lines[2].hasPrefix("    through → out  dlv_"))
      #expect(lines[2].hasSuffix("Z by attempt 1"))
      #expect(lines[3].hasPrefix("    clean → out    dlv_"))
      #expect(lines[3].contains("  dropped at "))
      #expect(
        lines[3].hasSuffix(" by transform no-spam: exclude: payload.tag matches"), "\(lines[3])")
      #expect(
        Array(lines[4...]) == [
          "  did not match", "    picky    payload.n must be 2, is 1",
          #"    typed    type must be ["actor.stopped"], is resource.changed"#,
          "    refused  payload.n must be 3, is 1",
        ])
      answers.append(try await work.run("why", id, "--json").json())
      let asked = try await work.run("why", id, "--route", "picky").output
      #expect(asked.hasSuffix("  did not match\n    picky  payload.n must be 2, is 1\n"))
      #expect(!asked.contains("through"))
      _ = try await work.run("stop")
    }
    #expect(answers[0] == answers[1])
    let event = try #require(answers[0]["events"]?.array?.first)
    #expect(event["matched"]?.array?.map { $0["route"] } == ["through", "clean"])
    #expect(event["matched"]?.array?.last?["reason"] == "transform")
    #expect(
      event["unmatched"]?.array?.first
        == [
          "route": "picky", "module": "default", "path": "payload.n", "expected": "2",
          "actual": "1",
        ])
    let delivery = try #require(event["matched"]?.array?.last?["id"]?.string)
    let alone = try await work.run("why", delivery, "--json").json()["events"]?.array?.first
    #expect(alone?["matched"]?.array?.map { $0["id"]?.string } == [delivery])
    #expect(alone?["unmatched"]?.array?.isEmpty == true)
  }

  @Test func `why says that an expression reached its limit, and shows what was compared`()
    async throws
  {
    let work = try Workplace(
      project: """
        apiVersion: orgloop/v1alpha1
        kind: Project
        metadata: { name: test }
        sources: [{ id: in, connector: webhook }]
        actors: [{ id: out, connector: exec, config: { command: ["true"] } }]
        routes:
          - name: slow
            when: { source: in, filter: { payload.x: { regex: "(a+)+$" } } }
            then: { actor: out }
          - name: ending
            when: { source: in, filter: { payload.file: { suffix: .sql } } }
            then: { actor: out }
          - name: either
            when: { source: in, filter: { $or: [{ payload.n: 1 }, { payload.n: 2 }] } }
            then: { actor: out }

        """)
    let running = try await work.start()
    let values = Array(repeating: "\"\(String(repeating: "a", count: 60))!\"", count: 300)
    let file = String(repeating: "d/", count: 40) + "table.json"
    let id = try await running.event(
      #"{"x": [\#(values.joined(separator: ","))], "file": "\#(file)"}"#)
    let end = String(file.suffix(64))
    for _ in 0..<2 {
      let lines = try await work.run("why", id).output.split(separator: "\n").map(String.init)
      let slow = try #require(lines.first { $0.hasPrefix("    slow") })
      #expect(slow.hasSuffix("…; the regular expression reached its step limit"), "\(slow)")
      #expect(lines.contains(#"    ending  payload.file must be {"suffix":".sql"}, is …"# + end))
      #expect(lines.contains("    either  $or: none of [{payload.n: 1}, {payload.n: 2}] holds"))
      let answer = try await work.run("why", id, "--json").json()["events"]?.array?.first
      let limits = answer?["unmatched"]?.array?.map { $0["regex_limit"] ?? false }
      #expect(limits == [true, false, false])
      let shown = try await work.run("events", "show", id, "--json").json()
      #expect(shown["non_matches"]?.array?.first?["regex_limit"] == true)
      _ = try await work.run("stop")
    }
  }

  @Test(arguments: [
    ("elsewhere", "route elsewhere of module default listened to other, not to in"),
    ("asleep", "route asleep of module default was switched off then: enabled: false"),
    ("nonsense", "there was no route nonsense of module default then"),
  ])
  func `a route that is not in the record of an event is looked up in its configuration`(
    _ route: String, _ words: String
  ) async throws {
    let work = try Workplace(project: Self.project)
    let running = try await work.start()
    let id = try await running.event("{}")
    // What the files say later does not matter.
    try work.write("orgloop.yaml", Workplace.project())
    #expect(try await work.run("apply").status == 0)
    let outcome = try await work.run("why", id, "--route", route)
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("\n  \(words)"), "\(outcome.output)")
  }

  @Test func `what ended badly says what was last wrong`() async throws {
    let work = try Workplace(project: Self.project)
    let running = try await work.start()
    let id = try await running.event(#"{"n": 3}"#)
    _ = try await work.untilSettled(id)
    let text = try await work.run("why", id, "--route", "refused").output
    let end = ": the actor refused it for good; last: exit status 65: not mine\n"
    #expect(text.hasSuffix(end), "\(text)")
  }

  @Test func `only the first 32 that did not match are recorded, and the others are counted`()
    async throws
  {
    let routes = (0..<40).map { number in
      """
        - name: r\(number)
          when: { source: in, filter: { payload.n: \(number) } }
          then: { actor: out }

      """
    }
    let work = try Workplace(project: Workplace.project() + routes.joined())
    let running = try await work.start()
    let id = try await running.event(#"{"n": -1}"#)
    let text = try await work.run("why", id).output
    #expect(text.contains("    r31  payload.n must be 31, is -1\n"))
    #expect(!text.contains("r32"))
    #expect(text.contains("    and 8 more, whose reasons are not recorded\n"))
    let answer = try await work.run("why", id, "--route", "r39", "--json").json()
    let verdict = answer["events"]?.array?.first?["verdicts"]?.array?.first
    #expect(verdict?["verdict"] == "not_recorded")
    #expect(verdict?["module"] == "default")
  }

  @Test func `an event that nobody listens to says so`() async throws {
    let work = try Workplace(project: Self.project)
    let running = try await work.start()
    let id = try #require(try await running.post("{}", to: "other").body["event_id"]?.string)
    #expect(
      try await work.run("why", id, "--route", "through").output.contains(
        "  route through of module default listened to in, not to other"))
    try work.write("orgloop.yaml", Workplace.project() + Self.idle)
    #expect(try await work.run("apply").status == 0)
    let lonely = try #require(try await running.post("{}", to: "idle").body["event_id"]?.string)
    #expect(
      try await work.run("why", lonely).output.hasSuffix("\n  no route listened to idle\n"))
  }

  private static let idle = """
    connectors:
      - sources: [{ id: idle, connector: webhook }]

    """

  @Test(arguments: ["evt_none", "trc_none", "dlv_none", "nonsense", "evt_none/1"])
  func `an id that leads nowhere ends with 1`(_ id: String) async throws {
    let work = try Workplace()
    _ = try await work.start()
    for _ in 0..<2 {
      for command in ["why", "trace"] {
        let outcome = try await work.run(command, id, "--json")
        #expect(outcome.status == 1)
        #expect(outcome.output == "")
        #expect(try outcome.errorJSON()["error"]?["code"] == "NOT_FOUND")
      }
      _ = try await work.run("stop")
    }
  }
}

extension Running {
  /// Posts a webhook to `in`; the id of its event.
  func event(_ body: String) async throws -> String {
    try #require(try await post(body).body["event_id"]?.string)
  }
}
