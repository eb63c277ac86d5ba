package import Engine

/// Where the server listens, and who may ask for what.
package struct HTTPServerConfiguration: Sendable {
  /// A name or IP address. Anything but loopback is reachable by others; that every webhook
  /// source then has a secret is checked where the configuration is read.
  package var host: String
  /// 0 takes any free port; ``HTTPServer/port`` says which.
  package var port: Int
  /// At most 107 bytes on Linux; beside the database unless that is too long.
  package var socketPath: String
  /// The group that may use the Unix socket beside the owner; nil keeps it to the owner.
  package var socketGroup: String?
  /// Larger bodies of webhooks are answered 413, on both listeners; orders may always have
  /// ``HTTPLimits/orderBytesMax``.
  package var bodyBytesMax: Int
  /// Serves `/api` and `/control` on TCP too, to whoever has ``controlToken``.
  package var controlOverTCP: Bool
  /// Needed when ``controlOverTCP`` is set; compared in constant time.
  package var controlToken: String?
  /// Names that a `Host` header may carry beside localhost and the bound address.
  package var allowedHosts: [String]
  /// Origins of web pages that may call; all others are refused.
  package var allowedOrigins: [String]
  /// The bounds of each listener.
  package var limits = HTTPLimits()

  /// The server's part of the `runtime:` block.
  package init(_ settings: RuntimeSettings, socketPath: String) {
    host = settings.host
    port = settings.port
    self.socketPath = socketPath
    socketGroup = settings.socketGroup
    bodyBytesMax = settings.bodyBytesMax
    controlOverTCP = settings.controlOverTCP
    controlToken = settings.controlToken
    allowedHosts = settings.allowedHosts
    allowedOrigins = settings.allowedOrigins
  }
}
