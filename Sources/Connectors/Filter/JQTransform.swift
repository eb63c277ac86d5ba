package import Engine

/// The filter transform with a `jq` expression (connectors.md 4.1), run by the `jq` program.
package struct JQTransform: Transform {
  private let expression: String
  private let environment: [String: String]
  private let runner: CommandRunner
  private let time: TimeSource

  /// - Throws: ``ConnectorError`` `.configuration` without an expression.
  package init(_ step: TransformStep, runner: CommandRunner, time: TimeSource) throws {
    guard let expression = step.config.string("jq") else {
      throw ConnectorError(.configuration, "transform \(step.name) has no jq expression")
    }
    // jq reads an argument that begins with a dash as an option; one that begins with a blank it
    // does not, and to the expression the blank means nothing.
    self.expression = " " + expression
    environment = runner.baseEnvironment.merging(step.environment) { $1 }
    self.runner = runner
    self.time = time
  }

  /// Runs jq once.
  package func apply(_ event: JSONText, context: TransformContext) async throws -> TransformResult {
    let command = Command(
      ["jq", "-e", "-c", expression], environment: environment, directory: context.root,
      limits: .transform)
    let result: CommandResult?
    do {
      result = try await withTimeout(ms: ConnectorLimits.jqTimeoutMs, time) { [runner] in
        try await runner.run(
          command, input: event.bytes, onErrorOutput: { context.output.append($0) })
      }
    } catch let error as ConnectorError {
      throw TransformFailure(error.description)
    }
    guard let result else { throw TransformFailure("jq did not end within 5 s and was stopped") }
    return try JQTransform.outcome(result)
  }

  /// `-e` makes jq's exit code tell about its last output: 1 is false or null, 4 is none at all
  /// (<https://jqlang.org/manual/#invoking-jq>).
  static func outcome(_ result: CommandResult) throws -> TransformResult {
    switch result.ending {
    case .exited(0):
      try ScriptTransform.checkSize(result)
      guard let text = try? JSONText(checking: result.output), text.isObject,
        let id = text.value(at: idPath)?.string, !id.isEmpty
      else { return .pass }  // several outputs, or a value that is no event: a plain "yes"
      return .replace(text)
    case .exited(1):
      return .drop(reason: "jq: the result is false or null")
    case .exited(4):
      return .drop(reason: "jq: there is no result")
    default:
      throw TransformFailure("jq failed: \(result.failureText)")
    }
  }

  private static let idPath = DotPath(keys: ["id"])
}
