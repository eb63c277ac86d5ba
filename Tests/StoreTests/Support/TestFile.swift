import Foundation
import Store

/// A place for one database, removed with everything in it when the test is over.
final class TestFile: Sendable {
  let directory: String
  let path: String

  init() throws {
    let base = FileManager.default.temporaryDirectory
    directory = base.appending(path: "orgloop-store-\(UUID().uuidString)").path
    path = directory + "/orgloop.db"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  deinit {
    // What cannot be removed is left to the system's own cleaning of its temporary directory.
    try? FileManager.default.removeItem(atPath: directory)
  }

  func open(_ configure: (inout EventStore.Options) -> Void = { _ in }) throws -> EventStore {
    var options = EventStore.Options()
    configure(&options)
    return try EventStore(path: path, options: options)
  }

  /// The same database elsewhere. Nobody may have it open.
  func copy() throws -> TestFile {
    let copy = try TestFile()
    try FileManager.default.copyItem(atPath: path, toPath: copy.path)
    return copy
  }
}
