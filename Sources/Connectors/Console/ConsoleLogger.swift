import Dispatch
package import Engine
import Foundation

/// The log as lines for people, on stderr (connectors.md 5.1).
package struct ConsoleLogger: LogSink {
  /// `level`; info when it is absent or unknown.
  package let minimumLevel: LogLevel
  private let format: ConsoleFormat
  private let output: ConsoleOutput

  /// A logger with the options of its `config`.
  package init(_ config: JSONObject, terminal: ConsoleTerminal, output: ConsoleOutput) {
    minimumLevel = config.string("level").flatMap(LogLevel.init(name:)) ?? .info
    format = ConsoleFormat(
      isColoured: (config.bool("color") ?? true) && terminal.wantsColour,
      showsMetadata: config.bool("compact") == false && config.bool("show_payload") == true)
    self.output = output
  }

  static let fields: [ConfigField] = [
    ConfigField("level", .string, "debug, info, warn or error."),
    ConfigField("color", .boolean, default: true, "Colours, on a terminal."),
    ConfigField("compact", .boolean, default: true, "One line per entry."),
    ConfigField(
      "show_payload", .boolean, default: false, "With compact: false, the metadata below each line."
    ),
  ]

  /// Writes all lines at once.
  package func write(_ entries: [LogEntry]) async {
    let text = entries.filter { $0.phase.style.level >= minimumLevel }
      .map(format.text).joined()
    if !text.isEmpty { await output.write(Array(text.utf8)) }
  }

  /// stderr stays open.
  package func close() async {}
}

/// What decides about colours, besides the logger's own `color`.
package struct ConsoleTerminal: Sendable {
  /// stderr is a terminal.
  package var isTerminal: Bool
  /// `NO_COLOR` is set and not empty (<https://no-color.org>).
  package var hasNoColour: Bool
  /// `CLICOLOR_FORCE` is set and neither empty nor `0`.
  package var isForced: Bool

  /// What was found out about the process.
  package init(isTerminal: Bool, hasNoColour: Bool = false, isForced: Bool = false) {
    self.isTerminal = isTerminal
    self.hasNoColour = hasNoColour
    self.isForced = isForced
  }

  /// Reads both variables from an environment.
  package init(isTerminal: Bool, environment: [String: String]) {
    self.init(
      isTerminal: isTerminal, hasNoColour: environment["NO_COLOR"].map { !$0.isEmpty } ?? false,
      isForced: environment["CLICOLOR_FORCE"].map { !$0.isEmpty && $0 != "0" } ?? false)
  }

  var wantsColour: Bool { !hasNoColour && (isTerminal || isForced) }
}

/// Where console lines go.
package struct ConsoleOutput: Sendable {
  private let send: @Sendable ([UInt8]) async -> Void

  /// An output that hands each write to `send`.
  package init(_ send: @escaping @Sendable ([UInt8]) async -> Void) { self.send = send }

  func write(_ bytes: [UInt8]) async { await send(bytes) }

  /// The process's stderr. A reader that does not read stops the write, so it happens on a thread
  /// of its own and not on the cooperative pool.
  package static let standardError = ConsoleOutput { bytes in
    await withCheckedContinuation { continuation in
      queue.async {
        // A stderr that is gone cannot be reported anywhere; the entries are in the database too.
        try? FileHandle.standardError.write(contentsOf: Data(bytes))
        continuation.resume()
      }
    }
  }

  private static let queue = DispatchQueue(label: "orgloop.console")
}

/// One entry as text.
struct ConsoleFormat: Sendable {
  var isColoured: Bool
  var showsMetadata: Bool
  var timeZone = TimeZone.current

  func text(_ entry: LogEntry) -> String {
    let style = entry.phase.style
    var parts = [
      painted(time(entry.timestampMs), .dim), painted(style.icon, style.colour),
      painted(entry.phase.rawValue, style.colour),
    ]
    let values: [(String, String?)] = [
      ("src", entry.source), ("tgt", entry.target), ("route", entry.route),
      ("xform", entry.transform), ("type", entry.eventType), ("result", entry.result),
    ]
    for case (let name, let value?) in values { parts.append("\(name)=\(SafeText.escaped(value))") }
    if let duration = entry.durationMs { parts.append("\(duration)ms") }
    if let error = entry.error { parts.append(painted("err=\(SafeText.escaped(error))", .red)) }
    return parts.joined(separator: " ") + "\n" + metadata(entry)
  }

  private func metadata(_ entry: LogEntry) -> String {
    guard showsMetadata, let metadata = entry.metadata, !metadata.isEmpty else { return "" }
    var writer = JSONWriter(indent: 2)
    writer.append(.object(metadata))
    let lines = String(decoding: writer.bytes, as: UTF8.self).split(separator: "\n")
    return "  metadata:\n"
      + lines.map { "    \(SafeText.escaped($0))\n" }.joined()
  }

  private func painted(_ text: String, _ colour: LogPhase.Colour) -> String {
    isColoured ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
  }

  private func time(_ ms: Int64) -> String {
    let date = Date(timeIntervalSince1970: Double(ms) / 1_000)
    let local = ms + Int64(timeZone.secondsFromGMT(for: date)) * 1_000
    return String(ISOTime.text(ms: local).dropFirst(11).dropLast())
  }
}
