import ArgumentParser

/// `orgloop module` (cli-http.md 2.3).
struct ModuleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "module", abstract: "Load, unload and look at modules of the running runtime.",
    subcommands: [
      ModuleLoadCommand.self, ModuleUnloadCommand.self, ModuleReloadCommand.self,
      ModuleListCommand.self, ModuleStatusCommand.self,
    ])

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws { throw global.missingCommand(of: ModuleCommand.self) }
}

extension GlobalOptions {
  /// Calls `body` with the running runtime, and shows all that it finds wrong with a configuration.
  ///
  /// - Throws: ``Failure``, 69 when no runtime answers.
  func withRunning<Value: Sendable>(
    _ body: (RuntimeClient) async throws -> Value
  ) async throws -> Value {
    do {
      return try await RuntimeClient.withRunning(of: databasePath(), body)
    } catch let failure as Failure {
      output.showDetails(of: failure)
      throw failure
    }
  }
}
