import Store
import Synchronization

/// Tries a proposed configuration on recorded events beside the one that runs: matching and built-in
/// transforms by the code that events go through, and nothing is delivered.
package struct Evidence: Sendable {
  private let old: EvidenceRoutes
  private let new: EvidenceRoutes
  private let time: TimeSource
  private let pairs: [Pair]
  /// Positions in ``pairs`` by the index of the table's entry.
  private let oldPairs: [Int]
  private let newPairs: [Int]

  /// A route of either configuration, or of both.
  private struct Pair: Sendable {
    let name: EvidenceReport.RouteName
    var old: Int?
    var new: Int?
    /// The same event makes the same delivery.
    var isSame = false
    var sources: Set<SourceReference> = []
  }

  /// Which events.
  package struct Window: Sendable {
    /// Accepted then or later; nil is all.
    package var fromMs: Int64?
    /// At most so many of the newest; nil is all.
    package var count: Int64?

    package init(fromMs: Int64? = nil, count: Int64? = nil) {
      self.fromMs = fromMs
      self.count = count
    }
  }

  /// 2: as many readers and tasks as the smallest machine has cores.
  private static let workers = 2
  /// 2,000 numbers: what one of them takes at a time.
  private static let chunk: Int64 = 2_000
  private static let pageMax = 500

  /// - Parameters:
  ///   - running: All modules that run.
  ///   - proposed: All modules that would run.
  ///   - runsScripts: Whether scripts and `jq` are run.
  /// - Throws: ``EngineError`` `.invalid` for a transform that cannot be made.
  package init(
    running: [ModuleDefinition], proposed: [ModuleDefinition], catalog: ConnectorCatalog,
    runsScripts: Bool, time: TimeSource = .system
  ) throws(EngineError) {
    old = try EvidenceRoutes(running, catalog: catalog, runsScripts: runsScripts)
    new = try EvidenceRoutes(proposed, catalog: catalog, runsScripts: runsScripts)
    self.time = time
    var pairs: [Pair] = []
    var places: [EvidenceReport.RouteName: Int] = [:]
    func place(_ route: EvidenceRoute) -> Int {
      if let known = places[route.name] { return known }
      places[route.name] = pairs.count
      pairs.append(Pair(name: route.name))
      return pairs.count - 1
    }
    newPairs = new.routes.map(place)
    oldPairs = old.routes.map(place)
    for (index, pair) in newPairs.enumerated() { pairs[pair].new = index }
    for (index, pair) in oldPairs.enumerated() {
      pairs[pair].old = index
      guard let other = pairs[pair].new else { continue }
      pairs[pair].isSame = old.routes[index].makesTheSame(as: new.routes[other])
    }
    for (routes, places) in [(old, oldPairs), (new, newPairs)] {
      for (source, members) in routes.table.sources {
        for member in members.routes { pairs[places[member.route]].sources.insert(source) }
      }
    }
    self.pairs = pairs
  }

  /// Looks at the recorded events of a database; memory is bounded by pages and examples.
  ///
  /// - Throws: ``EngineError`` when the file cannot be read.
  package func run(
    _ archive: ModuleArchive, _ window: Window
  ) async throws -> EvidenceReport {
    let reader = archive.reader
    let names = try await reader.sourceNames()
    let identity = try await reader.identity()
    guard
      let range = try await reader.recordedRange(fromMs: window.fromMs, count: window.count)
    else { return report(EvidenceTally()) }
    let share = Share(range)
    let tally = try await withThrowingTaskGroup(of: EvidenceTally.self) { group in
      for _ in 0..<Evidence.workers {
        group.addTask {
          var tally = EvidenceTally()
          while let chunk = share.take() {
            try await look(chunk, reader, names, identity, &tally)
          }
          return tally
        }
      }
      var sum = EvidenceTally()
      for try await part in group { sum.add(part) }
      return sum
    }
    return report(tally)
  }

  /// What is left to be looked at.
  private final class Share: Sendable {
    private let lowest: Int64
    private let upper: Mutex<Int64>

    init(_ range: ClosedRange<Int64>) {
      lowest = range.lowerBound
      upper = Mutex(range.upperBound)
    }

    /// The newest numbers that nobody has taken yet.
    func take() -> ClosedRange<Int64>? {
      upper.withLock { upper in
        guard upper >= lowest else { return nil }
        let lower = max(upper - Evidence.chunk + 1, lowest)
        defer { upper = lower - 1 }
        return lower...upper
      }
    }
  }

  private func look(
    _ chunk: ClosedRange<Int64>, _ reader: StoreReader,
    _ names: [Int64: (module: String, id: String)], _ identity: Identity,
    _ tally: inout EvidenceTally
  ) async throws {
    var rest = chunk
    while true {
      let page = try await reader.recordedEvents(rest, limit: Evidence.pageMax)
      for event in page {
        guard let source = names[event.row.source] else { continue }
        await look(at: event, AcceptedEvent(event.row, source, identity), &tally)
      }
      guard let last = page.last?.row.sequence, last > rest.lowerBound else { return }
      rest = rest.lowerBound...(last - 1)
    }
  }

  // MARK: One event

  private func look(
    at recorded: RecordedEvent, _ event: AcceptedEvent, _ tally: inout EvidenceTally
  ) async {
    tally.see(event)
    let view = EventView(recorded.row, source: event.source, module: event.module)
    let before = old.table.route(view)
    let after = new.table.route(view)
    var matched: [Int: (old: Int?, new: Int?)] = [:]
    for route in before.matches { matched[oldPairs[route], default: (nil, nil)].old = route }
    for route in after.matches { matched[newPairs[route], default: (nil, nil)].new = route }
    for (place, match) in matched {
      let pair = pairs[place]
      if recorded.isFollowUp { follow(event, match, &tally) }
      if pair.isSame, match.old != nil, let route = match.new {
        await countSame(event, view, place, new.routes[route], &tally)
        continue
      }
      await compare(event, view, place, match, before, after, &tally)
    }
  }

  private func countSame(
    _ event: AcceptedEvent, _ view: EventView, _ place: Int, _ route: EvidenceRoute,
    _ tally: inout EvidenceTally
  ) async {
    if !route.transforms.isEmpty {
      // What it drops is no delivery, before and after.
      guard case .made = await route.deliver(event, view, time: time) else { return }
    }
    tally.count(.same, on: place, route.name, event) { "" }
  }

  private func compare(
    _ event: AcceptedEvent, _ view: EventView, _ place: Int, _ match: (old: Int?, new: Int?),
    _ before: RoutingDecision, _ after: RoutingDecision, _ tally: inout EvidenceTally
  ) async {
    let name = pairs[place].name
    var was: EvidenceRoute.Delivery?
    var would: EvidenceRoute.Delivery?
    if let route = match.old { was = await old.routes[route].deliver(event, view, time: time) }
    if let route = match.new { would = await new.routes[route].deliver(event, view, time: time) }
    switch (was, would) {
    case (.made(let then)?, .made(let now)?):
      let paths = now.differences(from: then)
      tally.count(paths.isEmpty ? .same : .changed, on: place, name, event) {
        paths.prefix(8).joined(separator: ", ")
      }
    case (.made?, let other):
      tally.count(.gone, on: place, name, event) {
        if case .stopped(let reason)? = other { return reason }
        return reason(pairs[place].new, of: new, after)
      }
    case (let other, .made?):
      tally.count(.new, on: place, name, event) {
        if case .stopped(let reason)? = other { return "before: \(reason)" }
        return "before: " + reason(pairs[place].old, of: old, before)
      }
    default: break
    }
  }

  /// Why a route does not match.
  ///
  /// - Parameter index: Nil when there is no such route.
  private func reason(
    _ index: Int?, of routes: EvidenceRoutes, _ decision: RoutingDecision
  ) -> String {
    guard let index else { return "there is no such route" }
    guard let miss = decision.nonMatches.first(where: { $0.route == index }) else {
      return "it does not hear the source, or fails a condition"
    }
    let condition = routes.table.conditions[miss.condition]
    return "\(condition.path) \(condition.expected), was \(miss.actual ?? "missing")"
  }

  /// An answer of an actor that is sent on: perhaps back to it.
  private func follow(
    _ event: AcceptedEvent, _ match: (old: Int?, new: Int?), _ tally: inout EvidenceTally
  ) {
    let from = ActorReference(module: event.module, id: event.source)
    for (routes, index, isNew) in [(old, match.old, false), (new, match.new, true)] {
      guard let index else { continue }
      let route = routes.routes[index]
      tally.send(
        event, .init(from: from, to: route.actor, route: route.name), isNew: isNew)
    }
  }

  // MARK: The report

  /// Scripts that are run as they are now for both configurations.
  private var changedScripts: [EvidenceReport.Skipped] {
    pairs.flatMap { pair -> [EvidenceReport.Skipped] in
      guard let before = pair.old.map({ old.routes[$0] }),
        let after = pair.new.map({ new.routes[$0] })
      else { return [] }
      let hashes = Dictionary(
        before.transforms.map { ($0.step.name, $0.step.contentHash) },
        uniquingKeysWith: { first, _ in first })
      return after.transforms.compactMap { each in
        guard case .script = each.step.kind, let hash = hashes[each.step.name],
          hash != each.step.contentHash
        else { return nil }
        return .init(
          name: pair.name, transform: each.step.name,
          reason: "its script has changed, and the one on the disk was run for both")
      }
    }
  }

  private func report(_ tally: EvidenceTally) -> EvidenceReport {
    var report = EvidenceReport()
    report.events = tally.events
    report.fromMs = tally.fromMs
    report.toMs = tally.toMs
    report.routes = pairs.indices.map { place in
      var route = tally.routes[place] ?? EvidenceReport.Route(name: pairs[place].name)
      route.seen = pairs[place].sources.reduce(0) { $0 + (tally.seen[$1] ?? 0) }
      return route
    }.sorted { $0.name < $1.name }
    let before = ActorGraph(tally.oldEdges)
    let after = ActorGraph(tally.newEdges)
    report.loops = after.cycles.map { after.loop($0, isNew: !before.contains($0)) }
    let heard = Set(new.table.sources.keys)
    report.silent = old.table.sources.keys.filter { !heard.contains($0) }
      .map {
        .init(module: $0.module ?? "", source: $0.id, events: tally.seen[$0] ?? 0)
      }
      .sorted { ($0.module, $0.source) < ($1.module, $1.source) }
    let skipped = Set(new.skipped + old.skipped + changedScripts)
    report.skipped = skipped.sorted { ($0.name, $0.transform) < ($1.name, $1.transform) }
    return report
  }
}

extension AcceptedEvent {
  fileprivate init(
    _ row: EventRow, _ source: (module: String, id: String), _ identity: Identity
  ) {
    self.init(
      sequence: row.sequence,
      id: row.externalID
        ?? identity.eventID(sequence: row.sequence, acceptedAtMs: row.acceptedAtMs),
      acceptedAtMs: row.acceptedAtMs, source: source.id,
      type: EventType(code: row.type) ?? .resourceChanged, module: source.module,
      traceID: row.traceID
        ?? identity.traceID(sequence: row.sequence, acceptedAtMs: row.acceptedAtMs),
      provenance: JSONText(checked: row.provenance), payload: JSONText(checked: row.payload),
      extra: row.extra.map(JSONText.init(checked:)))
  }
}
