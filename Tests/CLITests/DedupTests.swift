import Foundation
import Testing

/// The `dedup` transform as a user meets it.
@Suite(.timeLimit(.minutes(1))) struct DedupTests {
  @Test func `what is wrong with a dedup transform is said with its place`() async throws {
    let work = try Workplace()
    try work.write(
      "orgloop.yaml",
      """
      apiVersion: orgloop/v1alpha1
      kind: Project
      metadata: { name: p }
      sources: [{ id: in, connector: webhook }]
      actors: [{ id: out, connector: webhook, config: { url: "http://127.0.0.1:9/" } }]
      transforms:
        - name: once
          type: dedup
          config: { key: [id], fields: [id], window: soon, store: memory, kye: [id] }
      routes:
        - name: r
          when: { source: in }
          transforms: [once]
          then: { actor: out }

      """)
    let outcome = try await work.run("validate")
    #expect(outcome.status == 78)
    let said = outcome.output + outcome.error
    #expect(said.contains("orgloop.yaml:9:48: error"), "\(said)")
    #expect(said.contains("orgloop.yaml:9:54: notice[state.ignored] store has no effect"))
    #expect(said.contains(#"orgloop.yaml:9:69: warning[key.unknown] unknown key "kye""#))
  }
}
