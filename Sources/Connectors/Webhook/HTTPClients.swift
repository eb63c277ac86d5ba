package import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(Glibc)
  import Glibc
#endif

/// The HTTP clients of the built-in connectors (connectors.md 1.4).
package enum HTTPClients {
  /// One client for all webhook actors: 10 s to connect, certificates checked, no redirects, no
  /// proxy from the environment (reliability.md 4, D3 to D6). The caller shuts it down.
  package static func makeForActors() -> HTTPClient {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout.connect = .seconds(10)
    configuration.decompression = .disabled
    configuration.httpVersion = .http1Only
    // A refused connection is an outcome of this attempt; the route decides when to try again.
    configuration.connectionPool.retryConnectionEstablishment = false
    // Lanes bound what is in flight. Eight per host, the default, would let one slow actor starve
    // all others on the same host and port (design.md 5, invariant 7).
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 4_096
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }
}

/// Why a request came to nothing, in words that hold no URL, header or body.
enum HTTPFailure {
  static func text(_ error: any Error, host: String) -> String {
    "\(SafeText.escaped(host)): \(reason(error))"
  }

  private static func reason(_ error: any Error) -> String {
    if let error = error as? HTTPClientError {
      switch error {
      case .remoteConnectionClosed:
        return "the connection was closed before the answer was complete"
      case .connectTimeout: return "no connection within 10 s"
      case .tlsHandshakeTimeout: return "the TLS handshake took too long"
      default: return error.shortDescription
      }
    }
    if let error = error as? HTTPParserError {
      return error == .invalidEOFState
        ? "the connection was closed before the answer was complete" : "the answer is not HTTP"
    }
    if let error = error as? NIOConnectionError { return reason(error) }
    if let error = error as? IOError { return reason(error) }
    // What BoringSSL throws has no public form to match on; its texts hold codes only.
    let text = String(describing: error)
    if ["SSL", "TLS", "CERTIFICATE"].contains(where: text.contains) {
      return "TLS failed: \(SafeText.escaped(text, bytesMax: 200))"
    }
    return SafeText.escaped(String(describing: type(of: error)), bytesMax: 200)
  }

  /// A name may have an address of only one family; that the other was not found explains nothing
  /// when there was something to connect to.
  private static func reason(_ error: NIOConnectionError) -> String {
    guard let failure = error.connectionErrors.last?.error else {
      return "the host name cannot be resolved"
    }
    if let failure = failure as? ChannelError, case .connectTimeout = failure {
      return "no connection within 10 s"
    }
    return (failure as? IOError).map(reason) ?? "cannot connect"
  }

  private static func reason(_ error: IOError) -> String {
    switch error.errnoCode {
    case ECONNREFUSED: "connection refused"
    case ECONNRESET, EPIPE: "the connection was closed before the answer was complete"
    default: String(cString: strerror(error.errnoCode))
    }
  }
}
