import Engine
import Foundation
import Testing

@Suite(.timeLimit(.minutes(3))) struct SecretTests {
  /// Unique, so that finding one anywhere means that it got there from the configuration.
  private static let canaries = [
    "CANARY_SECRET": "canary-secret-7c1f2a90-aaaa", "CANARY_TOKEN": "canary-token-5d0e8b31-bbbb",
    "CANARY_PASSWORD": "canary-password-93ab-cccc",
  ]

  private static let project = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: canary }
    sources:
      - id: in
        connector: webhook
      - id: signed
        connector: webhook
        config: { secret: "${CANARY_SECRET}" }
    actors:
      - id: out
        connector: webhook
        config:
          url: "http://user:${CANARY_PASSWORD}@127.0.0.1:9/x"
          headers: { x-token: "${CANARY_TOKEN}" }
      - id: loud
        connector: exec
        config:
          command: [sh, -c, 'echo "failed with $TOKEN" >&2; exit 3']
          env: { TOKEN: "${CANARY_TOKEN}" }
    routes:
      - name: a
        when: { source: in }
        then: { actor: loud }
        delivery: { retry: { max_attempts: 1 } }
      - name: b
        when: { source: signed }
        then: { actor: loud }
    loggers:
      - name: console
        type: console
        config: { level: debug, compact: false, show_payload: true }
    """

  @Test func `no secret leaves the process`() async throws {
    // A URL may not hold a password, so this project has an error that could show it.
    let refused = try Workplace(project: SecretTests.project)
    for command in [["start", "--port", "0"], ["validate"], ["validate", "--json"]] {
      let outcome = try await refused.run(command, environment: SecretTests.canaries)
      SecretTests.expectClean(outcome.output + outcome.error, "\(command)")
    }

    let project = SecretTests.project.replacing(":${CANARY_PASSWORD}", with: "")
      .replacing("user@", with: "")
    let work = try Workplace(project: project)
    let running = try await work.start("-v", environment: SecretTests.canaries)
    let id = try #require(try await running.post("{}").body["event_id"]?.string)
    #expect(try await running.post("{}", to: "signed").status == 401)
    _ = try await work.untilSettled(id)
    for command in [
      ["status"], ["status", "--json"], ["events"], ["events", "--json"], ["events", "show", id],
    ] {
      let outcome = try await work.run(command)
      SecretTests.expectClean(outcome.output + outcome.error, "\(command)")
    }
    #expect(try await work.run("stop").status == 0)
    SecretTests.expectClean(try work.read("home/.orgloop/logs/daemon.log"), "daemon.log")
    for name in try FileManager.default.contentsOfDirectory(atPath: work.root)
    where name.hasPrefix("orgloop.db") {
      let bytes = try Data(contentsOf: URL(filePath: work.root + "/" + name))
      SecretTests.expectClean(String(decoding: bytes, as: UTF8.self), name)
    }
  }

  /// As a program that logs what it is given prints it.
  private static let printing = """
    apiVersion: orgloop/v1alpha1
    kind: Project
    metadata: { name: printing }
    sources:
      - { id: in, connector: webhook }
      - id: failing
        connector: exec
        config: { command: [sh, -c, 'printf "%s" "$TOKEN" >&2; exit 3'], env: { TOKEN: "${TOKEN}" } }
    actors:
      - id: loud
        connector: exec
        config: { command: [sh, -c, 'cat >&2; exit 3'], env: { TOKEN: "${TOKEN}" } }
      - id: lines
        connector: exec
        config: { command: [sh, -c, 'printf "%s" "$KEY"; exit 3'], env: { KEY: "${PRIVATE_KEY}" } }
    routes:
      - name: all
        when: { source: in }
        then: { actor: loud, config: { token: "${TOKEN}", key: "${PRIVATE_KEY}" } }
        delivery: { retry: { max_attempts: 1 } }
      - name: lines
        when: { source: [in, failing] }
        then: { actor: lines }
        delivery: { retry: { max_attempts: 1 } }
    """

  @Test func `a credential is hidden from what prints it as JSON or line by line`() async throws {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
    let environment = [
      "TOKEN": "CANARY\"one\\two\tthree/four",
      "PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----\n\(body)\n-----END PRIVATE KEY-----\n",
    ]
    let work = try Workplace(project: SecretTests.printing)
    let running = try await work.start("-v", environment: environment)
    let id = try #require(try await running.post("{}").body["event_id"]?.string)
    _ = try await work.untilSettled(id)
    var texts: [String: String] = [:]
    for command in [
      ["events", "show", id, "--json"], ["dlq", "list"], ["dlq", "list", "--json"],
      ["sql", "SELECT error, output FROM v_attempts"], ["inspect", "source", "failing"],
    ] {
      let outcome = try await work.run(command)
      #expect(outcome.status == 0, "\(command): \(outcome.error)")
      texts["\(command)"] = outcome.output + outcome.error
    }
    #expect(try await work.run("stop").status == 0)
    texts["log"] = try work.read("home/.orgloop/logs/daemon.log")
    for name in try FileManager.default.contentsOfDirectory(atPath: work.root)
    where name.hasPrefix("orgloop.db") {
      let bytes = try Data(contentsOf: URL(filePath: work.root + "/" + name))
      texts[name] = String(decoding: bytes, as: UTF8.self)
    }
    #expect(texts.values.contains { $0.contains("***") })
    for (place, text) in texts {
      for part in ["CANARY", "one\\", "three", body] {
        #expect(!text.contains(part), "\(part) is in \(place): \(text.prefix(3_000))")
      }
    }
  }

  private static func expectClean(_ text: String, _ place: String) {
    for (name, canary) in canaries {
      #expect(!text.contains(canary), "\(name) is in \(place)")
    }
  }
}
