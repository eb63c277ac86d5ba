import ArgumentParser
import Foundation

/// The program from its arguments to its exit code.
enum Program {
  static let version = "0.1.0"

  /// Runs one command and ends the process.
  static func main(_ given: [String]) async -> Never {
    exit(await run(given).rawValue)
  }

  private static func run(_ given: [String]) async -> ExitStatus {
    let flags = GlobalFlags(given)
    do {
      if flags.asksVersion {
        try await VersionCommand.parse(flags.isJSON ? ["--json"] : []).run()
        return .done
      }
      try CommandWord.check(flags.arguments)
      var command = try Orgloop.parseAsRoot(flags.arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return .done
    } catch let ended as Ended {
      return ended.status
    } catch {
      return report(error, isJSON: flags.isJSON)
    }
  }

  private static func report(_ error: any Error, isJSON: Bool) -> ExitStatus {
    let output = Output(isJSON: isJSON, isQuiet: false, allowsColour: true)
    let code = Orgloop.exitCode(for: error)
    if code == .success {
      // Help that was asked for.
      output.write(Orgloop.fullMessage(for: error) + "\n", to: .standardOutput)
      return .done
    }
    guard code == .validationFailure, !(error is Failure) else {
      let failure = Failure(error)
      output.report(failure)
      return failure.exit
    }
    if isJSON {
      output.report(Failure(.usage, .usage, Orgloop.message(for: error)))
    } else {
      // "Error: …", then how the command is used.
      let text = Orgloop.fullMessage(for: error)
      output.error(text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text)
    }
    return .usage
  }
}

/// Ends a command with a status after it has said everything itself.
struct Ended: Error {
  let status: ExitStatus
}

/// The root of all commands.
struct Orgloop: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "orgloop",
    abstract: "Routes events durably from sources to actors.",
    discussion: """
      Global flags may stand before or after the command; -- ends flags. All state is one SQLite \
      file.
      """,
    subcommands: [
      InitCommand.self, AddCommand.self, ValidateCommand.self, TestCommand.self, StartCommand.self,
      StopCommand.self,
      ShutdownCommand.self, StatusCommand.self, PlanCommand.self, ApplyCommand.self,
      ConfigCommand.self, RollbackCommand.self,
      ModuleCommand.self, WorkspaceCommand.self, PauseCommand.self, ResumeCommand.self,
      RoutesCommand.self, InspectCommand.self, EnvCommand.self,
      EventsCommand.self, TraceCommand.self, WhyCommand.self, DeadLetterCommand.self,
      ReplayCommand.self, InboxCommand.self,
      BackupCommand.self, SQLCommand.self, DoctorCommand.self,
      SchemaCommand.self, VersionCommand.self, CompletionsCommand.self,
    ])

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws { throw global.missingCommand(of: Orgloop.self) }
}

extension GlobalOptions {
  /// What ends a group of commands that was called without one of them (cli-http.md 1.4), after
  /// its help.
  func missingCommand(of group: any ParsableCommand.Type) -> any Error {
    if json {
      return Failure(.usage, .usage, "no command", hint: "orgloop --help lists the commands")
    }
    output.write(Orgloop.helpMessage(for: group) + "\n", to: .standardError)
    return Ended(status: .usage)
  }
}
