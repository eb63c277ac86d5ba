import Engine

/// What deciding where one event goes costs with 10,000 routes, against 10.
///
/// Every route asks for a kind of its own and for one of ten platform events. Arguments: events per
/// measurement, rounds.
enum RoutingBenchmark {
  /// How many routes there are, dealt out to that many sources.
  private struct Layout {
    let routes: Int
    let sources: Int
  }

  /// What is asked of one table.
  private struct Subject {
    let table: RouteTable
    let views: [EventView]
    let matches: Int
  }

  private static let few = Layout(routes: 10, sources: 1)
  private static let viewCount = 1_000

  static func run(_ arguments: [String]) async throws {
    let events = Workbench.number(arguments, 0, default: 200_000)
    let rounds = Workbench.number(arguments, 1, default: 5)
    print(Workbench.load)
    let crowded = Layout(routes: 10_000, sources: 1)
    let spread = Layout(routes: 10_000, sources: 1_000)
    for (name, many) in [("one source", crowded), ("1,000 sources", spread)] {
      for matches in [1, 0] {
        let subjects = (
          few: try subject(few, matches: matches), many: try subject(many, matches: matches)
        )
        var costs = (few: [Double](), many: [Double]())
        for _ in 0..<rounds {
          costs.few.append(cost(subjects.few, events))
          costs.many.append(cost(subjects.many, events))
        }
        report("\(name), \(matches) match", costs.few, costs.many)
      }
    }
  }

  private static func report(_ name: String, _ few: [Double], _ many: [Double]) {
    let (few, many) = (Workbench.median(few), Workbench.median(many))
    print(
      "\(name)\t10 routes \(Workbench.count(few)) ns\t10,000 routes \(Workbench.count(many)) ns",
      "\tratio \(Workbench.format(many / few))")
  }

  /// Nanoseconds per decision.
  private static func cost(_ subject: Subject, _ events: Int) -> Double {
    var matches = 0
    let start = ContinuousClock.now
    for number in 0..<events {
      matches += subject.table.route(subject.views[number % viewCount]).matches.count
    }
    let duration = ContinuousClock.now - start
    precondition(matches == events * subject.matches, "\(matches) matches")
    return Workbench.seconds(duration) * 1_000_000_000 / Double(events)
  }

  private static func subject(_ layout: Layout, matches: Int) throws -> Subject {
    var module = ModuleDefinition(name: "default")
    module.routes = (0..<layout.routes).map { index in
      RouteDefinition(
        name: "route-\(index)", sources: [SourceReference(id: source(index, layout))],
        filter: Filter(entries: [
          Filter.Entry(
            path: DotPath(keys: ["payload", "kind"]), condition: .equals(.string("kind-\(index)"))
          ),
          Filter.Entry(
            path: DotPath(keys: ["provenance", "platform_event"]),
            condition: .equals(.string("event-\(index % 10)"))),
        ]),
        actor: ActorReference(id: "out"))
    }
    let views = try (0..<viewCount).map { number in
      // A prime apart, so that neighbours in time are not neighbours in the table.
      try view(of: number * 7_919 % layout.routes, layout, isMatching: matches == 1)
    }
    return Subject(table: RouteTable(modules: [module]), views: views, matches: matches)
  }

  private static func source(_ route: Int, _ layout: Layout) -> String {
    "in-\(route % layout.sources)"
  }

  /// An event of 1 KB for a route, or for none though its platform event is the route's.
  private static func view(
    of route: Int, _ layout: Layout, isMatching: Bool
  ) throws -> EventView {
    let provenance = #"{"platform":"bench","platform_event":"event-\#(route % 10)"}"#
    let payload = Workbench.payload(bytes: 1_024)
      .replacing("bench", with: isMatching ? "kind-\(route)" : "unknown")
    return EventView(
      source: source(route, layout), module: "default", type: .resourceChanged,
      timestampMs: 0, provenance: try JSONText(checking: Array(provenance.utf8)),
      payload: try JSONText(checking: Array(payload.utf8)))
  }
}
