import CPlatform

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The place of the database: its directory is made and checked before SQLite sees it.
struct StoreLocation: Sendable {
  let path: String
  let directory: String

  init(path: String) {
    self.path = path
    if let slash = path.lastIndex(of: "/") {
      directory = slash == path.startIndex ? "/" : String(path[..<slash])
    } else {
      directory = "."
    }
  }

  /// The same place without symbolic links, from the root.
  ///
  /// So that two names of one file have one lock file, and that no name means more to SQLite than
  /// to us: `:memory:`, or `file:…?…` where it was built to read URIs.
  func resolved() -> StoreLocation {
    let name = path.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init)
    guard let file = StoreLocation.realPath(path) else {
      // Not there yet; and where the directory is not there either, opening the file will say so.
      let parent = StoreLocation.realPath(directory) ?? directory
      return StoreLocation(path: (parent == "/" ? "" : parent) + "/" + (name ?? ""))
    }
    return StoreLocation(path: file)
  }

  private static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Makes the directory with mode 0700, and parents as needed.
  func makeDirectory() throws(StoreError) {
    var partial = directory.hasPrefix("/") ? "" : "."
    for part in directory.split(separator: "/") {
      partial += "/" + part
      if mkdir(partial, 0o700) != 0, errno != EEXIST {
        throw StoreError.system("make the directory \(partial)")
      }
    }
  }

  /// Makes the file, empty, with mode 0600, so that there is no moment in which it has another.
  /// Only when it is not there: an existing database is never opened but by SQLite.
  func makeFile() throws(StoreError) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor >= 0 {
      close(descriptor)
    } else if errno != EEXIST {
      throw StoreError.system("make the database \(path)")
    }
  }

  /// Refuses file systems whose locks or shared memory cannot be trusted.
  /// Source: <https://www.sqlite.org/wal.html> ("WAL does not work over a network filesystem").
  func refuseNetworkFileSystem(type: Int64? = nil) throws(StoreError) {
    guard let name = networkFileSystem(type: type) else { return }
    throw StoreError(
      .networkFileSystem, "\(path) lies on a network file system (\(name))",
      hint: "SQLite's write-ahead log needs a local disk: name one with --db")
  }

  /// The network file system that it lies on; nil for a local one.
  func networkFileSystem(type: Int64? = nil) -> String? {
    StoreLocation.networkFileSystems[type ?? orgloop_filesystem_type(directory)]
  }

  /// Numbers of statfs(2).
  private static let networkFileSystems: [Int64: String] = [
    0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB2", 0x0102_1997: "9P",
    0x5346_414F: "AFS", 0x00C3_6400: "Ceph", 0x0BD0_0BD0: "Lustre", 0x7461_636F: "OCFS2",
    0x0116_1970: "GFS2", 0x564C: "NCP", 0x7375_7245: "Coda",
  ]

  /// Makes the file's name durable: SQLite ignores a failing fsync of the directory, we do not.
  func syncDirectory() throws(StoreError) {
    if orgloop_sync_directory(directory) != 0 {
      throw StoreError.system("make the directory \(directory) durable")
    }
  }

  /// Bytes free where the database lies, and the bytes that are kept for settling: a twentieth of
  /// the file system, at most 32 MiB. Nil when the system does not say.
  func space() -> (free: UInt64, reserve: UInt64)? {
    var free: UInt64 = 0
    var total: UInt64 = 0
    guard orgloop_free_space(directory, &free, &total) == 0 else { return nil }
    return (free, min(total / 20, 32 << 20))
  }

  /// Pages of the log that fit into the reserve: what settling writes must find room there until
  /// a checkpoint lets the log begin anew. At least 64, or a small disk would checkpoint at every
  /// commit. Only below about 640 MiB less than ``WriteAheadLog/pagesMax``.
  var logPagesMax: Int32 {
    guard let space = space() else { return .max }
    return Int32(clamping: max(space.reserve / UInt64(Schema.pageSize), 64))
  }
}
