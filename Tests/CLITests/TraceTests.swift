import Engine
import Foundation
import Testing

/// `orgloop trace`: the whole trace as a tree.
@Suite(.timeLimit(.minutes(3))) struct TraceTests {
  /// `first` answers with an event that `second` takes, which answers with one that nobody takes.
  private static let project = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: test }
    sources:
      - { id: in, connector: webhook }
    actors:
      - id: first
        connector: exec
        config: { command: [sh, -c, 'cat > /dev/null; cat answer'] }
      - id: second
        connector: exec
        config: { command: [sh, -c, 'cat > /dev/null; cat answer; cat answer'] }
    routes:
      - name: begin
        when: { source: in }
        then: { actor: first }
      - name: go-on
        when: { source: first }
        then: { actor: second }
      - name: aside
        when: { source: in }
        then: { actor: first, config: {} }

    """

  @Test func `follow-up events stand below the delivery that caused them`() async throws {
    let work = try Workplace(project: Self.project)
    try work.write("answer", #"{"type": "message.received", "payload": {}}"# + "\n")
    let running = try await work.start()
    let id = try #require(
      try await running.post("{}", to: "in").body["event_id"]?.string)
    // 1 from outside; 2 of its two deliveries; 4 of theirs.
    let trace = try await eventually("the trace has ended") {
      let trace = try await work.run("trace", id, "--json").json()
      let events = trace["events"]?.array ?? []
      // A bare nil would be the JSON null.
      return events.count == 7 && events.allSatisfy { $0["state"] != "accepted" }
        ? trace : Optional.none
    }
    let events = trace["events"]?.array ?? []
    #expect(trace["event_count"] == 7)
    #expect(trace["notes"] == [])
    let causes = Dictionary(grouping: events) { $0["cause"]?.string ?? "" }
    let deliveries = events.flatMap { $0["deliveries"]?.array ?? [] }
    #expect(deliveries.count == 4)
    #expect(causes[""]?.map { $0["id"]?.string } == [id])
    for delivery in deliveries {
      let route = delivery["route"]?.string
      #expect(causes[delivery["id"]?.string ?? ""]?.count == (route == "go-on" ? 2 : 1))
      #expect(delivery["attempts"]?.array?.map { $0["outcome"] } == ["delivered"])
      #expect(delivery["attempts"]?.array?.first?["duration_ms"]?.int64 != nil)
    }
    let traceID = try #require(trace["trace_id"]?.string)
    let text = try await work.run("trace", traceID).output
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines[0] == "trace \(traceID)  7 events")
    #expect(lines[1].hasPrefix("\(id)  "))
    let shape = lines.dropFirst().map { line in
      let indent = line.prefix { $0 == " " }.count
      return "\(indent) " + line.dropFirst(indent).prefix { $0 != " " && $0 != "_" }
    }
    let leaf = ["8 evt", "10 no"]
    let child = ["4 evt", "6 go-on", "8 attempt"] + leaf + leaf
    #expect(shape == ["0 evt", "2 begin", "4 attempt"] + child + ["2 aside", "4 attempt"] + child)

    // Each of its ids leads to the same trace, without a runtime as well.
    _ = try await work.run("stop")
    let ids = [
      traceID, try #require(events.last?["id"]?.string),
      try #require(deliveries.last?["id"]?.string),
      try #require(deliveries.first?["id"]?.string) + "/1",
    ]
    for id in ids {
      #expect(try await work.run("trace", id).output == text)
    }
    let part = try await work.run("trace", ids[1], "--limit", "3")
    #expect(part.output.contains("note: shows 3 of 7 events of the trace\n"))
    #expect(part.output.contains(ids[1]))
    #expect(
      try await work.run("trace", ids[1], "--limit", "3", "--json").json()["event_count"] == 7)
    // The reasons of a whole trace, each event's under it.
    let why = try await work.run("why", traceID, "--json").json()
    #expect(why["events"]?.array?.map { $0["id"] } == events.map { $0["id"] })
  }

  @Test func `what came with an event is shown, not obeyed`() async throws {
    let work = try Workplace(
      project: Workplace.project(source: "{ event_type_field: kind }"))
    let running = try await work.start()
    let id = try await running.event(#"{"kind": "a\u001b[31mred"}"#)
    _ = try await work.untilSettled(id)
    for command in ["trace", "why"] {
      let text = try await work.run(command, id).output
      #expect(!text.utf8.contains(0x1B))
      #expect(text.contains("[31mred"))
    }
  }
}
