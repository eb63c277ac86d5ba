import Engine
import Logging
import Server
import ServiceLifecycle

#if canImport(Glibc)
  import Glibc
#endif

/// A real server on a free loopback port and a socket in a directory of its own.
struct TestServer: Sendable {
  let port: Int
  let socketPath: String
  private let group: ServiceGroup

  var tcp: Address { .tcp("127.0.0.1", port) }
  var unixSocket: Address { .unixSocket(socketPath) }

  enum Address: Sendable {
    case tcp(String, Int)
    case unixSocket(String)
  }

  /// Stops accepting, finishes open requests, and ends `run`.
  func stop() async { await group.triggerGracefulShutdown() }

  /// Sends one request and reads the answer; the connection is closed afterwards.
  func send(
    _ line: String, to address: Address? = nil, headers: [String] = [], body: String = ""
  ) async throws -> RawAnswer {
    var lines = ["\(line) HTTP/1.1", "Host: localhost", "Connection: close"] + headers
    if !body.isEmpty { lines.append("Content-Length: \(body.utf8.count)") }
    let request = lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    return try await RawConnection.with(address ?? tcp) { connection in
      try await connection.send(request)
      return try await connection.answer()
    }
  }

  /// Runs a server for the length of `body`.
  static func run<T: Sendable>(
    _ gateway: FakeGateway = FakeGateway(), time: TimeSource = .system,
    configure: (inout HTTPServerConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (TestServer) async throws -> T
  ) async throws -> T {
    let directory = try temporaryDirectory()
    defer { rmdir(directory) }
    var settings = RuntimeSettings()
    settings.port = 0
    settings.bodyBytesMax = 1_000
    var configuration = HTTPServerConfiguration(settings, socketPath: directory + "/s.sock")
    configuration.limits.lingerTimeout = .milliseconds(200)
    configure(&configuration)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let server = try HTTPServer.bind(configuration, gateway: gateway, logger: logger, time: time)
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(services: [server], logger: logger))
    let test = TestServer(
      port: server.port, socketPath: configuration.socketPath, group: group)
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      let result: Result<T, any Error>
      do { result = .success(try await body(test)) } catch { result = .failure(error) }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
      return try result.get()
    }
  }
}

/// A directory below the system's temporary one, short enough for a socket in it.
func temporaryDirectory() throws -> String {
  var template = Array("/tmp/orgloop-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp") }
  return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
}

struct TestFailure: Error {
  let text: String
  init(_ text: String) { self.text = text }
}
