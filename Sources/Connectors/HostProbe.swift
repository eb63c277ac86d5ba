import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds out whether an address can be reached, or listened on, without saying anything to it.
package enum HostProbe {
  package struct Address: Sendable, Hashable {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
      self.host = host
      self.port = port
    }

    package var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  }

  /// Looks a host up and connects to it.
  ///
  /// - Returns: Why it cannot be reached; nil when it can.
  package static func reach(_ address: Address, limitMs: Int64) async -> String? {
    await withCheckedContinuation { continuation in
      let waiting = Mutex<CheckedContinuation<String?, Never>?>(continuation)
      let answer: @Sendable (String?) -> Void = { reason in
        let waiting = waiting.withLock { held in
          defer { held = nil }
          return held
        }
        waiting?.resume(returning: reason)
      }
      // Looking a name up can take longer than anybody wants to wait, and cannot be cancelled.
      DispatchQueue(label: "orgloop.probe").async {
        answer(connecting(address, limitMs: limitMs))
      }
      DispatchQueue(label: "orgloop.probe.limit").asyncAfter(
        deadline: .now() + .milliseconds(Int(limitMs))
      ) { answer("no answer within \(limitMs / 1_000) s") }
    }
  }

  /// Why nothing can listen on an address; nil when something can. Connections of a listener that
  /// has ended do not count, as they do not for a server.
  package static func bindingFault(_ address: Address) -> String? {
    firstFault(address, flags: AI_PASSIVE) { descriptor, info in
      var one: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
      guard bind(descriptor, info.ai_addr, info.ai_addrlen) == 0, listen(descriptor, 1) == 0 else {
        return String(cString: strerror(errno))
      }
      return nil
    }
  }

  private static func connecting(_ address: Address, limitMs: Int64) -> String? {
    firstFault(address, flags: 0) { descriptor, info in
      let flags = fcntl(descriptor, F_GETFL)
      _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
      if connect(descriptor, info.ai_addr, info.ai_addrlen) == 0 { return nil }
      guard errno == EINPROGRESS else { return String(cString: strerror(errno)) }
      var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      guard Glibc.poll(&poll, 1, Int32(clamping: limitMs)) == 1 else {
        return "no answer within \(limitMs / 1_000) s"
      }
      var code: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
      return code == 0 ? nil : String(cString: strerror(code))
    }
  }

  /// Tries every address of a host; nil when one does, else what was wrong with the last.
  private static func firstFault(
    _ address: Address, flags: Int32, _ body: (Int32, addrinfo) -> String?
  ) -> String? {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_flags = flags
    #if canImport(Glibc)
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(address.host, String(address.port), &hints, &list)
    guard code == 0 else { return String(cString: gai_strerror(code)) }
    defer { freeaddrinfo(list) }
    var fault: String? = "it has no address"
    var next = list
    while let info = next?.pointee {
      next = info.ai_next
      let descriptor = socket(info.ai_family, info.ai_socktype, info.ai_protocol)
      guard descriptor >= 0 else { continue }
      fault = body(descriptor, info)
      close(descriptor)
      if fault == nil { return nil }
    }
    return fault
  }
}
