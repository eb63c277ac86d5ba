import Engine
import NIOCore
import NIOPosix

/// An answer as it came over the wire.
struct RawAnswer: Sendable {
  var status: Int
  /// Names in lower case.
  var headers: [(name: String, value: String)]
  var body: String

  func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

  /// The member `error` of a problem.
  var error: String? { (try? JSONText(checking: Array(body.utf8)))?.value()["error"]?.string }
}

/// A socket and the bytes on it, for requests that no client library would send.
final class RawConnection {
  private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  private var buffer: [UInt8] = []
  private var isAtEnd = false

  private init(
    _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
    _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) {
    self.inbound = inbound.makeAsyncIterator()
    self.outbound = outbound
  }

  static func with<T: Sendable>(
    _ address: TestServer.Address, _ body: (RawConnection) async throws -> T
  ) async throws -> T {
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
    let setUp: @Sendable (any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> =
      { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel(
            wrappingChannelSynchronously: channel,
            configuration: .init(isOutboundHalfClosureEnabled: true))
        }
      }
    let channel =
      switch address {
      case .tcp(let host, let port):
        try await bootstrap.connect(host: host, port: port, channelInitializer: setUp)
      case .unixSocket(let path):
        try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: setUp)
      }
    return try await channel.executeThenClose { inbound, outbound in
      try await body(RawConnection(inbound, outbound))
    }
  }

  func send(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }

  /// Says that nothing more will be sent.
  func finish() { outbound.finish() }

  /// Reads one answer; informational ones are answers too.
  func answer() async throws -> RawAnswer {
    var end = headEnd()
    while end == nil {
      guard try await more() else { throw TestFailure("closed before an answer") }
      end = headEnd()
    }
    let head = String(decoding: buffer[..<(end ?? 0)], as: UTF8.self)
    buffer.removeFirst((end ?? 0) + 4)
    var lines = head.split(separator: "\r\n")[...]
    let status = Int(lines.popFirst()?.split(separator: " ").dropFirst().first ?? "") ?? 0
    let headers = lines.map { line -> (name: String, value: String) in
      let parts = line.split(separator: ":", maxSplits: 1)
      return (parts[0].lowercased(), parts[1].drop { $0 == " " }.description)
    }
    var answer = RawAnswer(status: status, headers: headers, body: "")
    let length = Int(answer.header("content-length") ?? "0") ?? 0
    while buffer.count < length, try await more() {}
    answer.body = String(decoding: buffer.prefix(length), as: UTF8.self)
    buffer.removeFirst(min(length, buffer.count))
    return answer
  }

  /// Waits for the server to close; true when nothing came before that.
  func isClosedInSilence() async throws -> Bool {
    while try await more() {}
    return buffer.isEmpty
  }

  /// Waits until the server has closed, without reading.
  func closedByPeer() async {
    // Writing is the only way to learn of it; it fails when nobody is there any more.
    while (try? await outbound.write(ByteBuffer(string: "\r\n"))) != nil {
      await Task.yield()
    }
  }

  /// Everything until the server closes.
  func rest() async throws -> String {
    while try await more() {}
    return String(decoding: buffer, as: UTF8.self)
  }

  private func headEnd() -> Int? {
    guard buffer.count >= 4 else { return nil }
    return (0...(buffer.count - 4)).first { buffer[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
  }

  /// A connection that is reset is closed, too.
  private func more() async throws -> Bool {
    guard !isAtEnd else { return false }
    guard let bytes = try? await inbound.next() else {
      isAtEnd = true
      return false
    }
    buffer.append(contentsOf: bytes.readableBytesView)
    return true
  }
}
