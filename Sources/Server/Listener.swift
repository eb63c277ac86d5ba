import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Accepts the connections of one socket until it is told to stop.
struct Listener: Service {
  let socket: ListeningSocket
  let connections: HTTPConnections
  let limits: HTTPLimits
  let group: any EventLoopGroup
  let logger: Logger

  /// Returns when, after a graceful stop, the last open request has been answered.
  func run() async throws {
    let server = try await open()
    try await withGracefulShutdownHandler {
      try await withThrowingDiscardingTaskGroup { group in
        try await server.executeThenClose { accepted in
          for try await connection in accepted {
            group.addTask { await connections.handle(connection) }
          }
        }
      }
    } onGracefulShutdown: {
      // Closes the listening socket, and each connection once it owes no answer.
      server.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
    // A listener that ends by itself must end the program, not leave it deaf.
    guard Task.isShuttingDownGracefully || Task.isCancelled else {
      throw ServerError(.systemFault, "a listening socket was closed by the system")
    }
  }

  private func open() async throws -> NIOAsyncChannel<HTTPConnections.Connection, Never> {
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ConnectionAdmission(limits: limits, logger: logger))
        }
      }
      // A peer that has sent its request and closed its side still gets its answer.
      .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
    return try await bootstrap.bind(socket.take()) { connections.setUp($0) }
  }
}
