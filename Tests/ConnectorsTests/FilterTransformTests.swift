import Connectors
import Engine
import Foundation
import Testing

@Suite(.timeLimit(.minutes(2)))
struct FilterTransformTests {
  enum Verdict: Equatable {
    case pass, replace
    case drop(String)
  }

  private func verdict(_ result: TransformResult) -> Verdict {
    switch result {
    case .pass: .pass
    case .replace: .replace
    case .drop(let reason): .drop(reason ?? "")
    case .once: .drop("once")
    }
  }

  private func apply(_ config: JSONObject) async throws -> Verdict {
    let transform = try FilterTransform(config)
    return verdict(
      try await transform.apply(
        Fixture.event, context: Fixture.transformContext(root: "/tmp")))
  }

  @Test(
    arguments: [
      (["match": ["payload.s": "/(a+)+$/"]], "match"),
      (["match": ["payload.s": ["/(a+)+$/", "x"]]], "match"),
      (["match": ["payload.s": ["regex": "(a+)+$"]]], "match"),
      (["match": ["payload.s": [["regex": "(a+)+$"], "x"]]], "match"),
      (["exclude": ["payload.s": "/(a+)+$/"]], "exclude"),
      (["exclude": ["payload.s": ["regex": "(a+)+$"]]], "exclude"),
      (["match_any": ["payload.none": "x", "payload.s": "/(a+)+$/"]], "match_any"),
    ] as [(JSONObject, String)])
  func `a regular expression at its limit is an error of the step`(
    config: JSONObject, list: String
  ) async throws {
    let value = JSONValue(String(repeating: "a", count: 60) + "!")
    for subject in [value, .array(Array(repeating: value, count: 2_000))] {
      let event = JSONText(["payload": ["s": subject]] as JSONValue)
      let error = await #expect(throws: TransformFailure.self) {
        try await FilterTransform(config)
          .apply(event, context: Fixture.transformContext(root: "/tmp"))
      }
      #expect(
        error?.message == "\(list): the regular expression at payload.s reached its step limit")
    }
  }

  @Test func `what else matches decides before an expression at its limit`() async throws {
    let value = JSONValue(String(repeating: "a", count: 60) + "!")
    let event = JSONText(["payload": ["s": value, "t": 1]] as JSONValue)
    func apply(_ config: JSONObject) async throws -> Verdict {
      verdict(
        try await FilterTransform(config)
          .apply(event, context: Fixture.transformContext(root: "/tmp")))
    }
    #expect(try await apply(["match": ["payload.s": ["/(a+)+$/", "/!$/"]]]) == .pass)
    let any: JSONObject = ["match_any": ["payload.s": "/(a+)+$/", "payload.t": 1]]
    #expect(try await apply(any) == .pass)
  }

  private func matches(_ path: String, _ pattern: JSONValue) async throws -> Bool {
    try await apply(["match": .object(JSONObject([.init(key: path, value: pattern)]))]) == .pass
  }

  @Test(
    arguments: [
      ("payload.title", "Hello", true), ("payload.title", "hello", false),
      ("payload.number", 12, true), ("payload.number", "12", false),
      ("payload.draft", false, true), ("payload.draft", "false", false),
      ("payload.title", nil, false), ("payload.none", nil, true),
      ("provenance.nothing", nil, true), ("payload.none", "x", false),
      ("payload.title", "/^hel/i", true), ("payload.title", "/^hel/", false),
      ("payload.number", "/^1/", true), ("payload.draft", "/false/", true),
      ("payload.none", "/.*/", false), ("payload.nested", "/.*/", false),
      ("payload.title", "Bye, Hello", true), ("payload.title", "Bye,/x,y|Hel/", true),
      ("payload.title", "Bye\\, Hello", false), ("payload.title", ["Bye", "Hello"], true),
      ("payload.title", ["Bye, Hello"], false), ("provenance.labels", "urgent", true),
      ("provenance.labels", ["x", "/^bu/"], true), ("provenance.labels", "x", false),
      ("payload.nested.a", 2, true), ("payload.nested.a.0", 1, true),
      ("provenance.labels.length", 2, true), ("event.payload.number", 12, true),
      ("payload.title", "/usr/bin", false),
    ] as [(String, JSONValue, Bool)])
  func `a pattern matches what the table says`(
    _ path: String, _ pattern: JSONValue, _ expected: Bool
  ) async throws {
    #expect(try await matches(path, pattern) == expected)
  }

  @Test(
    arguments: [
      ("payload.title", ["prefix": "He"], true), ("payload.title", ["prefix": "he"], false),
      ("payload.title", ["prefix": ["equals-ignore-case": "he"]], true),
      ("payload.title", ["suffix": "lo"], true), ("payload.title", ["suffix": "LO"], false),
      ("payload.title", ["suffix": ["equals-ignore-case": "LO"]], true),
      ("payload.title", ["equals-ignore-case": "HELLO"], true),
      ("payload.title", ["wildcard": "H*o"], true), ("payload.title", ["wildcard": "H*x"], false),
      ("payload.title", ["wildcard": "*l*l*"], true),
      ("payload.title", ["wildcard": "Hello*"], true),
      ("payload.title", ["wildcard": "H\\*o"], false),
      ("payload.title", ["wildcard": "ell"], false),
      ("payload.title", ["regex": "l{2}"], true), ("payload.title", ["regex": "/HELLO/i"], true),
      ("payload.title", ["anything-but": "Hello"], false),
      ("payload.title", ["anything-but": ["a", "b"]], true),
      ("payload.title", ["anything-but": ["prefix": "He"]], false),
      ("payload.none", ["anything-but": "x"], false),
      ("provenance.labels", ["anything-but": ["urgent"]], false),
      ("provenance.labels", ["anything-but": ["minor"]], true),
      ("payload.number", ["numeric": [">", 0, "<=", 12]], true),
      ("payload.number", ["numeric": [">", 12]], false),
      ("payload.number", ["numeric": ["=", .number(JSONNumber(validText: "12.0"))]], true),
      ("payload.number", ["numeric": ["!=", 12]], false),
      ("payload.title", ["numeric": [">", 0]], false),
      ("payload.number", ["exists": true], true), ("payload.none", ["exists": true], false),
      ("payload.none", ["exists": false], true), ("provenance.nothing", ["exists": true], true),
      ("payload.title", ["cidr": "10.0.0.0/8"], false),
      ("payload.title", ["prefix": "He", "suffix": "x"], false),
      ("provenance.labels", ["prefix": "urg"], true),
    ] as [(String, JSONValue, Bool)])
  func `an operator map holds as in a route's filter`(
    _ path: String, _ pattern: JSONValue, _ expected: Bool
  ) async throws {
    #expect(try await matches(path, pattern) == expected)
  }

  @Test func `cidr takes addresses inside a block`() async throws {
    let event = JSONText(["payload": ["ip": "10.1.2.3"]])
    for (pattern, passes) in [
      (["cidr": "10.0.0.0/8"], true), (["cidr": ["192.168.0.0/16", "10.1.0.0/16"]], true),
      (["cidr": "11.0.0.0/8"], false),
    ] as [(JSONValue, Bool)] {
      let transform = try FilterTransform(["match": ["payload.ip": pattern]])
      let result = try await transform.apply(
        event, context: Fixture.transformContext(root: "/tmp"))
      #expect((verdict(result) == .pass) == passes)
    }
  }

  @Test func `exclude comes before match, and match before match_any`() async throws {
    let hit: JSONValue = ["payload.title": "Hello"]
    let miss: JSONValue = ["payload.title": "Bye"]
    #expect(try await apply([:]) == .pass)
    #expect(
      try await apply(["exclude": hit, "match": miss]) == .drop("exclude: payload.title matches"))
    #expect(
      try await apply(["match": miss, "match_any": miss])
        == .drop("match: payload.title does not match"))
    #expect(
      try await apply(["match": hit, "match_any": miss])
        == .drop("match_any: none of payload.title matches"))
    #expect(
      try await apply(["match_any": ["payload.title": "Hello", "payload.x": "y"]]) == .pass)
    #expect(
      try await apply(["exclude": ["provenance.labels": "urgent"]])
        == .drop("exclude: provenance.labels matches"))
  }

  @Test(
    arguments: [
      ["a..b": "x"], ["a": "/(/"], ["a": "/(.)\\1/"], ["a": ["nope": 1]], ["a": [:]],
      ["a": ["numeric": [">"]]], ["a": ["numeric": ["~", 1]]], ["a": ["exists": "yes"]],
      ["a": ["cidr": "10.0.0.0/99"]], ["a": ["prefix": 5]], ["a": ["regex": "("]],
    ] as [JSONValue])
  func `a pattern that cannot work is an error at load`(_ map: JSONValue) {
    let catalog = Fixture.catalog
    for key in ["match", "match_any", "exclude"] {
      let config = JSONObject([.init(key: key, value: map)])
      let problems = catalog.transforms["filter"]?.check(config) ?? []
      #expect(problems.map(\.level) == [.error])
      #expect(problems.first?.path.first == key)
    }
  }

  private func jq(_ expression: String, _ event: JSONText = Fixture.event) async throws -> Verdict {
    let step = TransformStep(
      name: "f", kind: .package("filter"), config: ["jq": .string(expression)])
    let transform = try JQTransform(step, runner: Fixture.runner(), time: .system)
    return verdict(
      try await transform.apply(event, context: Fixture.transformContext(root: "/tmp")))
  }

  @Test(
    arguments: [
      (".payload.number > 5", Verdict.pass), (".", .replace), (".payload", .pass),
      (".payload.title = \"x\"", .replace), ("., .", .pass), ("{id: \"\"}", .pass),
      ("false", .drop("jq: the result is false or null")),
      ("null", .drop("jq: the result is false or null")),
      ("empty", .drop("jq: there is no result")),
      ("-1", .pass),
    ] as [(String, Verdict)])
  func `jq passes, replaces or drops`(
    _ expression: String, _ expected: Verdict
  ) async throws {
    #expect(try await jq(expression) == expected)
  }

  @Test(arguments: ["syntax error (", "error(\"x\")", ".payload | keys | .[0] | tonumber"])
  func `a jq error is an error and not a drop`(_ expression: String) async {
    await #expect(throws: TransformFailure.self) { try await jq(expression) }
  }

  @Test func `a missing jq is an error`() async throws {
    let runner = CommandRunner(baseEnvironment: ["PATH": "/nowhere"], childGuard: nil)
    let step = TransformStep(name: "f", kind: .package("filter"), config: ["jq": "."])
    let transform = try JQTransform(step, runner: runner, time: .system)
    let error = await #expect(throws: TransformFailure.self) {
      try await transform.apply(Fixture.event, context: Fixture.transformContext(root: "/tmp"))
    }
    #expect(error?.message.contains("cannot start jq") == true)
  }

  @Test func `jq beside other keys is a warning`() {
    let problems = Fixture.catalog.transforms["filter"]?.check(["jq": ".", "match": [:]]) ?? []
    #expect(problems.map(\.level) == [.warning])
  }
}
