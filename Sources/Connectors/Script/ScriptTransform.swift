package import Engine

/// A transform that is a script (config.md 9.2).
package struct ScriptTransform: Transform {
  private let path: String
  private let config: String
  private let environment: [String: String]
  private let runner: CommandRunner

  /// - Throws: ``ConnectorError`` when the script is missing or others can write it.
  package init(_ step: TransformStep, runner: CommandRunner) throws {
    guard case .script(let path) = step.kind else {
      throw ConnectorError(.configuration, "transform \(step.name) is not a script")
    }
    self.path = path
    config = JSONText(.object(step.config)).description
    guard config.utf8.count <= ConnectorLimits.environmentValueBytesMax else {
      throw ConnectorError(
        .configuration, "the config of transform \(step.name) is larger than 100 KiB",
        hint: "it is handed over in an environment variable; put it into a file")
    }
    environment = runner.baseEnvironment.merging(step.environment) { $1 }
    self.runner = runner
    try ScriptFile.check(path)
  }

  /// Runs the script once; see config.md 9.2 for what its exit means.
  package func apply(_ event: JSONText, context: TransformContext) async throws -> TransformResult {
    try ScriptFile.check(path)
    let command = Command(
      [path], environment: variables(context), directory: context.root, limits: .transform)
    let result: CommandResult
    do {
      result = try await runner.run(
        command, input: event.bytes, onErrorOutput: { context.output.append($0) })
    } catch let error as ConnectorError {
      throw TransformFailure(error.description)
    }
    return try ScriptTransform.outcome(result)
  }

  /// The contract's table, from exit to result.
  static func outcome(_ result: CommandResult) throws -> TransformResult {
    switch result.ending {
    case .exited(0):
      if result.output.allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) {
        return .drop(reason: result.lastErrorLine)
      }
      try checkSize(result)
      let text: JSONText
      do {
        text = try JSONText(checking: result.output)
      } catch {
        throw TransformFailure("the script's stdout is not one JSON text: \(error)")
      }
      guard text.isObject else {
        throw TransformFailure("the script's stdout is JSON but not an object")
      }
      return .replace(text)
    case .exited(1):
      return .drop(reason: result.lastErrorLine)
    default:
      throw TransformFailure("the script failed: \(result.failureText)")
    }
  }

  /// A program may print more than an event may have.
  static func checkSize(_ result: CommandResult) throws(TransformFailure) {
    let limit = JSONLimits.event.bytesMax
    guard result.output.count > limit else { return }
    throw TransformFailure(
      "the result has \(result.output.count) bytes; an event may have \(limit >> 20) MiB")
  }

  private func variables(_ context: TransformContext) -> [String: String] {
    let fixed = [
      "ORGLOOP_SOURCE": context.source, "ORGLOOP_TARGET": context.target,
      "ORGLOOP_EVENT_TYPE": context.eventType, "ORGLOOP_EVENT_ID": context.eventID,
      "ORGLOOP_ROUTE": context.route, "ORGLOOP_MODULE": context.module,
      "ORGLOOP_TRACE_ID": context.traceID, "ORGLOOP_TRANSFORM": context.transform,
    ]
    return
      environment
      .merging(fixed.mapValues { SafeText.escaped($0) }) { $1 }
      .merging(["ORGLOOP_TRANSFORM_CONFIG": config]) { $1 }
  }
}
