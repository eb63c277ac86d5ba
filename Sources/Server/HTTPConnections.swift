import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// How a connection is set up: Hummingbird's HTTP/1 channel, with our guards before it.
struct HTTPConnections: Sendable {
  /// A connection ready to be handled; nil when it was closed while it was set up.
  typealias Connection = HTTP1Channel.Value?

  private let http1: HTTP1Channel
  private let limits: HTTPLimits
  private let logger: Logger

  init(responder: Responder, limits: HTTPLimits, logger: Logger) {
    // One field may be as large as all; the target counts among the decoder's header bytes.
    let decoder = HTTP1Channel.Configuration.DecoderConfiguration(
      maxHeaderFieldSize: limits.headerBytesMax,
      maxHeaderListSize: limits.headerBytesMax + limits.uriBytesMax,
      maxHeaderFieldCount: limits.headerCountMax)
    http1 = HTTP1Channel(
      responder: { request, writer, channel in
        try await responder.respond(to: request, writer, from: channel)
      },
      configuration: HTTP1Channel.Configuration(httpDecoderConfiguration: decoder))
    self.limits = limits
    self.logger = logger
  }

  /// Never fails: an error here would end the listener's stream of connections.
  func setUp(_ channel: any Channel) -> EventLoopFuture<Connection> {
    http1.setup(channel: channel, logger: logger)
      .flatMapThrowing { connection -> Connection in
        try addGuards(to: channel)
        return connection
      }
      .flatMapErrorThrowing { _ in
        channel.close(promise: nil)
        return nil
      }
  }

  private func addGuards(to channel: any Channel) throws {
    let pipeline = channel.pipeline.syncOperations
    let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
    let connection = ConnectionGuard(limits: limits)
    try pipeline.addHandler(connection, position: .after(decoder))
    try pipeline.addHandler(RequestLineGuard(connection, limits: limits), position: .first)
  }

  /// Returns when the connection is closed.
  func handle(_ connection: Connection) async {
    guard let connection else { return }
    await http1.handle(value: connection, logger: logger)
  }
}
