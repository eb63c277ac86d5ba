import ArgumentParser
import Engine

/// `orgloop apply` (cli-http.md 2.2).
struct ApplyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Bring the running runtime to what its project's files say now.")

  @Option(
    name: .long,
    help: ArgumentHelp("Apply only what this file of plan --out says.", valueName: "file"))
  var plan: String?
  @Option(name: .long, help: "What becomes of unsettled deliveries whose route is gone.")
  var onRemoved: RemovedPolicy?
  @Flag(name: .long, help: "Do not ask.") var autoApprove = false

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let file = try await plan.asyncMap(SavedPlan.init(path:))
    let policy = onRemoved?.rawValue ?? file?.onRemoved ?? RemovedPolicy.park.rawValue
    let answer = try await global.withRunning { client in
      var body: JSONObject = ["on_removed": .string(policy)]
      let approved = try await approve(file?.id, body, with: client)
      body["plan_id"] = approved.map(JSONValue.string)
      return try await client.order("apply", body)
    }
    global.output.showWarnings(of: answer)
    global.output.result(answer, ChangeText.applied(answer))
  }

  /// Shows a person what would be done; then that is done, or nothing.
  ///
  /// - Returns: The plan to be held to; nil when nobody has looked at one.
  private func approve(
    _ file: String?, _ body: JSONObject, with client: RuntimeClient
  ) async throws -> String? {
    guard global.canAsk, !autoApprove else { return file }
    let plan = try await client.order("plan", body)
    global.output.notice(PlanText.text(plan))
    // Nothing to say yes to; what comes between is refused by the plan's id.
    guard PlanText.hasSteps(plan) else { return file ?? plan["plan_id"]?.string }
    guard global.confirms("Apply this plan?", usual: true) else {
      throw Failure(.usage, .failed, "nothing was applied")
    }
    return file ?? plan["plan_id"]?.string
  }
}

/// What a file that `plan --out` wrote says of itself.
private struct SavedPlan {
  let id: String
  let onRemoved: String?

  init(path: String) async throws {
    let bytes = try await InputFile.read(path)
    // Why it is no plan makes no difference to what can be done about it.
    let plan = (try? JSONText(checking: bytes, limits: .trusted))?.value()
    guard let id = plan?["plan_id"]?.string else {
      throw Failure(
        .usage, .usage, "\(path) holds no plan", hint: "orgloop plan --out FILE writes one")
    }
    self.id = id
    onRemoved = plan?["on_removed"]?.string
  }
}

extension Optional {
  func asyncMap<Value>(
    _ body: (Wrapped) async throws -> Value
  ) async throws -> Value? {
    guard let self else { return nil }
    return try await body(self)
  }
}
