import Engine
import Testing

@Suite struct RouterTests {
  @Test func `every route of the source that holds fires, in route order`() {
    let table = table([
      route("all"), route("other", from: [SourceReference(id: "elsewhere")]),
      route("b", [entry("payload.k", .equals("b"))]),
      route("a", [entry("payload.k", .equals("a"))]),
      route("a too", [entry("payload.k", .equals("a")), entry("payload.n", .exists(true))]),
      route("last", [entry("payload.k", .anythingBut([.equals("b")]))]),
    ])
    #expect(table.names(event(["k": "a", "n": 1])) == ["all", "a", "a too", "last"])
    #expect(table.names(event(["k": "b"])) == ["all", "b"])
    #expect(table.names(event(["k": ["a", "b"]])) == ["all", "b", "a"])
    #expect(table.names(event()) == ["all"])
    #expect(table.names(event(source: "elsewhere")) == ["other"])
    #expect(table.names(event(source: "nowhere")) == [])
    #expect(table.route(event(module: "n")) == RoutingDecision())
  }

  @Test func `a route sees its own module's sources and those it names`() {
    let table = RouteTable(modules: [
      ModuleDefinition(
        name: "A",
        routes: [
          route("own"), route("theirs", from: [SourceReference(module: "B", id: "src")]),
          route(
            "both", from: [SourceReference(id: "src"), SourceReference(module: "B", id: "src")]),
          route("system", from: [SourceReference(id: "orgloop")]),
          route(
            "twice", from: [SourceReference(id: "src"), SourceReference(module: "A", id: "src")]),
          route("absent", from: [SourceReference(module: "gone", id: "src")]),
        ]),
      ModuleDefinition(name: "B", alias: "acme", routes: [route("B own")]),
      ModuleDefinition(
        name: "C", routes: [route("by alias", from: [SourceReference(module: "acme", id: "src")])]),
    ])
    #expect(table.names(event(module: "A")) == ["own", "both", "twice"])
    #expect(table.names(event(module: "B")) == ["theirs", "both", "B own", "by alias"])
    #expect(table.names(event(source: "orgloop", module: "A")) == ["system"])
    #expect(table.names(event(source: "orgloop", module: "B")) == [])
    #expect(table.names(event(module: "gone")) == ["absent"])
    #expect(table.entries.map(\.module) == ["A", "A", "A", "A", "A", "A", "B", "C"])
    #expect(table.entries.map(\.index) == Array(0..<8))
  }

  @Test func `disabled routes are not there`() {
    let table = table([route("off", isEnabled: false), route("on")])
    #expect(table.names(event()) == ["on"])
    #expect(table.entries.count == 1)
    #expect(table.route(event()).nonMatches.isEmpty)
  }

  @Test func `a filter reads every field of the event but its id`() {
    let view = event(
      ["list": [1, 2]], provenance: ["platform": "github", "author": "dana"],
      type: .messageReceived, extra: json(#"{"metadata":{"tier":"gold"},"payload":"no"}"#),
      traceID: "trc_1")
    let holding: [(String, JSONValue)] = [
      ("source", "src"), ("module", "m"), ("type", "message.received"), ("trace_id", "trc_1"),
      ("timestamp", "2026-03-04T05:06:07.089Z"), ("provenance.author", "dana"),
      ("payload.list", 2), ("payload.list.length", 2), ("metadata.tier", "gold"),
      ("source.length", 3), ("event.payload.list.0", 1),
    ]
    for (path, value) in holding {
      let table = table([route("r", [entry(path, .equals(value))])])
      #expect(table.names(view) == ["r"], "\(path)")
    }
    for missing in ["id", "author", "metadata.tier.x", "payload.list.2", "source.x"] {
      #expect(table([route("r", [entry(missing, .exists(false))])]).names(view) == ["r"])
    }
    #expect(event().slice(at: path("trace_id")) == nil)
    #expect(event().slice(at: path("metadata")) == nil)
  }

  @Test func `all entries hold, and one alternative of an or`() {
    let table = table([
      route(
        "r", [entry("payload.a", .equals(1))],
        anyOf: [
          Filter(entries: [entry("payload.b", .equals(2)), entry("payload.c", .equals(3))]),
          Filter(entries: [entry("payload.d", .equals(4))]),
        ])
    ])
    #expect(table.names(event(["a": 1, "b": 2, "c": 3])) == ["r"])
    #expect(table.names(event(["a": 1, "d": 4])) == ["r"])
    #expect(table.names(event(["a": 1, "b": 2])) == [])
    #expect(table.names(event(["a": 1])) == [])
    #expect(table.names(event(["d": 4])) == [])
    #expect(
      table.reasons(event(["a": 1])) == [
        "r: $or [{payload.b: 2, payload.c: 3}, {payload.d: 4}], was no alternative holds"
      ])
  }

