import Store
import TestSupport
import Testing

/// Queues with a bound (config.md 7.2): kept in the transaction that would exceed it.
@Suite(.timeLimit(.minutes(2)))
struct QueueBoundTests {
  /// A queue `claude` with a bound, and the rows behind it.
  private final class World: Sendable {
    let file: TestFile
    let store: EventStore
    let names: Names

    init(_ bound: QueueBound) async throws {
      file = try TestFile()
      store = try file.open()
      names = try await Names.register(in: store)
      store.bound(names.claude, to: bound)
    }

    deinit { store.close() }

    @discardableResult
    func send(_ count: Int = 1, atMs: Int64 = Names.nowMs) async throws -> [AcceptReceipt] {
      var receipts: [AcceptReceipt] = []
      for _ in 0..<count {
        receipts += try await store.accepted([names.event(atMs: atMs, to: [names.toClaude()])])
      }
      return receipts
    }

    /// `event state reason`, in the order of acceptance.
    func deliveries() throws -> [String] {
      try SQLiteFile(file.path).rows(
        """
        SELECT (delivery >> 16) || ' ' || state || coalesce(' ' || reason, '')
          || coalesce(' ' || wait_reason, '')
        FROM v_deliveries ORDER BY delivery
        """
      ).compactMap { $0.first ?? nil }
    }

    func count(_ state: String) throws -> Int {
      try deliveries().count { $0.split(separator: " ")[1] == state }
    }
  }

