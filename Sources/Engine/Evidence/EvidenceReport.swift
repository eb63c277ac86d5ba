/// What another configuration would have done with recorded events: a pure value.
package struct EvidenceReport: Sendable {
  /// A route by its module and name.
  package struct RouteName: Sendable, Hashable, Comparable {
    package let module: String
    package let route: String

    package static func < (left: RouteName, right: RouteName) -> Bool {
      (left.module, left.route) < (right.module, right.route)
    }
  }

  /// What becomes of an event on a route, in comparison.
  package enum Outcome: String, Sendable, CaseIterable { case same, new, gone, changed }

  package struct Example: Sendable {
    package let outcome: Outcome
    let sequence: Int64
    package let eventID: String
    package let acceptedAtMs: Int64
    package let source: String
    /// Why it is gone or new, or the paths of what differs.
    package let reason: String
  }

  package struct Route: Sendable {
    package var name: RouteName
    /// Events of the sources that the route hears, or heard.
    package var seen = 0
    package var counts: [Outcome: Int] = [:]
    /// At most ``examplesMax`` of each outcome, the newest first.
    package var examples: [Outcome: [Example]] = [:]
  }

  /// Actors whose answers would come back to them.
  package struct Loop: Sendable {
    /// `module/actor`, in the order in which they wake each other.
    package var actors: [String]
    package var routes: [RouteName]
    /// Recorded answers that would be sent on along it.
    package var events: Int
    package var example: String?
    /// It is not there with the configuration that runs.
    package var isNew: Bool
  }

  /// A source whose events nobody hears any more.
  package struct SilentSource: Sendable {
    package var module: String
    package var source: String
    package var events: Int
  }

  /// A transform that was taken to let everything pass.
  package struct Skipped: Sendable, Hashable {
    package var name: RouteName
    package var transform: String
    package var reason: String
  }

  /// 3: enough to see what kind of event it is.
  package static let examplesMax = 3

  package var events = 0
  /// Of the oldest and the newest event; nil where there is none.
  package var fromMs: Int64?
  package var toMs: Int64?
  package var routes: [Route] = []
  package var loops: [Loop] = []
  package var silent: [SilentSource] = []
  package var skipped: [Skipped] = []

  /// Of no events at all.
  package init() {}

  package var json: JSONObject {
    [
      "events": JSONValue(events), "from": JSONValue(fromMs.map { ISOTime.text(ms: $0) }),
      "to": JSONValue(toMs.map { ISOTime.text(ms: $0) }),
      "routes": .array(routes.map(\.json)),
      "loops": .array(
        loops.map { loop in
          [
            "actors": .array(loop.actors.map(JSONValue.string)),
            "routes": .array(loop.routes.map(\.json)), "events": JSONValue(loop.events),
            "example": JSONValue(loop.example), "new": .bool(loop.isNew),
          ]
        }),
      "silent_sources": .array(
        silent.map {
          [
            "module": .string($0.module), "source": .string($0.source),
            "events": JSONValue($0.events),
          ]
        }),
      "not_evaluated": .array(
        skipped.map { each in
          [
            "module": .string(each.name.module), "route": .string(each.name.route),
            "transform": .string(each.transform), "reason": .string(each.reason),
          ]
        }),
    ]
  }
}

extension EvidenceReport.RouteName {
  fileprivate var json: JSONValue { ["module": .string(module), "route": .string(route)] }
}

extension EvidenceReport.Route {
  fileprivate var json: JSONValue {
    var object: JSONObject = [
      "module": .string(name.module), "route": .string(name.route), "seen": JSONValue(seen),
    ]
    for outcome in EvidenceReport.Outcome.allCases {
      object[outcome.rawValue] = JSONValue(counts[outcome] ?? 0)
    }
    let examples = EvidenceReport.Outcome.allCases.flatMap { self.examples[$0] ?? [] }
    object["examples"] = .array(
      examples.map { example in
        [
          "outcome": .string(example.outcome.rawValue), "event_id": .string(example.eventID),
          "timestamp": .string(ISOTime.text(ms: example.acceptedAtMs)),
          "source": .string(example.source), "reason": .string(example.reason),
        ]
      })
    return .object(object)
  }
}
