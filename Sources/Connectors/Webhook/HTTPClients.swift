package import AsyncHTTPClient
import NIOCore

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
    // What NIO and BoringSSL throw has no public form to match on; their texts name addresses and
    // errno only.
    let text = String(describing: error)
    if text.contains("ECONNREFUSED") || text.contains("refused") { return "connection refused" }
    if text.contains("reset") { return "the connection was reset" }
    if text.contains("NIOConnectionError") || text.contains("dnsA") {
      return text.contains("SocketAddressError.unknown") || text.contains("dnsAError: Optional")
        ? "the host name cannot be resolved" : "cannot connect"
    }
    if text.contains("SSL") || text.contains("TLS") || text.contains("CERTIFICATE") {
      return "TLS failed: \(SafeText.escaped(text, bytesMax: 200))"
    }
    return SafeText.escaped(String(describing: type(of: error)), bytesMax: 200)
  }
}
