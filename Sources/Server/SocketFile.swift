import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file of the Unix socket: who may open it, when it may replace an older one, and when it
/// goes (cli-http.md 1.2).
final class SocketFile: Sendable {
  private struct Identity: Equatable {
    let device: UInt64
    let inode: UInt64
  }

  private let path: String
  private let group: String?
  /// The file that we made; nil before and after.
  private let own = Mutex<Identity?>(nil)

  init(path: String, group: String?) {
    self.path = path
    self.group = group
  }

  /// Makes the socket and listens on it.
  ///
  /// The mode is set on the socket before it has a name: the kernel gives the file the mode of
  /// the socket, so that there is no moment at which others can open it. A `umask` would do the
  /// same, but belongs to the whole process and would reach files of other threads. Source:
  /// Linux, net/unix/af_unix.c, `unix_bind_bsd`.
  func bind() throws(ServerError) -> ListeningSocket {
    var address = try socketAddress()
    let groupID = try group.map(groupID(named:))
    try removeStale(&address)
    let descriptor = socket(AF_UNIX, streamSocket, 0)
    guard descriptor >= 0 else { throw failure(errno) }
    let listening = ListeningSocket(descriptor)
    guard fchmod(descriptor, 0o600) == 0 else { throw failure(errno) }
    let length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let status = SocketFile.withPointer(to: &address) { systemBind(descriptor, $0, length) }
    guard status == 0 else { throw failure(errno) }
    own.withLock { $0 = identity() }
    do throws(ServerError) {
      if let groupID { try open(to: groupID) }
      guard listen(descriptor, ListeningSocket.backlog) == 0 else { throw failure(errno) }
    } catch {
      remove()
      throw error
    }
    return listening
  }

  /// Removes the file if it is still ours; the next process may have put its own there.
  func remove() {
    let isOwn = own.withLock { own in
      defer { own = nil }
      return own != nil && own == identity()
    }
    if isOwn { unlink(path) }
  }

  deinit { remove() }

  private func open(to groupID: gid_t) throws(ServerError) {
    guard chown(path, uid_t.max, groupID) == 0, chmod(path, 0o660) == 0 else {
      throw ServerError(
        .permission, "cannot give the socket \(path) to its group: \(errnoText(errno))",
        hint: "runtime.control.socket_group must be a group that you belong to")
    }
  }

  private func groupID(named name: String) throws(ServerError) -> gid_t {
    if let entry = getgrnam(name) { return entry.pointee.gr_gid }
    throw ServerError(
      .invalidAddress, "there is no group \(name)",
      hint: "set runtime.control.socket_group to an existing group")
  }

  private func socketAddress() throws(ServerError) -> sockaddr_un {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let bytesMax = MemoryLayout.size(ofValue: address.sun_path) - 1
    guard !bytes.isEmpty, !bytes.contains(0) else {
      throw ServerError(.invalidAddress, "the path of the socket is empty or holds a NUL")
    }
    guard bytes.count <= bytesMax else {
      throw ServerError(
        .pathTooLong, "the path of the socket has \(bytes.count) bytes, at most \(bytesMax) fit",
        hint: "choose a shorter path")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return address
  }

  /// Removes a socket that a crashed process left; one that answers is never touched.
  private func removeStale(_ address: inout sockaddr_un) throws(ServerError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw failure(errno)
    }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw ServerError(
        .invalidAddress, "\(path) exists and is not a socket",
        hint: "move the file away or choose another database path")
    }
    let descriptor = socket(AF_UNIX, streamSocket, 0)
    guard descriptor >= 0 else { throw failure(errno) }
    defer { _ = systemClose(descriptor) }
    // A full queue must not make us wait: it means that somebody listens.
    guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else { throw failure(errno) }
    let length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let connected = SocketFile.withPointer(to: &address) { connect(descriptor, $0, length) }
    guard connected != 0, errno == ECONNREFUSED else {
      throw ServerError(
        .addressInUse, "cannot listen on \(path): another process answers there",
        hint: "a runtime for this database is running already")
    }
    unlink(path)
  }

  private func failure(_ code: Int32) -> ServerError {
    switch code {
    case EACCES, EPERM, EROFS:
      ServerError(
        .permission, "cannot make the socket \(path): \(errnoText(code))",
        hint: "the directory must be writable by this user")
    case ENOENT, ENOTDIR:
      ServerError(
        .invalidAddress, "cannot make the socket \(path): its directory does not exist")
    case EADDRINUSE:
      ServerError(.addressInUse, "cannot listen on \(path): it was taken meanwhile")
    default:
      ServerError(.systemFault, "cannot make the socket \(path): \(errnoText(code))")
    }
  }

  private func identity() -> Identity? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    return Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }

  private static func withPointer(
    to address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>) -> Int32
  ) -> Int32 {
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
    }
  }
}

#if canImport(Glibc)
  func systemBind(_ socket: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32
  { Glibc.bind(socket, address, length) }
#elseif canImport(Darwin)
  func systemBind(_ socket: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32
  { Darwin.bind(socket, address, length) }
#endif
