import Engine
import ProjectConfiguration
import Testing

/// Paths and placeholders in routes: what no event could have is told at load.
struct RoutePathTests {
  private func filter(_ text: String) throws -> (filter: Filter?, lines: [String]) {
    let project = try TestProject([
      "orgloop.yaml": routed().replacing("source: hook }", with: "source: hook, filter: \(text) }")
    ])
    let loaded = project.load()
    return (loaded.module("default")?.routes.first?.filter, loaded.lines)
  }

  @Test func `a key further down may end with a blank, as questions of forms do`() throws {
    let found = try filter("{ \"payload.Your name \": Ada }")
    #expect(found.lines == [])
    #expect(found.filter?.entries.first?.path.segments.last?.key == "Your name ")
  }

  @Test(arguments: [
    (
      "{ id: evt_1 }",
      "8:37: error[key.type] when.filter id: an event has no id yet when its routes are chosen; for "
        + "one of the sender's write payload.id"
    ),
    (
      "{ $or: [{ event.id: { exists: false } }] }",
      "error[key.type] when.filter.$or event.id: an event has no id yet when its routes are chosen; "
        + "for one of the sender's write payload.id"
    ),
    (
      "{ \"payload n\": x }",
      "error[key.type] when.filter payload n: not a path: separate its segments by dots, such as "
        + "payload.number"
    ),
    (
      "{ \"{{ payload.n }}\": x }",
      "error[key.type] when.filter {{ payload.n }}: not a path: write it without braces, such as "
        + "payload.number"
    ),
    (
      "{ \" payload.n\": x }",
      "error[key.type] when.filter  payload.n: not a path: there must be no blanks around it"
    ),
    (
      "{ a: { regex: \"(?R)\" } }",
      "error[key.type] when.filter a.regex: (?R at character 1 is not JavaScript's syntax"
    ),
  ])
  func `a filter that could never be right is an error`(_ text: String, _ line: String) throws {
    let lines = try filter(text).lines
    #expect(lines.count == 1)
    #expect(lines.first?.hasSuffix(line) ?? false, "\(lines)")
  }

  @Test(arguments: [
    "{ payload.first name: x }", "{ payload.id: x }", "{ trace_id: x }", "{ identity: x }",
    "{ anything.of.its.own: x }", "{ provenance.id: x }",
  ])
  func `a path that events may have is right`(_ text: String) throws {
    #expect(try filter(text).lines == [])
  }

  @Test(arguments: [
    (
      "id",
      "an event has no id yet when its routes are chosen; for one of the sender's write payload.id"
    ),
    ("\"{{ payload.x }}\"", "not a path: write it without braces, such as payload.number"),
    ("\" a\"", "not a path: there must be no blanks around it"),
    ("a..b", "not a path: segments between dots must not be empty"),
  ])
  func `an order key that no event has on arrival is an error`(
    _ text: String, _ message: String
  ) throws {
    let project = try TestProject([
      "orgloop.yaml": routed(then: "then: { actor: chat }\n    delivery: { order_key: \(text) }")
    ])
    let lines = project.load().lines
    #expect(lines.count == 1)
    #expect(
      lines.first?.hasSuffix("error[key.type] delivery.order_key: " + message) ?? false, "\(lines)")
  }

  @Test func `braces that are no placeholder are told with their place`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed(
        then: """
          then:
                actor: chat
                config:
                  twice: "{{ a..b }} and {{ }}"
                  list: ["{{ payload.n", "{{ payload.n | upper }}"]
                  right: "{{ id }} {{payload.labels.0}} {{ now }} \\\\{{ literal | x }}"
                  secret: "${BRACES}"
          """)
    ])
    let lines = project.load(environment: ["BRACES": "{{ canary | x }}"]).lines
    let code = "warning[template.placeholder] then.config."
    #expect(
      lines.map { $0.drop { $0 != " " }.dropFirst() }.map(String.init) == [
        code + #"twice: "{{ a..b }}" is no placeholder and stays as it is"#,
        code + #"twice: "{{ }}" is no placeholder and stays as it is"#,
        code + #"list: "{{ payload.n" is no placeholder and stays as it is"#,
        code + #"list: "{{ payload.n | upper }}" is no placeholder and stays as it is"#,
        code + "secret: something is no placeholder and stays as it is",
      ])
    #expect(lines.first?.hasPrefix("orgloop.yaml:") == true)
  }
}
