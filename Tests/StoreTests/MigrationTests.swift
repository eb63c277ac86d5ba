import Store
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct MigrationTests {
  @Test(arguments: FaultDisk.Fault.allCases)
  func `a migration that is cut off leaves the old schema or the new one`(
    _ fault: FaultDisk.Fault
  ) throws {
    let template = try TestFile.ofSchema7()
    var versions: Set<Int64> = []
    var nth = 1
    var isDone = false
    while !isDone {
      let file = try template.copy()
      let disk = try FaultDisk()
      disk.fail(nth, fault, permanently: true)
      do {
        let store = try file.open { $0.vfs = disk.name }
        store.close()
      } catch is StoreError {
        // Expected until the fault comes too late.
      }
      let sql = try SQLiteFile(file.path)
      let version = try sql.integer("PRAGMA user_version")
      versions.insert(try #require(version))
      let views = try sql.integer(
        "SELECT count(*) FROM sqlite_schema WHERE name IN ('v_paused', 'unsettled')")
      #expect(views == (version ?? 0 >= 8 ? 2 : 0))
      if version == 15 { #expect(try Invariants.violations(inFile: file.path) == []) }
      #expect(try sql.value("PRAGMA integrity_check") == "ok")
      isDone = disk.failures == 0
      nth += 1
      try #require(nth < 200)
    }
    #expect(versions == [7, 15])
  }
}
