import Store
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct AcceptTests {
  @Test func `a repeated dedup key stores no event and counts the repetition`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let first = try await store.accepted([names.event(key: "k", to: [names.toClaude()])])
    let again = try await store.accepted([
      names.event(key: "k", atMs: Names.nowMs + 5, to: [names.toClaude()])
    ])
    #expect(first[0].isDuplicate == false)
    #expect(again[0].isDuplicate)
    #expect(again[0].sequence == first[0].sequence)
    #expect(again[0].acceptedAtMs == first[0].acceptedAtMs)
    let sql = try SQLiteFile(file.path)
    #expect(
      try sql.rows("SELECT sequence, duplicates, last_duplicate_ms FROM events")
        == [["1", "1", "\(Names.nowMs + 5)"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `the same dedup key of another source is another event`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    var other = names.event(key: "k")
    other.source = names.agent
    let receipts = try await store.accepted([names.event(key: "k"), other])
    #expect(receipts.map(\.isDuplicate) == [false, false])
  }

  @Test func `duplicates inside one batch are found`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let receipts = try await store.accepted([
      names.event(key: "a"), names.event(key: "b"), names.event(key: "a"), names.event(id: "x"),
      names.event(id: "x"),
    ])
    #expect(receipts.map(\.sequence) == [1, 2, 1, 3, 3])
    #expect(receipts.map(\.isDuplicate) == [false, false, true, false, true])
    #expect(receipts.map(\.externalID) == [nil, nil, nil, "x", "x"])
  }

  @Test func `an event that comes back with the id it was given here is a copy`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let first = try await store.accepted([names.event("one"), names.event("two")])
    let id = store.identity.eventID(
      sequence: first[1].sequence, acceptedAtMs: first[1].acceptedAtMs)
    // A millisecond off is no event of this file, and an id like any other.
    let other = store.identity.eventID(
      sequence: first[1].sequence, acceptedAtMs: first[1].acceptedAtMs + 1)
    let again = try await store.accepted([
      names.event("two", key: "k", id: id), names.event(id: other), names.event(key: "k"),
    ])
    #expect(again.map(\.isDuplicate) == [true, false, false])
    #expect(again.map(\.sequence) == [2, 3, 4])
    #expect(again[0].externalID == nil)
    let sql = try SQLiteFile(file.path)
    #expect(try sql.rows("SELECT sequence FROM events WHERE duplicates = 1") == [["2"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `a new id of an event whose dedup key is known leads to no other event`() async throws
  {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(key: "k", id: "first")])
    let again = try await store.accepted([names.event(key: "k", id: "second")])
    #expect(again[0].isDuplicate)
    let other = try await store.accepted([names.event("other")])
    #expect(try await store.reader.event(id: "second") == nil)
    #expect(other[0].sequence == 2)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `an event with more deliveries than numbers is refused`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let many = Array(repeating: names.toClaude(), count: 65_537)
    let error = await #expect(throws: StoreError.self) {
      try await store.accepted([names.event(to: many)])
    }
    #expect(error?.code == .constraint)
    try await store.accepted([names.event(to: [names.toClaude()])])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `the sequence goes on where it was after the file is opened again`() async throws {
    let file = try TestFile()
    let store = try file.open()
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(), names.event()])
    store.close()
    let again = try file.open()
    defer { again.close() }
    let receipts = try await again.accepted([names.event()])
    #expect(receipts.map(\.sequence) == [3])
    #expect(again.identity == store.identity)
  }

  @Test func `what a failed transaction numbered is numbered again`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    var wrong = names.event(id: "w")
    wrong.type = 7
    let error = await #expect(throws: StoreError.self) {
      try await store.accepted([names.event(id: "v"), wrong])
    }
    #expect(error?.code == .constraint)
    let receipts = try await store.accepted([names.event(id: "v"), names.event(id: "w")])
    #expect(receipts.map(\.sequence) == [1, 2])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `receipts of concurrent callers come in the order of the events' numbers`()
    async throws
  {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let order = Recorder<Int64>()
    await withTaskGroup(of: Void.self) { group in
      for caller in 0..<2 {
        group.addTask {
          for number in 0..<50 {
            await withCheckedContinuation { continuation in
              let batch = AcceptBatch(records: [
                names.event("\(caller)-\(number)"), names.event("\(caller)-\(number)b"),
              ])
              store.accept(batch) { result in
                if let receipts = try? result.get() { order.add(receipts.map(\.sequence)) }
                continuation.resume()
              }
            }
          }
        }
      }
    }
    #expect(order.values == Array(1...200))
  }

  @Test func `a checkpoint, health and coverage are stored with the batch`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted(
      [names.event()],
      SourceProgress(
        source: names.github, checkpoint: "c1", status: "degraded", lastSuccessMs: Names.nowMs,
        lastAttemptMs: Names.nowMs, lastError: "slow", consecutiveErrors: 2, health: "{}",
        coveredFromMs: 10, coveredToMs: 20))
    try await store.save(
      SourceProgress(source: names.github, coveredFromMs: 10, coveredToMs: 30))
    let sql = try SQLiteFile(file.path)
    #expect(
      try sql.rows("SELECT checkpoint, status, consecutive_errors FROM v_sources")[0]
        == ["c1", "healthy", "0"])
    #expect(try sql.rows("SELECT from_ms, to_ms FROM coverage") == [["10", "30"]])
    let keys = try await store.register(Names.record())
    #expect(keys.sources["github"]?.checkpoint == "c1")
    let replaced = try await store.register(Names.record(content: "v2", connector: "other"))
    #expect(replaced.sources["github"]?.checkpoint == nil)
  }
}
