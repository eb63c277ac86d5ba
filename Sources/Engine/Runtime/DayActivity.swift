import Store

/// What routes and actors have done within a day, the busiest first (cli-http.md 2.2, `status`).
struct DayActivity {
  /// 10: what is looked at in one glance; `inspect` has the others.
  static let shownMax = 10

  private struct Name: Hashable {
    let module: String
    let name: String
  }

  private let routes: [(name: Name, isEnabled: Bool)]
  private let actors: [(name: Name, isEnabled: Bool)]
  private var routeCounts: [Name: [String: Int]] = [:]
  private var actorCounts: [Name: [String: Int]] = [:]
  private let isMinimum: Bool

  /// - Parameter modules: Those at work; what others have done is not shown.
  init(_ modules: [ModuleDefinition], _ day: DayCounts) {
    routes = modules.flatMap { module in
      module.routes.map { (Name(module: module.name, name: $0.name), $0.isEnabled) }
    }
    actors = modules.flatMap { module in
      module.actors.map { (Name(module: module.name, name: $0.id), $0.isEnabled) }
    }
    isMinimum = day.isMinimum
    for each in day.counts {
      let route = Name(module: each.module, name: each.route)
      let actor = Name(module: each.actorModule, name: each.actor)
      routeCounts[route, default: [:]][each.state, default: 0] += each.count
      actorCounts[actor, default: [:]][each.state, default: 0] += each.count
    }
  }

  /// `{routes [{name, module, enabled, counts_24h {delivered, dropped, skipped, dead}}], actors,
  /// routes_more, actors_more, counts_at_least}`.
  var json: JSONObject {
    [
      "routes": .array(DayActivity.busiest(routes, routeCounts, key: "name")),
      "routes_more": JSONValue(max(routes.count - DayActivity.shownMax, 0)),
      "actors": .array(DayActivity.busiest(actors, actorCounts, key: "id")),
      "actors_more": JSONValue(max(actors.count - DayActivity.shownMax, 0)),
      "counts_at_least": .bool(isMinimum),
    ]
  }

  private static let states = ["delivered", "dropped", "skipped", "dead"]

  private static func busiest(
    _ objects: [(name: Name, isEnabled: Bool)], _ counts: [Name: [String: Int]], key: String
  ) -> [JSONValue] {
    let totals = counts.mapValues { $0.values.reduce(0, +) }
    func total(_ name: Name) -> Int { totals[name] ?? 0 }
    // Those that did nothing stay in the order of the files: there may be thousands.
    let busy = objects.filter { total($0.name) > 0 }.sorted { left, right in
      (total(right.name), left.name.module, left.name.name)
        < (total(left.name), right.name.module, right.name.name)
    }
    let idle = objects.lazy.filter { total($0.name) == 0 }.prefix(
      shownMax - min(busy.count, shownMax))
    return (busy.prefix(shownMax) + idle).map { object in
      let own = counts[object.name] ?? [:]
      return [
        key: .string(object.name.name), "module": .string(object.name.module),
        "enabled": .bool(object.isEnabled),
        "counts_24h": .object(
          JSONObject(
            states.map { JSONObject.Member(key: $0, value: JSONValue(own[$0] ?? 0)) })),
      ]
    }
  }
}
