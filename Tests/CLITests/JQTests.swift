import Engine
import Foundation
import Testing

/// Expressions for `jq` are tried when the configuration is read (config.md 9.1: what cannot work
/// is an error at load).
@Suite(.timeLimit(.minutes(3))) struct JQTests {
  private func diagnostics(_ expressions: [String]) async throws -> [JSONValue] {
    let transforms = expressions.enumerated().map { number, expression in
      "  - { name: t\(number), type: filter, config: { jq: \(JSONText(.string(expression))) } }\n"
    }
    let work = try Workplace(
      project: Workplace.project(more: "transforms:\n" + transforms.joined()))
    let document = try await work.run("validate", "--json").json()
    return (document["diagnostics"]?.array ?? []).filter { $0["code"] == "jq.syntax" }
  }

  @Test func `an expression that jq does not take is told with its place`() async throws {
    let work = try Workplace(
      project: Workplace.project(
        more: "transforms: [{ name: t, type: filter, config: { jq: nofunction } }]"))
    let outcome = try await work.run("validate")
    #expect(outcome.status == 78)
    // What follows are jq's own words, which its versions choose.
    #expect(
      outcome.error.contains(
        "orgloop.yaml:16:53: error[jq.syntax] jq: nofunction/0 is not defined"))
  }

  @Test func `what an expression brings in is looked for where it is run`() async throws {
    let work = try Workplace(project: nil)
    try work.write(
      "project/orgloop.yaml",
      Workplace.project(
        more: """
          transforms:
            - name: t
              type: filter
              env: { SIZE: "5" }
              config: { jq: 'import "m" as m {search: "./lib"}; .payload | m::f | $ENV.SIZE' }
          """))
    try work.write("project/lib/m.jq", "def f: .;\n")
    // From another directory, as a service is started.
    let outcome = try await work.run("validate", "-c", "project")
    #expect(outcome.status == 0, "\(outcome.error)")
  }

  @Test func `an expression is compiled and not run`() async throws {
    let right = [".payload.size > 1000", "-1", "error(\"no\")", "input", "def f: f; f", "halt"]
    #expect(try await diagnostics(right) == [])
  }

  @Test func `each wrong expression is told, and a long one too`() async throws {
    let long = "1" + String(repeating: " + 1", count: 40_000)
    let found = try await diagnostics([".a |", "if . then 1", ".", long])
    #expect(found.count == 3)
    #expect(found.last?["message"]?.string?.contains("longer than 128 KiB") ?? false)
  }
}
