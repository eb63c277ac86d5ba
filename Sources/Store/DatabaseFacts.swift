#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the file system says of a database: nothing is opened for it, and nothing made.
package struct DatabaseFacts: Sendable {
  /// Without symbolic links.
  package let path: String
  /// Bytes of the file; nil where there is none, or this user may not see it.
  package let bytes: Int64?
  /// Bytes of the write-ahead log; 0 where there is none.
  package let logBytes: Int64
  /// Permission bits of the file.
  package let mode: UInt32?
  /// Whether this user may write to the file; of one that is not there, to its directory.
  package let isWritable: Bool
  /// Its name; nil for a local file system.
  package let networkFileSystem: String?
  /// Nil when the system does not say.
  package let freeBytes: UInt64?
  /// What is kept for settling: with less than this, no events are accepted.
  package let reserveBytes: UInt64?

  package init(path: String) {
    let location = StoreLocation(path: path).resolved()
    self.path = location.path
    let file = FileFacts(location.path)
    bytes = file?.bytes
    mode = file?.mode
    logBytes = FileFacts(location.path + "-wal")?.bytes ?? 0
    isWritable = access(file == nil ? location.directory : location.path, W_OK) == 0
    networkFileSystem = location.networkFileSystem()
    let space = location.space()
    freeBytes = space?.free
    reserveBytes = space?.reserve
  }
}

/// One answer of lstat(2).
struct FileFacts {
  let bytes: Int64
  let mode: UInt32
  let isRegular: Bool
  private let device: UInt64
  private let number: UInt64

  /// Nil when there is nothing of that name, or this user may not know.
  init?(_ path: String) {
    var info = stat()
    guard lstat(path, &info) == 0 else { return nil }
    bytes = Int64(info.st_size)
    mode = UInt32(info.st_mode) & 0o7777
    isRegular = info.st_mode & S_IFMT == S_IFREG
    device = UInt64(info.st_dev)
    number = UInt64(info.st_ino)
  }

  /// Whether both are one file under two names.
  func isSame(as other: FileFacts) -> Bool { device == other.device && number == other.number }
}
