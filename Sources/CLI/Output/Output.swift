import Engine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a command's words go (cli-http.md 1.3): results to stdout, everything else to stderr.
struct Output: Sendable {
  let isJSON: Bool
  let isQuiet: Bool
  private let allowsColour: Bool

  enum Stream: Int32 { case standardOutput = 1, standardError = 2 }

  init(isJSON: Bool, isQuiet: Bool, allowsColour: Bool) {
    self.isJSON = isJSON
    self.isQuiet = isQuiet
    self.allowsColour = allowsColour
  }

  /// What was asked for: text for people, or one JSON document.
  func result(_ json: JSONValue, _ human: @autoclosure () -> String) {
    if isJSON {
      document(json)
    } else if !isQuiet {
      let text = human()
      if !text.isEmpty { write(text + "\n", to: .standardOutput) }
    }
  }

  /// One JSON document with 2-space indent.
  func document(_ json: JSONValue) { write(Output.text(of: json), to: .standardOutput) }

  /// One line of a stream: text for people, or one compact object.
  func line(_ json: JSONValue, _ human: @autoclosure () -> String) {
    if isJSON {
      write(JSONText(json).description + "\n", to: .standardOutput)
    } else if !isQuiet {
      write(human() + "\n", to: .standardOutput)
    }
  }

  /// Something that a person may want to know while waiting.
  func notice(_ text: String) {
    if !isJSON, !isQuiet { write(text + "\n", to: .standardError) }
  }

  func warning(_ text: String) {
    if !isJSON, !isQuiet { write(painted("  ! \(text)", 33) + "\n", to: .standardError) }
  }

  /// An error that more errors follow; in JSON it is among the details of the last.
  func error(_ text: String) {
    if !isJSON { write(painted("  ✗ \(text)", 31) + "\n", to: .standardError) }
  }

  /// What a runtime had to say about files that it could use all the same.
  func showWarnings(of answer: JSONValue) {
    for text in answer["warnings"]?.array ?? [] { warning(text.string ?? "") }
  }

  /// What a runtime found wrong, before the failure that ends the command.
  func showDetails(of failure: Failure) {
    for detail in failure.details {
      let line = DiagnosticText.line(detail)
      switch detail["level"] {
      case "warning": warning(line)
      case "notice": notice("  · \(line)")
      default: error(line)
      }
    }
  }

  /// The failure that ends the command.
  func report(_ failure: Failure) {
    if isJSON {
      write(Secrets.redact(Output.text(of: failure.json)), to: .standardError)
      return
    }
    error(Secrets.redact(failure.message))
    if let hint = failure.hint {
      write("    \(Secrets.redact(hint))\n", to: .standardError)
    }
  }

  /// Writes all of a text.
  ///
  /// A reader that went away cannot be told anything, so that error is lost on purpose.
  func write(_ text: String, to stream: Stream) {
    let bytes = Array(text.utf8)
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        systemWrite(stream.rawValue, $0.baseAddress, $0.count)
      }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        return
      }
    }
  }

  private func painted(_ text: String, _ colour: Int) -> String {
    let isColoured =
      allowsColour && Surroundings.variable("NO_COLOR") == nil
      && (isatty(2) == 1 || (Surroundings.variable("CLICOLOR_FORCE") ?? "0") != "0")
    return isColoured ? "\u{1B}[\(colour)m\(text)\u{1B}[0m" : text
  }

  static func text(of json: JSONValue) -> String {
    var writer = JSONWriter(indent: 2)
    writer.append(json)
    return String(decoding: writer.bytes, as: UTF8.self) + "\n"
  }
}

#if canImport(Glibc)
  private func systemWrite(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    Glibc.write(file, bytes, count)
  }
#elseif canImport(Darwin)
  private func systemWrite(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    Darwin.write(file, bytes, count)
  }
#endif
