import CPlatform

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The place of a backup, and the file beside it that the copy is written to until it is whole.
package final class BackupTarget: Sendable {
  /// Without symbolic links.
  package let path: String
  /// In the same directory, so that it can be renamed.
  package let partialPath: String
  private let location: StoreLocation
  private let replacing: Bool

  /// Makes the file beside it, empty, for its owner only.
  ///
  /// - Throws: ``StoreError`` `.exists` when something is there that must not be overwritten,
  ///   `.permission`, `.diskFull`, `.inputOutput`.
  package init(path: String, replacing: Bool, database: String) throws(StoreError) {
    location = StoreLocation(path: path).resolved()
    self.path = location.path
    self.replacing = replacing
    // A name of its own: a copy that was cut off cannot be in the way of the next.
    partialPath = location.path + ".partial-" + String(UInt64.random(in: .min ... .max), radix: 36)
    try refuseOverwriting(database: StoreLocation(path: database).resolved().path)
    try StoreLocation(path: partialPath).makeFile()
  }

  /// What was not published is of no use to anybody.
  deinit {
    for suffix in ["", "-wal", "-shm", "-journal"] { unlink(partialPath + suffix) }
  }

  private func refuseOverwriting(database: String) throws(StoreError) {
    let companions = ["", "-wal", "-shm", "-journal", ".lock"]
    let found = FileFacts(path)
    let isDatabase = found.flatMap { found in FileFacts(database)?.isSame(as: found) } ?? false
    guard !isDatabase, !companions.contains(where: { database + $0 == path }) else {
      throw StoreError(
        .exists, "\(path) is the database itself, or belongs to it", hint: "name another file")
    }
    if let found, !found.isRegular {
      throw StoreError(.inputOutput, "\(path) is no regular file", hint: "name another file")
    }
    // SQLite would apply to the copy what belongs to the file that was there.
    for suffix in ["-wal", "-shm", "-journal"] where FileFacts(path + suffix) != nil {
      throw StoreError(
        .exists, "\(path) is a database in use: there is \(path)\(suffix)",
        hint: "name another file")
    }
    guard found == nil || replacing else {
      throw StoreError(.exists, "\(path) exists", hint: "--force overwrites it")
    }
  }

  /// Refuses a copy that would not leave the reserve free: a disk that a backup has filled stops
  /// the runtime.
  func refuseWithoutRoom(for bytes: Int64) throws(StoreError) {
    guard let space = location.space(), space.free < UInt64(bytes) + space.reserve else { return }
    throw StoreError(
      .diskFull,
      "there is no room for \(bytes >> 20) MiB beside \(path): \(space.free >> 20) MiB are free",
      hint: "free space, or name another disk")
  }

  /// Puts what was copied on the disk.
  func sync() throws(StoreError) {
    // SQLite has closed the copy, and nobody else knows it: no lock of its is dropped here.
    let descriptor = open(partialPath, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw StoreError.system("open \(partialPath)") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw StoreError.system("make \(partialPath) durable") }
  }

  /// Gives the copy its name, durably: from then on there is the whole of it.
  ///
  /// - Throws: ``StoreError`` `.exists` when something has come there meanwhile.
  package func publish() throws(StoreError) {
    let code = replacing ? rename(partialPath, path) : orgloop_rename_new(partialPath, path)
    if code != 0 {
      guard errno != EEXIST else {
        throw StoreError(.exists, "\(path) exists", hint: "--force overwrites it")
      }
      throw StoreError.system("rename \(partialPath) to \(path)")
    }
    try location.syncDirectory()
  }
}
