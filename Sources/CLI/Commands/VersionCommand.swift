import ArgumentParser
import Engine

/// `orgloop version` (cli-http.md 2.5).
struct VersionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Show versions.")

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let sqlite = Runtime.sqliteVersion
    let platform = "\(VersionCommand.system) \(VersionCommand.architecture)"
    global.output.result(
      [
        "orgloop": .string(Program.version), "sqlite": .string(sqlite),
        "platform": .string(platform),
      ],
      "orgloop \(Program.version)\nsqlite \(sqlite)\nplatform \(platform)")
  }

  private static var system: String {
    #if os(Linux)
      "linux"
    #elseif os(macOS)
      "macos"
    #else
      "unknown"
    #endif
  }

  private static var architecture: String {
    #if arch(x86_64)
      "x86_64"
    #elseif arch(arm64)
      "arm64"
    #else
      "unknown"
    #endif
  }
}
