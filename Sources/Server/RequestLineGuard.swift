import NIOCore

/// A request's first line is longer than a target may be. ``RequestLineGuard`` says so to
/// ``ConnectionGuard``, with the decoder between them.
struct OverlongRequestLine: Sendable {}

/// Watches the raw bytes for a request line that does not end.
///
/// The decoder has one limit for a whole head and one error for all of its parts; without this,
/// an over-long target would be answered as if the headers were too large. It looks at the first
/// bytes of a head only, and not at those of a pipelined request, which fails as any other head
/// that is too large.
final class RequestLineGuard: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  /// 32: the method, the version and the blanks of a request line.
  private static let lineBytesBesideURI = 32

  private let connection: ConnectionGuard
  private let lineBytesMax: Int
  private var headsSeen = 0
  private var lineBytes = 0

  init(_ connection: ConnectionGuard, limits: HTTPLimits) {
    self.connection = connection
    lineBytesMax = limits.uriBytesMax + RequestLineGuard.lineBytesBesideURI
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if connection.awaitsHead {
      if headsSeen != connection.headsRead {
        headsSeen = connection.headsRead
        lineBytes = 0
      }
      measure(unwrapInboundIn(data).readableBytesView)
      if lineBytes > lineBytesMax {
        context.fireUserInboundEventTriggered(OverlongRequestLine())
        return
      }
    }
    context.fireChannelRead(data)
  }

  /// A line that has ended counts as 0 bytes from then on, until the next head begins.
  private func measure(_ bytes: ByteBufferView) {
    guard lineBytes >= 0 else { return }
    if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
      lineBytes += end - bytes.startIndex
      if lineBytes <= lineBytesMax { lineBytes = -1 }
    } else {
      lineBytes += bytes.count
    }
  }
}
