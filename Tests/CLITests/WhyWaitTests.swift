import Engine
import Foundation
import Testing

/// What `orgloop why` says of deliveries that have not ended, with a real runtime that holds them.
@Suite(.timeLimit(.minutes(3))) struct WhyWaitTests {
  /// An actor that fails, and an hour until it is tried again.
  private static let failing = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: test }
    sources:
      - { id: in, connector: webhook }
    actors:
      - id: out
        connector: exec
        config: { command: [sh, -c, 'exit 1'] }
        delivery:
          order_key: payload.room
          retry: { backoff: fixed, initial_delay: 1h }
    routes:
      - name: through
        when: { source: in }
        then: { actor: out }

    """

  /// The reasons that the only delivery of an event waits for.
  private func waits(_ work: Workplace, _ id: String) async throws -> [JSONValue] {
    let answer = try await work.run("why", id, "--json").json()
    return answer["events"]?.array?.first?["matched"]?.array?.first?["waits"]?.array ?? []
  }

  private func until(_ word: String, _ work: Workplace, _ id: String) async throws -> JSONValue {
    try await eventually("\(id) waits: \(word)") {
      try await waits(work, id).first { $0["reason"]?.string == word }
    }
  }

  @Test func `a back-off says until when, and what is behind it says behind what`() async throws {
    let work = try Workplace(project: Self.failing)
    let running = try await work.start()
    let first = try await running.event(#"{"room": "blue"}"#)
    let backoff = try await until("backoff", work, first)
    let end = try #require(backoff["until"]?.string)
    #expect(backoff["text"]?.string == "backoff until \(end)")
    let shown = try await work.run("events", "show", first, "--json").json()
    let delivery = try #require(shown["deliveries"]?.array?.first?["id"]?.string)
    #expect(shown["deliveries"]?.array?.first?["next_attempt_at"]?.string == end)

    let second = try await running.event(#"{"room": "blue"}"#)
    let third = try await running.event(#"{"room": "blue"}"#)
    for id in [second, third] {
      let behind = try await until("ordered_behind", work, id)
      #expect(behind["text"]?.string == "behind \(delivery) of \(first) on key blue")
      #expect(behind["delivery_id"]?.string == delivery)
    }
    // Another key waits for nobody.
    let other = try await running.event(#"{"room": "red"}"#)
    _ = try await until("backoff", work, other)
    #expect(try await waits(work, other).count == 1)

    let text = try await work.run("why", first).output
    #expect(text.contains("  backoff until \(end), in "), "\(text)")
    _ = try await work.run("stop")
    let stopped = try await work.run("why", second).output
    #expect(stopped.contains("  behind \(delivery) of \(first) on key blue\n"), "\(stopped)")
    #expect(
      stopped.contains("note: no runtime works on this database: the last one stopped at "))
  }

  @Test func `what is paused says by whom, since when, why, and until when`() async throws {
    let work = try Workplace(project: Self.failing)
    let running = try await work.start()
    _ = try await work.run("pause", "route/through", "--reason", "out of ink", "--for", "1h")
    let id = try await running.event("{}")
    let paused = try #require(try await waits(work, id).first)
    let (since, end) = (paused["since"]?.string ?? "", paused["until"]?.string ?? "")
    #expect(
      paused["text"]?.string
        == "paused by \(NSUserName()) since \(since) until \(end) (out of ink): route/through")
    // All that holds it up is said, not the first alone.
    _ = try await work.run("pause", "actor/out")
    let all = try await waits(work, id)
    #expect(all.map { $0["target"] } == ["actor/out", "route/through"])
    let text = try await work.run("why", id).output
    #expect(text.contains("  also paused by \(NSUserName()) since \(since)"), "\(text)")
  }

  @Test func `what has nobody to deliver it says what is gone`() async throws {
    let work = try Workplace()
    _ = try await work.start()
    try work.write("side/orgloop-module.yaml", Workplace.module("side", config: Self.refusing))
    #expect(try await work.run("module", "load", "./side").status == 0)
    let running = try await work.untilRunning()
    let id = try #require(
      try await running.post("{}", to: "side/in").body["event_id"]?.string)
    _ = try await until("backoff", work, id)
    #expect(try await work.run("module", "unload", "side").status == 0)
    let gone = try #require(try await waits(work, id).first)
    #expect(gone["reason"] == "module_unloaded")
    #expect(gone["target"] == "module/side")
    #expect(gone["since"]?.string.flatMap(ISOTime.ms) != nil)

    // The module comes back without its route, then with an actor that is switched off.
    let text = Workplace.module("side", config: Self.refusing)
    try work.write(
      "side/orgloop-module.yaml", text.replacing("name: through", with: "name: anew"))
    #expect(try await work.run("module", "load", "./side").status == 0)
    #expect(try await waits(work, id).first?["reason"] == "route_removed")
    #expect(try await waits(work, id).first?["target"] == "route/through")
    try work.write(
      "side/orgloop-module.yaml",
      text.replacing("id: out, connector: exec", with: "id: out, enabled: false, connector: exec"))
    #expect(try await work.run("module", "reload", "side").status == 0)
    #expect(try await waits(work, id).first?["reason"] == "actor_disabled")
    #expect(try await waits(work, id).first?["target"] == "actor/out")
  }

  private static let refusing = "{ command: [sh, -c, 'exit 1'] }"

  @Test func `what runs says since when, and what waits for its place says how many are before it`()
    async throws
  {
    let project = Workplace.project(command: "cat > /dev/null; cat door")
      .replacing(
        "    connector: exec\n", with: "    connector: exec\n    delivery: { concurrency: 1 }\n")
    let work = try Workplace(project: project)
    // Reading from it blocks until somebody writes.
    try #require(mkfifo(work.root + "/door", 0o600) == 0)
    let running = try await work.start()
    let first = try await running.event("{}")
    let runs = try await until("running", work, first)
    let since = try #require(runs["since"]?.string)
    #expect(runs["text"]?.string == "running since \(since), attempt 1")
    let second = try await running.event("{}")
    let waiting = try #require(try await waits(work, second).first)
    #expect(
      waiting["text"]?.string == "queued for actor/out: 1 older in its queue, 1 running")
    for id in [first, second] {
      try await work.open("door")
      _ = try await work.untilSettled(id)
    }
  }
}

extension Workplace {
  /// Lets the process that reads from a fifo go on.
  func open(_ fifo: String) async throws {
    let file = try await eventually("somebody reads from \(fifo)") {
      // Without a reader this fails at once, where a blocking open would wait.
      let file = Foundation.open(self.root + "/" + fifo, O_WRONLY | O_NONBLOCK)
      return file >= 0 ? file : nil
    }
    close(file)
  }
}
