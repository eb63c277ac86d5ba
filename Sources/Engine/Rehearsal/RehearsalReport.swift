/// A route by its module and its name.
package struct RouteAddress: Sendable, Hashable, Comparable {
  package let module: String
  package let name: String

  package init(module: String, name: String) {
    self.module = module
    self.name = name
  }

  package static func < (left: RouteAddress, right: RouteAddress) -> Bool {
    (left.module, left.name) < (right.module, right.name)
  }
}

/// What would become of one event.
package struct RehearsalReport: Sendable {
  /// The whole envelope, with what was filled in.
  package let event: JSONText
  /// One for each route that matches, in route order.
  package var deliveries: [RehearsedDelivery] = []
  /// The other routes of the source, in route order.
  package var unmatched: [UnmatchedRoute] = []
  /// Routes that listen to the source and are switched off.
  package var asleep: [RouteAddress] = []
}

/// A route that listens to the event's source and does not match.
package struct UnmatchedRoute: Sendable {
  package let name: RouteAddress
  /// Where the first condition that fails looks.
  package let path: String
  package let expected: String
  /// The beginning of what is there; nil when nothing is.
  package let actual: String?
  /// The condition is a regular expression that took too many steps.
  package let isRegexLimit: Bool

  /// Why it does not match, in one line.
  package var reason: String {
    UnmatchedRoute.reason(path, expected, actual, isRegexLimit: isRegexLimit)
  }

  /// Why a condition does not hold, in one line.
  ///
  /// - Parameters:
  ///   - path: A dot path, `type`, or `$or`.
  ///   - actual: The part of the value that is kept; nil when there is none.
  package static func reason(
    _ path: String, _ expected: String, _ actual: String?, isRegexLimit: Bool
  ) -> String {
    let limit = isRegexLimit ? "; the regular expression reached its step limit" : ""
    if path == "$or" { return "$or: none of \(expected) holds" + limit }
    return "\(path) must be \(expected), is \(actual ?? "missing")" + limit
  }
}

/// A delivery that would be made, up to the call of its actor.
package struct RehearsedDelivery: Sendable {
  package let name: RouteAddress
  package let route: RouteDefinition
  package let deliveryID: String
  package let orderKey: String?
  /// The transforms that were run, in order.
  package var steps: [Step] = []
  package var end = End.failed("it was not run", state: "waiting")

  /// One transform of the route.
  package struct Step: Sendable {
    package let name: String
    package let status: Status
    package let durationMs: Int64
    package let reason: String?

    package enum Status: String, Sendable { case pass, drop, error }
  }

  package enum End: Sendable {
    /// The actor, or the inbox, would get this.
    case ready(Ready)
    /// - Parameter reason: The delivery's: `transform`, `duplicate` or `transform_error`.
    case dropped(by: String, text: String?, reason: String)
    /// - Parameter state: What the delivery would be then: `waiting` for its next attempt, or
    ///   `dead`.
    case failed(String, state: String)
  }

  /// What would be handed over.
  package struct Ready: Sendable {
    /// After the transforms.
    package var event: JSONText
    /// A transform changed it.
    package var isChanged: Bool
    /// `then.config`, filled in, with the prompt.
    package var config: JSONObject
    /// The same without what variables and credentials brought in.
    package var shownConfig: JSONObject
    package var prompt: String?
    /// Why the prompt is the one that was captured at load.
    package var promptFallback: String?
    /// The key under which it would be stored for collection, for a route with an inbox.
    package var inboxKey: String?
    /// What the audit would say of it; none when it is switched off.
    package var flags: [AuditFlag] = []
    /// The audit would hold it until an operator lets it go.
    package var isHeld = false
  }

  /// What would be handed over; nil when it does not come so far.
  package var ready: Ready? { if case .ready(let ready) = end { ready } else { nil } }
}
