import Dispatch
import Store
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct LifetimeTests {
  @Test func `a closed store lets go of its file`() throws {
    let file = try TestFile()
    let store = try file.open()
    store.close()
    let again = try file.open()
    again.close()
    again.close()
    store.close()
  }

  @Test func `a store that nobody closed writes what was given to it and lets go`() async throws {
    let file = try TestFile()
    let names = try await {
      let store = try file.open()
      let names = try await Names.register(in: store)
      for number in 0..<20 {
        store.accept(AcceptBatch(records: [names.event("\(number)")])) { _ in }
      }
      return names
    }()
    let again = try file.open()
    defer { again.close() }
    #expect(try await again.accepted([names.event()]).map(\.sequence) == [21])
  }

  @Test func `a store whose last reference goes away on its own thread ends`() async throws {
    let file = try TestFile()
    let names = try await {
      let store = try file.open()
      defer { store.close() }
      return try await Names.register(in: store)
    }()
    let gate = DispatchSemaphore(value: 0)
    let result: Result<[AcceptReceipt], StoreError> = try await {
      let store = try file.open()
      return await withCheckedContinuation { continuation in
        store.accept(AcceptBatch(records: [names.event()])) { [store] result in
          store.close()
          continuation.resume(returning: result)
          gate.signal()
        }
      }
    }()
    #expect(try result.get().count == 1)
    #expect(gate.wait(timeout: .distantFuture) == .success)
  }

  @Test func `closing writes what is waiting`() async throws {
    let file = try TestFile()
    let store = try file.open()
    let names = try await Names.register(in: store)
    let gate = DispatchSemaphore(value: 0)
    store.accept(AcceptBatch(records: [names.event("first")])) { _ in gate.wait() }
    let results = Recorder<Bool>()
    for number in 0..<10 {
      store.accept(AcceptBatch(records: [names.event("\(number)")])) { result in
        results.add((try? result.get()) != nil)
      }
    }
    gate.signal()
    store.close()
    #expect(results.values == Array(repeating: true, count: 10))
    #expect(try SQLiteFile(file.path).integer("SELECT count(*) FROM events") == 11)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `after closing everything answers that the store is closed`() async throws {
    let file = try TestFile()
    let store = try file.open()
    let names = try await Names.register(in: store)
    store.close()
    let write = await #expect(throws: StoreError.self) { try await store.accepted([names.event()]) }
    #expect(write?.code == .closed)
    let start = await #expect(throws: StoreError.self) {
      try await store.started([names.start(1)])
    }
    #expect(start?.code == .closed)
    let read = await #expect(throws: StoreError.self) {
      try await store.pending(lane: names.claude, after: 0, limit: 1)
    }
    #expect(read?.code == .closed)
    let status = await #expect(throws: StoreError.self) { try await store.reader.sources() }
    #expect(status?.code == .closed)
  }

  @Test func `a reader that nobody closed ends`() async throws {
    let file = try TestFile()
    try file.open().close()
    for _ in 0..<3 { _ = try await StoreReader(path: file.path).modules() }
  }

  @Test func `reads that wait while the store is closed are answered`() async throws {
    let file = try TestFile()
    let store = try file.open()
    _ = try await Names.register(in: store)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<50 {
        group.addTask { (try? await store.reader.sources()) != nil }
      }
      group.addTask {
        store.close()
        return true
      }
      var answers = 0
      for await _ in group { answers += 1 }
      #expect(answers == 51)
    }
  }
}
