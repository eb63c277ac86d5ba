import ArgumentParser

/// `orgloop start` (cli-http.md 2.2).
struct StartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Run the project until it is stopped.")

  @Flag(name: .long, help: "Run in the background; return when ready.") var daemon = false
  @Flag(name: .long, help: "Stay as parent and start the runtime again when it crashes.")
  var supervised = false
  @Flag(name: .long, help: "Leave out modules that are invalid.") var force = false
  @Option(name: .long, help: "Address to listen on.") var host: String?
  @Option(name: .long, help: "Port to listen on; 0 takes a free one.") var port: Int?
  /// Where a process started by `--daemon` tells how its start went.
  @Option(name: .long, help: .private) var readinessDescriptor: Int32?

  /// The parent starts this process again when it crashes.
  @Option(name: .long, help: .private) var supervisor: Int32?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    // Before anything is done, also where a runtime has its port already.
    _ = try chosenPort()
    // The child of a daemon's launcher need not look again.
    if readinessDescriptor == nil, try await RunningStart(global: global).run() { return }
    // Whatever is selected from now on, this runtime has its workspace.
    let workspace = try global.workspaceName()
    if daemon {
      return try await DaemonLauncher(output: global.output, workspace: workspace).launch()
    }
    let readiness = Readiness(descriptor: readinessDescriptor)
    if supervised {
      return try await SupervisedStart(
        output: global.output, workspace: workspace, readiness: readiness
      ).run()
    }
    var command = self
    command.global.workspace = workspace
    do {
      try await RuntimeProcess(command: command, readiness: readiness).run()
    } catch {
      // Whoever started a daemon is told first; the same goes to the daemon's log.
      readiness.fail(Failure(error))
      throw error
    }
  }

  /// The port of the flag or the variable; nil leaves it to the configuration.
  ///
  /// - Throws: ``Failure``, 64, for text that is no port.
  func chosenPort() throws -> Int? {
    if let port { return try StartCommand.port(port, of: "--port") }
    guard let text = Surroundings.variable("ORGLOOP_PORT") else { return nil }
    return try StartCommand.port(Int(text), of: "ORGLOOP_PORT")
  }

  private static func port(_ number: Int?, of name: String) throws -> Int {
    guard let number, (0...65_535).contains(number) else {
      throw Failure(.usage, .usage, "\(name) must be a number from 0 to 65535")
    }
    return number
  }
}
