import Engine
import Foundation
import Testing

/// `orgloop inbox`: collecting, with a runtime and without.
@Suite(.timeLimit(.minutes(3))) struct InboxTests {
  private static let project = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: test }
    sources:
      - { id: in, connector: webhook }
    actors:
      - id: out
        connector: exec
        config: { command: [sh, -c, 'cat >> told; echo >> told'] }
    routes:
      - name: batch
        when: { source: in }
        then:
          actor: out
          config: { inbox: true, session_key: "pr {{ payload.pr }}", inbox_ttl: 2h }

    """

  @Test func `an agent collects with the command that it is told`() async throws {
    let work = try Workplace(project: Self.project)
    let running = try await work.start()
    for number in 1...3 { _ = try await running.post(#"{"pr": "$7", "n": \#(number)}"#) }
    let told = try await eventually("the agent is told and all is stored") {
      let file = try? String(contentsOfFile: work.root + "/told", encoding: .utf8)
      let pending = try await work.run("inbox", "status", "--key", "pr $7", "--json").json()
      let line = file?.split(separator: "\n").first.map(String.init)
      return pending["pending"] == 3 && file?.hasSuffix("\n") == true ? line : Optional.none
    }
    let event = try JSONText(checking: Array(told.utf8)).value()["event"]
    let command = try #require(event?["payload"]?["drain_command"]?.string)
    #expect(command == #"orgloop inbox drain --key 'pr $7' --format json"#)
    let table = try await work.run("inbox", "status")
    #expect(table.output.contains("pr $7"))
    let batch = try await work.run("inbox", "drain", "--key", "pr $7", "--limit", "2").json()
    #expect(batch["events"]?.array?.map { $0["payload"]?["n"] } == [1, 2])
    #expect(batch["remaining"] == 1)
    #expect(batch["continuation"]?.string == command)
    let id = try #require(batch["events"]?.array?.first?["id"]?.string)
    #expect(try await work.run("why", id).output.contains("stored in the inbox"))
    _ = try await work.run("stop")

    // The same without a runtime.
    let rest = try await work.run("inbox", "drain", "--key", "pr $7").json()
    #expect(rest["events"]?.array?.map { $0["payload"]?["n"] } == [3])
    #expect(rest["continuation"] == .null)
    let restored = try await work.run(
      "inbox", "restore", "--batch", try #require(batch["batch"]?.string), "--json"
    ).json()
    #expect(restored == ["restored": 2])
    #expect(try await work.run("inbox", "restore", "--batch", "bat_x").status == 1)
    let left = try await work.run("inbox", "status", "--json").json()
    #expect(
      left == ["sessions": [["sessionKey": "pr $7", "module": "default", "pending": 2]]])
    let text = try await work.run("inbox", "drain", "--key", "pr $7", "--format", "text").output
    #expect(text.contains("2 collected, 0 left"))
    #expect(try await work.run("doctor", "--data").status == 0)
  }
}
