import Engine
import ProjectConfiguration
import Synchronization

/// The credentials of all projects that were ever loaded, which no line that leaves the process
/// may show (reliability.md 4, L1).
///
/// One list for the process: log handlers are global, so what they must hide is too.
enum Secrets {
  private struct State {
    var values: Set<String> = []
    var redactor = Redactor([])
  }

  private static let state = Mutex(State())

  /// Adds credentials. None is ever taken out: a project that is reloaded or unloaded leaves
  /// deliveries and log lines behind that still hold the old ones.
  static func hide(_ secrets: [String]) {
    state.withLock { state in
      guard !state.values.isSuperset(of: secrets) else { return }
      state.values.formUnion(secrets)
      state.redactor = Redactor(state.values)
    }
  }

  static func redact(_ text: String) -> String { state.withLock(\.redactor).apply(text) }

  static func redact(_ value: JSONValue) -> JSONValue {
    value.hiding { redact($0) }
  }
}

/// Hides credentials before an entry reaches a logger, whatever its format.
struct RedactingSink: LogSink {
  let sink: any LogSink

  var minimumLevel: LogLevel { sink.minimumLevel }

  func write(_ entries: [LogEntry]) async {
    await sink.write(
      entries.map { entry in
        var entry = entry
        entry.source = entry.source.map(Secrets.redact)
        entry.target = entry.target.map(Secrets.redact)
        entry.result = entry.result.map(Secrets.redact)
        entry.error = entry.error.map(Secrets.redact)
        if case .object(let metadata)? = entry.metadata.map({ Secrets.redact(.object($0)) }) {
          entry.metadata = metadata
        }
        return entry
      })
  }

  func close() async { await sink.close() }
}
