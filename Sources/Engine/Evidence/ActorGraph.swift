/// Which actor's answers wake which actor: a pure value that finds those who wake themselves.
struct ActorGraph {
  private let next: [ActorReference: Set<ActorReference>]
  private let edges: [EvidenceTally.Edge: EvidenceTally.Weight]

  init(_ edges: [EvidenceTally.Edge: EvidenceTally.Weight]) {
    self.edges = edges
    next = Dictionary(grouping: edges.keys, by: \.from).mapValues { Set($0.map(\.to)) }
  }

  /// The shortest way from an actor back to itself, each once: a way that goes through several of
  /// them is the same from all.
  var cycles: [[ActorReference]] {
    var found: [[ActorReference]] = []
    var seen: Set<Set<ActorReference>> = []
    for start in next.keys.sorted(by: ActorGraph.isBefore) {
      guard let cycle = cycle(from: start), seen.insert(Set(cycle)).inserted else { continue }
      found.append(cycle)
    }
    return found
  }

  func contains(_ cycle: [ActorReference]) -> Bool {
    zip(cycle, cycle.dropFirst() + cycle.prefix(1)).allSatisfy { next[$0]?.contains($1) ?? false }
  }

  /// What would go along a cycle.
  func loop(_ cycle: [ActorReference], isNew: Bool) -> EvidenceReport.Loop {
    let steps = Array(zip(cycle, cycle.dropFirst() + cycle.prefix(1)))
    let used = edges.filter { edge, _ in steps.contains { $0 == edge.from && $1 == edge.to } }
    return EvidenceReport.Loop(
      actors: cycle.map(ActorGraph.name), routes: used.keys.map(\.route).sorted(),
      events: used.values.reduce(0) { $0 + $1.events },
      example: used.values.max { $0.sequence < $1.sequence }?.example, isNew: isNew)
  }

  private func cycle(from start: ActorReference) -> [ActorReference]? {
    var before: [ActorReference: ActorReference] = [:]
    var queue = [start]
    var index = 0
    while index < queue.count {
      let actor = queue[index]
      index += 1
      for other in (next[actor] ?? []).sorted(by: ActorGraph.isBefore) {
        if other == start { return way(from: start, to: actor, before) }
        guard before[other] == nil else { continue }
        before[other] = actor
        queue.append(other)
      }
    }
    return nil
  }

  private func way(
    from start: ActorReference, to end: ActorReference, _ before: [ActorReference: ActorReference]
  ) -> [ActorReference] {
    var way = [end]
    while let last = way.last, last != start, let earlier = before[last] { way.append(earlier) }
    return way.reversed()
  }

  private static func isBefore(_ left: ActorReference, _ right: ActorReference) -> Bool {
    name(left) < name(right)
  }

  private static func name(_ actor: ActorReference) -> String {
    "\(actor.module ?? "")/\(actor.id)"
  }
}
