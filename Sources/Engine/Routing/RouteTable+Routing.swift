extension RouteTable {
  /// Decides where an event goes: every route of its source that it satisfies, in route order.
  ///
  /// - Complexity: One look-up per indexed path of the source, plus the evaluation of the routes
  ///   that the look-ups find, of those without an equality condition, and of at most
  ///   ``Limits/nonMatchesMax`` others for the record.
  ///
  /// - Parameter nonMatchesMax: How many routes that do not match are recorded.
  package func route(
    _ event: EventView, nonMatchesMax: Int = Limits.nonMatchesMax
  ) -> RoutingDecision {
    var decision = RoutingDecision()
    let key = SourceReference(module: event.module, id: event.source)
    guard let source = sources[key] else { return decision }
    var reader = EventReader(event, paths: paths)
    let candidates = source.candidates(for: event.type, &reader)
    var failures: [(route: Int, failure: Failure)] = []
    for route in candidates {
      if let failure = failure(of: route, knownToFailAt: nil, &reader) {
        failures.append((route, failure))
      } else {
        decision.matches.append(route)
      }
    }
    record(source, event.type, failures, nonMatchesMax, &reader, &decision)
    decision.conditionsEvaluated = reader.workCount
    return decision
  }

  /// Where a route stopped holding.
  private struct Failure {
    /// The position among the filter's entries; their number means the `$or`.
    let entry: Int
    let isRegexLimit: Bool
  }

  /// The first condition of a route's filter that does not hold; nil when all do.
  ///
  /// - Parameter known: An entry that is known to fail and need not be evaluated.
  private func failure(
    of route: Int, knownToFailAt known: Int?, _ reader: inout EventReader
  ) -> Failure? {
    let filter = routes[route].filter
    for (index, entry) in filter.entries.enumerated() {
      if index == known { return Failure(entry: index, isRegexLimit: false) }
      let verdict = reader.verdict(of: entry)
      if verdict != .holds { return Failure(entry: index, isRegexLimit: verdict == .regexLimit) }
    }
    let last = filter.entries.count
    if known == last { return Failure(entry: last, isRegexLimit: false) }
    guard !filter.anyOf.isEmpty else { return nil }
    let verdict = reader.verdict(ofAny: filter.anyOf)
    if verdict == .holds { return nil }
    return Failure(entry: last, isRegexLimit: verdict == .regexLimit)
  }

  /// Writes down why the other routes of the source did not match.
  private func record(
    _ source: SourceRoutes, _ type: EventType, _ failures: [(route: Int, failure: Failure)],
    _ nonMatchesMax: Int, _ reader: inout EventReader, _ decision: inout RoutingDecision
  ) {
    for (route, failure) in failures where failure.isRegexLimit {
      decision.regexLimits.append(conditionIndex(route, failure))
    }
    var matches = decision.matches[...]
    var failures = failures[...]
    for member in source.routes {
      if decision.nonMatches.count == nonMatchesMax { break }
      if matches.first == member.route {
        matches.removeFirst()
      } else if !routes[member.route].accepts(type) {
        let condition = entries[member.route].conditions.lowerBound
        decision.nonMatches.append(
          .init(route: member.route, condition: condition, actual: type.rawValue))
      } else if let (route, failure) = failures.first, route == member.route {
        failures.removeFirst()
        decision.nonMatches.append(nonMatch(route, failure, &reader))
      } else if let failure = failure(
        of: member.route, knownToFailAt: member.decidingEntry, &reader)
      {
        if failure.isRegexLimit {
          decision.regexLimits.append(conditionIndex(member.route, failure))
        }
        decision.nonMatches.append(nonMatch(member.route, failure, &reader))
      }
    }
    decision.regexLimits.sort()
    decision.furtherNonMatches =
      source.routes.count - decision.matches.count - decision.nonMatches.count
  }

  private func nonMatch(
    _ route: Int, _ failure: Failure, _ reader: inout EventReader
  ) -> RoutingDecision.NonMatch {
    let entries = routes[route].filter.entries
    let actual =
      failure.entry < entries.count
      ? reader.excerpt(for: entries[failure.entry]) : "no alternative holds"
    return .init(
      route: route, condition: conditionIndex(route, failure), actual: actual,
      isRegexLimit: failure.isRegexLimit)
  }

  private func conditionIndex(_ route: Int, _ failure: Failure) -> Int {
    let typeCount = routes[route].types == nil ? 0 : 1
    return entries[route].conditions.lowerBound + typeCount + failure.entry
  }
}
