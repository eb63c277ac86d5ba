import Connectors
import Engine
import Foundation
import Hummingbird
import Logging
import Server
import Store

/// One of the servers that `bench/http.sh` puts under load; runs until it is killed.
///
/// Arguments: `plain`, `fixed`, `intake` or `routed`. Prints `port N` when it listens.
enum HTTPSubject {
  static func run(_ arguments: [String]) async throws {
    switch arguments.first {
    case "plain": try await plain()
    case "fixed": try await serve(nil, scratch: try Workbench.scratch())
    case "intake": try await withRuntime(isRouted: false)
    case "routed": try await withRuntime(isRouted: true)
    default: print("plain, fixed, intake or routed?")
    }
  }

  /// Hummingbird as it comes: reads the body, answers the same bytes as ours.
  private static func plain() async throws {
    let router = Router()
    let body = #"{"ok":true,"event_id":"\#(BenchGateway.eventID)"}"#
    router.post("/webhook/in") { request, _ in
      _ = try await request.body.collect(upTo: 1 << 20)
      return Response(
        status: .ok, headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }
    let application = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { announce($0.localAddress?.port ?? 0) },
      logger: quiet)
    try await application.runService()
  }

  /// The server and the webhook source of the program, on a runtime with a file of its own.
  private static func withRuntime(isRouted: Bool) async throws {
    let directory = try Workbench.scratch()
    let runtime = try Runtime.open(
      path: directory + "/http.db", settings: RuntimeSettings(), catalog: catalog)
    var module = Workbench.module(isRouted: isRouted)
    module.sources = [SourceDefinition(id: "in", connector: "webhook")]
    try await runtime.load([module], loadedBy: "bench")
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await runtime.run() }
      group.addTask { try await serve(runtime, scratch: directory) }
      try await group.waitForAll()
    }
  }

  private static var catalog: ConnectorCatalog {
    let webhook = ConnectorDescriptor(
      name: "webhook",
      source: ConnectorDescriptor.SourceRole(
        mode: { _ in .push }, fields: [],
        make: { .push(try WebhookSource($0, context: $1)) }))
    let bench = ConnectorDescriptor(
      name: "bench", actor: ConnectorDescriptor.ActorRole(fields: []) { _, _ in NoOpActor() })
    return ConnectorCatalog(connectors: [webhook, bench])
  }

  private static func serve(_ runtime: Runtime?, scratch: String) async throws {
    var settings = RuntimeSettings()
    settings.port = 0
    let server = try HTTPServer.bind(
      HTTPServerConfiguration(settings, socketPath: scratch + "/http.sock"),
      gateway: BenchGateway(runtime: runtime), logger: quiet)
    announce(server.port)
    try await server.run()
  }

  private static var quiet: Logger {
    var logger = Logger(label: "bench")
    logger.logLevel = .error
    return logger
  }
}

extension HTTPSubject {
  /// Written through at once: whoever started this process waits for it on a pipe.
  private static func announce(_ port: Int) {
    FileHandle.standardOutput.write(Data("port \(port)\n".utf8))
  }
}
