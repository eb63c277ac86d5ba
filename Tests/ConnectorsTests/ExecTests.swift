import Connectors
import Engine
import Foundation
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ExecSourceTests {
  private let workspace: Workspace
  private let log = LogRecorder()

  init() throws { workspace = try Workspace() }

  private func source(_ body: String, _ extra: JSONObject = [:]) throws -> ExecSource {
    var config: JSONObject = ["command": [.string(try workspace.script(body))]]
    for member in extra.members { config[member.key] = member.value }
    return try ExecSource(
      config, context: Fixture.sourceContext(root: workspace.path, log: log),
      runner: Fixture.runner())
  }

  @Test func `a poll gives checkpoint, names and config on stdin`() async throws {
    let source = try source("cat > in.json", ["config": ["q": "x"]])
    _ = try await source.poll(checkpoint: "c1")
    #expect(
      workspace.text("in.json")
        == #"{"checkpoint":"c1","source":"src","module":"mod","config":{"q":"x"}}"#)
    _ = try await source.poll(checkpoint: nil)
    #expect(workspace.text("in.json")?.hasPrefix(#"{"checkpoint":null,"#) == true)
  }

  @Test func `a poll gives all events and the last checkpoint`() async throws {
    let source = try source(
      """
      echo '{"type":"resource.changed","payload":{"n":1},"dedup_key":"k1"}'
      echo '{"checkpoint":"a"}'
      echo
      echo '{"type":"actor.stopped","provenance":{"platform":"ci"},\
      "timestamp":"2026-01-02T03:04:05Z"}'
      printf '{"checkpoint":"b"}'
      """)
    let result = try await source.poll(checkpoint: nil)
    #expect(result.checkpoint == "b")
    #expect(result.events.map(\.type) == [.resourceChanged, .actorStopped])
    #expect(result.events.map(\.dedupKey) == ["k1", nil])
    #expect(result.events[0].provenance.description == #"{"platform":"exec"}"#)
    #expect(
      result.events[1].provenance.description
        == #"{"platform":"ci","occurred_at":"2026-01-02T03:04:05Z"}"#)
  }

  @Test(
    arguments: [
      "echo '{\"type\":\"resource.changed\"}'; echo oops >&2; exit 3",
      "echo '{\"type\":\"resource.changed\"}'; echo not-json", "echo '{\"type\":\"other\"}'",
      "echo '{\"checkpoint\":5}'", "echo '[]'", "kill -9 $$",
      "echo '{\"type\":\"resource.changed\",\"provenance\":{\"platform\":1}}'",
      "echo '{\"type\":\"resource.changed\",\"timestamp\":\"yesterday\"}'",
    ])
  func `any failure fails the whole poll`(_ body: String) async throws {
    let source = try source(body)
    await #expect(throws: ConnectorError.self) { try await source.poll(checkpoint: nil) }
  }

  @Test func `the last line of stderr is the error, and each line is logged`() async throws {
    let source = try source("echo first >&2; echo 'no luck' >&2; exit 7")
    let error = await #expect(throws: ConnectorError.self) {
      try await source.poll(checkpoint: nil)
    }
    #expect(error?.description == "the command failed: exit status 7: no luck")
    #expect(log.results == ["first", "no luck"])
  }

  @Test func `a stream commits events as they come and waits for the commit`() async throws {
    let path = workspace.path
    let source = try source(
      """
      read start; printf '%s' "$start" > in.json
      echo '{"type":"resource.changed","payload":1}'
      while [ ! -e \(path)/go ]; do sleep 0.01; done
      echo bad
      echo '{"type":"resource.changed","payload":2}'
      echo '{"checkpoint":"c9"}'
      """, ["mode": "stream"])
    let results = Recorder<PollResult>()
    try await source.run(checkpoint: "c1") { result in
      results.append(result)
      // The command goes on only after the first event was handed over.
      _ = FileManager.default.createFile(atPath: path + "/go", contents: nil)
    }
    let all = results.values
    #expect(all.first?.events.map(\.payload.description) == ["1"])
    #expect(all.flatMap(\.events).map(\.payload.description) == ["1", "2"])
    #expect(all.compactMap(\.checkpoint) == ["c9"])
    #expect(all.flatMap(\.refused).count == 1)
    #expect(workspace.text("in.json")?.contains("\"checkpoint\":\"c1\"") == true)
  }

  @Test func `a stream that fails throws after its events are committed`() async throws {
    let source = try source(
      "read start; echo '{\"type\":\"resource.changed\"}'; echo broken >&2; exit 4",
      ["mode": "stream"])
    let results = Recorder<PollResult>()
    let error = await #expect(throws: ConnectorError.self) {
      try await source.run(checkpoint: nil) { results.append($0) }
    }
    #expect(error?.description.contains("exit status 4: broken") == true)
    #expect(results.values.flatMap(\.events).count == 1)
  }

  @Test func `a commit that fails stops the command`() async throws {
    let source = try source(
      "read start; echo $$ > pid; echo '{\"type\":\"resource.changed\"}'; exec sleep 1000",
      ["mode": "stream"])
    await #expect(throws: EngineError.self) {
      try await source.run(checkpoint: nil) { _ in throw EngineError(.full, "disk full") }
    }
    let pid = try #require(workspace.text("pid")).trimmingCharacters(in: .newlines)
    #expect(try !Fixture.isRunning(#require(pid_t(pid))))
  }
}

