import Engine
import Logging
import Server
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// How the server takes its addresses and gives them up.
@Suite struct BindTests {
  static func bind(_ path: String, port: Int = 0, host: String = "127.0.0.1", group: String? = nil)
    throws -> HTTPServer
  {
    var settings = RuntimeSettings()
    settings.port = port
    settings.host = host
    settings.socketGroup = group
    return try HTTPServer.bind(
      HTTPServerConfiguration(settings, socketPath: path), gateway: FakeGateway(),
      logger: Logger(label: "test"))
  }

  static func mode(_ path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode : nil
  }

  @Test func `the socket is the owner's alone, and gone after close`() throws {
    let directory = try temporaryDirectory()
    defer { rmdir(directory) }
    let path = directory + "/s.sock"
    let server = try Self.bind(path)
    #expect(Self.mode(path) == S_IFSOCK | 0o600)
    #expect(server.port > 0)
    server.close()
    #expect(Self.mode(path) == nil)
  }

  @Test func `the socket is shared with a group that is named`() throws {
    let directory = try temporaryDirectory()
    defer { rmdir(directory) }
    let path = directory + "/s.sock"
    let name = try #require(getgrgid(getegid()).map { String(cString: $0.pointee.gr_name) })
    let server = try Self.bind(path, group: name)
    #expect(Self.mode(path) == S_IFSOCK | 0o660)
    server.close()
  }

  @Test func `an unknown group is refused`() throws {
    let directory = try temporaryDirectory()
    defer { rmdir(directory) }
    let error = #expect(throws: ServerError.self) {
      try Self.bind(directory + "/s.sock", group: "no-such-group")
    }
    #expect(error?.code == .invalidAddress)
  }

  @Test func `the socket is removed when the server stops`() async throws {
    let path = try await TestServer.run { server in server.socketPath }
    #expect(Self.mode(path) == nil)
  }

  @Test func `a socket that nobody answers on is replaced`() throws {
    let directory = try temporaryDirectory()
    defer { rmdir(directory) }
    let path = directory + "/s.sock"
    let old = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(old, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(status == 0)
    Glibc.close(old)
    #expect(Self.mode(path) != nil)
    try Self.bind(path).close()
  }

  @Test func `a socket that answers is left alone`() async throws {
    try await TestServer.run { server in
      let error = #expect(throws: ServerError.self) { try Self.bind(server.socketPath) }
      #expect(error?.code == .addressInUse)
      let answer = try await server.send("GET /livez", to: server.unixSocket)
      #expect(answer.status == 200)
    }
  }

  @Test func `a file that is no socket is left alone`() throws {
    let directory = try temporaryDirectory()
    let path = directory + "/s.sock"
    let file = open(path, O_CREAT | O_WRONLY, 0o600)
    close(file)
    defer {
      unlink(path)
      rmdir(directory)
    }
    let error = #expect(throws: ServerError.self) { try Self.bind(path) }
    #expect(error?.code == .invalidAddress)
    #expect(Self.mode(path) == S_IFREG | 0o600)
  }

  @Test func `a path that does not fit says so, and one that just fits is taken`() throws {
    let directory = try temporaryDirectory()
    defer { rmdir(directory) }
    let room = 107 - directory.utf8.count - 1
    try Self.bind(directory + "/" + String(repeating: "s", count: room)).close()
    let error = #expect(throws: ServerError.self) {
      try Self.bind(directory + "/" + String(repeating: "s", count: room + 1))
    }
    #expect(error?.code == .pathTooLong)
  }

  @Test func `a missing directory is named`() throws {
    let error = #expect(throws: ServerError.self) { try Self.bind("/no/such/place/s.sock") }
    #expect(error?.code == .invalidAddress)
  }

  @Test func `a port in use is named, and the socket is not left behind`() async throws {
    try await TestServer.run { server in
      let path = server.socketPath + "2"
      let error = #expect(throws: ServerError.self) { try Self.bind(path, port: server.port) }
      #expect(error?.code == .addressInUse)
      #expect(error?.message == "cannot listen on 127.0.0.1:\(server.port): the port is in use")
      #expect(error?.hint?.contains("runtime.http.port") == true)
      #expect(Self.mode(path) == nil)
    }
  }

  @Test(arguments: [("192.0.2.1", 0), ("no such host", 0), ("127.0.0.1", 65_536)])
  func `an address that cannot be is refused`(_ host: String, _ port: Int) throws {
    let directory = try temporaryDirectory()
    defer { rmdir(directory) }
    let error = #expect(throws: ServerError.self) {
      try Self.bind(directory + "/s.sock", port: port, host: host)
    }
    #expect(error?.code == .invalidAddress)
  }

  @Test func `IPv6 loopback is an address like another`() throws {
    let directory = try temporaryDirectory()
    defer { rmdir(directory) }
    do {
      let server = try Self.bind(directory + "/s.sock", host: "::1")
      #expect(server.port > 0)
      server.close()
    } catch let error as ServerError where error.code == .invalidAddress {
      // A machine without IPv6.
    }
  }

  @Test(arguments: [nil, ""])
  func `the control API on TCP needs a token`(_ token: String?) throws {
    var settings = RuntimeSettings()
    settings.port = 0
    settings.controlOverTCP = true
    settings.controlToken = token
    let configuration = HTTPServerConfiguration(settings, socketPath: "/tmp/never.sock")
    #expect(throws: ServerError.self) {
      try HTTPServer.bind(
        configuration, gateway: FakeGateway(), logger: Logger(label: "test"))
    }
  }
}
