import Engine
import Testing

@Suite struct RouterIndexTests {
  /// Evaluates every route in order, as config.md 6.2 says and nothing cleverer.
  private func plainly(_ table: RouteTable, _ event: EventView) -> RoutingDecision {
    var decision = RoutingDecision()
    for entry in table.entries {
      let isOfSource = entry.route.sources.contains {
        ($0.module ?? entry.module) == event.module && $0.id == event.source
      }
      guard isOfSource else { continue }
      guard let (place, actual) = firstFailure(entry.route, event) else {
        decision.matches.append(entry.index)
        continue
      }
      if decision.nonMatches.count < Limits.nonMatchesMax {
        decision.nonMatches.append(
          .init(
            route: entry.index, condition: entry.conditions.lowerBound + place, actual: actual))
      } else {
        decision.furtherNonMatches += 1
      }
    }
    return decision
  }

  private func firstFailure(
    _ route: RouteDefinition, _ event: EventView
  ) -> (place: Int, actual: String?)? {
    var place = 0
    if let types = route.types {
      if !types.contains(event.type) { return (0, event.type.rawValue) }
      place = 1
    }
    for entry in route.filter.entries {
      let slice = event.slice(at: entry.path)
      if entry.condition.verdict(for: slice) != .holds {
        return (place, slice?.excerpt(characters: 64, ofEnd: entry.condition.isAboutEnd))
      }
      place += 1
    }
    let alternatives = route.filter.anyOf
    let holds = alternatives.contains { filter in
      filter.entries.allSatisfy { $0.condition.verdict(for: event.slice(at: $0.path)) == .holds }
    }
    return alternatives.isEmpty || holds ? nil : (place, "no alternative holds")
  }

  private let paths = ["payload.k", "payload.l", "payload.n.x", "provenance.platform", "type", "x"]
  private let scalars: [JSONValue] = [
    "a", "b", "é", "e\u{301}", 1, .number(JSONNumber(validText: "1.0")), 2, true, nil, "1",
  ]

  private func condition(_ random: inout JSONRandom) -> Condition {
    let value = random.pick(scalars, else: nil)
    switch random.number(below: 10) {
    case 0...3: return .equals(value)
    case 4, 5:
      return .any((0...random.number(below: 3)).map { _ in .equals(random.pick(scalars, else: 1)) })
    case 6: return .anythingBut([.equals(value)])
    case 7: return .all([.exists(true), .equals(value)])
    case 8: return .any([.equals(value), .prefix("a", ignoreCase: true)])
    default: return .exists(random.number(below: 2) == 0)
    }
  }

  private func filter(_ random: inout JSONRandom, below bound: Int) -> Filter {
    Filter(
      entries: (0..<random.number(below: bound)).map { _ in
        entry(random.pick(paths, else: "x"), condition(&random))
      })
  }

  private func randomTable(_ random: inout JSONRandom) -> RouteTable {
    let sources = ["src", "src", "src", "other"].map { SourceReference(id: $0) }
    let crowd = random.pick([5, 40, 200], else: 5)
    let modules = ["m", "n"].map { name in
      let routes = (0..<crowd).map { number in
        var definition = route(
          "r\(number)", from: [random.pick(sources, else: SourceReference(id: "src"))],
          types: random.number(below: 3) == 0
            ? [random.pick(EventType.allCases, else: .actorStopped)] : nil)
        if name == "n" { definition.sources.append(SourceReference(module: "m", id: "src")) }
        definition.filter = filter(&random, below: 4)
        if random.number(below: 4) == 0 {
          definition.filter.anyOf = (0...random.number(below: 3)).map { _ in
            filter(&random, below: 3)
          }
        }
        return definition
      }
      return ModuleDefinition(name: name, routes: routes)
    }
    return RouteTable(modules: modules)
  }

  private func randomEvent(_ random: inout JSONRandom) -> EventView {
    func value(_ random: inout JSONRandom) -> JSONValue {
      let scalar = random.pick(scalars, else: 1)
      guard random.number(below: 4) == 0 else { return scalar }
      return .array((0..<random.number(below: 4)).map { _ in random.pick(scalars, else: 1) })
    }
    var payload: JSONObject = ["n": ["x": value(&random)]]
    if random.number(below: 4) > 0 { payload["k"] = value(&random) }
    if random.number(below: 2) > 0 { payload["l"] = value(&random) }
    return event(
      .object(payload), provenance: ["platform": .string(random.pick(["a", "b"], else: "a"))],
      source: random.pick(["src", "src", "other"], else: "src"),
      type: random.pick(EventType.allCases, else: .actorStopped),
      extra: random.number(below: 2) == 0 ? json(#"{"x":"a"}"#) : nil)
  }

  @Test(arguments: 0..<60 as Range<UInt64>)
  func `the index decides as evaluating every route does`(seed: UInt64) {
    var random = JSONRandom(seed: seed)
    let table = randomTable(&random)
    for _ in 0..<20 {
      let event = randomEvent(&random)
      var decision = table.route(event)
      #expect(table.route(event) == decision)
      decision.conditionsEvaluated = 0
      #expect(decision == plainly(table, event), "\(event.payload)")
    }
  }

  @Test(arguments: 0..<4)
  func `ten thousand routes on one source cost at most twice what ten cost`(shape: Int) {
    func routes(_ count: Int) -> [RouteDefinition] {
      (0..<count).map { number in
        let own = JSONValue("k\(number)")
        let platform = entry("provenance.platform", .equals("test"))
        let entries =
          switch shape {
          case 0: [entry("payload.kind", .equals(own))]
          case 1:
            [
              platform,
              entry("payload.kind", .any([.equals(own), .equals(JSONValue("k-\(number)"))])),
            ]
          case 2: [entry("payload.kind", .equals(own)), entry("payload.f\(number)", .exists(true))]
          default: [platform]
          }
        let anyOf =
          shape == 3
          ? [
            Filter(entries: [entry("payload.kind", .equals(own))]),
            Filter(entries: [entry("payload.other", .equals(own))]),
          ] : []
        return route("r\(number)", types: [.resourceChanged], entries, anyOf: anyOf)
      }
    }
    let (small, large) = (table(routes(10)), table(routes(10_000)))
    for view in [event(["kind": "k7", "f7": 1]), event(["kind": "none"]), event()] {
      let (few, many) = (small.route(view), large.route(view))
      #expect(many.matches == few.matches)
      #expect(many.conditionsEvaluated <= 2 * few.conditionsEvaluated)
      #expect(few.conditionsEvaluated > 0)
      #expect(many.nonMatches.count == 32)
      #expect(many.furtherNonMatches == 10_000 - 32 - many.matches.count)
    }
  }

  @Test func `routes of other types and sources cost nothing`() {
    let others = (0..<1_000).map { number in
      route(
        "o\(number)", from: [SourceReference(id: number.isMultiple(of: 2) ? "src" : "other")],
        types: [.actorStopped], [entry("payload.x", .exists(true))])
    }
    let decision = table(others + [route("mine", [entry("payload.k", .equals(1))])])
      .route(event(["k": 1, "x": 1]))
    #expect(decision.matches == [1_000])
    #expect(decision.conditionsEvaluated == 2)
    #expect(decision.nonMatches.count == 32)
  }
}
