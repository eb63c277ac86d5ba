import CLI
import Engine
import Foundation
import Synchronization
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// What systemd is told (cli-http.md 2.2).
@Suite(.timeLimit(.minutes(3))) struct WatchdogTests {
  @Test(
    arguments: [
      ([:], nil), (["WATCHDOG_USEC": "30000000"], 15_000),
      (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"], 15_000),
      (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"], nil),
      (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": ""], 15_000),
      (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "soon"], nil), (["WATCHDOG_USEC": "1"], 1),
    ] as [([String: String], Int64?)])
  func `the process that is watched says so twice as often as it must`(
    environment: [String: String], intervalMs: Int64?
  ) {
    #expect(Watchdog.intervalMs(environment, pid: 7) == intervalMs)
  }

  @Test func `one that hangs says nothing`() async throws {
    let clock = ManualClock()
    let sent = Mutex(0)
    let (hangs, hang) = AsyncStream<Void>.makeStream()
    let isHanging = Mutex(false)
    let (reached, reach) = AsyncStream<Void>.makeStream()
    let watchdog = Watchdog(intervalMs: 500, time: clock.time) {
      guard isHanging.withLock(\.self) else { return }
      reach.yield()
      for await _ in hangs { return }
    } send: {
      sent.withLock { $0 += 1 }
    }
    let running = Task { try await watchdog.run() }
    await clock.waitForDeadline(ms: 500)
    #expect(sent.withLock(\.self) == 1)
    clock.advance(ms: 500)
    await clock.waitForDeadline(ms: 500)
    #expect(sent.withLock(\.self) == 2)
    isHanging.withLock { $0 = true }
    clock.advance(ms: 500)
    var waiting = reached.makeAsyncIterator()
    await waiting.next()
    clock.advance(ms: 5_000)
    #expect(sent.withLock(\.self) == 2)
    isHanging.withLock { $0 = false }
    hang.yield()
    await clock.waitForDeadline(ms: 500)
    #expect(sent.withLock(\.self) == 3)
    running.cancel()
    try await running.value
  }

  #if canImport(Glibc)
    @Test func `a runtime tells its socket when it is ready, that it works, and that it stops`()
      async throws
    {
      let work = try Workplace()
      let socket = try NotifySocket(work.root + "/notify.sock")
      _ = try await work.start(environment: [
        "NOTIFY_SOCKET": socket.path, "WATCHDOG_USEC": "100000",
      ])
      for _ in 1...3 {
        _ = try await eventually("the runtime says that it works") {
          socket.receive() == "WATCHDOG=1" ? true : nil
        }
      }
      // Read on, or there is no room for what it says.
      async let stopped = work.run("stop")
      _ = try await eventually("it has said that it stops") {
        socket.receive() == "STOPPING=1" ? true : nil
      }
      #expect(try await stopped.status == 0)
      #expect(socket.received.withLock { $0.contains("READY=1") })
    }
  #endif
}

#if canImport(Glibc)
  /// The end of systemd's, as a program sees it.
  private final class NotifySocket: Sendable {
    let path: String
    let received = Mutex<[String]>([])
    private let descriptor: Int32

    init(_ path: String) throws {
      self.path = path
      descriptor = socket(
        AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
      let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      try #require(result == 0)
    }

    deinit { close(descriptor) }

    /// The next message; nil when there is none at this moment.
    func receive() -> String? {
      var bytes = [UInt8](repeating: 0, count: 1_024)
      let count = recv(descriptor, &bytes, bytes.count, 0)
      guard count > 0 else { return nil }
      let text = String(decoding: bytes[..<count], as: UTF8.self)
      received.withLock { $0.append(text) }
      return text
    }
  }
#endif
