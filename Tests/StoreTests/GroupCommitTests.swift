import Dispatch
import Foundation
import Store
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct GroupCommitTests {
  private func observed(
    _ file: TestFile, _ change: (inout EventStore.Options) -> Void = { _ in }
  ) throws -> (EventStore, Recorder<WriterEvent>) {
    let events = Recorder<WriterEvent>()
    let store = try file.open { options in
      options.observer = { events.add($0) }
      change(&options)
    }
    return (store, events)
  }

  private func groups(_ events: Recorder<WriterEvent>) -> [Int] {
    events.values.compactMap { if case .committed(let count) = $0 { count } else { nil } }
  }

  @Test func `what arrives while the writer is busy is one transaction, in order`() async throws {
    let file = try TestFile()
    let (store, events) = try observed(file)
    let names = try await Names.register(in: store)
    let gate = DispatchSemaphore(value: 0)
    store.accept(AcceptBatch(records: [names.event("first")])) { _ in gate.wait() }
    let order = Recorder<Int>()
    for number in 0..<100 {
      store.accept(AcceptBatch(records: [names.event("\(number)")])) { result in
        if (try? result.get().first?.sequence) == Int64(number + 2) { order.add(number) }
      }
    }
    gate.signal()
    store.close()
    #expect(order.values == Array(0..<100))
    // The module, then the one that kept the writer busy with what had arrived before the writer
    // woke, then all the rest.
    #expect(groups(events).reduce(0, +) == 102)
    #expect(groups(events).count <= 3)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `an operation that breaks a rule fails alone`() async throws {
    let file = try TestFile()
    let (store, events) = try observed(file)
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(to: [names.toClaude()])])
    try await store.started([names.start(1 << 16)])
    let gate = DispatchSemaphore(value: 0)
    store.accept(AcceptBatch(records: [names.event("first")])) { _ in gate.wait() }
    let results = Recorder<String>()
    for number in 0..<9 {
      if number == 4 {
        store.start([names.start(1 << 16)]) { result in
          if case .failure(let error) = result, error.code == .constraint { results.add("no") }
        }
      } else {
        store.accept(AcceptBatch(records: [names.event(key: "\(number)")])) { result in
          results.add((try? result.get()) == nil ? "lost" : "\(number)")
        }
      }
    }
    gate.signal()
    store.close()
    #expect(results.values == ["0", "1", "2", "3", "no", "5", "6", "7", "8"])
    #expect(
      events.values.contains { if case .failed(1, _) = $0 { true } else { false } })
    let sql = try SQLiteFile(file.path)
    #expect(try sql.integer("SELECT count(*) FROM events") == 10)
    #expect(try sql.integer("SELECT event_count FROM sources WHERE id = 'github'") == 10)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `a row that is not as it should be fails only who met it`() async throws {
    let file = try TestFile()
    let (store, _) = try observed(file)
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(key: "gone")])
    // Behind the store's back, between two of its transactions.
    try SQLiteFile(file.path, writable: true).rows("DELETE FROM events")
    let gate = DispatchSemaphore(value: 0)
    store.accept(AcceptBatch(records: [names.event("first")])) { _ in gate.wait() }
    let results = Recorder<String>()
    for key in ["a", "gone", "b"] {
      store.accept(AcceptBatch(records: [names.event(key: key)])) { result in
        switch result {
        case .success: results.add(key)
        case .failure(let error): results.add(error.code == .corrupt ? "corrupt" : "\(error)")
        }
      }
    }
    gate.signal()
    store.close()
    #expect(results.values == ["a", "corrupt", "b"])
  }

  @Test func `a completion may write again`() async throws {
    let file = try TestFile()
    let (store, _) = try observed(file)
    defer { store.close() }
    let names = try await Names.register(in: store)
    let receipts = await withCheckedContinuation { continuation in
      store.accept(AcceptBatch(records: [names.event("1")])) { [store] _ in
        store.accept(AcceptBatch(records: [names.event("2")])) { result in
          continuation.resume(returning: try? result.get().map(\.sequence))
        }
      }
    }
    #expect(receipts == [2])
  }

  // MARK: The log

  @Test func `the log is moved into the database before it grows large`() async throws {
    let file = try TestFile()
    let (store, events) = try observed(file) { $0.logPagesMax = 40 }
    let names = try await Names.register(in: store)
    for _ in 0..<300 {
      try await store.accepted([names.event(String(repeating: "x", count: 4_000))])
    }
    let size = try FileManager.default.attributesOfItem(atPath: file.path + "-wal")[.size] as? Int
    // 40 pages and one transaction, or the one that made all tables; without checkpoints it would
    // be over 1,000.
    #expect(try #require(size) < 160 * 8_300)
    let moves = events.values.compactMap { event -> Int? in
      if case .checkpointed(_, let left) = event { left } else { nil }
    }
    #expect(moves.count > 5)
    #expect(moves.allSatisfy { $0 == 0 })
    store.close()
    #expect(FileManager.default.fileExists(atPath: file.path + "-wal") == false)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `a long reader stops no commit, and checkpoints wait for the log to grow`()
    async throws
  {
    let file = try TestFile()
    let (store, events) = try observed(file) { $0.logPagesMax = 40 }
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([names.event()])
    do {
      let reader = try SQLiteFile(file.path)
      try reader.rows("BEGIN; SELECT count(*) FROM events")
      for _ in 0..<200 {
        try await store.accepted([names.event(String(repeating: "x", count: 4_000))])
      }
      #expect(try reader.integer("SELECT count(*) FROM events") == 1)
    }
    func checkpoints() -> Int {
      events.values.filter { if case .checkpointed = $0 { true } else { false } }.count
    }
    let tries = checkpoints()
    #expect(tries > 0)
    #expect(tries < 80)
    for _ in 0..<40 {
      try await store.accepted([names.event(String(repeating: "x", count: 4_000))])
    }
    #expect(
      events.values.contains { if case .checkpointed(_, left: 0) = $0 { true } else { false } })
    #expect(try Invariants.violations(inFile: file.path) == [])
  }
}
