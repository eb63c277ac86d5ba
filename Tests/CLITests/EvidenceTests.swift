import CLI
import Engine
import Foundation
import TestSupport
import Testing

/// A plan is tried on what was recorded before it is applied.
@Suite(.timeLimit(.minutes(3))) struct EvidenceTests {
  private func project(
    filter: String = "{ size: { numeric: [\">\", 2] } }", text: String = "{{payload.size}}",
    more: String = ""
  ) -> String {
    """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: test }
    sources:
      - { id: in, connector: webhook, config: {} }
      - { id: quiet, connector: webhook, config: {} }
    actors:
      - { id: out, connector: exec, config: { command: [sh, -c, 'cat > /dev/null'] } }
    transforms:
      - { name: big, type: filter, config: { exclude: { payload.size: 9 } } }
      - { name: once, type: dedup, config: { key: [payload.size] } }
    routes:
      - name: sized
        when: { source: in, filter: { payload.size: { numeric: [">", 2] } } }
        transforms: [big]
        then: { actor: out, config: { text: "{{payload.size}}" } }
      - name: quiet
        when: { source: quiet }
        then: { actor: out }
    \(more)

    """
  }

  private func route(_ report: JSONValue, _ name: String) -> JSONValue? {
    report["evidence"]?["routes"]?.array?.first { $0["route"]?.string == name }
  }

  private func counts(_ route: JSONValue?) -> [Int64?] {
    ["seen", "same", "new", "gone", "changed"].map { route?[$0]?.int64 }
  }

  @Test func `deliveries that would be new, gone or changed are counted, with examples`()
    async throws
  {
    let work = try Workplace(project: project())
    let running = try await work.start()
    // 0 to 9: 3 to 8 are delivered, 9 is dropped by the transform.
    var ids: [String] = []
    for size in 0..<10 {
      let id = try await running.post("{\"size\":\(size)}").body["event_id"]?.string
      ids.append(try #require(id))
    }
    #expect(try await running.post("{}", to: "quiet").status == 200)
    for id in ids.dropFirst(3) { _ = try await work.untilSettled(id) }
    let same = try await work.run("plan", "--against", "7d", "--json")
    #expect(same.status == 0, "\(same.error)")
    let before = try same.json()
    #expect(before["evidence"]?["events"]?.int64 == 11)
    #expect(counts(route(before, "sized")) == [10, 6, 0, 0, 0])
    #expect(counts(route(before, "quiet")) == [1, 1, 0, 0, 0])
    #expect(before["evidence"]?["loops"] == [])

    let changed = project().replacing("numeric: [\">\", 2]", with: "numeric: [\">\", 4]")
      .replacing("exclude: { payload.size: 9 }", with: "exclude: { payload.size: 5 }")
      .replacing("text: \"{{payload.size}}\"", with: "text: \"size {{payload.size}}\", more: 1")
      .replacing("- { name: quiet", with: "- name: other\n    when: { source: in }")
    let lines = changed.split(separator: "\n", omittingEmptySubsequences: false)
    let gone = try #require(lines.firstIndex { $0.contains("- name: quiet") })
    let rest = (lines[..<gone] + lines[(gone + 3)...]).joined(separator: "\n")
    try work.write(
      "orgloop.yaml",
      rest + """
          - name: all
            when: { source: in }
            transforms: [once]
            then: { actor: out }

        """)
    let plan = try await work.run("plan", "--against", "5000", "--json")
    #expect(plan.status == 0, "\(plan.error)")
    let report = try plan.json()
    // 3 and 4 fail the filter, 5 is dropped; 6, 7 and 8 are changed; 9 is new.
    #expect(counts(route(report, "sized")) == [10, 0, 1, 3, 3])
    #expect(counts(route(report, "all")) == [10, 0, 10, 0, 0])
    #expect(counts(route(report, "quiet")) == [1, 0, 0, 1, 0])
    let examples = route(report, "sized")?["examples"]?.array ?? []
    let shown = examples.map {
      "\($0["outcome"]?.string ?? "") \(ids.firstIndex(of: $0["event_id"]?.string ?? "") ?? -1) "
        + ($0["reason"]?.string ?? "")
    }
    #expect(
      shown == [
        "new 9 before: transform big drops it: exclude: payload.size matches",
        "gone 5 transform big drops it: exclude: payload.size matches",
        "gone 4 payload.size {\"numeric\":[\">\",4]}, was 4",
        "gone 3 payload.size {\"numeric\":[\">\",4]}, was 3",
        "changed 8 config.text, config.more", "changed 7 config.text, config.more",
        "changed 6 config.text, config.more",
      ])
    #expect(route(report, "all")?["examples"]?.array?.count == 3)
    #expect(
      report["evidence"]?["silent_sources"] == [
        ["module": "default", "source": "quiet", "events": 1]
      ])
    #expect(
      report["evidence"]?["not_evaluated"]?.array?.map { $0["transform"] } == ["once"])
    // A window of the newest three numbers.
    let few = try await work.run("plan", "--against", "3", "--json").json()
    #expect(few["evidence"]?["events"]?.int64 == 3)
    let human = try await work.run("plan", "--against", "5000")
    #expect(human.output.contains("Evidence: 11 events from "))
    #expect(human.output.contains("! source default:quiet leads nowhere any more (1 events)"))
    // Without a runtime it is the same.
    #expect(try await work.run("stop").status == 0)
    let stopped = try await work.run("plan", "--against", "5000", "--json").json()
    #expect(stopped["evidence"] == report["evidence"])
  }

  @Test func `scripts are run only when asked for`() async throws {
    let work = try Workplace(
      project: Workplace.project().replacing(
        "routes:",
        with: """
          transforms:
            - { name: s, type: script, script: ./s.sh }
            - { name: j, type: filter, config: { jq: ".payload.keep" } }
          routes:
          """
      ).replacing("when: { source: in }", with: "when: { source: in }\n    transforms: [s, j]"))
    func script(_ body: String) throws {
      try work.write("s.sh", "#!/bin/sh\n\(body)\n")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: work.root + "/s.sh")
    }
    try script("cat")
    let running = try await work.start()
    let id = try await running.post("{\"keep\":true}").body["event_id"]?.string
    _ = try await work.untilSettled(try #require(id))
    try script("touch ran; exit 1")
    let dry = try await work.run("plan", "--against", "7d", "--json")
    #expect(dry.status == 0, "\(dry.error)")
    #expect(counts(route(try dry.json(), "through")) == [1, 1, 0, 0, 0])
    #expect(try dry.json()["evidence"]?["not_evaluated"]?.array?.count == 2)
    #expect(!FileManager.default.fileExists(atPath: work.root + "/ran"))
    let run = try await work.run("plan", "--against", "7d", "--run-scripts", "--json")
    #expect(run.status == 0, "\(run.error)")
    // The script of now stands for both: the one of then is not on the disk.
    let notes = try run.json()["evidence"]?["not_evaluated"]?.array ?? []
    #expect(notes.map { $0["transform"] } == ["s"])
    #expect(notes.first?["reason"]?.string?.contains("the one on the disk") == true)
    #expect(FileManager.default.fileExists(atPath: work.root + "/ran"))
    #expect(try await work.run("plan", "--run-scripts").status == 64)
    #expect(try await work.run("plan", "--against", "soon").status == 64)
  }

  @Test func `an answer that would go back to its actor is a loop`() async throws {
    let work = try Workplace(
      project: """
        apiVersion: orgloop/v1alpha1
        kind: Project
        metadata: { name: test }
        sources:
          - { id: in, connector: webhook, config: {} }
        actors:
          - id: a
            connector: exec
            config: { command: [./answer.sh] }
          - id: b
            connector: exec
            config: { command: [./answer.sh] }
        routes:
          - { name: first, when: { source: in }, then: { actor: a } }
          - { name: second, when: { source: a }, then: { actor: b } }

        """)
    try work.write("answer", #"{"type": "message.received", "payload": {}}"# + "\n")
    try work.write("answer.sh", "#!/bin/sh\ncat > /dev/null\ncat answer\n")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: work.root + "/answer.sh")
    let running = try await work.start()
    let id = try #require(try await running.post("{}").body["event_id"]?.string)
    _ = try await work.untilSettled(id)
    _ = try await eventually("both have answered") {
      let count = "SELECT count(*) FROM v_events WHERE state <> 'accepted'"
      return try SQLiteFile(work.database).value(count) == "3" ? true : Optional.none
    }
    #expect(
      try await work.run("plan", "--against", "7d", "--json").json()["evidence"]?["loops"] == [])
    let text = try String(contentsOfFile: work.root + "/orgloop.yaml", encoding: .utf8)
    try work.write(
      "orgloop.yaml", text + "  - { name: third, when: { source: b }, then: { actor: a } }\n")
    let plan = try await work.run("plan", "--against", "7d", "--json").json()
    let loop = plan["evidence"]?["loops"]?.array?.first
    #expect(loop?["actors"] == ["default/a", "default/b"])
    #expect(loop?["routes"]?.array?.map { $0["route"] } == ["second", "third"])
    #expect(loop?["events"]?.int64 == 2)
    #expect(loop?["new"] == true)
    let human = try await work.run("plan", "--against", "7d")
    #expect(human.output.contains("! new loop: default/a → default/b → default/a by second, third"))
  }
}
