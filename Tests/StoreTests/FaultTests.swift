import CSQLite
import Store
import TestSupport
import Testing

/// Every storage call fails once, in every way, and nothing that was reported stored is missing.
///
/// For N = 1, 2, …: the Nth call of a scenario fails (alone, or with all after it); then the file
/// is opened on a disk without faults. The loop ends with the first run in which nothing failed.
@Suite(.timeLimit(.minutes(10)))
struct FaultTests {
  @Test(arguments: Scenario.all, [false, true])
  func `whatever fails, what was reported stored is stored and nothing is half there`(
    _ scenario: Scenario, _ permanently: Bool
  ) async throws {
    let template = try await scenario.template()
    var runs = 0
    for fault in FaultDisk.Fault.allCases {
      var nth = 1
      while try await run(scenario, template, nth, fault, permanently) {
        nth += 1
        try #require(nth < 1_000, "the scenario never ended without a fault")
      }
      runs += nth
    }
    print("faults, \(scenario), \(permanently ? "permanent" : "transient"): \(runs) runs")
  }

  /// - Returns: Whether the fault was reached.
  private func run(
    _ scenario: Scenario, _ template: TestFile?, _ nth: Int, _ fault: FaultDisk.Fault,
    _ permanently: Bool
  ) async throws -> Bool {
    let file = try template.map { try $0.copy() } ?? TestFile()
    let disk = try FaultDisk()
    disk.fail(nth, fault, permanently: permanently)
    let steps = Recorder<Step>()
    do {
      let store = try file.open { options in
        options.vfs = disk.name
        options.readerCount = 1
        options.logPagesMax = 4
      }
      await scenario.run(store, steps)
      store.close()
    } catch is StoreError {
      // The store could not be opened; the file must still be good.
    }
    let place = "\(scenario), call \(nth), \(fault), permanently: \(permanently)"
    let store = try file.open { $0.readerCount = 1 }
    store.close()
    #expect(try Invariants.violations(inFile: file.path) == [], "\(place)")
    let sql = try SQLiteFile(file.path)
    for step in steps.values {
      let found = try sql.integer(step.evidence) ?? 0
      if step.isReported {
        #expect(found == step.rows, "\(place): \(step.name) was reported stored")
      } else {
        #expect(found == 0 || found == step.rows, "\(place): \(step.name) is half there")
      }
    }
    return disk.failures > 0
  }

  @Test(arguments: FaultDisk.Fault.allCases)
  func `a store that met a fault goes on when the disk does`(_ fault: FaultDisk.Fault) async throws
  {
    let file = try TestFile()
    let disk = try FaultDisk()
    let store = try file.open { $0.vfs = disk.name }
    defer { store.close() }
    let names = try await Names.register(in: store)
    for nth in 1...6 {
      disk.fail(nth, fault, permanently: false)
      var failed = 0
      for number in 0..<6 {
        do {
          try await store.accepted([names.event(id: "\(nth)-\(number)", to: [names.toClaude()])])
        } catch let error as StoreError {
          #expect(error.sqliteCode != 0)
          failed += 1
        }
      }
      #expect(failed == 1)
      disk.heal()
    }
    #expect(try SQLiteFile(file.path).integer("SELECT count(*) FROM events") == 30)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `a full disk refuses writes for as long as it is full, and reads go on`() async throws
  {
    let file = try TestFile()
    let disk = try FaultDisk()
    let store = try file.open { options in
      options.vfs = disk.name
      options.readerCount = 1
    }
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(to: [names.toClaude()])])
    // A connection opens the log at its first read.
    _ = try await store.pending(lane: names.claude, after: 0, limit: 9)
    disk.fail(1, .full, permanently: true)
    for _ in 0..<10 {
      let error = await #expect(throws: StoreError.self) {
        try await store.accepted([names.event()])
      }
      #expect(error?.code == .diskFull)
      #expect(try await store.pending(lane: names.claude, after: 0, limit: 9).count == 1)
    }
    disk.heal()
    #expect(try await store.accepted([names.event()]).map(\.sequence) == [2])
  }

  @Test func `a checkpoint that fails is told and hurts nobody`() async throws {
    let file = try TestFile()
    let disk = try FaultDisk()
    let failures = Recorder<StoreError.Code>()
    let store = try file.open { options in
      options.vfs = disk.name
      options.logPagesMax = 8
      options.observer = { event in
        if case .failed(0, let error) = event { failures.add(error.code) }
      }
    }
    defer { store.close() }
    let names = try await Names.register(in: store)
    var nth = 1
    // The next database write after those of commits, which go to the log, is a checkpoint's.
    while failures.values.isEmpty {
      disk.fail(nth, .inputOutput, permanently: false)
      for _ in 0..<12 { _ = try? await store.accepted([names.event()]) }
      disk.heal()
      nth += 1
      try #require(nth < 100)
    }
    #expect(failures.values == [.inputOutput])
    try await store.accepted([names.event()])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }
}
