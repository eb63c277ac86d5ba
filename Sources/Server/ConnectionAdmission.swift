import Logging
import NIOCore

/// Counts the connections of one listener, closes those beyond the limits, and passes a graceful
/// stop on to the rest (reliability.md 4, W14).
///
/// It stands in the pipeline of the listening channel, before anything of the new connection is
/// set up.
final class ConnectionAdmission: ChannelInboundHandler {
  typealias InboundIn = any Channel
  typealias InboundOut = any Channel

  private let limits: HTTPLimits
  private let logger: Logger
  private var open: [ObjectIdentifier: any Channel] = [:]
  private var openByAddress: [String: Int] = [:]
  private var hasLoggedFailure = false

  init(limits: HTTPLimits, logger: Logger) {
    self.limits = limits
    self.logger = logger
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let channel = unwrapInboundIn(data)
    hasLoggedFailure = false
    let address = ConnectionAdmission.countedAddress(channel.remoteAddress)
    guard open.count < limits.connectionsMax,
      address.map({ openByAddress[$0, default: 0] < limits.connectionsPerAddressMax }) ?? true
    else {
      channel.close(promise: nil)
      return
    }
    let id = ObjectIdentifier(channel)
    open[id] = channel
    if let address { openByAddress[address, default: 0] += 1 }
    channel.closeFuture.hop(to: context.eventLoop).assumeIsolated().whenComplete { _ in
      self.remove(id, address)
    }
    context.fireChannelRead(data)
  }

  private func remove(_ id: ObjectIdentifier, _ address: String?) {
    open[id] = nil
    guard let address, let count = openByAddress[address] else { return }
    openByAddress[address] = count > 1 ? count - 1 : nil
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    context.fireUserInboundEventTriggered(event)
    guard event is ChannelShouldQuiesceEvent else { return }
    context.close(promise: nil)
    for channel in open.values {
      channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
  }

  /// Accepting one connection has failed: the peer is gone, or the process is out of
  /// descriptors. It must not go on to the stream of connections, which an error would end, and
  /// with it the server. Logged once until a connection succeeds, because it repeats at once.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !hasLoggedFailure else { return }
    hasLoggedFailure = true
    logger.warning("cannot accept a connection", metadata: ["error": "\(error)"])
  }

  /// Nil for a connection that counts only in the total: loopback and the Unix socket.
  private static func countedAddress(_ address: SocketAddress?) -> String? {
    guard let text = address?.ipAddress else { return nil }
    let isLoopback = text.hasPrefix("127.") || text == "::1" || text.hasPrefix("::ffff:127.")
    return isLoopback ? nil : text
  }
}
