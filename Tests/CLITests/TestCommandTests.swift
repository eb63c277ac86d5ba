import Engine
import Foundation
import Testing

/// `orgloop test` with events (cli-http.md 2.1).
@Suite(.timeLimit(.minutes(3))) struct TestCommandTests {
  private static let project = Workplace.project(
    command: "grep -q refuse && exit 65; exit 0",
    more: """
        - name: only-some
          when: { source: in, filter: { payload.kind: some } }
          transforms: [no-bots, stamp]
          then: { actor: out, config: { session_key: "k-{{ payload.n }}", token: "${HUSH}" } }
          with: { prompt_file: prompt.md }
          delivery: { order_key: payload.n }
      transforms:
        - { name: no-bots, type: filter, config: { exclude: { provenance.author_type: bot } } }
        - { name: stamp, type: script, script: stamp.sh }
      """)

  private static let stamp = """
    #!/bin/sh
    [ -e stamp.broken ] && { echo "out of ink" >&2; exit 2; }
    sed 's/"payload":{/"payload":{"stamp":"'$ORGLOOP_ROUTE'",/'
    """

  private func place() throws -> Workplace {
    let work = try Workplace(project: Self.project)
    try work.write("prompt.md", "---\na: 1\n---\nDo this.\nAnd that.")
    try work.write("stamp.sh", Self.stamp)
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: work.root + "/stamp.sh")
    return work
  }

  private func event(_ payload: String, author: String = "") -> String {
    #"{"source": "in", "type": "resource.changed", "provenance": {"platform": "t"\#(author)}, "payload": \#(payload)}"#
  }

  @Test(arguments: ["github", "linear", "claude-code", "webhook", "cron"])
  func `a sample is an event that can be tested`(name: String) async throws {
    let work = try Workplace(project: nil)
    let made = try await work.run("test", "--generate", name)
    #expect(made.status == 0)
    let event = try made.json()
    #expect(event["provenance"]?["platform"]?.string == name)
    #expect(event["id"] == nil)
    // A project that has such a source gives it its name.
    try work.write("orgloop.yaml", Workplace.project())
    let own = try await work.run("test", "--generate", "webhook")
    #expect(try own.json()["source"] == "in")
    #expect(try await work.run("test", "--dry-run", input: own.output).status == 0)
  }

  @Test func `a dry run shows matching, transforms, prompt and configuration, without a secret`()
    async throws
  {
    let work = try place()
    let outcome = try await work.run(
      ["test", "-", "--dry-run"], input: event(#"{"kind": "some", "n": 7}"#),
      environment: ["HUSH": "very-secret-thing"])
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
    for text in [
      "✓ through → out", "✓ only-some → out", "✓ no-bots  pass", "✓ stamp", "order key  7",
      #"+ payload.stamp: "only-some""#, #"session_key: "k-7""#, #"token: "***""#, "Do this.",
      "nothing was stored or delivered",
    ] {
      #expect(outcome.output.contains(text), "\(text) in \(outcome.output)")
    }
    #expect(!outcome.output.contains("very-secret"))
    // Nothing was made, not even the database.
    #expect(!FileManager.default.fileExists(atPath: work.database))
  }

  @Test func `a dry run in JSON has what the reference says, and more`() async throws {
    let work = try place()
    let outcome = try await work.run(
      "test", "--dry-run", "--json", input: event(#"{"kind": "other"}"#))
    #expect(outcome.status == 0)
    let json = try outcome.json()
    #expect(json["dry_run"] == true)
    #expect(json["matched_routes"] == ["through"])
    #expect(json["unmatched"]?.array?.first?["route"] == "only-some")
    #expect(
      json["unmatched"]?.array?.first?["reason"] == #"payload.kind must be "some", is other"#)
    #expect(json["event"]?["id"]?.string?.hasPrefix("evt_") == true)
    #expect(json["results"] == [])

    let dropped = try await work.run(
      "test", "--dry-run", "--json", "--route", "only-some",
      input: event(#"{"kind": "some"}"#, author: #", "author_type": "bot""#))
    #expect(dropped.status == 1)
    let results = try dropped.json()["results"]?.array ?? []
    #expect(results.map { $0["status"] } == ["drop"])
    #expect(results.first?["reason"] == "exclude: provenance.author_type matches")
  }

  @Test func `a route that is switched off says so`() async throws {
    let work = try Workplace(
      project: """
        apiVersion: orgloop/v1alpha1
        kind: Project
        metadata: { name: test }
        sources: [{ id: in, connector: webhook }]
        actors: [{ id: out, connector: exec, config: { command: ["true"] } }]
        routes:
          - { name: "off", enabled: false, when: { source: in }, then: { actor: out } }

        """)
    let dry = try await work.run("test", "--dry-run", input: event("{}"))
    #expect(dry.status == 1)
    #expect(dry.output.contains("· off is switched off: enabled: false\n✗ no route matches\n"))
    let asked = try await work.run("test", "--dry-run", "--route", "off", input: event("{}"))
    #expect(asked.status == 1)
    #expect(asked.error.contains("route off of module default is switched off: enabled: false"))
  }

  @Test func `a script that fails is shown with its words`() async throws {
    let work = try place()
    try work.write("stamp.broken", "")
    let outcome = try await work.run(
      "test", "--dry-run", input: event(#"{"kind": "some"}"#))
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("✗ only-some → out: failed, to be tried again"))
    #expect(outcome.output.contains("out of ink"))
    #expect(outcome.output.contains("✓ through → out"))
  }

  @Test(arguments: [
    ("test --dry-run", #"{"source": "none"}"#, 1, "no source none in module default"),
    ("test --dry-run", "nonsense", 1, "not valid JSON"),
    ("test --dry-run", "[]", 1, "must be a JSON object"),
    ("test --dry-run", #"{"source": "in", "type": "x"}"#, 1, "type must be one of"),
    ("test --dry-run --route thruogh", "", 1, #"no route thruogh; did you mean "through"?"#),
    ("test --dry-run --module nope", "", 1, "no module nope"),
    ("test --dry-run -c nowhere", "", 78, "file.missing"),
    ("test -", "", 69, "no runtime"),
    ("test none.json", "", 74, "cannot read none.json"),
    ("test none.yaml", "", 74, "cannot read none.yaml"),
    ("test --generate nonsense", "", 64, "github, linear"),
    ("test a.json b.json", "", 64, "one event"),
    ("test --all x.yaml", "", 64, "without --all"),
    ("test --all --route x", "", 64, "--route"),
    ("test --junit x.xml", "", 64, "test files"),
    ("test --timeout soon", "", 64, "duration"),
    ("test --all", "", 1, "no test files"),
  ])
  func `what cannot be tested has its exit code`(
    call: String, input: String, status: Int, message: String
  ) async throws {
    let work = try Workplace()
    let outcome = try await work.run(
      call.split(separator: " ").map(String.init), input: input.isEmpty ? event("{}") : input)
    #expect(outcome.status == Int32(status))
    #expect(outcome.error.contains(message), "\(outcome.error)")
    #expect(outcome.output == "")
  }

  @Test func `with a runtime the event is accepted, and what becomes of it awaited`() async throws {
    let work = try place()
    _ = try await work.start(environment: ["HUSH": "very-secret-thing"])
    let fine = try await work.run("test", "--json", input: event(#"{"n": 1}"#))
    #expect(fine.status == 0, "\(fine.error)")
    let json = try fine.json()
    #expect(json["dry_run"] == false)
    #expect(json["matched_routes"] == ["through"])
    #expect(json["unmatched"]?.array?.first?["route"] == "only-some")
    #expect(json["results"]?.array?.first?["status"] == "delivered")
    #expect(json["results"]?.array?.first?["step"] == "out")
    let id = try #require(json["event"]?["id"]?.string)
    #expect(try await work.run("events", "show", id).status == 0)

    let refused = try await work.run("test", input: event(#"{"kind": "some", "t": "refuse"}"#))
    #expect(refused.status == 1)
    #expect(refused.output.contains("✗ through → out: rejected"))
    #expect(refused.output.contains("✓ stamp"))

    let unmatched = try await work.run(
      "test", "--route", "only-some", input: event(#"{"n": 2}"#))
    #expect(unmatched.status == 1)
    #expect(unmatched.output.contains("✗ no route matched"))

    let mine =
      #"{"id": "evt_mine", "source": "in", "type": "resource.changed", "provenance": {"platform": "t"}}"#
    #expect(try await work.run("test", input: mine).status == 0)
    let known = try await work.run("test", input: mine)
    #expect(known.status == 1)
    #expect(known.error.contains("known already"))
  }

  @Test func `a route that does not exist is refused before the event is accepted`() async throws {
    let work = try place()
    _ = try await work.start(environment: ["HUSH": "very-secret-thing"])
    for name in ["onyl-some", "default:onyl-some"] {
      let outcome = try await work.run("test", "--route", name, input: event(#"{"n": 1}"#))
      #expect(outcome.status == 1, "\(outcome.output)")
      #expect(outcome.error.contains("only-some"), "\(outcome.error)")
    }
    #expect(try await work.run("events", "--json").json()["items"] == [])
    let named = try await work.run(
      "test", "--route", "default:through", input: event(#"{"n": 1}"#))
    #expect(named.status == 0, "\(named.error)")
  }

  @Test func `what variables brought in is not shown, be it a credential or not`() async throws {
    let work = try Workplace(
      project: Workplace.project(
        more: """
            - name: noting
              when: { source: in }
              then: { actor: out, config: { note: "x ${ACCOUNT}" } }
          """))
    for options in [[], ["--json"]] {
      let outcome = try await work.run(
        ["test", "--dry-run"] + options, input: event("{}"), environment: ["ACCOUNT": "q9z"])
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(outcome.output.contains("x ***"))
      #expect(!outcome.output.contains("q9z"))
    }
  }

  @Test func `a credential in a payload is hidden, wherever it is escaped or cut`() async throws {
    let work = try TestLeak.place()
    for options in [[], ["--json"]] {
      let outcome = try await work.run(
        ["test", "--dry-run"] + options, input: event(#"{"n": 1}"#),
        environment: TestLeak.environment)
      #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
      #expect(outcome.output.contains("***"))
      #expect(!outcome.output.contains(TestLeak.beginning), "\(outcome.output)")
    }
  }

  @Test func `what is not settled in time is said to go on`() async throws {
    let work = try Workplace(project: Workplace.project(command: "exit 75"))
    _ = try await work.start()
    let outcome = try await work.run("test", "--timeout", "1ms", input: event("{}"))
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("✗ through → out: still"))
    #expect(outcome.output.contains("orgloop why evt_"))
  }
}

/// A project whose script prints a credential into the payload.
enum TestLeak {
  /// With what JSON and XML escape.
  static let environment = ["MYTOKEN": #"Qz7&<b>"c'd-and-more"#]
  /// No part of the value may be seen either.
  static let beginning = "Qz7"

  private static let script = """
    #!/bin/sh
    in=$(cat)
    head=${in%%'"payload":{'*}
    tail=${in#*'"payload":{'}
    t=$(printf %s "$MYTOKEN" | sed 's/"/\\\\"/g')
    printf '%s"payload":{"leak":"%s","long":"%0395d%s","longer":"%0495d%s",%s' \
      "$head" "$t" 0 "$t" 0 "$t" "$tail"
    """

  static func place() throws -> Workplace {
    let work = try Workplace(
      project: Workplace.project(
        more: """
            - name: leaking
              when: { source: in }
              transforms: [leak]
              then: { actor: out }
          transforms:
            - { name: leak, type: script, script: leak.sh, env: [MYTOKEN] }
          """))
    try work.write("leak.sh", script)
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: work.root + "/leak.sh")
    return work
  }
}
