import ArgumentParser

/// `orgloop inbox` (cli-http.md 2.4).
struct InboxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inbox", abstract: "Collect events that wait under a batch key.",
    subcommands: [InboxDrainCommand.self, InboxStatusCommand.self, InboxRestoreCommand.self])

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws { throw global.missingCommand(of: InboxCommand.self) }
}