@Suite(.timeLimit(.minutes(2)))
struct ExecActorTests {
  private let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private func deliver(
    _ body: String, _ delivery: DeliveryRequest = Fixture.delivery()
  ) async throws -> AttemptOutcome {
    let config: JSONObject = ["command": [.string(try workspace.script(body))]]
    let actor = try ExecActor(
      config, context: Fixture.actorContext(root: workspace.path), runner: Fixture.runner())
    return await actor.deliver(delivery)
  }

  @Test(
    arguments: [
      ("exit 0", AttemptOutcome.Kind.delivered, 0), ("exit 65", .rejected, 65),
      ("exit 75", .error, 75), ("exit 1", .error, 1), ("kill -9 $$", .error, nil),
    ] as [(String, AttemptOutcome.Kind, Int?)])
  func `the exit decides the outcome`(
    _ body: String, _ kind: AttemptOutcome.Kind, _ status: Int?
  ) async throws {
    let outcome = try await deliver(body)
    #expect(outcome.kind == kind)
    #expect(outcome.statusCode == status)
    #expect((outcome.error == nil) == (kind == .delivered))
  }

  @Test func `a command that cannot start is an error`() async throws {
    let actor = try ExecActor(
      ["command": ["/nowhere/tool"]], context: Fixture.actorContext(), runner: Fixture.runner())
    let outcome = await actor.deliver(Fixture.delivery())
    #expect(outcome.kind == .error)
    #expect(outcome.error?.contains("/nowhere/tool") == true)
  }

  @Test func `stdin holds the event, prompt, config and delivery`() async throws {
    _ = try await deliver(
      "cat > in.json", Fixture.delivery(config: ["a": "b"], prompt: "Do it", attempt: 3))
    #expect(
      workspace.text("in.json")
        == "{\"event\":\(Fixture.event),\"launch_prompt\":\"Do it\",\"config\":{\"a\":\"b\"},"
        + "\"delivery\":{\"id\":\"dlv_7\",\"attempt\":3},\"route\":\"r1\",\"module\":\"mod\"}")
  }

  @Test func `events on stdout are follow-ups, other lines are kept as text`() async throws {
    let outcome = try await deliver(
      """
      echo working
      echo '{"type":"message.received","payload":{"n":1}}'
      echo '{"type":"unknown.type"}'
      echo '{"type":"actor.stopped","provenance":{"platform":"claude"}}'
      echo '{"checkpoint":"x"}'
      echo oops >&2
      """)
    #expect(outcome.followUps.map(\.type) == [.messageReceived, .actorStopped])
    #expect(outcome.followUps.first?.provenance.description == #"{"platform":"exec"}"#)
    #expect(
      outcome.output == "working\n{\"type\":\"unknown.type\"}\n{\"checkpoint\":\"x\"}\noops\n")
  }

  @Test func `a failed command has no follow-ups`() async throws {
    let outcome = try await deliver("echo '{\"type\":\"message.received\"}'; exit 75")
    #expect(outcome.followUps.isEmpty)
  }

  @Test func `at most 64 KiB of text are kept, cut between characters`() async throws {
    let outcome = try await deliver("yes 'ääääääää' | head -c 300000; exit 1")
    let output = try #require(outcome.output)
    #expect(output.utf8.count <= 64 << 10)
    #expect(output.utf8.count > 60 << 10)
  }

  @Test func `a cancelled command is a timeout`() async throws {
    let started = workspace.path + "/started"
    let outcome = try await withThrowingTaskGroup(of: AttemptOutcome?.self) { group in
      group.addTask { try await deliver(": > \(started); sleep 1000") }
      group.addTask {
        try await Fixture.eventually { FileManager.default.fileExists(atPath: started) }
        return nil
      }
      _ = try await group.next()
      group.cancelAll()
      return try await group.next() ?? nil
    }
    #expect(outcome?.kind == .timeout)
  }
}
