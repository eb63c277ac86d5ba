package import Engine
import ServiceLifecycle

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Tells systemd how far the service is; does nothing without systemd.
/// Source: sd_notify(3), "Notes": a datagram to the socket that `NOTIFY_SOCKET` names.
package struct SystemdNotification: Sendable {
  private let path: String?

  init() { path = Surroundings.variable("NOTIFY_SOCKET") }

  /// 1 s: a systemd that reads nothing must not stop us as well.
  private static let sendSecondsMax = 1

  /// Losing a message costs nothing but systemd's patience, so errors are not looked at.
  ///
  /// - Parameter waits: For room; else a message that finds none is lost at once.
  func send(_ message: String, waits: Bool = true) {
    #if canImport(Glibc)
      guard let path, var address = address(path) else { return }
      let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else { return }
      defer { close(descriptor) }
      var limit = timeval(tv_sec: SystemdNotification.sendSecondsMax, tv_usec: 0)
      setsockopt(
        descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      let flags = Int32(MSG_NOSIGNAL) | (waits ? 0 : Int32(MSG_DONTWAIT))
      let length = MemoryLayout<sa_family_t>.size + path.utf8.count
      withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          _ = sendto(
            descriptor, message, message.utf8.count, flags, $0, socklen_t(length))
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

/// Tells systemd's watchdog that the runtime works, so that one that hangs is ended and started
/// again.
/// Source: sd_watchdog_enabled(3): `WATCHDOG=1` every half of `WATCHDOG_USEC`, by the process that
/// `WATCHDOG_PID` names.
package struct Watchdog: Service {
  /// Milliseconds from one message to the next; nil where nobody watches.
  private let intervalMs: Int64?
  private let time: TimeSource
  private let works: @Sendable () async -> Void
  private let send: @Sendable () -> Void

  /// - Parameters:
  ///   - works: Returns when what is watched has answered; as long as it does not, nothing is sent.
  ///   - send: Says so.
  package init(
    intervalMs: Int64?, time: TimeSource = .system, works: @escaping @Sendable () async -> Void,
    send: @escaping @Sendable () -> Void
  ) {
    self.intervalMs = intervalMs
    self.time = time
    self.works = works
    self.send = send
  }

  /// Watches the writer of the database, behind which everything waits when it hangs. An error of
  /// it is an answer: a new process would find the same full disk.
  init(_ keeper: RecordKeeper) {
    let notification = SystemdNotification()
    self.init(intervalMs: Watchdog.intervalMs(Surroundings.environment, pid: getpid())) {
      try? await keeper.save()
    } send: {
      // Where there is no room, others of the same words are waiting.
      notification.send("WATCHDOG=1", waits: false)
    }
  }

  /// Half of what systemd waits; nil when it does not wait for this process.
  package static func intervalMs(_ environment: [String: String], pid: Int32) -> Int64? {
    guard let text = environment["WATCHDOG_USEC"], let limit = Int64(text), limit > 0 else {
      return nil
    }
    let watched = environment["WATCHDOG_PID"].flatMap { $0.isEmpty ? nil : $0 }
    guard watched == nil || watched == String(pid) else { return nil }
    return max(limit / 2_000, 1)
  }

  package func run() async throws {
    guard let intervalMs else { return }
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await works()
        send()
        // Cancelled at the end: then there is no next one.
        guard (try? await time.sleep(ms: intervalMs)) != nil else { return }
      }
    }
  }
}