  @Test func `drop_oldest ends the oldest delivery that is not in flight`() async throws {
    let world = try await World(QueueBound(depth: 2, overflow: .dropOldest))
    try await world.send(2)
    try await world.store.started([world.names.start(1 << 16)])
    try await world.send(1)
    let receipt = try #require(try await world.send(1).first)
    #expect(
      try world.deliveries() == [
        "1 running", "2 dropped overflow", "3 pending queued", "4 pending queued",
      ])
    let overflow = try #require(receipt.overflows.first)
    #expect(overflow.delivery == 2 << 16)
    #expect(overflow.policy == .dropOldest)
    #expect(overflow.depth == 2)
    // The lane had taken it in hand: no attempt begins.
    #expect(try await world.store.started([world.names.start(2 << 16)]) == [2 << 16])
    #expect(try await world.store.started([world.names.start(3 << 16)]) == [])
    #expect(try Invariants.violations(inFile: world.file.path) == [])
  }

  @Test func `drop_newest stores the new delivery and ends it`() async throws {
    let world = try await World(QueueBound(depth: 1, overflow: .dropNewest))
    try await world.send(2)
    #expect(try world.deliveries() == ["1 pending queued", "2 dropped overflow"])
    try await world.store.started([world.names.start(1 << 16)])
    try await world.send(1)
    #expect(try world.deliveries().last == "3 pending queued")
    #expect(try Invariants.violations(inFile: world.file.path) == [])
  }

  @Test func `what is parked moves up by itself, oldest first, and before what comes later`()
    async throws
  {
    let world = try await World(QueueBound(depth: 1, overflow: .park))
    try await world.send(4)
    #expect(
      try world.deliveries() == [
        "1 pending queued", "2 parked overflow", "3 parked overflow", "4 parked overflow",
      ])
    try await world.store.started([world.names.start(1 << 16)])
    #expect(try world.deliveries()[1...2] == ["2 pending queued", "3 parked overflow"])
    try await world.send(1)
    #expect(try world.deliveries().last == "5 parked overflow")
    try await world.store.started([world.names.start(2 << 16)])
    #expect(try world.deliveries()[2...3] == ["3 pending queued", "4 parked overflow"])
    #expect(try Invariants.violations(inFile: world.file.path) == [])
  }

  @Test func `what is parked moves up when the bound is raised, and after a restart`() async throws
  {
    let file = try TestFile()
    let store = try file.open()
    let names = try await Names.register(in: store)
    store.bound(names.claude, to: QueueBound(depth: 1, overflow: .park))
    for _ in 0..<5 { try await store.accepted([names.event(to: [names.toClaude()])]) }
    store.bound(names.claude, to: QueueBound(depth: 2, overflow: .park))
    store.close()
    let parked = "SELECT count(*) FROM v_deliveries WHERE wait_reason = 'overflow'"
    #expect(try SQLiteFile(file.path).rows(parked) == [["3"]])
    let second = try file.open()
    // Another policy lets go of what the first one has parked as well.
    second.bound(names.claude, to: QueueBound(depth: 4, overflow: .dropOldest))
    second.close()
    #expect(try SQLiteFile(file.path).rows(parked) == [["1"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `block refuses a whole batch and writes nothing of it`() async throws {
    let world = try await World(QueueBound(depth: 2, overflow: .block))
    let names = world.names
    try await world.send(1)
    // Not full yet, so the batch is taken whole.
    let three = (0..<3).map { _ in names.event(to: [names.toClaude()]) }
    try await world.store.accepted(three, canBeHeldBack: true)
    #expect(world.store.blockingLanes == [names.claude])
    let batch = [names.event("other", to: [names.toSlack]), names.event(to: [names.toClaude()])]
    let progress = SourceProgress(source: names.github, checkpoint: "next")
    let error = await #expect(throws: StoreError.self) {
      try await world.store.accepted(batch, progress, canBeHeldBack: true)
    }
    #expect(error?.code == .queueFull)
    #expect(error?.overflow?.lane == names.claude)
    #expect(try world.deliveries().count == 4)
    #expect(
      try SQLiteFile(world.file.path).rows("SELECT checkpoint FROM sources ORDER BY key").first
        == [nil])
    // What others have to say, and what cannot come again, is not held back.
    try await world.store.accepted([names.event(to: [names.toSlack])], canBeHeldBack: true)
    try await world.send(1)
    #expect(try world.deliveries().count == 6)
    try await world.store.started((1...4).map { names.start($0 << 16) })
    #expect(world.store.blockingLanes == [])
    try await world.store.accepted(batch, progress, canBeHeldBack: true)
    #expect(try Invariants.violations(inFile: world.file.path) == [])
  }

  @Test func `the first overflow in a minute is an event in the same transaction`() async throws {
    let world = try await World(QueueBound(depth: 1, overflow: .dropNewest))
    let names = world.names
    let told = Recorder<QueueOverflow>()
    let offered = Recorder<Int64>()
    world.store.onOverflow { overflow, nowMs in
      told.add(overflow)
      return names.event("overflow", atMs: nowMs, to: [names.toSlack])
    }
    world.store.onQueueNews { news in offered.add(news.notices.map(\.receipt.sequence)) }
    try await world.send(3)
    #expect(told.values.map(\.affected) == [1])
    #expect(offered.values == [3])
    try await world.send(2, atMs: Names.nowMs + 59_999)
    #expect(told.values.count == 1)
    try await world.send(1, atMs: Names.nowMs + 60_000)
    #expect(told.values.map(\.affected) == [1, 4])
    let reports = try SQLiteFile(world.file.path).rows(
      "SELECT count(*) FROM events WHERE payload LIKE '%overflow%'")
    #expect(reports == [["2"]])
  }

  @Test func `what is held up with its module is neither counted nor dropped`() async throws {
    let world = try await World(QueueBound(depth: 2, overflow: .dropOldest))
    try await world.send(2)
    try await world.store.set(
      ModuleStateChange(
        name: "engineering", state: "removed", desired: "removed", nowMs: Names.nowMs))
    // Another module's route to the same queue would be here; the rows are the same.
    try await world.send(3)
    #expect(try world.count("dropped") == 0)
    #expect(try world.count("parked") == 5)
  }

  @Test(arguments: [FaultDisk.Fault.inputOutput, .full, .shortWrite], 1...4)
  func `a commit that failed filled no queue`(_ fault: FaultDisk.Fault, _ nth: Int) async throws {
    let file = try TestFile()
    let disk = try FaultDisk()
    let store = try file.open { $0.vfs = disk.name }
    defer { store.close() }
    let names = try await Names.register(in: store)
    store.bound(names.claude, to: QueueBound(depth: 2, overflow: .block))
    disk.fail(nth, fault, permanently: false)
    let two = (0..<2).map { _ in names.event(to: [names.toClaude()]) }
    var failures = 0
    for _ in 0..<3 where try SQLiteFile(file.path).integer("SELECT count(*) FROM queue") == 0 {
      do {
        try await store.accepted(two, canBeHeldBack: true)
      } catch let error as StoreError {
        // The disk's fault, and not a queue that is not full.
        #expect(error.code != .queueFull)
        failures += 1
      }
    }
    disk.heal()
    #expect(failures <= 1)
    #expect(try SQLiteFile(file.path).integer("SELECT count(*) FROM queue") == 2)
    #expect(store.blockingLanes == [names.claude])
  }

  @Test(arguments: [QueueBound.Overflow.dropOldest, .dropNewest, .park], 1...4)
  func `the writer's count is that of the rows, whatever happens to a queue`(
    _ overflow: QueueBound.Overflow, _ seed: UInt64
  ) async throws {
    let depth = 3
    let world = try await World(QueueBound(depth: depth, overflow: overflow))
    let (store, names) = (world.store, world.names)
    let file = try SQLiteFile(world.file.path)
    func numbers(_ sql: String) throws -> [Int64] {
      try file.rows(sql).compactMap { $0.first.flatMap { $0 }.flatMap { Int64($0) } }
    }
    var random = SplitMix64(seed: seed)
    var running: [Int64: StartRecord] = [:]
    for step in 0..<150 {
      let queued = try numbers(
        "SELECT delivery FROM unsettled WHERE state IN ('pending', 'waiting') ORDER BY delivery")
      let parked = try numbers("SELECT delivery FROM queue WHERE state = 3 ORDER BY delivery")
      // What is put off comes back over the bound, and only that.
      #expect(parked.isEmpty || queued.count >= depth, "step \(step): room, and \(parked) parked")
      switch Int.random(in: 0..<10, using: &random) {
      case ..<5:
        let receipt = try #require(try await world.send().first)
        let isFull = queued.count >= depth || !parked.isEmpty
        let affected = receipt.overflows.compactMap(\.delivery)
        let number = receipt.sequence << 16
        switch (overflow, isFull) {
        case (_, false): #expect(affected == [], "step \(step)")
        case (.dropOldest, _): #expect(affected == Array(queued.prefix(1)), "step \(step)")
        default: #expect(affected == [number], "step \(step)")
        }
      case ..<8:
        guard let delivery = queued.randomElement(using: &random) else { continue }
        let attempts = try numbers("SELECT attempts FROM queue WHERE delivery = \(delivery)")
        let start = names.start(delivery, number: Int(attempts.first ?? 0) + 1)
        #expect(try await store.started([start]) == [])
        running[delivery] = start
      default:
        guard let (delivery, start) = running.randomElement(using: &random) else { continue }
        running[delivery] = nil
        if Bool.random(using: &random) {
          try await store.settled([names.end(start)])
        } else {
          try await store.settled([
            names.end(
              start, "error",
              .waiting(dueAtMs: Names.nowMs + Int64(step), reason: "backoff"))
          ])
        }
      }
    }
    #expect(try Invariants.violations(inFile: world.file.path) == [])
  }
}
