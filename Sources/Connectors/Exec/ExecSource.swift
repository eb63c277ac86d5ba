package import Engine
import Synchronization

/// A command that prints events: run once per poll, or kept running (connectors.md 2.11).
package struct ExecSource: PollSource, StreamSource {
  private let settings: ExecSettings
  private let config: JSONValue
  private let context: SourceContext

  /// - Throws: ``ConnectorError`` `.configuration` without a command.
  package init(_ config: JSONObject, context: SourceContext, runner: CommandRunner) throws {
    settings = try ExecSettings(config, directory: context.root, runner: runner)
    self.config = config["config"] ?? [:]
    self.context = context
  }

  static let fields: [ConfigField] = [
    ExecSettings.commandField,
    ConfigField(
      "mode", .choice(["poll", "stream"]), default: "poll",
      "poll: run once per interval; stream: run and keep running."),
    ExecSettings.environmentField,
    ConfigField("config", .map(.any), default: [:], "Handed to the command."),
  ]

  static func mode(_ config: JSONObject) -> ConnectorDescriptor.Mode {
    config.string("mode") == "stream" ? .stream : .poll
  }

  /// An event, and room for the names around it.
  private static let lineBytesMax = Limits.eventBytesMax + (64 << 10)

  /// Nothing is held open between runs.
  package func close() async {}

  /// Runs the command once. Any failure, a line that is no event included, throws: nothing of the
  /// run is stored then.
  package func poll(checkpoint: String?) async throws -> PollResult {
    let result = try await settings.runner.run(settings.command, input: input(checkpoint))
    var stderr = LineBuffer(bytesMax: ConnectorLimits.errorTailBytesMax)
    ExecSettings.logErrors(stderr.take(result.errorTail) + stderr.finish(), context)
    guard result.ending == .exited(0) else {
      throw ConnectorError(.failed, "the command failed: \(result.failureText)")
    }
    var lines = LineBuffer(bytesMax: ExecSource.lineBytesMax)
    let batch = ExecBatch(lines.take(result.output) + lines.finish())
    if let reason = batch.result.refused.first {
      throw ConnectorError(
        .badOutput, "the command printed a line that is no event: \(reason)",
        hint: "nothing of this run was stored")
    }
    return batch.result
  }

  /// Keeps the command running. Everything that one read brings is committed as one group at once,
  /// so no event waits for a timer; what arrives meanwhile gathers in the pipe and is the next
  /// group.
  package func run(
    checkpoint: String?, emit: @escaping @Sendable (PollResult) async throws -> Void
  ) async throws {
    let stderr = Mutex(LineBuffer(bytesMax: ConnectorLimits.errorTailBytesMax))
    let context = context
    let stdout = Mutex(LineBuffer(bytesMax: ExecSource.lineBytesMax))
    let result = try await settings.runner.stream(
      settings.command, input: input(checkpoint) + [0x0A], closesInput: false,
      onErrorOutput: { bytes in
        ExecSettings.logErrors(stderr.withLock { $0.take(bytes) }, context)
      },
      onOutput: { bytes in
        let batch = ExecBatch(stdout.withLock { $0.take(bytes) })
        if !batch.isEmpty { try await emit(batch.result) }
      })
    ExecSettings.logErrors(stderr.withLock { $0.finish() }, context)
    let batch = ExecBatch(stdout.withLock { $0.finish() })
    if !batch.isEmpty { try await emit(batch.result) }
    guard result.ending == .exited(0) else {
      throw ConnectorError(.failed, "the command failed: \(result.failureText)")
    }
  }

  private func input(_ checkpoint: String?) -> [UInt8] {
    JSONText([
      "checkpoint": JSONValue(checkpoint), "source": .string(context.sourceID),
      "module": .string(context.module), "config": config,
    ]).bytes
  }
}

/// The lines of one group, as what is to be committed.
private struct ExecBatch {
  var result = PollResult()

  init(_ lines: [LineBuffer.Line]) {
    for line in lines {
      switch line {
      case .tooLong:
        result.refused.append("the line is longer than an event may be")
      case .text(let bytes):
        switch ExecLine.parse(bytes) {
        case .event(let draft): result.events.append(draft)
        case .checkpoint(let text): result.checkpoint = text
        case .invalid(let reason): result.refused.append(reason)
        }
      }
    }
  }

  var isEmpty: Bool {
    result.events.isEmpty && result.checkpoint == nil && result.refused.isEmpty
  }
}
