import Engine
import Foundation
import TestSupport
import Testing

/// What scripts say on stderr stays with the attempt, without credentials.
@Suite(.timeLimit(.minutes(3))) struct ScriptOutputTests {
  @Test func `stderr of a script is shown with its attempt, credentials hidden`() async throws {
    let work = try Workplace(
      project: """
        apiVersion: orgloop/v1alpha1
        kind: Project
        metadata: { name: test }
        sources: [{ id: in, connector: webhook }]
        actors:
          - { id: out, connector: exec, config: { command: [sh, -c, "echo sent"] } }
        transforms:
          - name: talk
            type: script
            script: talk.sh
            env: { CRM_TOKEN: "${CRM_TOKEN}" }
        routes:
          - { name: fails, when: { source: in }, transforms: [{ ref: talk, on_error: halt }],
              then: { actor: out } }
          - { name: passes, when: { source: in },
              transforms: [{ ref: talk, on_error: pass }], then: { actor: out } }

        """)
    try work.write("talk.sh", "#!/bin/sh\necho using $CRM_TOKEN >&2\necho then >&2\nexit 3\n")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: work.root + "/talk.sh")
    let running = try await work.start(environment: ["CRM_TOKEN": "canary-token-1234"])
    let id = try #require(try await running.post(#"{"n": 1}"#, to: "in").body["event_id"]?.string)
    let event = try await work.untilSettled(id)
    let outputs = event["deliveries"]?.array?.map { delivery in
      delivery["attempts"]?.array?.first?["output"]?.string
    }
    #expect(outputs == ["using ***\nthen\n", "using ***\nthen\nsent\n"])
    _ = try await work.run("stop")
  }

  @Test func `a credential at the place where output is cut is hidden whole`() async throws {
    let work = try Workplace(
      project: """
        apiVersion: orgloop/v1alpha1
        kind: Project
        metadata: { name: test }
        sources: [{ id: in, connector: webhook }]
        actors: [{ id: out, connector: exec, config: { command: ["true"] } }]
        transforms:
          - { name: talk, type: script, script: talk.sh, env: { CRM_TOKEN: "${CRM_TOKEN}" } }
        routes:
          - { name: r, when: { source: in }, transforms: [talk], then: { actor: out } }

        """)
    // The last 64 KiB begin within the credential.
    try work.write(
      "talk.sh",
      "#!/bin/sh\nprintf %s \"$CRM_TOKEN\" >&2\nhead -c 65526 /dev/zero | tr '\\0' x >&2\nexit 1\n")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: work.root + "/talk.sh")
    let running = try await work.start(environment: ["CRM_TOKEN": "abcdefghijklmnop0123456789"])
    let id = try #require(try await running.post("{}", to: "in").body["event_id"]?.string)
    _ = try await work.untilSettled(id)
    _ = try await work.run("stop")
    let output = try SQLiteFile(work.database).value("SELECT output FROM v_attempts") ?? ""
    #expect(output.utf8.count >= 65_526)
    #expect(!output.contains("9xxx"))
    #expect(output.hasPrefix("***xxx") || output.hasPrefix("x"))
  }
}
