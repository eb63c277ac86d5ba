import Store
import TestSupport
import Testing

/// The history of configurations: what is kept, what is not, and since when a module is gone.
@Suite(.timeLimit(.minutes(2))) struct HistoryTests {
  private static let day: Int64 = 86_400_000

  private func record(
    _ number: Int, name: String = "engineering", files: [String: [UInt8]?] = [:]
  ) -> ModuleRecord {
    var record = Names.record(name: name, content: "v\(number)")
    record.nowMs = Names.nowMs + Int64(number) * 1_000
    record.captured = files
    record.action = "apply"
    return record
  }

  private func number(_ file: TestFile, _ sql: String) throws -> Int64? {
    try SQLiteFile(file.path).integer(sql)
  }

  @Test func `the same script is stored once, and goes with the last generation that needs it`()
    async throws
  {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    _ = try await store.register(record(1, files: ["aa": [1], "bb": [2]]))
    _ = try await store.register(record(2, files: ["bb": [2], "cc": nil]))
    _ = try await store.register(record(3, name: "ops", files: ["bb": [2]]))
    #expect(try number(file, "SELECT count(*) FROM captured_files") == 2)
    #expect(try await store.inspection.capturedFiles(["aa", "cc"]) == ["aa": [1]])
    let hold = HoldWatch(limitMs: 1_000) { 0 }
    try await store.forgetGenerations([1], hold: hold)
    #expect(try await store.inspection.capturedFiles(["aa", "bb"]) == ["bb": [2]])
    #expect(try number(file, "SELECT count(*) FROM documents") == 2)
    try await store.forgetGenerations([2, 3], hold: hold)
    #expect(try number(file, "SELECT count(*) FROM captured_files") == 0)
    #expect(try number(file, "SELECT count(*) FROM document_files") == 0)
  }

  @Test func `a content that came back is a generation of its own, and one that stays is none`()
    async throws
  {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let first = try await store.register(record(1))
    #expect(first.isNewGeneration)
    #expect(try await !store.register(record(1)).isNewGeneration)
    let end = try await store.endModules(
      ["engineering"], by: "alice", action: "unload", change: nil, nowMs: Names.nowMs)
    #expect(end == first.generation + 1)
    let again = try await store.endModules(
      ["engineering"], by: "alice", action: "unload", change: nil, nowMs: Names.nowMs)
    #expect(again == nil)
    #expect(try await store.inspection.state(upTo: .max).map(\.hasEnded) == [true])
    #expect(try await store.inspection.state(upTo: first.generation).map(\.hasEnded) == [false])
    #expect(try await store.register(record(1)).generation == first.generation + 2)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `generations beyond the newest hundred go once no event is as old as they are`()
    async throws
  {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let kept = StoreReader.generationsKept
    for number in 1...(kept + 3) { _ = try await store.register(record(number)) }
    let late = Names.nowMs + 30 * Self.day
    // Nothing is stored, so only the clock speaks for them.
    #expect(try await store.inspection.oldGenerations(nowMs: Names.nowMs, limit: 9) == [])
    #expect(try await store.inspection.oldGenerations(nowMs: late, limit: 9) == [1, 2, 3])
    #expect(try await store.inspection.oldGenerations(nowMs: late, limit: 2) == [1, 2])
    // An event of that time may be of any of them.
    let names = try await Names.register(in: store)
    _ = try await store.accepted([names.event()])
    #expect(try await store.inspection.oldGenerations(nowMs: late, limit: 9) == [])
    try SQLiteFile(file.path, writable: true).rows("DELETE FROM events")
    try await store.forgetGenerations([1, 2], hold: HoldWatch(limitMs: 1_000) { 0 })
    // What the module was then is not known any more, and nobody claims that it was not there.
    let error = await #expect(throws: StoreError.self) {
      try await store.inspection.state(upTo: 2)
    }
    #expect(error?.code == .limit)
    #expect(try await store.inspection.state(upTo: 3).count == 1)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }
}
