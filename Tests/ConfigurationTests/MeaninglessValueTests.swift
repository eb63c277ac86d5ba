import Foundation
import ProjectConfiguration
import Testing

/// Values that no runtime could work with, keys that nothing reads, routes that feed themselves.
struct MeaninglessValueTests {
  /// What no runtime could work with.
  @Test(arguments: [
    (
      "runtime: { http: { max_body: 0 } }",
      "4:30: error[key.type] runtime.http.max_body: a size is at least 1 byte"
    ),
    (
      "runtime: { http: { max_body: 0.2B } }",
      "4:30: error[key.type] runtime.http.max_body: a size is at least 1 byte"
    ),
    (
      "runtime: { log_retention: 0s }",
      "4:27: error[key.type] runtime.log_retention: must be at least 1s"
    ),
    (
      "runtime: { loop: { window: 0s } }",
      "4:28: error[key.type] runtime.loop.window: must be at least 1s"
    ),
    (
      "runtime: { loop: { warn_depth: 7 } }",
      "4:32: error[key.type] runtime.loop.warn_depth: must not be larger than max_depth, which is 5"
    ),
    (
      "runtime: { loop: { warn_depth: 7, max_depth: 6 } }",
      "4:32: error[key.type] runtime.loop.warn_depth: must not be larger than max_depth, which is 6"
    ),
    (
      "defaults: { delivery: { timeout: 0s } }",
      "4:34: error[key.type] defaults.delivery.timeout: must be at least 1ms"
    ),
    (
      "sources: [{ id: s, connector: github, config: { repo: a/b, token: \"${T}\", events: [issues] }, poll: { timeout: 0s } }]",
      "error[key.type] poll.timeout: must be at least 1ms"
    ),
    (
      "transforms: [{ name: t, type: dedup, timeout: 0s }]",
      "4:47: error[key.type] transform.timeout: must be at least 1ms"
    ),
    (
      "transforms: [{ name: t, type: dedup, timeout: 5s, timeout_ms: 5000 }]",
      #"4:38: error[key.type] transform: "timeout" or "timeout_ms", not both"#
    ),
    (
      "transforms: [{ name: t, type: script, script: t.sh, env: [\"\"] }]",
      #"4:59: error[key.type] transform.env: "" cannot be the name of a variable"#
    ),
    (
      "transforms: [{ name: t, type: script, script: t.sh, env: { \"a b\": x } }]",
      #"4:60: error[key.type] transform.env: "a b" cannot be the name of a variable"#
    ),
    (
      "transforms: [{ name: t, type: dedup, script: t.sh }]",
      #"4:38: warning[key.unread] transform: "script" is not read with type: dedup"#
    ),
    (
      "transforms: [{ name: t, type: filter, package: dedup }]",
      #"4:39: warning[key.unread] transform: "package" is not read with type: filter"#
    ),
    (
      "transforms: [{ name: t, type: script, script: t.sh, package: dedup }]",
      #"4:53: warning[key.unread] transform: "package" is not read with type: script"#
    ),
    (
      "transforms: [{ name: t, type: package, package: dedup, env: [HOME] }]",
      #"4:56: warning[key.unread] transform: "env" is not read by dedup"#
    ),
    (
      "transforms: [{ name: t, type: filter, env: [HOME] }]",
      #"4:39: warning[key.unread] transform: "env" is not read by filter without jq"#
    ),
  ])
  func `a value or key that means nothing is told`(_ text: String, _ line: String) throws {
    let project = try TestProject(["orgloop.yaml": header + text + "\n"])
    try project.write("t.sh", Array("#!/bin/sh\n".utf8), mode: 0o755)
    let lines = project.load(environment: ["T": "ghp_123456", "HOME": "/tmp"]).lines
      // The catalog of these tests has neither dedup nor all that exists.
      .filter { !$0.contains("[graph.") && !$0.contains("[connector.") }
    #expect(lines.count == 1, "\(lines)")
    #expect(lines.first?.hasSuffix(line) ?? false, "\(lines)")
  }

  @Test func `an actor that its own answers go to is a loop, and so is a host in capitals`() throws
  {
    let loop = try TestProject([
      "orgloop.yaml": header + """
        sources: [{ id: fu, connector: webhook }]
        actors:
          - { id: fu, connector: exec, config: { command: [run.sh] } }
          - { id: post, connector: webhook, config: { url: "http://LOCALHOST:4800/webhook/fu" } }
        routes:
          - { name: r, when: { source: fu }, then: { actor: fu } }
          - { name: p, when: { source: fu }, then: { actor: post } }
        """
    ])
    try loop.write("run.sh", Array("#!/bin/sh\n".utf8), mode: 0o755)
    #expect(
      loop.load().lines == [
        #"orgloop.yaml:9:5: warning[graph.self-loop] route "r" sends to actor "fu", whose answers "#
          + "it listens to",
        #"orgloop.yaml:10:5: warning[graph.self-loop] route "p" sends to its own source "fu""#,
      ])
  }
}
