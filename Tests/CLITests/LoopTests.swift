import Engine
import Foundation
import Testing

/// Agents that wake each other, as processes and over HTTP.
@Suite(.timeLimit(.minutes(3))) struct LoopTests {
  /// `one` wakes `two`, whose answer wakes `one`. The first time that `two` is called it kills the
  /// runtime.
  private static let agents = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: test }
    sources:
      - { id: in, connector: webhook }
    actors:
      - id: one
        connector: exec
        config: { command: [sh, -c, 'cat > /dev/null; cat answer'] }
      - id: two
        connector: exec
        config:
          command: [sh, two.sh]
    routes:
      - { name: begin, when: { source: in }, then: { actor: one } }
      - { name: there, when: { source: one }, then: { actor: two } }
      - { name: back, when: { source: two }, then: { actor: one } }
    defaults: { delivery: { retry: { initial_delay: 1ms, jitter: none } } }

    """

  @Test func `two agents that wake each other stop by rule, whatever happens to the runtime`()
    async throws
  {
    let work = try Workplace(project: Self.agents)
    try work.write("answer", #"{"type": "message.received", "payload": {}}"# + "\n")
    try work.write(
      "two.sh",
      """
      cat > /dev/null
      [ -e been ] || { touch been; kill -9 "$(cat pid)"; }
      cat answer

      """)
    var running = try await work.start()
    try work.write("pid", "\(running.pid)\n")
    let id = try #require(try await running.post("{}").body["event_id"]?.string)
    let pid = running.pid
    _ = try await eventually("the runtime is dead") { kill(pid, 0) == 0 ? nil : true }
    running = try await work.start()
    let trace = try await eventually("the loop has ended") {
      let trace = try await work.run("trace", id, "--json").json()
      let events = trace["events"]?.array ?? []
      let hasEnded = events.count >= 5 && events.allSatisfy { $0["state"] == "settled" }
      return hasEnded ? trace : Optional.none
    }
    let events = trace["events"]?.array ?? []
    #expect(events.count == 5)
    #expect(events.map { $0["source"]?.string } == ["in", "one", "two", "one", "two"])
    let last = try #require(events.last?["deliveries"]?.array?.first)
    #expect(last["state"] == "dropped")
    #expect(last["reason"] == "loop")
    let why = try await work.run("why", try #require(last["id"]?.string)).output
    #expect(why.contains("by the loop guard: too many events in its trace (runtime.loop)"))
    #expect(try await work.run("trace", id).output.contains("dropped (loop)"))
    let doctor = try await work.run("doctor", "--data")
    #expect(doctor.status == 0, "\(doctor.output)")
  }

  /// Two modules whose webhook actors post to each other.
  @Test func `agents that wake each other over HTTP across modules stop by rule`() async throws {
    let work = try Workplace(
      project: """
        apiVersion: orgloop/v1alpha1
        kind: Project
        metadata: { name: test }
        modules:
          - { package: ./peer, name: a, params: { peer: "http://${PEER}/webhook/b/in" } }
          - { package: ./peer, name: b, params: { peer: "http://${PEER}/webhook/a/in" } }

        """)
    try work.write(
      "peer/orgloop-module.yaml",
      """
      apiVersion: orgloop/v1alpha1
      kind: Module
      metadata: { name: peer }
      params: { peer: { type: string, required: true } }
      sources:
        - { id: in, connector: webhook }
      actors:
        - { id: out, connector: webhook, config: { url: "{{ params.peer }}" } }
      routes:
        - { name: on, when: { source: in }, then: { actor: out } }

      """)
    // A port that is free: somebody has just left it.
    let address = try await work.start(environment: ["PEER": "127.0.0.1:9"]).address
    try #require(try await work.run("stop").status == 0)
    let outcome = try await work.run(
      [
        "start", "--daemon", "--json", "--port",
        String(try #require(address.split(separator: ":").last)),
      ], environment: ["PEER": address])
    try #require(outcome.status == 0, "\(outcome.error)")
    let running = try Running(try outcome.json())
    defer { kill(running.pid, SIGKILL) }
    let answer = try await running.post("{}", path: "/webhook/a/in")
    let id = try #require(answer.body["event_id"]?.string)
    let trace = try await eventually("the loop has ended") {
      let trace = try await work.run("trace", id, "--json").json()
      let events = trace["events"]?.array ?? []
      let reasons = events.last?["deliveries"]?.array?.map { $0["reason"]?.string }
      return reasons == ["loop"] ? trace : Optional.none
    }
    // The fifth of the module a.
    let events = trace["events"]?.array ?? []
    #expect(events.count == 9, "\(trace)")
  }
}
