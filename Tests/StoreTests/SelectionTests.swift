import Foundation
import Store
import TestSupport
import Testing

/// Which workspace a project works in, and the end of a workspace's file (config.md 11).
@Suite(.timeLimit(.minutes(2)))
struct SelectionTests {
  @Test func `what was selected last counts, for each project by itself`() async throws {
    let file = try TestFile()
    let store = try file.open()
    #expect(try StoreReader.selection(inFile: file.path, root: "/a") == nil)
    try await store.select(workspace: "staging", root: "/a", by: "ann", nowMs: 1)
    try await store.select(workspace: "default", root: "/b", by: "ann", nowMs: 2)
    // Beside the one who writes.
    #expect(try StoreReader.selection(inFile: file.path, root: "/a") == "staging")
    try await store.select(workspace: "production", root: "/a", by: "bob", nowMs: 3)
    store.close()
    #expect(try StoreReader.selection(inFile: file.path, root: "/a") == "production")
    #expect(try StoreReader.selection(inFile: file.path, root: "/b") == "default")
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `an older and a newer file are read too, and one that is none is refused`() throws {
    let file = try TestFile()
    try file.open().close()
    let sql = try SQLiteFile(file.path, writable: true)
    try sql.rows(
      "INSERT INTO selections VALUES ('/a', 'staging', 1, 'ann'); PRAGMA user_version = 99")
    #expect(try StoreReader.selection(inFile: file.path, root: "/a") == "staging")
    try sql.rows("DROP TABLE selections; PRAGMA user_version = 7")
    #expect(try StoreReader.selection(inFile: file.path, root: "/a") == nil)
    let other = try TestFile()
    try Data(String(repeating: "no database. ", count: 900).utf8)
      .write(to: URL(filePath: other.path))
    #expect(throws: StoreError.self) { try StoreReader.selection(inFile: other.path, root: "/a") }
  }

  @Test func `only a file that nobody holds and in which nothing waits is deleted`() async throws {
    let file = try TestFile()
    let store = try file.open()
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(to: [names.toClaude()])])
    func code(force: Bool) -> StoreError.Code? {
      #expect(throws: StoreError.self) { try EventStore.delete(path: file.path, force: force) }?
        .code
    }
    #expect(code(force: true) == .locked)
    store.close()
    #expect(code(force: false) == .exists)
    #expect(FileManager.default.fileExists(atPath: file.path))
    #expect(try EventStore.delete(path: file.path, force: true) == 1)
    for suffix in ["", "-wal", "-shm"] {
      #expect(!FileManager.default.fileExists(atPath: file.path + suffix))
    }
    // Made anew, it has nothing of the old one.
    try file.open().close()
    #expect(try SQLiteFile(file.path).integer("SELECT count(*) FROM events") == 0)
    #expect(try EventStore.delete(path: file.path, force: false) == 0)
  }

  @Test func `of a file that cannot be read it cannot be told, so it takes force`() throws {
    let file = try TestFile()
    try Data("nothing".utf8).write(to: URL(filePath: file.path))
    let error = #expect(throws: StoreError.self) {
      try EventStore.delete(path: file.path, force: false)
    }
    #expect(error?.code == .exists)
    #expect(try EventStore.delete(path: file.path, force: true) == nil)
  }
}
