import Store

/// Carries out orders on dead letters in the file, with a runtime or without one.
struct LetterDesk: Sendable {
  let store: EventStore
  let time: TimeSource

  /// What a part has changed, for whoever has lanes.
  struct Result: Sendable {
    var report: LetterReport
    var places: [QueuePlace] = []
    /// Lanes that deliveries were taken out of.
    var emptied: Set<Int64> = []
  }

  /// What one part is about.
  struct Part: Sendable {
    var total: Int?
    /// Those that were found, by number, with the ids that they were asked for by.
    var letters: [(number: Int64, id: String, route: Int64?)] = []
    /// Ids that lead nowhere.
    var missing: [String] = []
    var states: Set<String>
    var next: String?

    /// Routes whose deliveries are not looked up by their numbers.
    var routes: Set<Int64> { Set(letters.compactMap(\.route)) }
  }

  /// Finds what the next part is about; nothing is changed.
  ///
  /// - Throws: ``EngineError`` `.invalid` for a cursor that is none, `.moduleNotFound`.
  func part(of order: LetterOrder) async throws -> Part {
    let limit = min(max(order.limit, 1), Limits.queuePageMax)
    switch order.selection {
    case .ids(let ids): return try await part(ids, order, limit)
    case .all(let query):
      return try await part(store.inspection.resolved(query), order, limit)
    }
  }

  private func part(_ ids: [String], _ order: LetterOrder, _ limit: Int) async throws -> Part {
    var part = Part(states: Set(LetterQuery.State.allCases.map(\.rawValue)))
    let start = try place(order.after).map { Int($0.delivery) } ?? 0
    let some = Array(ids.dropFirst(max(start, 0)).prefix(limit))
    let numbers = try await store.inspection.deliveryNumbers(some)
    for (id, number) in zip(some, numbers) {
      if let number {
        part.letters.append((number, id, nil))
      } else {
        part.missing.append(id)
      }
    }
    if order.after == nil { part.total = ids.count }
    if start + some.count < ids.count { part.next = String(start + some.count) }
    return part
  }

  private func part(
    _ query: LetterQuery, _ order: LetterOrder, _ limit: Int
  ) async throws -> Part {
    var part = Part(states: [query.state.rawValue])
    var place = try place(order.after) ?? .beginning
    let isFiltered = !query.events.conditions.isEmpty
    if order.after == nil {
      part.total =
        isFiltered
        ? try await count(query) : try await store.inspection.letterCount(query.filter())
    }
    while part.letters.isEmpty {
      let page = try await store.inspection.letters(
        query.filter(), oldestFirst: true, from: place, limit: limit, withEvents: isFiltered)
      part.letters = query.matching(page.letters).map {
        ($0.place.delivery, $0.summary.id, $0.route)
      }
      guard let last = page.letters.last?.place, !page.isLast else {
        part.next = nil
        break
      }
      place = last
      part.next = "\(last.lane)-\(last.delivery)"
    }
    return part
  }

  private func count(_ query: LetterQuery) async throws -> Int {
    var (count, place) = (0, LetterPlace.beginning)
    while true {
      let page = try await store.inspection.letters(
        query.filter(), oldestFirst: true, from: place, limit: 1_000, withEvents: true)
      count += query.matching(page.letters).count
      guard let last = page.letters.last?.place, !page.isLast else { return count }
      place = last
    }
  }

  private func place(_ text: String?) throws -> LetterPlace? {
    guard let text else { return nil }
    let parts = text.split(separator: "-").map { Int64($0) }
    switch parts.count {
    case 1:
      if let delivery = parts[0] { return LetterPlace(delivery: delivery) }
    case 2:
      if let lane = parts[0], let delivery = parts[1] {
        return LetterPlace(lane: lane, delivery: delivery)
      }
    default: break
    }
    throw EngineError(.invalid, "after is not where a part of this order has ended")
  }

  /// Does it, in one transaction.
  ///
  /// - Parameter resting: As ``EventStore/dropLetters(_:from:resting:nowMs:)``.
  func carryOut(
    _ order: LetterOrder, _ part: Part, resting: Set<Int64>?
  ) async throws(StoreError) -> Result {
    var result = Result(report: LetterReport(order.action))
    result.report.total = part.total
    result.report.next = part.next
    result.report.matched = part.letters.count
    result.report.refused = part.missing.map { ($0, "there is no such delivery") }
    guard !part.letters.isEmpty else { return result }
    let numbers = part.letters.map(\.number)
    let outcomes =
      switch order.action {
      case .requeue:
        try await store.requeue(numbers, from: part.states, retransform: order.retransform)
      case .drop:
        try await store.dropLetters(
          numbers, from: part.states, resting: resting, nowMs: time.wallMs)
      }
    CrashPoint.lettersCommitted.reached()
    for (letter, outcome) in zip(part.letters, outcomes) {
      switch outcome {
      case .queued(let place):
        result.places.append(place)
        result.report.done += 1
      case .dropped(let lane):
        if let lane { result.emptied.insert(lane) }
        result.report.done += 1
      case .refused(let state):
        result.report.refused.append((letter.id, LetterDesk.reason(state, order.action)))
      case .missing: result.report.refused.append((letter.id, "there is no such delivery"))
      }
    }
    return result
  }

  private static func reason(_ state: String, _ action: LetterOrder.Action) -> String {
    switch (state, action) {
    case ("parked", .requeue):
      "it is parked, and goes on by itself when its route, its module and its actor are back"
    case ("parked", .drop): "it is parked, and goes on just now"
    case ("dropped", .drop): "it is dropped already"
    default: "it is not dead any more: \(state)"
    }
  }
}
