import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A bound and listening socket that nobody accepts from yet.
///
/// Binding by hand rather than through NIO gives the system's own error, and lets the server take
/// its addresses before it runs.
final class ListeningSocket: Sendable {
  /// 128: connections waiting to be accepted, the same as NIO sets when it takes the socket over.
  static let backlog: Int32 = 128

  /// 0 for a Unix socket.
  let port: Int
  /// Nil once it has been taken or closed.
  private let descriptor: Mutex<Int32?>

  init(_ descriptor: Int32, port: Int = 0) {
    self.descriptor = Mutex(descriptor)
    self.port = port
  }

  deinit { close() }

  /// Hands the descriptor over; the caller closes it.
  ///
  /// - Throws: ``ServerError`` when it was taken before: a server runs once.
  func take() throws(ServerError) -> Int32 {
    let taken = descriptor.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor
    }
    guard let taken else {
      throw ServerError(.systemFault, "the server has run before and cannot run again")
    }
    return taken
  }

  /// Does nothing after ``take()``.
  func close() {
    let left = descriptor.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor
    }
    if let left { _ = systemClose(left) }
  }

  /// Listens on the first address that the host name has.
  static func tcp(host: String, port: Int) throws(ServerError) -> ListeningSocket {
    guard (0...65_535).contains(port) else {
      throw ServerError(
        .invalidAddress, "\(port) is not a port", hint: "set runtime.http.port to 0...65535")
    }
    var hints = addrinfo()
    hints.ai_protocol = Int32(IPPROTO_TCP)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    guard status == 0, let first = list?.pointee, let address = first.ai_addr else {
      throw ServerError(
        .invalidAddress, "cannot resolve the host \(host)",
        hint: "set runtime.http.host to an address of this machine")
    }
    let descriptor = socket(first.ai_family, streamSocket, 0)
    guard descriptor >= 0 else {
      throw ServerError(.systemFault, "cannot open a socket: \(errnoText(errno))")
    }
    // Without it, connections of the process before, in TIME_WAIT, hold the port for a minute.
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, address, first.ai_addrlen) == 0, listen(descriptor, backlog) == 0 else {
      let code = errno
      _ = systemClose(descriptor)
      throw tcpError(code, host: host, port: port)
    }
    return ListeningSocket(descriptor, port: boundPort(descriptor))
  }

  private static func tcpError(_ code: Int32, host: String, port: Int) -> ServerError {
    let address = "\(host):\(port)"
    return switch code {
    case EADDRINUSE:
      ServerError(
        .addressInUse, "cannot listen on \(address): the port is in use",
        hint: "stop the other process or set runtime.http.port; 0 takes a free port")
    case EACCES, EPERM:
      ServerError(
        .permission, "cannot listen on \(address): permission denied",
        hint: "ports below 1024 need privileges; set runtime.http.port to a higher one")
    case EADDRNOTAVAIL:
      ServerError(
        .invalidAddress, "cannot listen on \(address): this machine has no such address",
        hint: "set runtime.http.host to an address of this machine")
    default:
      ServerError(.systemFault, "cannot listen on \(address): \(errnoText(code))")
    }
  }

  private static func boundPort(_ descriptor: Int32) -> Int {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        guard getsockname(descriptor, address, &length) == 0 else { return 0 }
        // `sin_port` and `sin6_port` lie at the same place.
        return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          Int(UInt16(bigEndian: $0.pointee.sin_port))
        }
      }
    }
  }
}

#if canImport(Glibc)
  let streamSocket = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
  func systemClose(_ descriptor: Int32) -> Int32 { Glibc.close(descriptor) }
#elseif canImport(Darwin)
  let streamSocket = SOCK_STREAM
  func systemClose(_ descriptor: Int32) -> Int32 { Darwin.close(descriptor) }
#endif

/// What the system says about an error number.
func errnoText(_ code: Int32) -> String { String(cString: strerror(code)) }
