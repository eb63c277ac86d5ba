import Foundation
import Store
import TestSupport
import Testing

/// Files that are not, or are no longer, what this program wrote.
@Suite(.timeLimit(.minutes(2)))
struct ForeignFileTests {
  private func refusal(_ file: TestFile) -> StoreError.Code? {
    #expect(throws: StoreError.self) { try file.open() }?.code
  }

  private func readerRefusal(_ file: TestFile) -> StoreError.Code? {
    #expect(throws: StoreError.self) { try StoreReader(path: file.path) }?.code
  }

  @Test func `another program's database is refused and stays as it is`() throws {
    let file = try TestFile()
    try SQLiteFile(file.path, writable: true).rows("CREATE TABLE theirs (a); PRAGMA user_version=3")
    let before = FileManager.default.contents(atPath: file.path)
    #expect(refusal(file) == .notADatabase)
    #expect(readerRefusal(file) == .notADatabase)
    #expect(FileManager.default.contents(atPath: file.path) == before)
  }

  @Test func `an empty database that another program has marked is refused`() throws {
    let file = try TestFile()
    try SQLiteFile(file.path, writable: true)
      .rows("PRAGMA application_id = 7; PRAGMA user_version = 3")
    #expect(refusal(file) == .notADatabase)
  }

  @Test func `a file that is no database is refused and stays as it is`() throws {
    let file = try TestFile()
    let text = Data(String(repeating: "not a database. ", count: 1_000).utf8)
    try text.write(to: URL(filePath: file.path))
    #expect(refusal(file) == .notADatabase)
    #expect(readerRefusal(file) == .notADatabase)
    #expect(FileManager.default.contents(atPath: file.path) == text)
  }

  @Test func `a newer schema is refused and stays as it is`() throws {
    let file = try TestFile()
    try file.open().close()
    try SQLiteFile(file.path, writable: true).rows("PRAGMA user_version = 99")
    let before = FileManager.default.contents(atPath: file.path)
    #expect(refusal(file) == .newerSchema)
    #expect(readerRefusal(file) == .newerSchema)
    #expect(FileManager.default.contents(atPath: file.path) == before)
  }

  @Test func `a migration that is not ours is refused`() throws {
    let file = try TestFile()
    try file.open().close()
    try SQLiteFile(file.path, writable: true)
      .rows("UPDATE meta SET value = 'abc' WHERE key = 'migration 2'")
    #expect(refusal(file) == .alteredSchema)
  }

  @Test func `an older schema is read by nobody until the writer has brought it up to date`()
    async throws
  {
    let file = try TestFile.ofSchema7()
    let error = #expect(throws: StoreError.self) { try StoreReader(path: file.path) }
    #expect(error?.code == .newerSchema)
    #expect(error?.hint?.contains("orgloop start") == true)
    let store = try file.open()
    defer { store.close() }
    #expect(try await store.reader.modules().isEmpty)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `a damaged page is reported as damage`() async throws {
    let file = try TestFile()
    try file.open().close()
    // The second page on: the first keeps the header, by which the file is still ours.
    let handle = try FileHandle(forUpdating: URL(filePath: file.path))
    try handle.seek(toOffset: 8_192)
    try handle.write(contentsOf: Data(repeating: 0xA5, count: 8_192 * 4))
    try handle.close()
    #expect(refusal(file) == .corrupt)
  }

  @Test func `a truncated database is reported as damage`() throws {
    let file = try TestFile()
    try file.open().close()
    let handle = try FileHandle(forUpdating: URL(filePath: file.path))
    try handle.truncate(atOffset: 8_192 * 2)
    try handle.close()
    #expect(refusal(file) == .corrupt)
  }

  @Test func `the checksums of released migrations do not change`() throws {
    let file = try TestFile()
    try file.open().close()
    let found = try SQLiteFile(file.path).rows(
      "SELECT key, value FROM meta WHERE key LIKE 'migration %' ORDER BY length(key), key")
    #expect(
      found == [
        ["migration 1", "513a1101e46dffe7"], ["migration 2", "1479e71d05426f96"],
        ["migration 3", "a02c4e09622d50f3"], ["migration 4", "ccba82907d50d323"],
        ["migration 5", "7ef49c9f384c1a4a"], ["migration 6", "f63253c143e7f7b8"],
        ["migration 7", "13421ed1d70adab7"], ["migration 8", "177f97b3e82968f1"],
        ["migration 9", "d4f9d7c3ce57de9c"], ["migration 10", "bfeb12ea8e1dabfd"],
        ["migration 11", "d3638af35bc4a1cb"],
        ["migration 12", "a8f90369f493db60"],
        ["migration 13", "c49770e3c616261c"],
        ["migration 14", "c16c16b48e3b780d"],
        ["migration 15", "36f3b30c88590933"],
      ])
  }
}
