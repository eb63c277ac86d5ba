import ArgumentParser
import Engine

/// `orgloop rollback` (docs/plan-and-apply.md).
struct RollbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Bring the running project to what it was at a generation.",
    discussion: """
      Documents come from the history; prompts and scripts are those on the disk, variables those \
      of the runtime's environment. It lasts until the next apply or start, which read the files.
      """)

  @Argument(help: "@12 (orgloop config log lists them), or @-1 for what was before.")
  var generation: String
  @Flag(name: .long, help: "Show what would change, and change nothing.") var planOnly = false
  @Option(name: .long, help: "What becomes of unsettled deliveries whose route is gone.")
  var onRemoved: RemovedPolicy = .park
  @Flag(name: .long, help: "Also where scripts on the disk are not what they were.")
  var allowChangedFiles = false
  @Flag(name: .long, help: "Do not ask.") var autoApprove = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let place = try HistoryReader.place(generation)
    let answer = try await global.withRunning { client in
      var body: JSONObject = [
        "generation": .string(place.text), "on_removed": .string(onRemoved.rawValue),
        "allow_changed_files": .bool(allowChangedFiles),
      ]
      guard planOnly || global.canAsk && !autoApprove else {
        return try await client.order("rollback", body)
      }
      var asked = body
      asked["plan_only"] = true
      let plan = try await client.order("rollback", asked)
      guard !planOnly, PlanText.hasChanges(plan) else { return plan }
      global.output.notice(PlanText.rollback(plan))
      guard global.confirms("Roll back?", usual: true) else {
        throw Failure(.usage, .failed, "nothing was changed")
      }
      body["plan_id"] = plan["plan_id"]
      return try await client.order("rollback", body)
    }
    global.output.showWarnings(of: answer)
    global.output.result(answer, text(answer))
    guard answer["applied"] == true, answer["rollback"]?["files_differ"] == true else { return }
    global.output.warning(
      "the files say otherwise: the next apply or start brings them back; change them, too")
  }

  private func text(_ answer: JSONValue) -> String {
    let number = answer["rollback"]?["generation"]?.int64 ?? 0
    guard PlanText.hasChanges(answer) else { return "No changes: this is generation \(number)." }
    guard answer["applied"] == true else { return PlanText.rollback(answer) }
    let files = PlanText.changedFiles(answer)
    return
      ([ChangeText.applied(answer)] + files
      + ["Rolled back to generation \(number), as generation \(answer["generation"]?.int64 ?? 0)."])
      .joined(separator: "\n")
  }
}
