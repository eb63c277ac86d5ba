import ArgumentParser
import Engine

/// `orgloop completions` (cli-http.md 2.5).
struct CompletionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions", abstract: "Print a completion script for a shell.")

  enum Shell: String, CaseIterable, ExpressibleByArgument { case bash, zsh, fish }

  @Argument(help: "bash, zsh or fish.") var shell: Shell

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let script = Orgloop.completionScript(for: completionShell)
    global.output.result(["shell": .string(shell.rawValue), "script": .string(script)], script)
  }

  private var completionShell: CompletionShell {
    switch shell {
    case .bash: .bash
    case .zsh: .zsh
    case .fish: .fish
    }
  }
}
