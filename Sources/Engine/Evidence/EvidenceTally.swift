/// What has been found so far, by one of those who look. A pure value; two are added up.
struct EvidenceTally: Sendable {
  /// A delivery to an actor that an answer of an actor would make.
  struct Edge: Sendable, Hashable {
    let from: ActorReference
    let to: ActorReference
    let route: EvidenceReport.RouteName
  }

  struct Weight: Sendable {
    var events = 0
    var sequence: Int64 = 0
    var example = ""
  }

  private(set) var events = 0
  private(set) var fromMs: Int64?
  private(set) var toMs: Int64?
  private(set) var seen: [SourceReference: Int] = [:]
  /// By the position of the route.
  private(set) var routes: [Int: EvidenceReport.Route] = [:]
  private(set) var oldEdges: [Edge: Weight] = [:]
  private(set) var newEdges: [Edge: Weight] = [:]

  mutating func see(_ event: AcceptedEvent) {
    events += 1
    fromMs = min(fromMs ?? .max, event.acceptedAtMs)
    toMs = max(toMs ?? .min, event.acceptedAtMs)
    seen[SourceReference(module: event.module, id: event.source), default: 0] += 1
  }

  /// - Parameter reason: Asked for where an example is still wanted.
  mutating func count(
    _ outcome: EvidenceReport.Outcome, on route: Int, _ name: EvidenceReport.RouteName,
    _ event: AcceptedEvent, reason: () -> String
  ) {
    routes[route, default: EvidenceReport.Route(name: name)].counts[outcome, default: 0] += 1
    guard outcome != .same else { return }
    var examples = routes[route]?.examples[outcome] ?? []
    if examples.count == EvidenceReport.examplesMax {
      guard let oldest = examples.last, oldest.sequence < event.sequence else { return }
      examples.removeLast()
    }
    examples.append(
      .init(
        outcome: outcome, sequence: event.sequence, eventID: event.id,
        acceptedAtMs: event.acceptedAtMs, source: event.source, reason: reason()))
    examples.sort { $0.sequence > $1.sequence }
    routes[route]?.examples[outcome] = examples
  }

  /// An answer of an actor that would be sent on.
  mutating func send(_ event: AcceptedEvent, _ edge: Edge, isNew: Bool) {
    func add(_ weight: inout Weight) {
      weight.events += 1
      if event.sequence > weight.sequence {
        (weight.sequence, weight.example) = (event.sequence, event.id)
      }
    }
    if isNew {
      add(&newEdges[edge, default: Weight()])
    } else {
      add(&oldEdges[edge, default: Weight()])
    }
  }

  mutating func add(_ other: EvidenceTally) {
    events += other.events
    fromMs = [fromMs, other.fromMs].compactMap(\.self).min()
    toMs = [toMs, other.toMs].compactMap(\.self).max()
    seen.merge(other.seen, uniquingKeysWith: +)
    routes.merge(other.routes) { $0.adding($1) }
    oldEdges.merge(other.oldEdges) { $0.adding($1) }
    newEdges.merge(other.newEdges) { $0.adding($1) }
  }
}

extension EvidenceTally.Weight {
  fileprivate func adding(_ other: Self) -> Self {
    var sum = sequence >= other.sequence ? self : other
    sum.events = events + other.events
    return sum
  }
}

extension EvidenceReport.Route {
  fileprivate func adding(_ other: Self) -> Self {
    var sum = self
    sum.counts.merge(other.counts, uniquingKeysWith: +)
    sum.examples.merge(other.examples) { first, second in
      Array(
        (first + second).sorted { $0.sequence > $1.sequence }.prefix(EvidenceReport.examplesMax))
    }
    return sum
  }
}
