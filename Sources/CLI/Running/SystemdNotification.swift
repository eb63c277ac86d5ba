#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Tells systemd how far the service is; does nothing without systemd.
/// Source: sd_notify(3), "Notes": a datagram to the socket that `NOTIFY_SOCKET` names.
struct SystemdNotification {
  private let path = Surroundings.variable("NOTIFY_SOCKET")

  /// Losing a message costs nothing but systemd's patience, so errors are not looked at.
  func send(_ message: String) {
    #if canImport(Glibc)
      guard let path, var address = address(path) else { return }
      let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else { return }
      defer { close(descriptor) }
      let length = MemoryLayout<sa_family_t>.size + path.utf8.count
      withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          _ = sendto(
            descriptor, message, message.utf8.count, Int32(MSG_NOSIGNAL), $0,
            socklen_t(length))
        }
      }
    #endif
  }

  /// Says that the configuration is being read again; `READY=1` ends that.
  /// Source: sd_notify(3), "RELOADING=1": with the time in the same message.
  func sendReloading() {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    send(
      "RELOADING=1\nMONOTONIC_USEC=\(Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000)")
  }

  /// `@` in front means a socket without a file: its address begins with a NUL.
  private func address(_ path: String) -> sockaddr_un? {
    var address = sockaddr_un()
    var bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path),
      bytes.first == UInt8(ascii: "@") || bytes.first == UInt8(ascii: "/")
    else { return nil }
    if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return address
  }
}
