package import Engine
package import Logging
import NIOPosix
import ServiceLifecycle

/// The HTTP server: webhooks and health on TCP, everything on a Unix socket (cli-http.md 3).
///
/// ``bind(_:gateway:logger:time:)`` takes the addresses and fails if it cannot have them; from
/// then on peers can connect and wait. ``run()`` answers them.
package struct HTTPServer: Service {
  /// The TCP port that was taken.
  package let port: Int
  private let tcp: Listener
  private let unixSocket: Listener
  private let socketFile: SocketFile

  /// Takes both addresses.
  ///
  /// - Parameters:
  ///   - logger: Faults of ours at error; requests are not logged, and what operators change the
  ///     gateway logs.
  ///   - time: Counts the minute of wrong tokens.
  /// - Throws: ``ServerError`` naming the address and what to do; nothing stays bound.
  package static func bind(
    _ configuration: HTTPServerConfiguration, gateway: any RuntimeGateway, logger: Logger,
    time: TimeSource = .system
  ) throws(ServerError) -> HTTPServer {
    if configuration.controlOverTCP, configuration.controlToken?.isEmpty ?? true {
      throw ServerError(
        .invalidAddress, "the control API on TCP needs a token",
        hint: "set runtime.control.token, or runtime.control.tcp to false")
    }
    let file = SocketFile(path: configuration.socketPath, group: configuration.socketGroup)
    let unixSocket = try file.bind()
    let tcp: ListeningSocket
    do {
      tcp = try ListeningSocket.tcp(host: configuration.host, port: configuration.port)
    } catch {
      file.remove()
      throw error
    }
    return HTTPServer(
      configuration, tcp: tcp, unixSocket: unixSocket, file: file, gateway: gateway,
      logger: logger, time: time)
  }

  private init(
    _ configuration: HTTPServerConfiguration, tcp: ListeningSocket, unixSocket: ListeningSocket,
    file: SocketFile, gateway: any RuntimeGateway, logger: Logger, time: TimeSource
  ) {
    let limits = configuration.limits
    let access = AccessCheck(configuration, time: time)
    let webhookBodies = BodyReader(bytesMax: configuration.bodyBytesMax)
    // However small webhooks are kept: an order has to be able to mend that.
    let bodies = BodyReader(
      bytesMax: max(limits.orderBytesMax, configuration.bodyBytesMax))
    // Both listeners share the count of open webhooks: they share the memory.
    let webhooks = WebhookIntake(
      gateway: gateway, bodies: webhookBodies, openMax: limits.openWebhooksMax)
    let control = ControlAPI(gateway: gateway)
    let peers = PeerIdentity()
    func listener(_ socket: ListeningSocket, _ kind: Responder.Listener) -> Listener {
      let responder = Responder(
        listener: kind, servesControl: configuration.controlOverTCP, gateway: gateway,
        access: access, webhooks: webhooks, control: control, bodies: bodies,
        peers: peers, logger: logger)
      return Listener(
        socket: socket,
        connections: HTTPConnections(responder: responder, limits: limits, logger: logger),
        limits: limits, group: MultiThreadedEventLoopGroup.singleton, logger: logger)
    }
    port = tcp.port
    self.tcp = listener(tcp, .tcp)
    self.unixSocket = listener(unixSocket, .unixSocket)
    socketFile = file
  }

  /// Answers requests until a graceful stop; then finishes the open ones and returns.
  ///
  /// It waits for them as long as they take. Whoever limits that cancels the task, which closes
  /// the connections.
  ///
  /// - Throws: When a listening socket fails; both are closed then.
  package func run() async throws {
    defer { socketFile.remove() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await tcp.run() }
      group.addTask { try await unixSocket.run() }
      try await group.waitForAll()
    }
  }

  /// Gives up both addresses of a server that was never run.
  package func close() {
    tcp.socket.close()
    unixSocket.socket.close()
    socketFile.remove()
  }
}
