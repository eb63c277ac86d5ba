package import Engine

/// Where the server listens, and who may ask for what.
package struct HTTPServerConfiguration: Sendable {
  /// A name or IP address. Anything but loopback is reachable by others; that every webhook
  /// source then has a secret is checked where the configuration is read.
  package var host: String
  /// 0 takes any free port; ``HTTPServer/port`` says which.
  package var port: Int
  package var socketPath: String
  /// The group that may use the Unix socket beside the owner; nil keeps it to the owner.
  package var socketGroup: String?
  package var bodyBytesMax: Int
  /// Serves `/api` and `/control` on TCP too, to whoever has ``controlToken``.
  package var controlOverTCP: Bool
  package var controlToken: String?
  /// Names that a `Host` header may carry beside localhost and the bound address.
  package var allowedHosts: [String]
  /// Origins of web pages that may call; all others are refused.
  package var allowedOrigins: [String]
  package var limits = HTTPLimits()

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
