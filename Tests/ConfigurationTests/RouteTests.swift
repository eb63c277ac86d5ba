import Engine
import ProjectConfiguration
import Testing

/// Filters, delivery, transforms and prompts (config.md 6, 7, 9.1).
struct RouteTests {
  private func load(
    _ then: String, environment: [String: String] = [:], files: [String: String] = [:]
  ) throws -> (route: RouteDefinition?, lines: [String]) {
    var files = files
    files["orgloop.yaml"] = routed(then: then)
    let loaded = try TestProject(files).load(environment: environment)
    return (loaded.module("default")?.routes.first, loaded.lines)
  }

  private func filter(_ text: String) throws -> (filter: Filter?, lines: [String]) {
    let project = try TestProject([
      "orgloop.yaml": routed().replacing("source: hook }", with: "source: hook, filter: \(text) }")
    ])
    let loaded = project.load()
    return (loaded.module("default")?.routes.first?.filter, loaded.lines)
  }

  // MARK: Filters

  @Test func `each condition becomes what it says`() throws {
    let cases: [(String, Condition)] = [
      ("x", .equals("x")), ("5", .equals(5)), ("true", .equals(true)), ("null", .equals(nil)),
      ("[a, {prefix: b}]", .any([.equals("a"), .prefix("b", ignoreCase: false)])),
      ("{prefix: {equals-ignore-case: b}}", .prefix("b", ignoreCase: true)),
      ("{suffix: b}", .suffix("b", ignoreCase: false)),
      ("{equals-ignore-case: b}", .equalsIgnoreCase("b")),
      ("{wildcard: \"a*\"}", .wildcard("a*")),
      ("{regex: \"/a+/i\"}", .regex(try RegexPattern("/a+/i"))),
      ("{anything-but: a}", .anythingBut([.equals("a")])),
      ("{anything-but: [a, 5]}", .anythingBut([.equals("a"), .equals(5)])),
      ("{anything-but: {prefix: a}}", .anythingBut([.prefix("a", ignoreCase: false)])),
      (
        "{numeric: [\">\", 0, \"<=\", 5]}",
        .numeric([
          NumericBound(.greater, JSONNumber(0 as Int64)),
          NumericBound(.lessOrEqual, JSONNumber(5 as Int64)),
        ])
      ),
      ("{exists: false}", .exists(false)),
      ("{cidr: 10.0.0.0/8}", .cidr([try #require(CIDRBlock("10.0.0.0/8"))])),
      (
        "{cidr: [10.0.0.0/8, \"2001:db8::/32\"]}",
        .cidr([
          try #require(CIDRBlock("10.0.0.0/8")), try #require(CIDRBlock("2001:db8::/32")),
        ])
      ),
      (
        "{prefix: a, suffix: b}",
        .all([.prefix("a", ignoreCase: false), .suffix("b", ignoreCase: false)])
      ),
    ]
    for (text, condition) in cases {
      let found = try filter("{ payload.x: \(text) }")
      #expect(found.lines == [])
      #expect(found.filter?.entries.map(\.condition) == [condition])
      #expect(found.filter?.entries.first?.path == DotPath("payload.x"))
    }
  }

  @Test func `the filter of the reference`() throws {
    let text = """
      {
              provenance.platform_event: [pull_request.opened, { prefix: "issues." }],
              provenance.author: { anything-but: ["renovate[bot]"] },
              payload.priority: { numeric: [">=", 2] },
              payload.labels: urgent,            # any label
              $or: [
                { provenance.repo: acme/api },
                { payload.path: { suffix: ".sql" } } ] }
      """
    let found = try filter(text)
    #expect(found.lines == [])
    #expect(found.filter?.entries.count == 4)
    #expect(
      found.filter?.anyOf.map { $0.entries.map(\.condition) } == [
        [.equals("acme/api")], [.suffix(".sql", ignoreCase: false)],
      ])
    #expect(
      found.filter?.entries.first?.shown == #"["pull_request.opened",{"prefix":"issues."}]"#)
  }

  @Test(arguments: [
    (
      "{ payload: { user: x } }",
      "error[key.type] when.filter payload: a map holds operators; to look inside a map, write "
        + "the path with dots"
    ),
    (
      "{ a: { prefx: x } }",
      #"error[key.unknown-value] when.filter a: unknown operator "prefx"; did you mean "prefix"?"#
    ),
    (
      "{ a..b: x }",
      "error[key.type] when.filter a..b: not a path: segments between dots must not be empty"
    ),
    ("{ a: [] }", "error[key.type] when.filter a: an empty list never holds"),
    (
      "{ a: [[x]] }",
      "error[key.type] when.filter a: a list holds scalars and operator maps, not lists"
    ),
    (
      "{ a: { regex: \"(\" } }",
      "error[key.type] when.filter a.regex: missing closing parenthesis at character 2"
    ),
    (
      "{ a: { regex: \"(a)\\\\1\" } }",
      "error[key.type] when.filter a.regex: back-references are not supported"
    ),
    (
      "{ a: { numeric: [5] } }",
      #"error[key.type] when.filter a.numeric: takes a list such as [">", 0, "<=", 5]"#
    ),
    (
      "{ a: { numeric: [\"=>\", 5] } }",
      #"error[key.type] when.filter a.numeric: takes a list such as [">", 0, "<=", 5]; "#
        + "comparisons are = != < <= > >="
    ),
    (
      "{ a: { cidr: 10.0.0.0/40 } }",
      #"error[key.type] when.filter a.cidr: "10.0.0.0/40" is no address block such as 10.0.0.0/8"#
    ),
    (
      "{ a: { exists: maybe } }",
      "error[key.type] when.filter a.exists: must be true or false, not a string"
    ),
    (
      "{ a: { prefix: 5 } }",
      #"error[key.type] when.filter a.prefix: must be a string, not a number; write "5" in quotes"#
    ),
    (
      "{ a: { anything-but: { regex: x } } }",
      #"error[key.unknown-value] when.filter a.anything-but: takes only prefix, suffix, wildcard, "#
        + #"equals-ignore-case, not "regex""#
    ),
    (
      "{ $or: [{ $or: [] }] }",
      "error[key.type] when.filter.$or: $or stands only at the top level"
    ),
  ])
  func `a wrong filter is an error`(_ text: String, _ line: String) throws {
    let lines = try filter(text).lines
    #expect(lines.count == 1)
    #expect(lines.first?.hasSuffix(line) ?? false, "\(lines)")
  }

  // MARK: Delivery

  @Test func `the delivery block of the reference`() throws {
    let found = try load(
      """
      then: { actor: chat }
          delivery:
            max_rate: 100/s
            queue_depth: 5000
            overflow: park
            concurrency: 2
            order_key: payload.pr_number
            timeout: 20s
            retry: { max_attempts: 3, backoff: exponential, initial_delay: 1s, max_delay: 60s,
              jitter: full }
            circuit_breaker: { failure_threshold: 5, cooldown: 30s }
      """)
    #expect(found.lines == [])
    #expect(
      found.route?.delivery
        == DeliveryPolicy(
          ratePerSecond: 100, queueDepth: 5_000, overflow: .park, concurrency: 2,
          orderKey: DotPath("payload.pr_number"), timeoutMs: 20_000,
          retry: RetryPolicy(attemptsMax: 3, jitter: .full)))
    #expect(found.route?.hasOwnLane == true)
  }

  @Test func `leaves come from route, actor, defaults, and the built-in values`() throws {
    let project = try TestProject([
      "orgloop.yaml": header + """
        defaults:
          delivery: { timeout: 3s, concurrency: 3, retry: { max_attempts: 3, backoff: fixed } }
        sources: [{ id: hook, connector: webhook }]
        actors:
          - id: chat
            connector: openclaw
            delivery: { concurrency: 2, retry: { initial_delay: 2s },
              circuit_breaker: { cooldown: 9s } }
        routes:
          - name: r
            when: { source: hook }
            then: { actor: chat, delivery: { retry: { initial_delay: 1s } } }
          - name: own
            when: { source: hook }
            then: { actor: chat }
            delivery: { circuit_breaker: false }
        """
    ])
    let loaded = project.load()
    #expect(loaded.lines == [])
    let routes = try #require(loaded.module("default")).routes
    let expected = DeliveryPolicy(
      concurrency: 2, timeoutMs: 3_000,
      retry: RetryPolicy(attemptsMax: 3, backoff: .fixed, initialDelayMs: 1_000),
      breaker: BreakerPolicy(cooldownMs: 9_000))
    #expect(routes[0].delivery == expected)
    #expect(routes[0].delivery.retry.jitter == .off)
    #expect(!routes[0].hasOwnLane)
    #expect(routes[1].delivery.breaker == nil)
    #expect(routes[1].hasOwnLane)
    #expect(loaded.module("default")?.actors.first?.delivery.retry.initialDelayMs == 2_000)
  }

  @Test(arguments: [
    ("max_rate: 1/s", true), ("queue_depth: 1", true), ("overflow: block", true),
    ("concurrency: 1", true), ("circuit_breaker: {}", true), ("timeout: 1s", false),
    ("order_key: a", false), ("retry: { max_attempts: 1 }", false), ("max_rate: null", false),
  ])
  func `a route has its own lane when it sets a limit`(_ leaf: String, _ own: Bool) throws {
    let found = try load("then: { actor: chat, delivery: { \(leaf) } }")
    #expect(found.lines == [])
    #expect(found.route?.hasOwnLane == own)
  }

  @Test(arguments: [
    ("max_rate: 10", "max_rate: a rate is a positive number per s, m, h or d, such as \"10/m\""),
    ("max_rate: 0/s", "max_rate: a rate is a positive number per s, m, h or d, such as \"10/m\""),
    ("queue_depth: 0", "queue_depth: must be from 1 to 10000000"),
    ("overflow: drop", "overflow: \"drop\" is none of drop_oldest, drop_newest, block, park"),
    ("timeout: 20", "timeout: a duration needs a unit: \"20s\", \"20m\", …"),
    ("timeout: 1s1h", "timeout: units of a duration come once each, the largest first"),
    ("timeout: 4000d", "timeout: a duration is at most 10 years (3650d)"),
    (
      "timeout: 1 s",
      "timeout: a duration is numbers with units d h m s ms, such as \"30s\" or \"1h30m\""
    ),
    ("retry: { jitter: 2 }", "retry.jitter: must be full, none, or a number from 0 to 1"),
    (
      "circuit_breaker: off",
      "circuit_breaker: must be a map, or false to switch it off, not a string"
    ),
    ("max_starts: 0/h", "max_starts: must be a whole number per s, m, h or d, such as \"100/h\""),
    ("max_starts: 5", "max_starts: must be a whole number per s, m, h or d, such as \"100/h\""),
    ("order_key: a..b", "order_key: not a path: segments between dots must not be empty"),
  ])
  func `a wrong delivery leaf is an error`(_ leaf: String, _ message: String) throws {
    let lines = try load("then: { actor: chat, delivery: { \(leaf) } }").lines
    #expect(lines.count == 1)
    #expect(lines.first?.hasSuffix("] then.delivery." + message) ?? false, "\(lines)")
  }

  @Test func `a budget of starts may stand wherever delivery does`() throws {
    let found = try load("then: { actor: chat, delivery: { max_starts: 100/h } }")
    #expect(found.lines == [])
    #expect(found.route?.delivery.starts == StartLimit(count: 100, periodMs: 3_600_000))
    // It is the actor's: no reason for a queue of its own.
    #expect(found.route?.hasOwnLane == false)
  }

  @Test func `an inbox has its time and its batch`() throws {
    let found = try load(
      "then: { actor: chat, config: { inbox: true, session_key: k, inbox_ttl: 2h, inbox_max_batch: 7 } }"
    )
    #expect(found.lines == [])
    #expect(found.route?.inbox == InboxPolicy(ttlMs: 7_200_000, batchMax: 7))
    #expect(try load("then: { actor: chat, config: { inbox: false } }").route?.inbox == nil)
  }

  // MARK: Transforms

  private let transforms = """

    transforms:
      - { name: clean, type: script, script: scripts/clean.sh, timeout: 2s,
          config: { a: 1, b: 2 }, env: [LANG_X] }
      - { name: pick, type: "@orgloop/transform-filter", on_error: pass,
          config: { match: { x: 1 } } }
    """

  @Test func `transforms are resolved with the route's words above the definition's`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed(
        then: """
          then: { actor: chat }
              transforms:
                - { ref: clean, config: { b: 3, c: 4 }, on_error: halt }
                - pick
          """) + transforms,
      "scripts/clean.sh": "#!/bin/sh\n",
    ])
    let loaded = project.load(environment: ["LANG_X": "de"])
    #expect(loaded.lines == [])
    let steps = try #require(loaded.module("default")?.routes.first).transforms
    #expect(steps.map(\.name) == ["clean", "pick"])
    #expect(
      steps.map(\.kind) == [.script(project.path("scripts/clean.sh")), .package("filter")])
    #expect(steps[0].config.keys == ["a", "b", "c"])
    #expect(steps[0].config == ["a": 1, "b": 3, "c": 4])
    #expect(steps.map(\.timeoutMs) == [2_000, 30_000])
    #expect(steps.map(\.onError) == [.halt, .pass])
    #expect(steps.map(\.environment) == [["LANG_X": "de"], [:]])
  }

  @Test func `a script must be there, executable, and nobody else's to change`() throws {
    let text = header + "transforms: [{ name: t, type: script, script: t.sh }]\n"
    let project = try TestProject(["orgloop.yaml": text])
    func found() -> String? { project.load().lines.last }
    #expect(found() == "orgloop.yaml:4:47: error[script.missing] transform.script: no file t.sh")
    try project.write("t.sh", [], mode: 0o644)
    #expect(
      found()
        == "orgloop.yaml:4:47: error[script.not-executable] transform.script: t.sh is not "
        + "executable; run chmod +x")
    try project.write("t.sh", [], mode: 0o775)
    #expect(
      found()
        == "orgloop.yaml:4:47: error[script.not-executable] transform.script: t.sh can be changed "
        + "by others; run chmod go-w")
    for (content, problem) in [
      ("", "is empty"), ("cat\n", "does not begin with #! and an interpreter, such as #!/bin/sh"),
      ("#!/bin/sh\r\ncat\r\n", "has a first line that ends with CR LF; save it with LF"),
    ] {
      try project.write("t.sh", Array(content.utf8), mode: 0o755)
      #expect(
        found()
          == "orgloop.yaml:4:47: error[script.not-executable] transform.script: t.sh \(problem)")
    }
    // A program of a kind that the machine may know.
    try project.write("t.sh", [0x00, 0x61, 0x73, 0x6D], mode: 0o755)
    #expect(found()?.contains("error") == false)
    try project.write("t.sh", Array("#!/bin/sh\n".utf8), mode: 0o755)
    #expect(
      found()
        == "orgloop.yaml:4:14: warning[graph.orphan-transform] transform \"t\" is used by no route"
    )
  }

  @Test func `a jq filter needs jq`() throws {
    let project = try TestProject([
      "orgloop.yaml": header
        + "transforms: [{ name: t, type: filter, config: { jq: . } }]\n",
      "bin/jq.sh": "",
    ])
    #expect(
      project.load(environment: ["PATH": project.path("bin")]).lines.last
        == "orgloop.yaml:4:49: error[jq.missing] jq: no program \"jq\" on PATH")
    try project.write("bin/jq", [], mode: 0o755)
    #expect(
      project.load(environment: ["PATH": project.path("bin")]).diagnostics.map(\.code)
        == ["graph.orphan-transform"])
  }

  // MARK: Prompts

  @Test(
    arguments: [
      ("text\n", "text\n", nil), ("---\na: 1\n---\nrest", "rest", ["a": 1]),
      ("--- \r\na: 1\r\n---\r\nrest\r\n", "rest\r\n", ["a": 1]),
      ("---\n: [\n---\nrest", "rest", nil), ("---\n- a\n---\nrest", "rest", nil),
      ("---\nno end\n", "---\nno end\n", nil), ("---\na: 1\n---", "", ["a": 1]), ("", "", nil),
      (" ---\na: 1\n---\n", " ---\na: 1\n---\n", nil), ("---\n---\nrest", "rest", nil),
    ] as [(String, String, JSONValue)])
  func `front matter is taken off`(_ text: String, _ body: String, _ meta: JSONValue) {
    let found = PromptText.split(text)
    #expect(found.body == body)
    #expect((found.frontMatter.map(PromptReader.metadata(ofFrontMatter:)) ?? .null) == meta)
  }

  @Test func `a changed prompt or script changes the hash`() throws {
    let project = try TestProject([
      "orgloop.yaml": routed(
        then: """
          then: { actor: chat }
              with: { prompt_file: p.md }
              transforms: [clean]
          """) + transforms.replacing(", env: [LANG_X]", with: ""),
      "p.md": "one", "scripts/clean.sh": "#!/bin/sh\n",
    ])
    func hash() throws -> String { try #require(project.load().module("default")).contentHash }
    let first = try hash()
    #expect(try hash() == first)
    try project.write("p.md", "two")
    let second = try hash()
    #expect(second != first)
    try project.write("scripts/clean.sh", "#!/bin/sh\nexit 1\n")
    #expect(try hash() != second)
  }
}
