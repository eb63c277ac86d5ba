import Engine
import ProjectConfiguration
import Synchronization

/// What a start says before it is ready: at once where it runs, and again to whoever started it in
/// the background, whose terminal it does not have.
final class StartNotes: Sendable {
  private let output: Output
  private let said = Mutex<[StartNote]>([])

  init(_ output: Output) { self.output = output }

  var all: [StartNote] { said.withLock { $0 } }

  func say(_ level: Diagnostic.Level, _ text: String) {
    let note = StartNote(level: level, text: Secrets.redact(text))
    said.withLock { $0.append(note) }
    output.show(note)
  }
}

/// One line of them.
struct StartNote: Sendable {
  let level: Diagnostic.Level
  let text: String

  init(level: Diagnostic.Level, text: String) {
    self.level = level
    self.text = text
  }

  /// From the document that a daemon sent.
  init?(_ json: JSONValue) {
    guard let level = json["level"]?.string.flatMap(Diagnostic.Level.init(rawValue:)),
      let text = json["text"]?.string
    else { return nil }
    self.init(level: level, text: text)
  }

  var json: JSONValue { ["level": .string(level.rawValue), "text": .string(text)] }
}

extension Output {
  func show(_ note: StartNote) {
    switch note.level {
    case .error: error(note.text)
    case .warning: warning(note.text)
    case .notice: notice(note.text)
    }
  }
}
