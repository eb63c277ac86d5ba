import Store
import TestSupport
import Testing

/// Random lives of a store, against a dictionary that says what should have happened.
///
/// A failure names its seed; run that one alone by putting it into `seeds`.
@Suite(.timeLimit(.minutes(5)))
struct ModelTests {
  static let seeds: [UInt64] = [0, 1, 2]

  @Test(arguments: seeds)
  func `the store does what a dictionary would do`(_ seed: UInt64) async throws {
    print("model, seed \(seed)")
    var generator = SplitMix64(seed: seed)
    let file = try TestFile()
    for _ in 0..<100 {
      var model = try await ModelRun(file, seed: generator.next())
      try await model.run(steps: 20)
      try await model.check()
      model.store.close()
    }
    #expect(try Invariants.violations(inFile: file.path) == [], "seed \(seed)")
  }
}

/// One sequence of operations on a file that others have used before.
private struct ModelRun {
  /// What a delivery is in; its case carries what the file must say about it.
  enum State: Hashable {
    case pending, running(number: Int), waiting(dueAtMs: Int64), parked
    case settled(String)
  }

  struct Delivery: Hashable {
    var state = State.pending
    var attempts = 0
    let lane: Int64
  }

  let store: EventStore
  private let names: Names
  private var generator: SplitMix64
  /// Of this run, by number.
  private var deliveries: [Int64: Delivery] = [:]
  private var firstCopies: [String: Int64] = [:]
  private var newest: Int64
  private let place: String

  init(_ file: TestFile, seed: UInt64) async throws {
    store = try file.open { $0.readerCount = 1 }
    names = try await Names.register(in: store)
    generator = SplitMix64(seed: seed)
    place = "run \(seed)"
    newest = try await store.accepted([names.event(key: "run \(seed)")])[0].sequence
  }

  mutating func run(steps: Int) async throws {
    for _ in 0..<steps {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<4: try await accept()
      case 4..<7: try await start()
      default: try await settle()
      }
    }
  }

  private mutating func accept() async throws {
    var records: [AcceptRecord] = []
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      let isKeyed = Bool.random(using: &generator)
      let key = isKeyed ? "\(place) \(Int.random(in: 0..<5, using: &generator))" : nil
      let count = Int.random(in: 0...2, using: &generator)
      records.append(
        names.event(key: key, to: Array([names.toClaude(), names.toSlack].prefix(count))))
    }
    note(try await store.accepted(records), records)
  }

  private mutating func note(_ receipts: [AcceptReceipt], _ records: [AcceptRecord]) {
    for (receipt, record) in zip(receipts, records) {
      let known = record.dedupKey.flatMap { firstCopies[$0] }
      #expect(receipt.isDuplicate == (known != nil), "\(place)")
      #expect(receipt.sequence == known ?? newest + 1, "\(place)")
      guard known == nil else { continue }
      newest = receipt.sequence
      if let key = record.dedupKey { firstCopies[key] = newest }
      for (ordinal, delivery) in record.deliveries.enumerated() {
        deliveries[newest << 16 | Int64(ordinal)] = Delivery(lane: delivery.lane)
      }
    }
  }

  private mutating func any(_ isMeant: (State) -> Bool) -> (Int64, Delivery)? {
    deliveries.filter { isMeant($0.value.state) }.min { $0.key < $1.key }
      .map { ($0.key, $0.value) }
  }

  private mutating func start() async throws {
    let found = any { state in
      switch state {
      case .pending, .waiting: true
      default: false
      }
    }
    guard let (number, delivery) = found else { return }
    let attempt = delivery.attempts + 1
    try await store.started([names.start(number, number: attempt, lane: delivery.lane)])
    deliveries[number]?.state = .running(number: attempt)
  }

  private mutating func settle() async throws {
    let found = any { if case .running = $0 { true } else { false } }
    guard let (number, delivery) = found, case .running(let attempt) = delivery.state else {
      return
    }
    let start = names.start(number, number: attempt, lane: delivery.lane)
    let choice = Int.random(in: 0..<5, using: &generator)
    let followUps = choice == 0 ? [names.event(cause: number, to: [names.toSlack])] : []
    let dueAtMs = Int64.random(in: 1...1_000, using: &generator)
    let (word, disposition, state): (String, SettleRecord.Disposition, State) =
      switch choice {
      case 0, 1: ("delivered", .settled(state: "delivered", reason: nil), .settled("delivered"))
      case 2: ("rejected", .settled(state: "dead", reason: "rejected"), .settled("dead"))
      case 3: ("error", .waiting(dueAtMs: dueAtMs, reason: "backoff"), .waiting(dueAtMs: dueAtMs))
      default: ("skipped", .parked(reason: "held"), .parked)
      }
    let receipts = try await store.settled([
      names.end(start, word, disposition, followUps: followUps)
    ])
    deliveries[number]?.state = state
    deliveries[number]?.attempts = attempt
    note(receipts[0], followUps)
  }

  /// Compares what the store says with what the dictionary has.
  func check() async throws {
    let mine = Set(deliveries.keys)
    let interrupted = try await store.interrupted().filter { mine.contains($0.0.delivery) }
    #expect(
      interrupted.map(\.0.delivery)
        == numbers { if case .running = $0.state { true } else { false } }, "\(place)")
    for lane in [names.claude, names.slack] {
      let pending = try await store.pending(lane: lane, after: 0, limit: 100_000)
        .filter { mine.contains($0.delivery) && !isRunning($0.delivery) }
      #expect(
        pending.map(\.delivery) == numbers { $0.lane == lane && $0.state == .pending }, "\(place)")
      let due = try await store.due(lane: lane, nowMs: 1_000, limit: 100_000).page
        .filter { mine.contains($0.delivery) && !isRunning($0.delivery) }
      let waiting = deliveries.compactMap { number, delivery -> (Int64, Int64)? in
        guard delivery.lane == lane, case .waiting(let dueAtMs) = delivery.state else { return nil }
        return (dueAtMs, number)
      }
      #expect(due.map(\.delivery) == waiting.sorted { $0 < $1 }.map(\.1), "\(place)")
      for found in pending + due {
        #expect(found.attempts == deliveries[found.delivery]?.attempts, "\(place)")
      }
    }
    let ended = try SQLiteFile(store.path).rows("SELECT delivery, state FROM settled")
      .compactMap { row in row[0].flatMap { Int64($0) }.map { ($0, row[1] ?? "") } }
      .filter { mine.contains($0.0) }
    for (number, state) in ended { #expect(deliveries[number]?.state == .settled(state)) }
    #expect(ended.count == numbers { if case .settled = $0.state { true } else { false } }.count)
  }

  private func numbers(_ isMeant: (Delivery) -> Bool) -> [Int64] {
    deliveries.filter { isMeant($0.value) }.keys.sorted()
  }

  private func isRunning(_ number: Int64) -> Bool {
    if case .running = deliveries[number]?.state { true } else { false }
  }
}
