import Connectors
import Engine
import Logging

/// The loggers of the configuration, and what is logged without any (config.md 5.4).
enum Loggers {
  /// The boot project's loggers receive every module's entries, the others their own module's.
  ///
  /// - Parameter catalog: A redacted one.
  /// - Throws: ``Failure`` naming the logger that cannot be made.
  static func add(
    _ modules: [ModuleDefinition], _ catalog: ConnectorCatalog, to log: LogFanout,
    isVerbose: Bool
  ) throws {
    var count = 0
    for module in modules {
      for logger in module.loggers where logger.isEnabled {
        let name = ConnectorCatalog.shortName(logger.type, prefix: "logger")
        guard let descriptor = catalog.loggers[name] else {
          throw Failure(
            .connector, .configuration, "logger \(logger.name): no type \(logger.type)")
        }
        log.add(
          try descriptor.make(logger.config),
          module: module.name == "default" ? nil : module.name)
        count += 1
      }
    }
    guard count == 0, let console = catalog.loggers["console"] else { return }
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