  @Test func `an or alone is enough, and an alternative without entries always holds`() {
    let either = table([
      route(
        "r",
        anyOf: [
          Filter(entries: [entry("payload.a", .equals(1))]),
          Filter(entries: [entry("payload.b", .prefix("x", ignoreCase: false))]),
        ]), route("always", anyOf: [Filter(), Filter(entries: [entry("payload.a", .equals(1))])]),
    ])
    #expect(either.names(event(["a": 1])) == ["r", "always"])
    #expect(either.names(event(["b": "xy"])) == ["r", "always"])
    #expect(either.names(event(["b": "y"])) == ["always"])
  }

  @Test func `the record names the first condition that failed and what was there`() {
    let table = table([
      route("type", types: [.actorStopped, .messageReceived], [entry("payload.k", .equals("x"))]),
      route("first", [entry("payload.n", .equals(2)), entry("payload.k", .equals("z"))]),
      route("second", [entry("payload.n", .exists(true)), entry("payload.k", .equals("z"))]),
      route("absent", [entry("payload.gone", .equals("z"))]), route("match"),
      route("map", [entry("payload.map", .equals("z"))]),
      route(
        "shown", [Filter.Entry(path: path("payload.k"), condition: .equals("s"), shown: "***")]),
    ])
    let view = event(["n": 1, "k": "a", "map": ["x": [1, 2]]])
    #expect(
      table.reasons(view) == [
        #"type: type ["actor.stopped","message.received"], was resource.changed"#,
        "first: payload.n 2, was 1", #"second: payload.k "z", was a"#,
        #"absent: payload.gone "z", was absent"#, #"map: payload.map "z", was {"x":[1,2]}"#,
        "shown: payload.k ***, was a",
      ])
    #expect(table.names(view) == ["match"])
  }

  @Test func `condition numbers are unique in the table and lead to their texts`() {
    let table = table([
      route("a", types: [.actorStopped], [entry("payload.x", .equals(1))]), route("b"),
      route("c", [entry("payload.x", .equals(1))], anyOf: [Filter()]),
    ])
    #expect(table.conditions.map(\.index) == Array(0..<4))
    #expect(table.conditions.map(\.route) == [0, 0, 2, 2])
    #expect(table.conditions.map(\.path) == ["type", "payload.x", "payload.x", "$or"])
    #expect(table.entries.map(\.conditions) == [0..<2, 2..<2, 2..<4])
  }

  @Test func `what was there is cut to 64 characters`() {
    let table = table([route("r", [entry("payload", .equals("x"))])])
    for value: JSONValue in [
      .string(String(repeating: "é", count: 500)),
      ["k": .string(String(repeating: "é", count: 500))],
    ] {
      let actual = table.route(event(value)).nonMatches.first?.actual
      #expect(actual?.unicodeScalars.count == 65)
      #expect(actual?.hasSuffix("é…") == true)
    }
  }

  @Test func `32 reasons are listed and the rest is counted`() {
    let routes = (0..<100).map { number in
      route("r\(number)", [entry("payload.k", .equals(JSONValue(number)))])
    }
    let decision = table(routes).route(event(["k": 20]))
    #expect(decision.matches == [20])
    #expect(decision.nonMatches.map(\.route) == Array(0..<20) + Array(21..<33))
    #expect(decision.furtherNonMatches == 67)
    let few = table(Array(routes[..<33])).route(event(["k": 20]))
    #expect(few.nonMatches.count == 32)
    #expect(few.furtherNonMatches == 0)
  }

  @Test func `a regular expression at its limit is reported with its route`() throws {
    let slow = Condition.regex(try RegexPattern("(a+)+$"))
    let table = table([
      route("one", [entry("payload.k", .equals(1)), entry("payload.s", slow)]),
      route("two", [entry("payload.s", slow)]),
      route("three", anyOf: [Filter(entries: [entry("payload.s", slow)])]),
      route("ruled out", [entry("payload.k", .equals(2)), entry("payload.s", slow)]),
      route("either", [entry("payload.s", .any([slow, .exists(true)]))]),
    ])
    let text = JSONValue(String(repeating: "a", count: 50) + "!")
    let decision = table.route(event(["k": 1, "s": text]))
    #expect(decision.matches == [4])
    #expect(decision.regexLimits == [1, 2, 3])
    #expect(decision.nonMatches.map(\.condition) == [1, 2, 3, 4])
    #expect(decision.nonMatches.map(\.isRegexLimit) == [true, true, true, false])
    #expect(table.route(event(["k": 1, "s": "aa"])).regexLimits == [])
  }

  @Test func `a value that is cut is marked, and a suffix shows its end`() {
    let long = String(repeating: "a", count: 70)
    let table = table([
      route("r", [entry("payload.s", .prefix("x", ignoreCase: false))]),
      route("t", [entry("payload.s", .suffix(".sql", ignoreCase: false))]),
    ])
    let decision = table.route(event(["s": .string(long + ".json")]))
    #expect(
      decision.nonMatches.map(\.actual) == [
        String(repeating: "a", count: 64) + "…",
        "…" + String(repeating: "a", count: 59) + ".json",
      ])
  }

  @Test func `a list of many values takes no longer than one for a regular expression`() throws {
    let slow = Condition.regex(try RegexPattern("(a+)+$"))
    let value = JSONValue(String(repeating: "a", count: 60) + "!")
    let list = JSONValue.array(Array(repeating: value, count: 100_000))
    let table = table([
      route("slow", [entry("payload.s", slow)]),
      route("ordinary", [entry("payload.t", .regex(try RegexPattern("^o")))]),
    ])
    let decision = table.route(event(["s": list, "t": "ok"]))
    #expect(decision.matches == [1])
    #expect(decision.nonMatches.map(\.isRegexLimit) == [true])
  }

  @Test func `routes whose expressions use up an event's steps leave some to the others`() throws {
    let routes = try (0..<200).map { number in
      route("r\(number)", [entry("payload.s", .regex(try RegexPattern("(a+)+(?:\(number)|$)")))])
    }
    let ordinary = route("ordinary", [entry("payload.t", .regex(try RegexPattern("^o")))])
    let text = JSONValue(String(repeating: "a", count: 60) + "!")
    let decision = table(routes + [ordinary]).route(event(["s": text, "t": "ok"]))
    #expect(decision.matches == [200])
    #expect(decision.regexLimits.count == 200)
  }

  @Test(
    arguments: [
      ("text", "text"), (12, "12"), (.number(JSONNumber(1.5)), "1.5"), (true, "true"),
      (["a": [1, 2]], #"{"a":[1,2]}"#),
      ("", ""), (nil, nil),
    ] as [(JSONValue, String?)])
  func `an order key is the text of the value`(value: JSONValue, key: String?) {
    #expect(OrderKey.value(of: event(["k": value]), at: path("payload.k")) == key)
    #expect(OrderKey.value(of: event(), at: path("payload.k")) == nil)
  }

  @Test func `a long order key is bounded and still tells values apart`() {
    func key(_ text: String) -> String? {
      OrderKey.value(of: event(.string(text)), at: path("payload"))
    }
    let long = String(repeating: "é", count: 256)
    #expect(key(long) == long)
    let keys = ["x", "y"].map { key(long + $0) ?? "" }
    #expect(keys[0] != keys[1])
    #expect(keys[0] == key(long + "x"))
    #expect(keys.allSatisfy { $0.utf8.count == 512 && $0.hasPrefix(long.prefix(224)) })
    #expect((key("a" + long) ?? "").utf8.count == 511)
  }
}
