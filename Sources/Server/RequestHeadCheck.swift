import HTTPTypes
import NIOHTTP1

/// What a request's head must not be (reliability.md 4, W9, W13 and W15).
enum RequestHeadCheck {
  /// Nil for a head that may be handed on.
  ///
  /// The decoder has refused what is no HTTP/1. What it lets pass and a proxy in front of us may
  /// read differently is refused here: that difference is how requests are smuggled. Source:
  /// <https://www.rfc-editor.org/rfc/rfc9112#section-6.1> and section 11.2.
  static func refusal(of head: HTTPRequestHead, _ limits: HTTPLimits) -> Answer? {
    guard head.uri.utf8.count <= limits.uriBytesMax else {
      return .problem(.uriTooLong, "URI too long")
    }
    var bytes = 0
    var lengths = 0
    var encodings = 0
    var hosts = 0
    var isChunked = true
    for (name, value) in head.headers {
      bytes += name.utf8.count + value.utf8.count
      switch name.utf8.count {
      case 4 where name.lowercased() == "host": hosts += 1
      case 14 where name.lowercased() == "content-length": lengths += 1
      case 17 where name.lowercased() == "transfer-encoding":
        encodings += 1
        isChunked = value.lowercased() == "chunked"
      default: break
      }
    }
    guard bytes <= limits.headerBytesMax, head.headers.count <= limits.headerCountMax else {
      return headersTooLarge
    }
    guard lengths + encodings <= 1, isChunked else {
      return .problem(.badRequest, "The length of the body is ambiguous")
    }
    guard hosts == 1 || hosts == 0 && head.version == .http1_0 else {
      return .problem(.badRequest, "One Host header is needed")
    }
    guard head.uri.utf8.first == UInt8(ascii: "/") else {
      return .problem(.badRequest, "The target must be a path")
    }
    return nil
  }

  /// What the decoder's errors mean to the peer.
  static func refusal(of error: HTTPParserError) -> Answer {
    switch error {
    case .headerOverflow: headersTooLarge
    // The decoder pauses for `PRI * HTTP/2.0`, the preface of HTTP/2 without TLS.
    case .invalidVersion, .paused:
      .problem(.httpVersionNotSupported, "HTTP/1.1 is needed")
    default: .problem(.badRequest, "This is not HTTP/1.1")
    }
  }

  private static let headersTooLarge = Answer.problem(
    .requestHeaderFieldsTooLarge, "Headers too large")
}
