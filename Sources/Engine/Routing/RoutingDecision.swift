/// Which routes an event goes to, and why the others of its source did not match.
package struct RoutingDecision: Sendable, Hashable {
  /// Indexes into ``RouteTable/entries``, in route order.
  package var matches: [Int] = []
  /// The first ``Limits/nonMatchesMax`` routes of the same source that did not match, in route
  /// order, each with the first condition that failed.
  package var nonMatches: [NonMatch] = []
  /// Routes of the same source that did not match either and are not listed.
  package var furtherNonMatches = 0
  /// Regular expressions that reached their step limit, by ``RouteTable/ConditionText/index``, in
  /// ascending order. Only routes that were looked at appear: one that an equality ruled out
  /// was not.
  package var regexLimits: [Int] = []
  /// Conditions looked at, index look-ups included: the cost of the decision, for tests and
  /// benchmarks.
  package var conditionsEvaluated = 0

  /// A route that did not match.
  package struct NonMatch: Sendable, Hashable {
    /// Index into ``RouteTable/entries``.
    package var route: Int
    /// The ``RouteTable/ConditionText/index`` of the first condition that failed.
    package var condition: Int
    /// What the event had there, at most ``actualCharactersMax`` characters of it and a `…` for the
    /// rest; nil when absent.
    package var actual: String?
    /// The condition is a regular expression that took too many steps.
    package var isRegexLimit: Bool

    /// 64: enough to see what came, little enough for a row per event.
    package static let actualCharactersMax = 64

    package init(route: Int, condition: Int, actual: String?, isRegexLimit: Bool = false) {
      self.route = route
      self.condition = condition
      self.actual = actual
      self.isRegexLimit = isRegexLimit
    }
  }

  package init() {}
}
