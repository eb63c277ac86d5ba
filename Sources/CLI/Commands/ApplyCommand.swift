import ArgumentParser
import Engine

/// `orgloop apply` (cli-http.md 2.2).
struct ApplyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Bring the running runtime to what its project's files say now.")

  @Option(name: .long, help: "What becomes of unsettled deliveries whose route is gone.")
  var onRemoved: RemovedPolicy = .park
  @Flag(name: .long, help: "Do not ask.") var autoApprove = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let answer = try await global.withRunning { client in
      guard autoApprove || global.confirms("Apply the project's files?", usual: true) else {
        throw Failure(.usage, .failed, "nothing was applied")
      }
      return try await client.order("apply", ["on_removed": .string(onRemoved.rawValue)])
    }
    global.output.showWarnings(of: answer)
    global.output.result(answer, ChangeText.applied(answer))
  }
}
