import Engine
import Foundation
import Store
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct PromptDeliveryTests {
  @Test
  func `an edited prompt is used with its new front matter, and the captured one when it is gone`()
    async throws
  {
    let scratch = try Scratch()
    let path = scratch.path + "/p.md"
    let captured = "---\ntitle: old\n---\nold text"
    try captured.write(toFile: path, atomically: false, encoding: .utf8)
    let actor = TestActor()
    var route = RouteDefinition.test()
    route.prompt = PromptFile(path: path, captured: captured, metadata: ["title": "old"])
    try await withRuntime(
      scratch.path + "/o.db", modules: [.test(routes: [route])], catalog: .test(actor: actor),
      promptMetadata: { ["read": .string($0)] }
    ) { runtime, probe in
      let texts = ["---\ntitle: new\n---\nnew text", "no front matter", nil]
      for (index, text) in texts.enumerated() {
        if let text {
          try text.write(toFile: path, atomically: false, encoding: .utf8)
        } else {
          try FileManager.default.removeItem(atPath: path)
        }
        _ = await runtime.receiveWebhook(module: nil, source: "in", request: .test("{}"))
        await probe.wait(for: .deliverSuccess, count: index + 1)
      }
      let requests = actor.requests
      #expect(requests.map(\.launchPrompt) == ["new text", "no front matter", "old text"])
      #expect(
        requests.map(\.launchPromptMeta)
          == [["read": "title: new\n"], .null, ["title": "old"]])
      #expect(probe.entries(.promptFallback).count == 1)
    }
  }

  @Test func `an attempt that outlives the stop is recorded as interrupted, not left open`()
    async throws
  {
    let scratch = try Scratch()
    let clock = ManualClock()
    let actor = TestActor { _ in
      try? await clock.time.sleep(ms: 3_600_000)
      return AttemptOutcome(.delivered)
    }
    var settings = RuntimeSettings()
    settings.shutdownTimeoutMs = 1_000
    let path = scratch.path + "/o.db"
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [settings] in
        try await withRuntime(
          path, modules: [.test(routes: [.test()])], catalog: .test(actor: actor), clock: clock,
          settings: settings
        ) { runtime, probe in
          _ = await runtime.receiveWebhook(module: nil, source: "in", request: .test("{}"))
          await probe.wait(for: .deliverAttempt)
          await clock.waitForDeadline(ms: 3_600_000)
        }
      }
      await clock.waitForDeadline(ms: 1_000)
      clock.advance(ms: 1_000)
      try await group.waitForAll()
    }
    let attempts = try SQLiteFile(path).rows("SELECT number, outcome FROM v_attempts")
    #expect(attempts == [["1", "interrupted"]])
    #expect(try Invariants.violations(inFile: path) == [])
  }
}
