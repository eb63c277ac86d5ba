import HTTPTypes
import HummingbirdCore
import NIOCore

/// Reads a request's body into one list of bytes, and never more than the limit
/// (reliability.md 4, W8 and W10).
struct BodyReader: Sendable {
  let bytesMax: Int

  /// The whole body, or what to answer instead.
  enum Outcome: Sendable {
    case bytes([UInt8])
    case refused(Answer)
  }

  /// Judges `Content-Length` before it reads anything, so that a sender who waits for
  /// `100 Continue` keeps a body that is too large; a body without a length is counted while it
  /// comes. An answer given before the end makes ``ConnectionGuard`` close the connection.
  ///
  /// - Throws: When the connection ends before the body does.
  func read(_ request: Request, _ writer: borrowing ResponseWriter) async throws -> Outcome {
    if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
      return .refused(.problem(.unsupportedMediaType, "Content-Encoding is not supported"))
    }
    let lengthText = request.headers[.contentLength]
    // The parser has refused what is no number; one that overflows is too large.
    let length = lengthText.map { Int($0) ?? .max } ?? 0
    guard length <= bytesMax else { return .refused(.bodyTooLarge) }
    if request.headers[.expect]?.lowercased() == "100-continue" {
      try await writer.writeInformationalHead(HTTPResponse(status: .continue))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(length)
    for try await buffer in request.body {
      guard bytes.count + buffer.readableBytes <= bytesMax else { return .refused(.bodyTooLarge) }
      bytes.append(contentsOf: buffer.readableBytesView)
    }
    // Hummingbird ends the body without an error when the connection ends. ConnectionGuard raises
    // one before that; half an event taken for a whole one is bad enough to look twice.
    guard lengthText == nil || bytes.count == length else { throw RequestCutShort() }
    return .bytes(bytes)
  }
}
