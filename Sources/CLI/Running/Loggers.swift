import Connectors
import Engine
import Logging

/// What is logged where a configuration names no logger (config.md 5.4); those that it names the
/// engine makes with their modules.
enum Loggers {
  /// Every module's warnings and errors on stderr, or all there is to say.
  ///
  /// - Parameter catalog: A redacted one.
  static func addConsole(
    _ catalog: ConnectorCatalog, to log: LogFanout, isVerbose: Bool
  ) throws {
    guard let console = catalog.loggers["console"] else { return }
    let level: JSONValue = isVerbose ? "debug" : "warn"
    log.add(try console.make(["level": level]), module: nil)
  }
}

/// Our own and the libraries' log lines on stderr, one line each, without secrets.
struct StandardErrorLog: LogHandler {
  let label: String
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]

  init(label: String, level: Logger.Level) {
    self.label = label
    logLevel = level
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    let pairs = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    let time = ISOTime.text(ms: TimeSource.system.wallMs)
    let text = SafeText.escaped(Secrets.redact("\(event.message)\(pairs)"))
    Output(isJSON: false, isQuiet: false, allowsColour: false).write(
      "\(time) \(event.level) \(label): \(text)\n", to: .standardError)
  }
}
