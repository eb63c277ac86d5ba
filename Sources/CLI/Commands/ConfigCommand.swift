import ArgumentParser
import Engine
import ProjectConfiguration

/// `orgloop config` (docs/plan-and-apply.md).
struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Look at the configurations that were at work.",
    subcommands: [ConfigLogCommand.self, ConfigShowCommand.self, ConfigDiffCommand.self])

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws { throw global.missingCommand(of: ConfigCommand.self) }
}

/// `orgloop config log`.
struct ConfigLogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "List what was applied when, by whom, and what it changed.")

  @Option(name: .long, help: "Only this module.") var module: String?
  @Option(name: .long, help: "At most this many generations.") var limit = 20

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    guard (1...10_000).contains(limit) else {
      throw Failure(.usage, .usage, "--limit must be from 1 to 10000")
    }
    let log = try await HistoryReader.with(global) { reader in
      let current = try await reader.history.current()
      let module = try await reader.history.moduleName(module)
      return HistoryLog(
        entries: try await reader.history.log(module: module, limit: limit), current: current)
    }
    global.output.result(log.json, log.text(nowMs: TimeSource.system.wallMs))
  }
}

/// `orgloop config show`.
struct ConfigShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print a configuration as it was, without secrets.")

  @Argument(help: "@12, @ for what runs, @-1 for what was before.") var generation = "@"
  @Option(name: .long, help: "Only this module.") var module: String?
  @Option(
    name: .long,
    help: ArgumentHelp("Print one document, prompt or script.", valueName: "name"))
  var file: String?

  @OptionGroup(title: "Global flags") var global: GlobalOptions

  func run() async throws {
    let place = try HistoryReader.place(generation)
    try await HistoryReader.with(global) { reader in
      let moment = try await reader.moment(place, module: module)
      guard let file else {
        let shown = HistoryDocuments(moment)
        global.output.result(shown.json, shown.text)
        return
      }
      try await show(file, of: moment, with: reader)
    }
  }

  private func show(
    _ name: String, of moment: HistoryMoment, with reader: HistoryReader
  ) async throws {
    for entry in moment.entries {
      if let document = entry.documents.value()["documents"]?[name] {
        let shown = DocumentRedaction.apply(document)
        let json: JSONValue = [
          "module": .string(entry.module), "file": .string(name), "document": shown,
        ]
        return global.output.result(json, String(YAMLText.text(shown).dropLast()))
      }
      guard let hash = entry.captured[name] else { continue }
      guard let bytes = try await reader.history.files([hash])[hash] else {
        throw Failure(
          .notFound, .failed, "\(name) is larger than 1 MiB, so only its hash was kept: \(hash)")
      }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw Failure(.notFound, .failed, "\(name) is no text; its SHA-256 is \(hash)")
      }
      let json: JSONValue = [
        "module": .string(entry.module), "file": .string(name), "sha256": .string(hash),
        "text": .string(Secrets.redact(text)),
      ]
      return global.output.result(
        json, Secrets.redact(text.hasSuffix("\n") ? String(text.dropLast()) : text))
    }
    throw Failure(
      .notFound, .failed, "\(generation) has no file \(name)",
      hint: "orgloop config show \(generation) lists the files")
  }
}
