package import Engine

/// An actor that is a command, run once per attempt (connectors.md 3.5).
package struct ExecActor: ActorConnector {
  private let settings: ExecSettings

  /// - Throws: ``ConnectorError`` `.configuration` without a command.
  package init(_ config: JSONObject, context: ActorContext, runner: CommandRunner) throws {
    settings = try ExecSettings(
      config, directory: config.string("cwd") ?? context.root, runner: runner)
  }

  static let fields: [ConfigField] = [
    ExecSettings.commandField, ExecSettings.environmentField,
    ConfigField("cwd", .path, "Where the command runs; the project root by default."),
  ]

  /// Nothing is held open between runs.
  package func close() async {}

  /// Runs the command once, to its end.
  package func deliver(_ delivery: DeliveryRequest) async -> AttemptOutcome {
    let result: CommandResult
    do {
      result = try await settings.runner.run(settings.command, input: ExecActor.input(delivery))
    } catch is CancellationError {
      return AttemptOutcome(
        .timeout, error: "the command did not end within \(delivery.timeoutMs) ms and was stopped")
    } catch {
      return AttemptOutcome(.error, error: "\(error)")
    }
    return ExecActor.outcome(result)
  }

  /// What the command reads: one JSON text.
  static func input(_ delivery: DeliveryRequest) -> [UInt8] {
    var writer = JSONWriter()
    writer.append(raw: "{\"event\":".utf8)
    writer.append(raw: delivery.event.bytes)
    if let prompt = delivery.launchPrompt {
      writer.append(raw: ",\"launch_prompt\":".utf8)
      writer.append(string: prompt)
    }
    writer.append(raw: ",\"config\":".utf8)
    writer.append(.object(delivery.config))
    writer.append(raw: ",\"delivery\":".utf8)
    writer.append(["id": .string(delivery.deliveryID), "attempt": JSONValue(delivery.attempt)])
    writer.append(raw: ",\"route\":".utf8)
    writer.append(string: delivery.route)
    writer.append(raw: ",\"module\":".utf8)
    writer.append(string: delivery.module)
    writer.append(raw: "}".utf8)
    return writer.bytes
  }

  /// The table of exit codes. 65 and 75 are `EX_DATAERR` and `EX_TEMPFAIL` of sysexits.h.
  static func outcome(_ result: CommandResult) -> AttemptOutcome {
    let printed = printed(result)
    switch result.ending {
    case .exited(0):
      return AttemptOutcome(
        .delivered, statusCode: 0, output: printed.text, followUps: printed.events)
    case .exited(let code):
      return AttemptOutcome(
        code == 65 ? .rejected : .error, statusCode: Int(code), error: result.failureText,
        output: printed.text)
    case .signaled:
      return AttemptOutcome(.error, error: result.failureText, output: printed.text)
    }
  }

  /// The follow-up events on stdout, and everything else as text: stdout first, then stderr.
  private static func printed(_ result: CommandResult) -> (events: [EventDraft], text: String?) {
    var lines = LineBuffer(bytesMax: Limits.commandOutputBytesMax)
    var events: [EventDraft] = []
    var text: [UInt8] = []
    for case .text(let line) in lines.take(result.output) + lines.finish() {
      if case .event(let draft) = ExecLine.parse(line) {
        events.append(draft)
      } else {
        text.append(contentsOf: line)
        text.append(0x0A)
      }
    }
    text.append(contentsOf: result.errorTail)
    let all = SafeText.suffix(
      String(decoding: text.suffix(Limits.outputBytesMax), as: UTF8.self),
      bytesMax: Limits.outputBytesMax)
    return (events, all.isEmpty ? nil : all)
  }
}
