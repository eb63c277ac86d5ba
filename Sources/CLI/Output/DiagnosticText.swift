package import Engine

/// Diagnostics that came as JSON from a runtime, as lines for people (config.md 13.1).
package enum DiagnosticText {
  package static func line(_ diagnostic: JSONValue) -> String {
    func text(_ key: String) -> String { diagnostic[key]?.string ?? "" }
    let place = diagnostic["file"]?.string.map { file in
      let line = diagnostic["line"]?.int64 ?? 1
      return "\(file):\(line):\(diagnostic["column"]?.int64 ?? 1): "
    }
    let meant = diagnostic["suggestion"]?.string.map { "; did you mean \"\($0)\"?" } ?? ""
    return "\(place ?? "")\(text("level"))[\(text("code"))] \(text("message"))\(meant)"
  }
}
